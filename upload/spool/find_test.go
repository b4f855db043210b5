package spool

import (
	"errors"
	"io"
	"io/fs"
	"testing"
)

// What is ready or parked is found and can be read; nothing else is.
func TestFind(t *testing.T) {
	for _, park := range []bool{false, true} {
		ready := make(chan Ready, 1)
		s, err := Open(Config{Dir: t.TempDir(), OnReady: func(r Ready) { ready <- r }})
		if err != nil {
			t.Fatal(err)
		}
		const id = "202611-0123456789abcdef0123456789abcdef"
		m := Manifest{ID: id, Ext: "wav", Account: "a", CallID: "c"}
		p, err := s.Create(m, []byte("head"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Find(id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("while it is a part: %v", err)
		}
		p.Commit([]byte("HEAD"), m)
		r := <-ready
		if park {
			if err := r.Park(Delivery{}, "no"); err != nil {
				t.Fatal(err)
			}
		}
		found, err := s.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		f, err := found.Open()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != "HEAD" {
			t.Errorf("%q, %v", b, err)
		}
		_ = f.Close()
		if err := found.Done(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Find(id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after it is gone: %v", err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

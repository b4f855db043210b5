package spool

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// memosIn reads the memos of a folder as the next process would.
func memosIn(t testing.TB, dir string) (map[string]string, error) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, journalFile))
	if err != nil {
		return map[string]string{}, nil //nolint:nilerr // no file, no memo
	}
	defer func() { _ = f.Close() }()
	old, err := readJournal(f)
	out := map[string]string{}
	for _, l := range old.lines {
		out[l.ID] = string(l.Call)
	}
	return out, err
}

// However calls come, change and go, the file says of each what was said last, and
// is not much longer than that, whenever one looks.
func TestJournalIsTheNewest(t *testing.T) {
	dir := t.TempDir()
	s, _ := openTest(t, dir, nil)
	r := rand.New(rand.NewPCG(7, 7))
	memos, want := map[string]*Memo{}, map[string]string{}
	said, live := 0, 0
	for step := range 300 {
		if step == 100 { // the next process goes on with the file
			closeTest(t, s)
			s, _ = openTest(t, dir, nil)
			for _, l := range s.LeftMemos() {
				memos[l.m.id] = l.Memo()
			}
		}
		for range r.IntN(60) {
			n := r.IntN(120)
			m := memos[id(n)]
			switch {
			case m == nil:
				m = s.Memo(id(n))
				memos[id(n)] = m
				fallthrough
			case r.IntN(3) > 0:
				want[id(n)] = fmt.Sprintf(`{"step":%d,"x":%q}`, step, strings.Repeat("x", r.IntN(5000)))
				m.Save([]byte(want[id(n)]))
			default:
				m.Remove()
				delete(memos, id(n))
				delete(want, id(n))
			}
		}
		m := s.Memo(id(1000)) // nobody hears of one that is gone at once
		m.Save([]byte("{}"))
		<-m.Remove()
		flush(t, s)
		got, err := memosIn(t, dir)
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("step %d: %d memos, %v; want %d", step, len(got), err, len(want))
		}
		live = 0
		for _, call := range want {
			live += len(call) + 100
		}
		st, err := os.Stat(filepath.Join(dir, journalFile))
		if err != nil {
			t.Fatal(err)
		}
		said = max(said, int(st.Size())-4*live)
	}
	if said > journalSlack+2*journalBuffer {
		t.Errorf("the file had %d bytes more than four times what is live", said)
	}
	for _, m := range memos {
		m.Remove()
	}
	closeTest(t, s)
	if _, err := os.Stat(filepath.Join(dir, journalFile)); !os.IsNotExist(err) {
		t.Errorf("without calls there is a file: %v", err)
	}
}

// What a full disk does not take is told when it takes it again, and not before.
func TestJournalOnAFullDisk(t *testing.T) {
	full := true
	dir := t.TempDir()
	s, _ := openTest(t, dir, func(c *Config) {
		c.Fault = func(op, file string) error {
			if full && op == "write" && strings.HasPrefix(file, journalFile) {
				return errNoSpace
			}
			return nil
		}
	})
	one := s.Memo(id(1))
	saved := one.Save([]byte(`{"n":1}`))
	flush(t, s)
	select {
	case <-saved:
		t.Error("said to be saved by a disk that is full")
	default:
	}
	full = false // the writer is idle
	<-s.Memo(id(2)).Save([]byte(`{"n":2}`))
	<-saved
	if got, err := memosIn(t, dir); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

// FuzzJournal: whatever the file holds, Open comes back, loses nothing that can be
// read, and the next Open finds the same.
func FuzzJournal(f *testing.F) {
	f.Add(memoBytes(1, 2, 1))
	f.Add(memoBytes(1)[:30])
	f.Add(slices.Concat(memoBytes(3), []byte("garbage\n"), memoBytes(4)))
	f.Add(slices.Concat(memoBytes(5), bytes.Repeat([]byte{0}, 100), memoBytes(6)))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		put(t, dir, journalFile, b)
		want, _ := memosIn(t, dir)
		for range 2 {
			s, _ := openTest(t, dir, nil)
			got := map[string]string{}
			for _, l := range s.LeftMemos() {
				got[l.m.id] = string(l.Call())
			}
			if !maps.Equal(got, want) {
				t.Fatalf("%v, want %v", got, want)
			}
			closeTest(t, s)
		}
	})
}

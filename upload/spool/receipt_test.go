package spool

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A delivered recording leaves a receipt, which every start tells of until it is
// dropped; one that is removed leaves nothing, and nobody hears of it.
func TestReceipts(t *testing.T) {
	dir := t.TempDir()
	post := &postbox{}
	withPost := func(c *Config) { c.OnSent = post.add }
	s, in := openTest(t, dir, withPost)
	for n := range 3 {
		p := create(t, s, n)
		write(t, p, audio(100))
		p.Commit(header(100), manifest(n))
	}
	flush(t, s)
	ready := map[string]Ready{}
	for _, r := range in.all() {
		ready[r.ID()] = r
	}
	for range 2 { // a repetition says nothing new
		if err := ready[id(0)].Done(); err != nil {
			t.Fatal(err)
		}
	}
	if err := ready[id(1)].Remove(); err != nil {
		t.Fatal(err)
	}
	if err := ready[id(1)].Done(); err != nil { // who sent it was not faster
		t.Fatal(err)
	}
	if _, err := s.Find(id(0)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a delivered one is found: %v", err)
	}
	if st := s.Stats(); st.Ready != 1 || st.BytesOnDisk != 108 || s.Holds("acme", "call-0") {
		t.Errorf("%+v", st)
	}
	want := []string{Name{ID: id(0)}.sent(), Name{ID: id(2)}.manifest(), Name{id(2), "wav"}.ready()}
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	for range 2 {
		got := post.all()
		if len(got) == 0 || got[0].Manifest().ID != id(0) || got[0].Manifest().Size != 108 || got[0].Manifest().CallID != "call-0" {
			t.Fatalf("told are %+v", got)
		}
		closeTest(t, s)
		if err := got[0].Drop(); !errors.Is(err, ErrClosed) {
			t.Errorf("dropped when another may have the folder: %v", err)
		}
		post = &postbox{}
		s, _ = openTest(t, dir, withPost)
	}
	if err := os.Mkdir(filepath.Join(dir, quarantineDir), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{id(7) + ".wav", id(7) + ".json.1", "notes"} {
		put(t, filepath.Join(dir, quarantineDir), file, nil)
	}
	here, aside, err := s.Traces()
	if h, a := slices.Sorted(maps.Keys(here)), slices.Sorted(maps.Keys(aside)); err != nil || !slices.Equal(h, []string{id(0), id(2)}) || !slices.Equal(a, []string{id(7)}) {
		t.Errorf("traces of %q and %q, %v", h, a, err)
	}
	for range 2 {
		if err := post.all()[0].Drop(); err != nil {
			t.Error(err)
		}
	}
	closeTest(t, s)
	post = &postbox{}
	if _, in = openTest(t, dir, withPost); len(post.all()) != 0 || len(in.all()) != 1 {
		t.Errorf("told are %+v, announced %v", post.all(), in.all())
	}
}

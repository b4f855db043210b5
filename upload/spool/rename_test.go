package spool

import "testing"

// A recording's new name is that of its Ready, its manifest, and the next process.
func TestRename(t *testing.T) {
	dir := t.TempDir()
	s, in := openTest(t, dir, nil)
	p := create(t, s, 1)
	write(t, p, []byte("audio!"))
	p.Commit(header(6), manifest(1))
	flush(t, s)
	was := in.all()[0]
	now, err := was.Rename("other.wav")
	want := was.Destination()
	want.Name = "other.wav"
	if err != nil || now.Destination() != want {
		t.Fatalf("%+v, %v, want %+v", now.Destination(), err, want)
	}
	if m, err := now.Manifest(); err != nil || m.Destination != want || !m.Complete {
		t.Errorf("the manifest says %+v, %v", m, err)
	}
	closeTest(t, s)
	if _, err := now.Rename("third.wav"); err == nil {
		t.Error("renamed in a spool that is closed")
	}
	_, in = openTest(t, dir, nil)
	if got := in.all(); len(got) != 1 || got[0].Destination() != want {
		t.Errorf("the next process finds %+v", got)
	}
}

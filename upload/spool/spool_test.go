package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLifeOfARecording(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, in := openTest(t, dir, nil)
	p := create(t, s, 1)
	body := audio(100_001)
	for b := body; len(b) > 0; {
		n := min(len(b), 3200)
		write(t, p, b[:n])
		b = b[n:]
	}
	p.Flush()
	flush(t, s)
	if got := s.Stats(); got.Parts != 1 || got.BytesQueued != 0 || got.BytesOnDisk != int64(len(body)+headerLen) {
		t.Errorf("while writing: %+v", got)
	}
	if !s.Holds("acme", "call-1") || s.Holds("other", "call-1") {
		t.Error("Holds is wrong while writing")
	}
	m := manifest(1)
	m.DurationMS = 12345
	p.Commit(header(len(body)), m)
	flush(t, s)
	got := in.all()
	if len(got) != 1 {
		t.Fatalf("%d announced", len(got))
	}
	r := got[0]
	wantAudio(t, r, body)
	rm, err := r.Manifest()
	if err != nil || !rm.Complete || rm.Size != r.Size() || rm.DurationMS != 12345 || rm.Interrupted || rm.Destination != m.Destination {
		t.Errorf("manifest %+v, %v", rm, err)
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
		if info, _ := e.Info(); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err := r.Done(); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 0 || s.Holds("acme", "call-1") || s.Stats() != (Stats{}) {
		t.Errorf("after delivery: files %q, %+v", got, s.Stats())
	}
}

func TestAbandonLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s, in := openTest(t, dir, nil)
	p := create(t, s, 1)
	write(t, p, audio(50_000))
	p.Abandon()
	p.Commit(header(0), manifest(1)) // too late, and does nothing
	if err := p.Write([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("write after the end: %v", err)
	}
	flush(t, s)
	if got := files(t, dir); len(got) != 0 || len(in.all()) != 0 || s.Stats() != (Stats{}) {
		t.Errorf("left %q, announced %d, %+v", got, len(in.all()), s.Stats())
	}
}

func TestParkedStaysOutOfTheQueue(t *testing.T) {
	dir := t.TempDir()
	s, in := openTest(t, dir, nil)
	for n := range 2 {
		p := create(t, s, n)
		write(t, p, audio(10))
		p.Commit(header(10), manifest(n))
	}
	flush(t, s)
	for _, r := range in.all() {
		if r.ID() == id(0) {
			if err := r.Park(Delivery{Tries: 3}, "refused"); err != nil {
				t.Fatal(err)
			}
		} else if err := r.Note(Delivery{Tries: 2, LastError: "down"}); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Stats(); st.Ready != 1 || st.Parked != 1 {
		t.Errorf("%+v", st)
	}
	closeTest(t, s)
	s, in = openTest(t, dir, nil)
	got := in.all()
	if st := s.Stats(); st.Parked != 1 || st.Ready != 1 || len(got) != 1 || got[0].ID() != id(1) || got[0].Delivery().Tries != 2 {
		t.Errorf("after a restart: %+v, announced %v", st, got)
	}
	if !s.Holds("acme", "call-0") {
		t.Error("a parked recording is not held")
	}
}

func TestSecondOwnerIsRefusedWithTheRemedy(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir, nil)
	_, err := Open(Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("second owner: %v", err)
	}
}

func TestNamesAreChecked(t *testing.T) {
	s, _ := openTest(t, t.TempDir(), nil)
	create(t, s, 1)
	for _, n := range []Name{
		{id(1), "wav"},
		{"", "wav"},
		{"../x", "wav"},
		{id(2), ""},
		{id(2), "../x"},
		{id(2), "json"},
		{id(2), "part"},
		{id(2), "WAV"},
		{id(2), "toolongext"},
		{strings.ToUpper(id(0xab)), "wav"},
		{id(2) + "0", "wav"},
		{"202611_" + strings.Repeat("0", 32), "wav"},
		{"2026a1-" + strings.Repeat("0", 32), "wav"},
	} {
		m := manifest(2)
		m.ID, m.Ext = n.ID, n.Ext
		if _, err := s.Create(m, nil); err == nil {
			t.Errorf("%q is taken", n)
		}
	}
}

func TestFullQueueTakesNothing(t *testing.T) {
	hold := make(chan struct{})
	s, in := openTest(t, t.TempDir(), func(c *Config) {
		c.QueueBytes = 40_000
		c.Fault = func(op, _ string) error {
			if op == "create" {
				<-hold
			}
			return nil
		}
	})
	p := create(t, s, 1)
	var body []byte
	var err error
	for n := 0; err == nil; n++ {
		b := audio(3200 + n)
		if err = p.Write(b); err == nil {
			body = append(body, b...)
		}
	}
	if !errors.Is(err, ErrFull) || len(body) < 36_000 || s.Stats().BytesQueued != int64(len(body)) {
		t.Errorf("%v after %d bytes, %+v", err, len(body), s.Stats())
	}
	close(hold)
	flush(t, s)
	b := audio(30_000)
	write(t, p, b)
	body = append(body, b...)
	p.Commit(header(len(body)), manifest(1))
	flush(t, s)
	wantAudio(t, in.all()[0], body)
}

// A fsync that hangs holds up the recording it is for, and no other's writing.
func TestSlowSyncHoldsUpNobody(t *testing.T) {
	dir := t.TempDir()
	hold, syncing := make(chan struct{}), make(chan struct{}, 100)
	s, in := openTest(t, dir, func(c *Config) {
		c.Finishers = 2
		c.Fault = func(op, _ string) error {
			if op == "sync" {
				syncing <- struct{}{}
				<-hold
			}
			return nil
		}
	})
	for n := range 10 {
		create(t, s, n).Commit(header(0), manifest(n))
	}
	<-syncing
	p := create(t, s, 11)
	write(t, p, audio(64_000))
	for range 2 { // the writer may be behind with this part at the first
		p.Flush()
		if err := s.writes.idle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := os.Stat(filepath.Join(dir, Name{id(11), "wav"}.part())); err != nil || st.Size() != 64_000+headerLen {
		t.Errorf("bytes behind a slow fsync: %v, %v", st, err)
	}
	close(hold)
	flush(t, s)
	if len(in.all()) != 10 {
		t.Errorf("%d announced", len(in.all()))
	}
}

func TestOpenPartsOutliveClose(t *testing.T) {
	dir := t.TempDir()
	s, _ := openTest(t, dir, nil)
	p := create(t, s, 1)
	write(t, p, audio(5001))
	m := manifest(1)
	m.Call = []byte(`{"commands":["mask"]}`)
	p.Update(m)
	closeTest(t, s)
	if err := p.Write(audio(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("write to a closed spool: %v", err)
	}
	_, in := openTest(t, dir, nil)
	r := in.all()[0]
	wantAudio(t, r, audio(5000))
	if m, err := r.Manifest(); err != nil || !m.Interrupted || m.DurationMS != 5000 || string(m.Call) != `{"commands":["mask"]}` {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestDestinationPrintsNoSecrets(t *testing.T) {
	m := manifest(1)
	for _, f := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(f, m); strings.Contains(s, "secret") {
			t.Errorf("%s shows %s", f, s)
		}
	}
	for give, want := range map[string]string{
		"https://u:p@h/x?k=v#f": "https://redacted@h/x?redacted", "http://h/x": "http://h/x", "": "", "u:p@h": "redacted", "http://u:p/q@h/x": "http://redacted@h/x",
	} {
		if got := Redact(give); got != want {
			t.Errorf("%s becomes %s, want %s", give, got, want)
		}
	}
}

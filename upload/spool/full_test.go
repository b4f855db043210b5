package spool

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// On a full disk what is to be written waits, in order, and loses nothing; what was
// begun there begins later, what is abandoned goes, and a part that has all it needs on
// the disk is finished, for its delivery may make the room.
func TestFullDisk(t *testing.T) {
	var full atomic.Bool
	part := func(n int) string { return Name{id(n), "wav"}.part() }
	s, in := openTest(t, t.TempDir(), func(c *Config) {
		c.Fault = func(op, file string) error {
			if full.Load() && (op == "write" || op == "create") && (file == part(1) || file == part(2) || file == part(3)) {
				return errNoSpace
			}
			return nil
		}
	})
	running, whole := create(t, s, 1), create(t, s, 4)
	body := audio(120_000)
	write(t, running, body[:20_000])
	write(t, whole, body[:1000])
	flush(t, s)
	full.Store(true)
	write(t, running, body[20_000:90_000])
	begun, unwanted := create(t, s, 2), create(t, s, 3)
	write(t, begun, body[:50_000])
	write(t, unwanted, body[:50_000])
	unwanted.Update(manifest(3))
	for _, p := range []*Part{running, begun, unwanted} {
		p.hand()
	}
	whole.Commit(header(1000), manifest(4))
	for len(in.all()) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*roomEvery)
	defer cancel()
	if err := s.Flush(ctx); err == nil {
		t.Error("flushed to a full disk")
	}
	if st := s.Stats(); st.Failed != 0 || st.BytesLost != 0 || st.BytesQueued < 170_000 {
		t.Errorf("%+v", st)
	}
	unwanted.Abandon()
	write(t, running, body[90_000:])
	running.Commit(header(len(body)), manifest(1))
	full.Store(false)
	flush(t, s)
	write(t, begun, body[50_000:])
	begun.Commit(header(len(body)), manifest(2))
	flush(t, s)
	want := map[string][]byte{id(4): body[:1000], id(1): body, id(2): body}
	for _, r := range in.all() {
		wantAudio(t, r, want[r.ID()])
		if m, err := r.Manifest(); err != nil || m.Interrupted {
			t.Errorf("%+v, %v", m, err)
		}
		delete(want, r.ID())
	}
	if st := s.Stats(); len(want) != 0 || st.Parts != 0 || st.BytesQueued != 0 || st.BytesLost != 0 {
		t.Errorf("not there: %d; %+v", len(want), st)
	}
}

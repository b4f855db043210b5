package recording_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/recording"
	"callrec/upload/spool"
)

// A shard that has no ports, though it has no calls either, does not cost the
// worker a call that another shard can take.
func TestAnotherShardHasPorts(t *testing.T) {
	other := capturetest.NewFake(30000, recording.Slots)
	inWorld(t, func(w *world) {
		for _, id := range []string{"one", "two"} {
			if info := w.announce(id, `{}`); info.Legs[0].Ports.RTP < 30000 {
				t.Errorf("%s is at %+v", id, info.Legs)
			}
			w.do(id, recording.Command{Action: recording.Mask}) // commands find it there
		}
		_, _, err := w.m.Announce(w.t.Context(), recording.CallSpec{
			ID: recording.CallID{Account: "acc", Call: "three"}, At: time.Now(), Start: []recording.Request{request(t, `{}`)},
		})
		var refused *recording.RefusedError
		var full *capture.NoPortsError
		if !errors.As(err, &refused) || !errors.As(err, &full) || full.Open < 4 || !strings.Contains(err.Error(), "--rtp-ports") {
			t.Errorf("refused with %v", err)
		}
		for _, id := range []string{"one", "two"} {
			w.do(id, recording.Command{Action: recording.Hangup})
		}
		w.sleep(3 * second)
		if stats := w.m.Stats(); stats.Calls != 0 || other.Stats().Open != 0 || w.fake.Stats().Open != 0 {
			t.Errorf("left: %+v", stats)
		}
	}, func(c *recording.Config) {
		c.Sets[0].(*capturetest.Fake).Limit, other.Limit = 1, 4 // a call takes two pairs
		c.Sets = append(c.Sets, other)
	})
}

// Ports that have rested can be had again on a worker that had no call since:
// nothing but calls made it look at them once.
func TestIdleWorkerGetsItsPortsBack(t *testing.T) {
	t.Parallel()
	first := capturetest.FreePorts(t, 4)
	set, err := capture.NewSockets(capture.SocketsConfig{
		Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, FirstPort: first, LastPort: first + 3,
		Slots: recording.Slots, Rest: 200 * ms,
	})
	if err != nil {
		t.Fatal(err)
	}
	sp, err := spool.Open(spool.Config{Dir: t.TempDir(), Repair: recording.Repair, OnReady: func(r spool.Ready) { _ = r.Done() }})
	if err != nil {
		t.Fatal(err)
	}
	m, err := recording.New(recording.Config{Sets: []capture.Set{set}, Spool: sp, Clock: capture.NewClock(), Hold: 50 * ms})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		_ = sp.Close(context.Background())
	})
	free := func() bool { return m.Stats().Ports.Free == 2 }
	for _, id := range []string{"one", "two"} {
		call := recording.CallID{Account: "acc", Call: id}
		if _, _, err := m.Announce(t.Context(), recording.CallSpec{ID: call, At: time.Now(), Start: []recording.Request{request(t, `{}`)}}); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if _, err := m.Do(t.Context(), call, recording.Command{Action: recording.Hangup, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(700 * ms) // the hold, the rest and a turn
		for end := time.Now().Add(5 * second); id == "two" && !free() && time.Now().Before(end); {
			time.Sleep(20 * ms)
		}
	}
	if !free() {
		t.Errorf("idle, and %+v", m.Stats().Ports)
	}
}

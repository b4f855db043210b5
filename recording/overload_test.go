package recording_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/recording"
)

// slowSet takes so long to read the ports of a turn.
type slowSet struct {
	*capturetest.Fake
	takes atomic.Int64
	read  time.Time // when it has last been read, by a turn or by the look at resting ports after one
}

func (s *slowSet) Read(b *capture.Batch, slot int, now capture.Instant) (bool, error) {
	if time.Since(s.read) > 0 {
		time.Sleep(time.Duration(s.takes.Load()))
	}
	s.read = time.Now()
	return s.Fake.Read(b, slot, now)
}

// overloaded expects a new call to be refused because of the shards' time.
func (w *world) overloaded(words ...string) {
	w.t.Helper()
	_, _, err := w.m.Announce(w.t.Context(), callSpec(fmt.Sprint("refused at ", time.Now())))
	var refused *recording.RefusedError
	if !errors.As(err, &refused) || refused.RetryAfter == 0 || w.m.Busy() == nil {
		w.t.Fatalf("an overloaded worker says %v, and %v", err, w.m.Busy())
	}
	for _, word := range append(words, "--max-busy 85", "below 80 %") {
		if !strings.Contains(err.Error(), word) {
			w.t.Errorf("nothing of %q in %v", word, err)
		}
	}
}

// A shard that has hardly time left for its turns gets no more calls, and its own
// lose nothing; another shard gets them as long as that has time. When there is
// time again, calls are taken again, but not at once.
func TestBusyShardGetsNoCalls(t *testing.T) {
	slow, other := &slowSet{}, &slowSet{}
	inWorld(t, func(w *world) {
		on := func(id string, port uint16) {
			t.Helper()
			if got := w.announce(id, `{}`).Legs[0].Ports.RTP; got-port > 9999 {
				t.Errorf("%s has port %d, not one from %d on", id, got, port)
			}
			w.sleep(40 * second)
		}
		on("one", 20000)
		on("two", 30000)
		slow.takes.Store(int64(180 * ms)) // of the 200 of a round
		w.sleep(40 * second)
		if busy := w.m.Stats().Busy; busy[0] < 0.87 || busy[0] > 0.93 || busy[1] > 0.01 {
			t.Errorf("busy: %v", busy)
		}
		on("three", 30000)
		on("four", 30000) // though the other has fewer
		if err := w.m.Busy(); err != nil {
			t.Error(err)
		}
		other.takes.Store(int64(190 * ms))
		w.sleep(40 * second)
		w.overloaded("2 of 2 shards", "its 1,", "work 9")
		slow.takes.Store(int64(165 * ms))
		w.sleep(40 * second)
		w.overloaded("work 8")
		slow.takes.Store(int64(100 * ms))
		w.sleep(40 * second)
		on("five", 20000)
		if lost := w.m.Stats().Packets["lost"]; lost != 0 {
			t.Errorf("%d packets lost", lost)
		}
	}, func(c *recording.Config) {
		slow.Fake, other.Fake = c.Sets[0].(*capturetest.Fake), capturetest.NewFake(30000, recording.Slots)
		c.Sets, c.MaxBusy = []capture.Set{slow, other}, 0.85
	})
}

// A burst is over before it can be measured what its calls cost.
func TestBurstOfAnnouncements(t *testing.T) {
	inWorld(t, func(w *world) {
		w.sleep(second)
		for n := range 2428 {
			w.announce(fmt.Sprint("call", n))
		}
		w.overloaded("85 %", "its 2428,")
		if w.m.Stats().Busy[0] != 0 {
			t.Error("it has been measured")
		}
		w.sleep(40 * second) // they are found to cost nothing
		for n := range 2428 {
			w.announce(fmt.Sprint("call again", n))
		}
	}, func(c *recording.Config) { c.MaxBusy = 0.85 })
}

// Without a limit nothing is refused, and a shard that has time but no ports says
// so beside one that has ports but no time.
func TestBusyAndWithoutPorts(t *testing.T) {
	slow := &slowSet{}
	limit := 0.0
	test := func(w *world) {
		w.announce("one", `{}`)
		slow.takes.Store(int64(190 * ms))
		w.sleep(40 * second)
		w.announce("two", `{}`)
		w.announce("three") // without ports
		_, _, err := w.m.Announce(w.t.Context(), callSpec("four", request(t, `{}`)))
		var full *capture.NoPortsError
		switch {
		case limit == 0 && err != nil:
			t.Errorf("without a limit: %v", err)
		case limit > 0 && (!errors.As(err, &full) || full.Open != 2 || !strings.Contains(err.Error(), "1 of 2 shards")):
			t.Errorf("refused with %v", err)
		}
	}
	for _, limit = range []float64{0, 0.85} {
		slow.takes.Store(0)
		inWorld(t, test, func(c *recording.Config) {
			slow.Fake = c.Sets[0].(*capturetest.Fake)
			other := capturetest.NewFake(30000, recording.Slots)
			other.Limit = 2
			c.Sets, c.MaxBusy = []capture.Set{slow, other}, limit
		})
	}
}

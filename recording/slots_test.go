package recording

import (
	"testing"
	"time"

	"callrec/policy"
)

// slotsInUse is how many slots have calls.
func slotsInUse(s *shard) (n int) {
	for _, calls := range s.calls {
		if len(calls) > 0 {
			n++
		}
	}
	return n
}

// Few calls are in few slots, many in all of them, and none of those has more
// than its share.
func TestCallsShareSlots(t *testing.T) {
	s := &shard{}
	for n := 1; n <= 3*Slots*fillSlot; n++ {
		s.adopt(&call{})
		if want := min((n+fillSlot-1)/fillSlot, Slots); slotsInUse(s) != want {
			t.Fatalf("%d calls are in %d slots, want %d", n, slotsInUse(s), want)
		}
	}
	for k, calls := range s.calls {
		if len(calls) != 3*fillSlot {
			t.Errorf("slot %d has %d calls of %d", k, len(calls), s.load.Load())
		}
	}
	// What calls leave behind is filled up before anything else, the fullest first.
	for k := range s.calls {
		s.calls[k] = nil
	}
	s.calls[7], s.calls[9] = make([]*call, 3), make([]*call, 2)
	for range fillSlot {
		s.adopt(&call{})
	}
	if len(s.calls[7]) != fillSlot || len(s.calls[9]) != 5 {
		t.Errorf("3 and 2 calls became %d and %d", len(s.calls[7]), len(s.calls[9]))
	}
}

// A shard sleeps until the next slot that has calls, and for as long as it likes
// when there is none. Each call has its turn once a round, and after a stall one
// turn and not those it has missed.
func TestTurnsComeOnceARound(t *testing.T) {
	r := newRig(t, 0, policy.Settings{})
	s := r.shard
	now := s.m.clock.Now().Mono
	s.next = now
	if got := s.pause(now); got < time.Minute {
		t.Errorf("without calls it sleeps for %v", got)
	}
	for _, k := range []int{3, 17, 39} {
		s.calls[k] = []*call{{epoch: now, heard: now, seen: now}}
	}
	for end := now + 5*time.Second; now < end; {
		wait := s.pause(now)
		if wait <= 0 || wait > roundEvery {
			t.Fatalf("a pause of %v", wait)
		}
		now += wait
		s.catchUp(now)
	}
	for k, n := range s.turns {
		if most := 26 * len(s.calls[k]); n > most || n < most-1 { // the last round may be cut
			t.Errorf("slot %d had %d turns in 5 s, want %d", k, n, most)
		}
	}
	before := s.turns
	s.catchUp(now + 30*time.Second)
	for k, n := range s.turns {
		if n-before[k] > 1 {
			t.Errorf("slot %d had %d turns after a stall", k, n-before[k])
		}
		if len(s.calls[k]) > 0 && n == before[k] {
			t.Errorf("slot %d had no turn after a stall", k)
		}
	}
	if wait := s.pause(now + 30*time.Second); wait <= 0 || wait > roundEvery {
		t.Errorf("a pause of %v after a stall", wait)
	}
	// An ended call is forgotten though nothing else is left to do.
	s.calls = [Slots][]*call{}
	s.ended = []farewell{{&call{}, now + time.Minute}}
	if got := s.pause(now); got != time.Minute {
		t.Errorf("with a call to forget it sleeps for %v, want a minute", got)
	}
}

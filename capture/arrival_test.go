package capture

import (
	"fmt"
	"testing"
	"time"
)

const (
	ms    = time.Millisecond
	today = 1_800_000_000 * time.Second // of the wall clock, at the epoch
)

// TestArrivals reads each 5 ms from 10.000 s on. The wall clock steps between
// 10.100 and 10.105 s, and a socket last read at 10.000 s is read at 10.200 s.
func TestArrivals(t *testing.T) {
	f := func(step, stamped, want time.Duration) {
		t.Helper()
		var a arrivals
		for at := 10_000 * ms; at <= 10_200*ms; at += 5 * ms {
			ahead := today
			if at > 10_100*ms {
				ahead += step
			}
			a.sample(Instant{Mono: at, Wall: int64(ahead + at)})
		}
		if got := a.mono(int64(today+stamped), 10_000*ms); got != want {
			t.Errorf("step %v, stamp %v: at %v, want %v", step, stamped, got, want)
		}
	}
	for _, step := range []time.Duration{
		2 * time.Second, -2 * time.Second, time.Hour, -time.Hour, 50 * ms, 400 * ms, -400 * ms, 0,
	} {
		for _, at := range []time.Duration{10_000 * ms, 10_020 * ms, 10_099 * ms, 10_102 * ms} {
			f(step, at, at) // before the step
		}
		for _, at := range []time.Duration{10_103 * ms, 10_120 * ms, 10_200 * ms, 10_201 * ms} {
			f(step, at+step, at) // after it
		}
	}
	f(0, 9_000*ms, 10_000*ms)  // before the socket was read: it was in flight
	f(0, 10_467*ms, 10_467*ms) // the read was held up
	f(0, 16_000*ms, 10_200*ms) // from the future
	f(2*time.Second, 10_500*ms, 10_000*ms)
	f(0, -today, 10_200*ms) // no stamp
}

// TestArrivalsLongAfterAStep: a step of the past has no say in later sweeps.
func TestArrivalsLongAfterAStep(t *testing.T) {
	var a arrivals
	a.sample(Instant{Mono: time.Second, Wall: int64(today)})
	a.sample(Instant{Mono: 2 * time.Second, Wall: int64(today + 3*time.Second)})
	for at := 3 * time.Second; at < time.Minute; at += 200 * ms {
		now := at + 200*ms
		a.sample(Instant{Mono: now, Wall: int64(today + now + time.Second)})
		if got := a.mono(int64(today+at+time.Second+ms), at); got != at+ms {
			t.Fatalf("stamp of %v came out as %v", at+ms, got)
		}
	}
}

// TestArrivalsNeverOutside: whatever a stamp says, the time lies between the two reads,
// as far as it is known when the second is over.
func TestArrivalsNeverOutside(t *testing.T) {
	var a arrivals
	for i, step := range []time.Duration{0, 3 * time.Second, -time.Second, -2 * time.Second, 10 * ms} {
		now := time.Duration(i+1) * 200 * ms
		a.sample(Instant{Mono: now, Wall: int64(today + now + step)})
		for off := -5 * time.Second; off < 5*time.Second; off += 7 * ms {
			after := now - 200*ms
			if got := a.mono(int64(today+off), after); got < after || got > now+heldUp {
				t.Fatal(fmt.Sprint("stamp ", off, " in [", after, ", ", now, "] came out as ", got))
			}
		}
	}
}

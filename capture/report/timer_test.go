package report

import (
	"testing"
	"time"
)

// RFC 3550 §6.3: intervals of 0.5 to 1.5 times 5 s, over 1.21828, spread evenly;
// the first of half that length; and after a stall one report, not a volley.
func TestTimer(t *testing.T) {
	const ms = time.Millisecond
	low, high := time.Hour, time.Duration(0)
	firstLow, firstHigh := time.Hour, time.Duration(0)
	var sum time.Duration
	n := 0
	for seed := range uint64(200) {
		start := 100 * time.Second
		timer := NewTimer(start, seed)
		last := start
		for now := start; now < start+60*time.Second; now += 10 * ms {
			if !timer.Due(now) {
				continue
			}
			if d := now - last; last == start {
				firstLow, firstHigh = min(firstLow, d), max(firstHigh, d)
			} else {
				low, high = min(low, d), max(high, d)
				sum += d
				n++
			}
			last = now
		}
	}
	near := func(what string, got, want time.Duration) {
		t.Helper()
		if (got - want).Abs() > 60*ms {
			t.Errorf("%s: %v, want about %v", what, got, want)
		}
	}
	near("shortest", low, 2052*ms)
	near("longest", high, 6156*ms)
	near("mean", sum/time.Duration(n), 4104*ms)
	near("shortest first", firstLow, 1026*ms)
	near("longest first", firstHigh, 3078*ms)

	timer := NewTimer(0, 1)
	if !timer.Due(time.Hour) || timer.Due(time.Hour) || timer.Due(time.Hour+2*time.Second) {
		t.Error("after a stall more than one report was due")
	}
	a, b := NewTimer(0, 7), NewTimer(0, 7)
	if a != b || a == NewTimer(0, 8) {
		t.Error("the seed does not decide")
	}
}

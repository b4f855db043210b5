package clock

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestSamplesRoundsDown(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want int64
	}{
		{0, 0},
		{1, 0},
		{Sample - 1, 0},
		{Sample, 1},
		{time.Second, 8000},
		{-1, -1},
		{-Sample, -1},
		{-Sample - 1, -2},
		{-time.Hour, -28800000},
	} {
		if got := Samples(c.d); got != c.want {
			t.Errorf("Samples(%v) = %d, want %d", c.d, got, c.want)
		}
	}
}

// Jitter on all but one packet must not move the anchor, whatever the order.
func TestAnchorIsTheLeastDelayed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		base := time.Duration(r.Int64N(int64(time.Hour)))
		first := int64(r.Uint32())
		var a Anchor
		exact := r.IntN(50)
		for _, i := range r.Perm(50) {
			jitter := time.Duration(r.Int64N(int64(200 * time.Millisecond)))
			if i == exact {
				jitter = 0
			}
			a.Add(base+time.Duration(i)*20*time.Millisecond+jitter, first+int64(i)*160)
		}
		if got, want := first+a.Offset(), Samples(base); got != want {
			t.Fatalf("first sample at %d, want %d", got, want)
		}
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	var d Drift
	var at time.Duration
	if n := testing.AllocsPerRun(1000, func() { at += time.Second; d.Add(at, Samples(at)); d.PPM() }); n != 0 {
		t.Errorf("%v allocations for each packet", n)
	}
}

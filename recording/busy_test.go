package recording

import (
	"math"
	"testing"
	"time"
)

// The averages forget as they should, however long the stretches are that they are
// made of.
func TestMeterAverages(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	var often, once meter
	for range 20 {
		often.sample(500*time.Millisecond, 300*time.Millisecond, 900)
	}
	once.sample(10*time.Second, 6*time.Second, 900)
	want := 1 - math.Exp(-2) // two time constants
	near("share", often.share, 0.6*want)
	near("calls", often.calls, 900*want)
	near("share of one long stretch", once.share, often.share)
	once.sample(0, time.Second, 5)
	once.sample(-time.Second, time.Second, 5)
	near("no time", once.share, often.share)
	once.sample(time.Hour, time.Hour, 0)
	near("no rest", once.share, 1)
	near("none left", once.calls, 0)
}

// What calls will cost that have not been measured is told from those that have, and
// guessed where there are none.
func TestMeterReckonsWithNewCalls(t *testing.T) {
	for _, c := range []struct {
		name  string
		meter meter
		calls int
		want  float64
	}{
		{"an idle shard", meter{}, 0, 0},
		{"a burst on an idle shard", meter{}, 2000, 0.7},
		{"as measured", meter{0.6, 3000}, 3000, 0.6},
		{"a third more", meter{0.6, 3000}, 4000, 0.6 + 0.635/3100*1000},
		{"half have gone", meter{0.6, 3000}, 1500, 0.6 - 0.635/3100*1500},
		{"dear calls", meter{0.5, 100}, 150, 0.5 + 0.535/200*50},
		{"work without calls", meter{0.3, 0}, 100, 0.3 + 0.335},
		{"all have gone", meter{0.1, 1000}, 0, 0},
	} {
		if got := c.meter.with(c.calls); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A shard at the mark is full until it is well below.
func TestFullUntilWellBelow(t *testing.T) {
	for _, c := range []struct {
		most, share float64
		was, full   bool
	}{
		{0.85, 0.84, false, false},
		{0.85, 0.85, false, true},
		{0.85, 0.84, true, true},
		{0.85, 0.801, true, true},
		{0.85, 0.799, true, false},
		{0.04, 0.03, true, true}, // half of a mark as low as this
		{0.04, 0.01, true, false},
		{0, 1, true, false},
	} {
		o := occupancy{meter: meter{c.share, 10}, full: c.was}
		if _, full := o.with(10, c.most); full != c.full {
			t.Errorf("%+v: full is %v", c, full)
		}
	}
}

// Turns are work, and so is waiting long for a CPU; rest and short waits are not.
func TestWorkIsTurnsAndLongWaits(t *testing.T) {
	const ms = time.Millisecond
	var s stint
	s.since = 1000 * ms
	for _, c := range []struct {
		due, begin time.Duration
		laps       []time.Duration
		want       time.Duration // in all
	}{
		{1100 * ms, 1101 * ms, []time.Duration{1103 * ms}, 2 * ms},
		{1200 * ms, 1220 * ms, []time.Duration{1221 * ms, 1230 * ms}, 12 * ms},
		{1300 * ms, 1350 * ms, []time.Duration{1352 * ms}, 44 * ms},              // 30 ms too late
		{1310 * ms, 1360 * ms, []time.Duration{1361 * ms}, 53 * ms},              // due while it worked: 8 ms more of waiting
		{1400 * ms, 1390 * ms, []time.Duration{1391 * ms}, 54 * ms},              // early
		{2000 * ms, 9000 * ms, []time.Duration{9000 * ms}, 54*ms + 6980*ms},      // the machine stood still
		{9001 * ms, 9001 * ms, []time.Duration{9001 * ms, 9001 * ms}, 7034 * ms}, // no time at all
	} {
		s.begin(c.begin, c.due)
		for _, now := range c.laps {
			s.lap(now)
		}
		if got := time.Duration(s.total.Load()); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

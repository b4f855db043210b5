package recording

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"callrec/capture/clock"
	"callrec/capture/jitter"
)

const msec = time.Millisecond

// Networks that are worse than the ones a leg is promised to be right behind, and
// what they cost: how far a leg is from where it was said, at the worst minute and
// at the end, with a clock that is 50 ppm fast. The bounds are what was measured,
// and a little.
func TestWhatBadPathsCost(t *testing.T) {
	during := func(at, from, to time.Duration, d time.Duration) time.Duration {
		if at >= from && at < to {
			return d
		}
		return 0
	}
	type delay = func(*rand.Rand, time.Duration) time.Duration
	good := uniform(20 * msec)
	for _, c := range []struct {
		name       string
		delay      delay
		worst, end float64 // ms
		slip       bool    // 30 ms of the sender's time are left out, after three and a half minutes
		reports    bool    // it sends sender reports
	}{
		{"heavy tail: exponential, 30 ms", func(r *rand.Rand, _ time.Duration) time.Duration {
			return time.Duration(r.ExpFloat64() * 30e6)
		}, 2.5, 1, false, false},
		{"heavier: Pareto from 1 ms, 1.2", func(r *rand.Rand, _ time.Duration) time.Duration {
			return min(time.Duration(1e6*(math.Pow(1-r.Float64(), -1/1.2)-1)), 900*msec)
		}, 2.5, 1, false, false},
		{"no packet alone: 5 to 100 ms, even", func(r *rand.Rand, _ time.Duration) time.Duration {
			return 5*msec + time.Duration(r.Int64N(int64(95*msec)))
		}, 6, 6, false, false}, // what no packet shows is not known
		{"even up to 900 ms", func(r *rand.Rand, _ time.Duration) time.Duration {
			return time.Duration(r.Int64N(int64(900 * msec)))
		}, 35, 1, false, false}, // at first: the place found in the first second
		{"a queue of 40 ms stands for a minute", func(r *rand.Rand, at time.Duration) time.Duration {
			return good(r, at) + during(at, 4*time.Minute, 5*time.Minute, 40*msec)
		}, 2.5, 1, false, false},
		{"a queue of 40 ms stands for the first 10 s", func(r *rand.Rand, at time.Duration) time.Duration {
			return good(r, at) + during(at, 0, 10*time.Second, 40*msec)
		}, 2.5, 1, false, false},
		{"the path gets 40 ms shorter for good", func(r *rand.Rand, at time.Duration) time.Duration {
			return good(r, at) + during(at, 0, 5*time.Minute, 40*msec)
		}, 42, 1, false, false}, // before: nobody can know
		{"the path gets 40 ms longer for good", func(r *rand.Rand, at time.Duration) time.Duration {
			return good(r, at) + during(at, 5*time.Minute, 24*time.Hour, 40*msec)
		}, 2.5, 1, false, false}, // rightly taken for a queue, as long as this call lasts
		{"the sender leaves out 30 ms, and reports", good, 2.5, 1, true, true},
		{"the sender leaves out 30 ms, and does not", good, 32, 32, true, false}, // until the memory of before has passed
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newParty(jitter.NewPool(time.Second), 3, 50)
			p.delay = c.delay
			p.signal = clicks(false)
			p.slip, p.reports = c.slip, c.reports
			var worst, last float64
			var window []int16
			listen(10*time.Minute+20*time.Second, func(_ int, pos int64, pcm []int16) {
				for i, x := range pcm {
					k := (pos + int64(i) + 30*clock.Rate) % (60 * clock.Rate)
					if k < 29*clock.Rate || k >= 31*clock.Rate || pos < 30*clock.Rate {
						continue
					}
					window = append(window, x)
					if k == 31*clock.Rate-1 {
						last = math.Abs(float64(peakOf(window)-clock.Rate)) / 8
						worst = max(worst, last)
						window = window[:0]
					}
				}
			}, p)
			ppm, known := p.voice.buffer.DriftPPM()
			t.Logf("at most %.2f ms, at the end %.2f ms; estimate %.2f ppm (%v)", worst, last, ppm, known)
			if worst > c.worst || last > c.end {
				t.Errorf("at most %.2f ms and %.2f ms at the end; want %v and %v", worst, last, c.worst, c.end)
			}
		})
	}
}

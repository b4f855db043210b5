package plc

import (
	"math"
	"math/rand/v2"
	"testing"
)

// oracle is the Recommendation drawn out at length, in floating point: for each
// number of periods the whole voice is written down, then they are put together.
// It gives the last Overlap samples before the gap and max(lost, ...)+MaxFade from
// its first on, before the cross-fade at its end.
func oracle(past []int16) (before, voice []float64, period int) {
	h := make([]float64, len(past))
	for i, v := range past {
		h[i] = float64(v)
	}
	period = likeliest(h)
	quarter := period / 4
	var voices [3][]float64
	for k := range voices {
		// The last k+1 periods, the last quarter of which leads into their beginning.
		size := (k + 1) * period
		loop := append([]float64(nil), h[len(h)-size:]...)
		for i := 1; i <= quarter; i++ {
			w := float64(i) / float64(quarter)
			loop[size-quarter+i-1] = h[len(h)-quarter+i-1]*(1-w) + h[len(h)-size-quarter+i-1]*w
		}
		if k == 0 {
			before = append(append(before, h[len(h)-Overlap:len(h)-quarter]...), loop[size-quarter:]...)
		}
		// It takes over 10 ms after the one before it, in the same phase.
		for phase := k * 80 % period; len(voices[k]) < 800; phase++ {
			voices[k] = append(voices[k], loop[phase%size])
		}
	}
	for n := range 800 {
		var v float64
		switch {
		case n < 80:
			v = voices[0][n]
		case n < 160:
			v = mixed(voices[0][n], voices[1][n-80], n-80, quarter)
		default:
			v = mixed(voices[1][n-80], voices[2][n-160], n-160, quarter)
		}
		voice = append(voice, v*gain(n))
	}
	return before, voice, period
}

// mixed is on the way from a to b, as far as sample n of the first of b.
func mixed(a, b float64, n, steps int) float64 {
	w := min(1, float64(n+1)/float64(steps))
	return a*(1-w) + b*w
}

// likeliest is the lag of the greatest normalised correlation, found coarsely,
// then finely.
func likeliest(h []float64) int {
	score := func(lag, stride int) float64 {
		var xy, yy float64
		for i := len(h) - 160; i < len(h); i += stride {
			xy += h[i] * h[i-lag]
			yy += h[i-lag] * h[i-lag]
		}
		return xy / math.Sqrt(max(yy, 250))
	}
	best := 40
	for lag := 40; lag <= 120; lag += 2 {
		if score(lag, 2) > score(best, 2) {
			best = lag
		}
	}
	fine := max(best-1, 40)
	for lag := fine; lag <= min(best+1, 120); lag++ {
		if score(lag, 1) > score(fine, 1) {
			fine = lag
		}
	}
	return fine
}

func TestAgainstTheRecommendationAtLength(t *testing.T) {
	periods := map[int]bool{}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		x := buzz(seed, 2000)
		if seed%3 == 0 {
			x = noise(seed, 7000, 2000)
		}
		from, lost := 600+r.IntN(300), 1+r.IntN(600)
		before, voice, period := oracle(x[from-History : from])
		periods[period] = true
		y := lose(x, from, from+lost)
		want := append(before, voice[:lost]...)
		whole := period / 4
		if lost > 80 {
			whole = min(80, whole+(lost-80)*32/80)
		}
		for i := range whole {
			want = append(want, mixed(voice[lost+i], float64(x[from+lost+i]), i, whole))
		}
		for i, w := range want {
			// Each of four blends may round by one.
			if got := float64(y[from-Overlap+i]); math.Abs(got-w) > 4 {
				t.Fatalf("seed %d, period %d, %d lost, sample %d: %.0f, want %.1f", seed, period, lost, i-Overlap, got, w)
			}
		}
	}
	if len(periods) < 60 {
		t.Errorf("%d periods were tried, want most of 81", len(periods))
	}
}

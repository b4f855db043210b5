package plc

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// oracle is a voice led on from its past, 800 samples, in floating point: for each
// number of periods the whole voice is written down, then they are put together.
func oracle(past []int16) (voice []float64, period int) {
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
		// It takes over 10 ms after the one before it, in the same phase.
		for phase := k * 80 % period; len(voices[k]) < 800; phase++ {
			voices[k] = append(voices[k], loop[phase%size])
		}
	}
	// It begins where the past ends, and is itself a quarter of a period later.
	off := h[len(h)-1] - h[len(h)-1-period]
	for n := range quarter {
		voices[0][n] += off * (1 - float64(n+1)/float64(quarter))
	}
	for n := range 800 {
		var v float64
		switch {
		case n < 80:
			v = max(-32768, min(32767, voices[0][n]))
		case n < 160:
			v = mixed(voices[0][n], voices[1][n-80], n-80, quarter)
		default:
			v = mixed(voices[1][n-80], voices[2][n-160], n-160, quarter)
		}
		voice = append(voice, v*gain(n))
	}
	return voice, period
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

func TestAgainstTheVoicesAtLength(t *testing.T) {
	periods := map[int]bool{}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		x := buzz(seed, 2400)
		if seed%3 == 0 {
			x = noise(seed, 7000, 2400)
		}
		from, lost := 600+r.IntN(300), 1+r.IntN(700)
		y := lose(x, from, from+lost)
		future := slices.Clone(x[from+lost:][:history])
		slices.Reverse(future)
		before, p := oracle(x[from-history : from])
		after, q := oracle(future)
		periods[p], periods[q] = true, true
		blended := min(lost, 480)
		for n := range lost {
			want := before[n]
			if into := n - (lost - blended); into >= 0 {
				w := float64(into+1) / float64(blended+1)
				want = before[n]*(1-w) + after[lost-1-n]*w
			}
			// Each of a few blends may round by one.
			if got := float64(y[from+n]); math.Abs(got-want) > 5 {
				t.Fatalf("seed %d, periods %d and %d, %d lost, sample %d: %.0f, want %.1f", seed, p, q, lost, n, got, want)
			}
		}
	}
	if len(periods) < 60 {
		t.Errorf("%d periods were tried, want most of 81", len(periods))
	}
}

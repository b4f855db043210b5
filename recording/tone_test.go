package recording

import (
	"math"
	"testing"
	"time"

	"callrec/capture/clock"
	"callrec/capture/jitter"
	"callrec/codec/g711"
)

// pureLevel is a level at which a tone of 1 kHz meets G.711 well: of its eight
// samples a period, all are one of two sizes, and the code words nearest to these
// stand in the right relation.
func pureLevel() float64 {
	best, least := 0.0, 1.0
	want := math.Tan(3 * math.Pi / 8)
	for level := 0.3; level < 0.9; level += 1. / 32768 {
		small, large := decoded(level*math.Sin(math.Pi/8)), decoded(level*math.Sin(3*math.Pi/8))
		if off := math.Abs(large/small/want - 1); off < least {
			best, least = level, off
		}
	}
	return best
}

func decoded(x float64) float64 {
	var out [1]int16
	g711.Decode(g711.MuLaw, out[:], g711.Encode(g711.MuLaw, nil, []int16{int16(math.Round(32767 * x))}))
	return float64(out[0])
}

// residual is what is left of pcm, in dB of the whole, without the sinusoid near hz
// that fits it best.
func residual(pcm []int16, hz float64) float64 {
	fit := func(hz float64) float64 {
		var cc, ss, cs, xc, xs, xx float64
		ds, dc := math.Sincos(2 * math.Pi * hz / clock.Rate)
		s, c := 0.0, 1.0
		for _, x := range pcm {
			s, c = s*dc+c*ds, c*dc-s*ds
			cc, ss, cs = cc+c*c, ss+s*s, cs+c*s
			xc, xs, xx = xc+float64(x)*c, xs+float64(x)*s, xx+float64(x)*float64(x)
		}
		det := cc*ss - cs*cs
		a, b := (xc*ss-xs*cs)/det, (xs*cc-xc*cs)/det
		return (xx - a*xc - b*xs) / xx
	}
	width := 0.5 * clock.Rate / float64(len(pcm))
	lo, hi := hz-width, hz+width
	for range 24 {
		a, b := lo+(hi-lo)/3, hi-(hi-lo)/3
		if fit(a) < fit(b) {
			hi = b
		} else {
			lo = a
		}
	}
	return 10 * math.Log10(fit((lo+hi)/2))
}

// Nobody hears a correction: a tone stays a tone, while it begins and after. Where
// a clock is so wrong that the correction has to hurry, the pitch moves within a
// second by more than one sinusoid can follow, and a quarter of one is looked at.
func TestToneStaysClean(t *testing.T) {
	level := pureLevel()
	for _, ppm := range []float64{0, 20, -100, 100, 300, -300} {
		p := newParty(jitter.NewPool(time.Second), 4, ppm)
		p.signal = func(at float64) float64 {
			k := math.Round(at * clock.Rate * (1 + ppm/1e6)) // of the sender's samples
			return level * math.Sin(2*math.Pi*(k+0.5)/8)
		}
		var all []int16
		listen(3*time.Minute, func(_ int, _ int64, pcm []int16) { all = append(all, pcm...) }, p)
		window := clock.Rate
		if math.Abs(ppm) > 100 {
			window /= 4
		}
		hz := 1000 * (1 + ppm/1e6)
		worst, when := -200.0, 0
		for from := 2 * clock.Rate; from+window <= len(all); from += window / 2 {
			if r := residual(all[from:from+window], hz); r > worst {
				worst, when = r, from
			}
		}
		steady := residual(all[150*clock.Rate:160*clock.Rate], hz)
		t.Logf("%+v ppm: at most %.1f dB, from %.1f s on; over ten seconds, later, %.1f dB", ppm, worst, float64(when)/clock.Rate, steady)
		if worst > -50 || steady > -50 {
			t.Errorf("%+v ppm: a residual of %.1f dB from %.1f s on and of %.1f dB later, want -50", ppm, worst, float64(when)/clock.Rate, steady)
		}
	}
}

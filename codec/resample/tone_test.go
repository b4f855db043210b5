package resample_test

import (
	"math"
	"math/cmplx"
	"testing"
)

// fullScale is the amplitude of the tones, a little under the limit.
const fullScale = 30000

// tones returns n samples of full-scale sines at the given frequencies, each a
// fraction of full scale.
func tones(rate, n int, level map[float64]float64) []int16 {
	out := make([]int16, n)
	for i := range out {
		var v float64
		for f, a := range level {
			v += a * math.Sin(2*math.Pi*f*float64(i)/float64(rate))
		}
		out[i] = int16(math.RoundToEven(fullScale * v))
	}
	return out
}

// component returns what x, a whole number of periods of f, holds at f: the
// magnitude relative to a full-scale sine and its phase, at sample first.
func component(x []int16, rate, first int, f float64) complex128 {
	turn := cmplx.Rect(1, -2*math.Pi*f/float64(rate))
	w := cmplx.Rect(1, -2*math.Pi*f*float64(first)/float64(rate))
	var sum complex128
	for _, v := range x {
		sum += complex(float64(v), 0) * w
		w *= turn
	}
	return sum * complex(0, 2) / complex(float64(len(x))*fullScale, 0)
}

// steady resamples half a second of input, and returns a fifth of a second of
// the output from the middle, which is whole periods of every multiple of 5 Hz,
// and the index of its first sample.
func steady(t *testing.T, from, to int, level map[float64]float64) ([]int16, int) {
	out := whole(t, from, to, 1, tones(from, from/2, level))
	return out[to/10 : to/10+to/5], to / 10
}

// Tones up to 0.425 of the lower rate keep level and phase, and nothing else of
// theirs comes out: every image is measured by itself, and all that is not the
// tone together, which is what rounding twice leaves (about -94 dB).
func TestTones(t *testing.T) {
	images, rest := -999.0, -999.0
	pairs(t, func(t *testing.T, from, to int) {
		if from == to {
			return
		}
		r := float64(min(from, to))
		for _, part := range []float64{0.01, 0.125, 0.3, 0.4, 0.425, 0.45} {
			f := 5 * math.Floor(part*r/5)
			x, first := steady(t, from, to, map[float64]float64{f: 1})
			c := component(x, to, first, f)

			ripple := 0.05
			if part > 0.425 {
				ripple = 0.5
			}
			if level := dB(cmplx.Abs(c)); math.Abs(level) > ripple {
				t.Errorf("%v Hz: level %.3f dB, want ±%v at most", f, level, ripple)
			}
			if lag := cmplx.Phase(c); math.Abs(lag) > 1e-4 {
				t.Errorf("%v Hz: phase is off by %.2g rad, want 1e-4 at most", f, lag)
			}
			if part > 0.425 {
				continue
			}
			for k := from; k-int(f) < to/2; k += from {
				for _, image := range []float64{float64(k) - f, float64(k) + f} {
					if image >= float64(to)/2 {
						continue
					}
					level := dB(cmplx.Abs(component(x, to, first, image)))
					images = math.Max(images, level)
					if level > -90 {
						t.Errorf("%v Hz: image at %v Hz is %.1f dB, want -90 at most", f, image, level)
					}
				}
			}
			level := dB(residue(x, to, first, f, c))
			rest = math.Max(rest, level)
			if level > -92 {
				t.Errorf("%v Hz: everything but the tone is %.1f dB, want -92 at most", f, level)
			}
		}
	})
	t.Logf("worst of all pairs: single image %.1f dB, everything but the tone %.1f dB", images, rest)
}

// residue returns the level of x without its component c at f, relative to a
// full-scale sine.
func residue(x []int16, rate, first int, f float64, c complex128) float64 {
	var power float64
	for i, v := range x {
		at := cmplx.Rect(1, 2*math.Pi*f*float64(first+i)/float64(rate))
		d := float64(v)/fullScale - imag(c*at)
		power += d * d
	}
	return math.Sqrt(2 * power / float64(len(x)))
}

// Downwards, tones from 0.575 of the output rate on have to vanish. A second
// tone in the pass band keeps the rounding from hiding what is left of them.
func TestAliases(t *testing.T) {
	worst := -999.0
	pairs(t, func(t *testing.T, from, to int) {
		if from <= to {
			return
		}
		low, top := 0.575*float64(to), float64(from)/2
		for _, part := range []float64{0, 0.03, 0.11, 0.37, 0.71, 0.98} {
			f := 5 * math.Ceil((low+part*(top-low))/5)
			if f >= top {
				continue
			}
			alias := math.Abs(f - float64(to)*math.Round(f/float64(to)))
			pilot := 5 * math.Floor(float64(to)*0.0313)
			x, first := steady(t, from, to, map[float64]float64{f: 0.7, pilot: 0.3})
			level := dB(cmplx.Abs(component(x, to, first, alias)) / 0.7)
			worst = math.Max(worst, level)
			if level > -90 {
				t.Errorf("%v Hz comes out at %v Hz with %.1f dB, want -90 at most", f, alias, level)
			}
		}
	})
	t.Logf("worst alias of all pairs: %.1f dB", worst)
}

// What telephony is promised, tone by tone in steps of 100 Hz, at the three
// conversions it uses.
func TestTelephony(t *testing.T) {
	for _, p := range [][2]int{{8000, 16000}, {8000, 44100}, {48000, 8000}} {
		from, to := p[0], p[1]
		ripple, at3600, image := 0.0, 0.0, -999.0
		for f := 100.0; f <= 3600; f += 100 {
			x, first := steady(t, from, to, map[float64]float64{f: 1})
			level := dB(cmplx.Abs(component(x, to, first, f)))
			if f == 3600 {
				at3600 = level
			}
			if f > 3400 {
				continue
			}
			ripple = math.Max(ripple, math.Abs(level))
			for k := 8000.0; k-f < float64(to)/2; k += 8000 {
				for _, g := range []float64{k - f, k + f} {
					if g < float64(to)/2 {
						image = math.Max(image, dB(cmplx.Abs(component(x, to, first, g))))
					}
				}
			}
		}
		for f := 4600.0; f < float64(from)/2; f += 100 {
			x, first := steady(t, from, to, map[float64]float64{f: 0.7, 255: 0.3})
			alias := math.Abs(f - float64(to)*math.Round(f/float64(to)))
			if alias > 0 { // at 0 Hz a sine sampled so is nothing
				image = math.Max(image, dB(cmplx.Abs(component(x, to, first, alias))/0.7))
			}
		}
		t.Logf("%d → %d: ±%.5f dB to 3.4 kHz, %.3f dB at 3.6 kHz, images and aliases %.1f dB", from, to, ripple, at3600, image)
		if ripple > 0.05 || at3600 < -0.5 || image > -90 {
			t.Errorf("%d → %d: want ±0.05 dB, -0.5 dB, -90 dB", from, to)
		}
	}
}

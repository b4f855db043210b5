package resample_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/cmplx"
	"testing"

	"callrec/codec/resample"
)

// warpOracle is the signal x at a position in samples, by the formula: every
// sample times a sinc under a Kaiser window of 32 samples, in float64 and
// unrounded, the weights scaled to sum to 1.
func warpOracle(x []int16, at float64) float64 {
	const half = 16
	var sum, weights float64
	for n := int(math.Floor(at - half)); n <= int(math.Ceil(at+half)); n++ {
		d := float64(n) - at
		if math.Abs(d) >= half {
			continue
		}
		w := i0(7.5*math.Sqrt(1-d/half*d/half)) / i0(7.5)
		if d != 0 {
			w *= math.Sin(math.Pi*d) / (math.Pi * d)
		}
		weights += w
		sum += w * float64(x[n])
	}
	return sum / weights
}

// White noise is as far from the formula as the 14 bits of the taps make it.
func TestWarpOracle(t *testing.T) {
	for _, tc := range []struct{ pos, step int64 }{
		{firstWarp, one + one/1024}, // every fraction once
		{firstWarp + one/3, drift(-1000)},
		{firstWarp + one - 1, drift(20)},
		{firstWarp, 2*one + one/5},
	} {
		dst := make([]int16, 1024)
		x := noise(9, warpNeed(len(dst), tc.pos, tc.step))
		warp.Read(dst, x, tc.pos, tc.step)
		var worst, power float64
		for i, v := range dst {
			// Rounded down to the fractions that there are.
			at := math.Floor(float64(tc.pos+int64(i)*tc.step)*resample.WarpPhases/float64(one)) / resample.WarpPhases
			want := math.Min(math.Max(warpOracle(x, at), math.MinInt16), math.MaxInt16)
			d := float64(v) - want
			worst, power = math.Max(worst, math.Abs(d)), power+d*d
		}
		level := dB(math.Sqrt(power/float64(len(dst))) / (32768 / math.Sqrt(3)))
		t.Logf("step %d: %.1f units at most, %.1f dB", tc.step, worst, level)
		if worst > 15 || level > -77 {
			t.Errorf("step %d: %.1f units from the formula, want 15 at most; %.1f dB, want -77 at most", tc.step, worst, level)
		}
	}
}

// fit returns the sinusoid of w rad a sample that is nearest to x by least
// squares, as the complex number whose real part turns into it, and what is left
// of x, relative to it.
func fit(x []int16, w float64) (c complex128, residual float64) {
	var cc, cs, ss, xc, xs float64
	for i, v := range x {
		sin, cos := math.Sincos(w * float64(i))
		cc, cs, ss = cc+cos*cos, cs+cos*sin, ss+sin*sin
		xc, xs = xc+float64(v)*cos, xs+float64(v)*sin
	}
	det := cc*ss - cs*cs
	a, b := (xc*ss-xs*cs)/det, (xs*cc-xc*cs)/det
	var power float64
	for i, v := range x {
		sin, cos := math.Sincos(w * float64(i))
		d := float64(v) - a*cos - b*sin
		power += d * d
	}
	return complex(a, -b), math.Sqrt(2*power/float64(len(x))) / math.Hypot(a, b)
}

// A tone read with drift is the tone at the frequency that the drift makes of
// it, and little else, through more than a whole sample of slip.
func TestWarpTones(t *testing.T) {
	for _, tc := range []struct{ f, residual float64 }{
		{100, -70}, {300, -70}, {1000, -70}, {2000, -65}, {3000, -60}, {3400, -60},
	} {
		worst, ripple := -999.0, 0.0
		for _, ppm := range []float64{20, -20, 100, 300, -300, 1000, -1000} {
			step := drift(ppm)
			dst := make([]int16, 60000)
			x := tones(8000, warpNeed(len(dst), firstWarp, step), map[float64]float64{tc.f: 1})
			warp.Read(dst, x, firstWarp, step)

			c, residual := fit(dst, 2*math.Pi*tc.f/8000*float64(step)/float64(one))
			worst, ripple = math.Max(worst, dB(residual)), math.Max(ripple, math.Abs(dB(cmplx.Abs(c)/fullScale)))
			if dB(residual) > tc.residual {
				t.Errorf("%v Hz, %v ppm: residual %.1f dB, want %v at most", tc.f, ppm, dB(residual), tc.residual)
			}
			// It begins with sample WarpBefore, at the middle of a fraction.
			at := resample.WarpBefore - 0.5/resample.WarpPhases
			want := cmplx.Rect(fullScale, 2*math.Pi*tc.f/8000*at-math.Pi/2)
			if d := cmplx.Abs(c-want) / fullScale; d > 1e-3 {
				t.Errorf("%v Hz, %v ppm: level and phase are off by %.2g", tc.f, ppm, d)
			}
		}
		t.Logf("%v Hz: residual %.1f dB, level ±%.4f dB", tc.f, worst, ripple)
	}
}

// Every row delays all frequencies to 3.4 kHz by its own fraction, and leaves
// them as they are.
func TestWarpResponse(t *testing.T) {
	worst, ripple := 0.0, 0.0
	for phase := range resample.WarpPhases {
		taps := warp.Row(phase)
		for f := 0.0; f <= 3400; f += 50 {
			w := 2 * math.Pi * f / 8000
			var sum complex128
			for j, tap := range taps {
				at := float64(j-resample.WarpBefore) - float64(phase)/resample.WarpPhases
				sum += cmplx.Rect(float64(tap)/(1<<resample.WarpTapBits), w*at)
			}
			worst, ripple = math.Max(worst, cmplx.Abs(sum-1)), math.Max(ripple, math.Abs(dB(cmplx.Abs(sum))))
		}
	}
	t.Logf("to 3.4 kHz: at most %.1f dB from the delay, level ±%.4f dB", dB(worst), ripple)
	if dB(worst) > -63 || ripple > 0.01 {
		t.Errorf("to 3.4 kHz: %.1f dB from the delay, want -63 at most; ±%.4f dB, want 0.01", dB(worst), ripple)
	}
}

// As TestTapsEverywhereTheSame.
func TestWarpTapsEverywhereTheSame(t *testing.T) {
	const want = "7aa436798d0c642b"
	hash, nearest := sha256.New(), 1.0
	for phase := range resample.WarpPhases {
		if err := binary.Write(hash, binary.LittleEndian, warp.Row(phase)); err != nil {
			t.Fatal(err)
		}
		if phase > resample.WarpPhases/2 {
			continue // a mirror image of another
		}
		for _, v := range resample.UnroundedWarp(phase) {
			nearest = math.Min(nearest, math.Abs(math.Abs(v-math.Trunc(v))-0.5))
		}
	}
	if nearest < 1e-7 {
		t.Errorf("a tap is %g from the middle between two integers", nearest)
	}
	if got := hex.EncodeToString(hash.Sum(nil)[:8]); got != want {
		t.Errorf("hash of the taps is %s, want %s: if the design changed on purpose, so do the files of recordings", got, want)
	}
}

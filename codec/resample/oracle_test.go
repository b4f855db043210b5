package resample_test

import (
	"math"
	"slices"
	"testing"

	"callrec/codec/resample"
)

// oracle resamples x by the formula: output k is the sum of every input sample
// times the continuous-time prototype at its distance from k·from/to, in
// float64 and unrounded. Each instant's weights are scaled to sum to 1.
func oracle(from, to int, x []int16, filterLength int) []float64 {
	cut := math.Min(1, float64(to)/float64(from))
	half := float64(filterLength) / 2
	window := i0(10.5)
	weight := func(d float64) float64 { // d in input samples
		if math.Abs(d) >= half {
			return 0
		}
		w := i0(10.5*math.Sqrt(1-d/half*d/half)) / window
		if d != 0 {
			w *= math.Sin(math.Pi*d*cut) / (math.Pi * d * cut)
		}
		return w
	}
	out := make([]float64, resample.OutLen(from, to, len(x)))
	for k := range out {
		var sum, weights float64
		middle := float64(k) * float64(from) / float64(to)
		for n := int(math.Floor(middle - half)); n <= int(math.Ceil(middle+half)); n++ {
			w := weight(float64(n) - middle)
			weights += w
			if n >= 0 && n < len(x) {
				sum += w * float64(x[n])
			}
		}
		out[k] = sum / weights
	}
	return out
}

// i0 is the modified Bessel function by its integral over a half circle: the
// trapezoid rule converges geometrically on a periodic function.
func i0(x float64) float64 {
	const steps = 32
	var sum float64
	for i := range steps {
		sum += math.Exp(x * math.Cos(2*math.Pi*(float64(i)+0.5)/steps))
	}
	return sum / steps
}

func TestOracle(t *testing.T) {
	pairs(t, func(t *testing.T, from, to int) {
		filter := mustFilter(t, from, to)
		src := noise(9, 60*max(1, from/to))
		got := whole(t, from, to, 1, src)
		for k, want := range oracle(from, to, src, filter.Length()) {
			want = math.Min(math.Max(want, math.MinInt16), math.MaxInt16)
			// Half a unit for the rounding, the rest for the 22 bits of the taps.
			if math.Abs(float64(got[k])-want) > 0.6 {
				t.Fatalf("output %d is %d, the formula gives %.3f", k, got[k], want)
			}
		}
	})
}

// A click at input sample n comes out with its centre at n·to/from.
func TestClick(t *testing.T) {
	pairs(t, func(t *testing.T, from, to int) {
		src := make([]int16, 1000)
		for _, at := range []int{300, 301, 402, 499, 511, 513, 601} {
			src[at] = 32767
			out := whole(t, from, to, 1, src)
			src[at] = 0
			var sum, moment float64
			for k, v := range out {
				sum += float64(v)
				moment += float64(k) * float64(v)
			}
			want := float64(at) * float64(to) / float64(from)
			if got := moment / sum; math.Abs(got-want) > 0.02 {
				t.Errorf("click at %d: centre at %.3f, want %.3f", at, got, want)
			}
		}
		for _, at := range []int{0, len(src) - 1} {
			src[at] = 32767
			out := whole(t, from, to, 1, src)
			src[at] = 0
			got := slices.Index(out, slices.Max(out))
			want := float64(at) * float64(to) / float64(from)
			if math.Abs(float64(got)-want) > 1 {
				t.Errorf("click at %d: largest output at %d, want %.2f", at, got, want)
			}
		}
	})
}

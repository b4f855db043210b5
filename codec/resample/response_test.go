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

// The frequency response of the taps as they are, rounded, for every pair and
// over the whole band: r is the lower of the rates. An image or an alias of a
// tone passes the response at some frequency from 0.575 r on.
func TestResponse(t *testing.T) {
	var worst struct{ ripple, edge, stop float64 }
	worst.stop = -999
	pairs(t, func(t *testing.T, from, to int) {
		if from == to {
			return
		}
		filter := mustFilter(t, from, to)
		rows := filter.RowCount()
		h := prototypeOf(filter)
		size := 1
		for size < 4*len(h) {
			size *= 2
		}
		spectrum := make([]complex128, size)
		for i, v := range h {
			spectrum[i] = complex(v/float64(rows), 0)
		}
		fft(spectrum)

		r := float64(min(from, to))
		step := float64(from) * float64(rows) / float64(size) // Hz
		ripple, edge, stop := 0.0, 0.0, -999.0
		for i := range size / 2 {
			f, level := float64(i)*step, dB(cmplx.Abs(spectrum[i]))
			switch {
			case f <= 0.425*r:
				ripple = math.Max(ripple, math.Abs(level))
			case f <= 0.45*r:
				edge = math.Min(edge, level)
			case f >= 0.575*r:
				stop = math.Max(stop, level)
			}
		}
		if ripple > 0.001 || edge < -0.1 || stop > -100 {
			t.Errorf("to 0.425 r: ±%.4f dB, want 0.001 at most; to 0.45 r: %.3f dB, want -0.1 at least; from 0.575 r: %.1f dB, want -100 at most",
				ripple, edge, stop)
		}
		worst.ripple = math.Max(worst.ripple, ripple)
		worst.edge = math.Min(worst.edge, edge)
		worst.stop = math.Max(worst.stop, stop)
	})
	t.Logf("worst of all pairs: ±%.5f dB to 0.425 r, %.3f dB to 0.45 r, %.1f dB from 0.575 r", worst.ripple, worst.edge, worst.stop)
}

// prototypeOf puts the rows of a filter bank together in order of time.
func prototypeOf(filter *resample.Filter) []float64 {
	rows, length := filter.RowCount(), filter.Length()
	h := make([]float64, rows*length)
	for row := range rows {
		taps, phase := filter.Row(row)
		for j, tap := range taps {
			h[(length-1-j)*rows+phase] = float64(tap) / (1 << resample.TapBits)
		}
	}
	return h
}

func fft(x []complex128) {
	if len(x) == 1 {
		return
	}
	half := len(x) / 2
	even, odd := make([]complex128, half), make([]complex128, half)
	for i := range half {
		even[i], odd[i] = x[2*i], x[2*i+1]
	}
	fft(even)
	fft(odd)
	for i := range half {
		s, c := math.Sincos(-math.Pi * float64(i) / float64(half))
		v := complex(c, s) * odd[i]
		x[i], x[i+half] = even[i]+v, even[i]-v
	}
}

func dB(amplitude float64) float64 { return 20 * math.Log10(math.Max(amplitude, 1e-12)) }

// The taps are the same on every machine: no tap is so near the middle between
// two integers that a last bit of a sine could move it, and all of them
// together have the hash that they had where they were made.
func TestTapsEverywhereTheSame(t *testing.T) {
	const want = "64e9158a60bd563b"
	hash := sha256.New()
	count, nearest := 0, 1.0
	pairs(t, func(t *testing.T, from, to int) {
		filter := mustFilter(t, from, to)
		for row := range filter.RowCount() {
			taps, phase := filter.Row(row)
			if err := binary.Write(hash, binary.LittleEndian, taps); err != nil {
				t.Fatal(err)
			}
			if 2*phase > filter.RowCount() {
				continue // a mirror image of another
			}
			for _, v := range filter.Unrounded(row) {
				nearest = math.Min(nearest, math.Abs(math.Abs(v-math.Trunc(v))-0.5))
				count++
			}
		}
	})
	t.Logf("nearest of %d taps to a middle: %.2g", count, nearest)
	if nearest < 1e-7 {
		t.Errorf("a tap is %g from the middle between two integers", nearest)
	}
	if got := hex.EncodeToString(hash.Sum(nil)[:8]); got != want {
		t.Errorf("hash of the taps is %s, want %s: if the design changed on purpose, so do the files of every recording", got, want)
	}
}

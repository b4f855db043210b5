package resample_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"callrec/codec/resample"
)

// sameKernels compares the kernel in use with the one that defines the result.
// Without assembly both are one.
func sameKernels(t *testing.T, filter *resample.Filter, x []int16, row, n int) {
	t.Helper()
	const guard = 4
	want, got := noise(1, n+guard), noise(1, n+guard)
	filter.ConvolveGeneric(want[:n], x, row)
	filter.Convolve(got[:n], x, row)
	if !slices.Equal(got, want) {
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("row %d, %d outputs: output %d is %d, want %d", row, n, i, got[i], want[i])
			}
		}
	}
}

func TestKernelsAgree(t *testing.T) {
	pairs(t, func(t *testing.T, from, to int) {
		filter := mustFilter(t, from, to)
		rnd := rand.New(rand.NewPCG(uint64(from), uint64(to)))
		for n := range 12 {
			for range 5 {
				row := rnd.IntN(filter.RowCount())
				sameKernels(t, filter, noise(rnd.Uint64(), filter.Need(row, max(n, 1))), row, n)
			}
		}
		n := min(3*filter.RowCount(), 1000)
		sameKernels(t, filter, noise(2, filter.Need(0, n)), 0, n)
	})
}

// The input that drives a row furthest, both ways, overflows nothing.
func TestKernelsSaturate(t *testing.T) {
	pairs(t, func(t *testing.T, from, to int) {
		filter := mustFilter(t, from, to)
		for row := range filter.RowCount() {
			taps, _ := filter.Row(row)
			up, down := make([]int16, len(taps)), make([]int16, len(taps))
			for j, tap := range taps {
				if tap > 0 {
					up[j], down[j] = 32767, -32768
				} else {
					up[j], down[j] = -32768, 32767
				}
			}
			var out [1]int16
			if filter.Convolve(out[:], up, row); out[0] != 32767 {
				t.Fatalf("row %d: %d, want 32767", row, out[0])
			}
			if filter.Convolve(out[:], down, row); out[0] != -32768 {
				t.Fatalf("row %d: %d, want -32768", row, out[0])
			}
		}
	})
}

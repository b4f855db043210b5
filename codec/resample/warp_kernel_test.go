package resample_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"callrec/codec/resample"
)

// sameWarps compares the kernel in use with the one that defines the result.
// Without assembly both are one.
func sameWarps(t *testing.T, x []int16, n int, pos, step int64) {
	t.Helper()
	const guard = 4
	want, got := noise(1, n+guard), noise(1, n+guard)
	warp.ReadGeneric(want[:n], x, pos, step)
	warp.Read(got[:n], x, pos, step)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%d outputs from %d, step %d: output %d is %d, want %d", n, pos, step, i, got[i], want[i])
		}
	}
}

func TestWarpKernelsAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for n := range 2000 {
		n %= 67
		pos := firstWarp + rnd.Int64N(20*one)
		step := drift(2000*rnd.Float64() - 1000)
		switch rnd.IntN(4) {
		case 0:
			step = rnd.Int64N(3 * one)
		case 1:
			pos = pos>>32<<32 - rnd.Int64N(2) // whole, or just before
			pos = max(pos, firstWarp)
		}
		sameWarps(t, noise(rnd.Uint64(), warpNeed(max(n, 1), pos, step)), n, pos, step)
	}
}

// The input that drives a row furthest, both ways, overflows nothing.
func TestWarpSaturates(t *testing.T) {
	for phase := 1; phase < resample.WarpPhases; phase++ {
		taps := warp.Row(phase)
		up, down := make([]int16, len(taps)), make([]int16, len(taps))
		for j, tap := range taps {
			if tap > 0 {
				up[j], down[j] = 32767, -32768
			} else {
				up[j], down[j] = -32768, 32767
			}
		}
		pos := firstWarp + int64(phase)*one/resample.WarpPhases
		for _, read := range []func(dst, x []int16, pos, step int64){warp.Read, warp.ReadGeneric} {
			// Five outputs go through both ways of the assembly.
			got := make([]int16, 5)
			if read(got, up, pos, 0); !slices.Equal(got, slices.Repeat([]int16{32767}, 5)) {
				t.Fatalf("phase %d: %d, want %d", phase, got, 32767)
			}
			if read(got, down, pos, 0); !slices.Equal(got, slices.Repeat([]int16{-32768}, 5)) {
				t.Fatalf("phase %d: %d, want %d", phase, got, -32768)
			}
		}
	}
}

// FuzzWarp compares the kernel in use with the Go one.
func FuzzWarp(f *testing.F) {
	f.Add(firstWarp, one, make([]byte, 200))
	f.Add(firstWarp+one/3, drift(300), make([]byte, 300))
	f.Add(firstWarp+one-1, drift(-1000), make([]byte, 1000))
	f.Add(firstWarp, int64(0), make([]byte, 64))
	f.Fuzz(func(t *testing.T, pos, step int64, data []byte) {
		x := samples(data)
		end := int64(len(x)-resample.WarpAfter) * one
		if pos < firstWarp || pos >= end || step < 0 {
			return
		}
		n := 100
		if step > 0 {
			n = int(min((end-1-pos)/step+1, 100))
		}
		sameWarps(t, x, n, pos, step)
	})
}

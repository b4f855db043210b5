package resample_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"callrec/codec/resample"
)

var warp = resample.NewWarp()

const (
	one       = int64(1) << 32 // a sample, in units of a position
	firstWarp = int64(resample.WarpBefore) * one
)

// drift returns the step that reads a signal faster by ppm.
func drift(ppm float64) int64 { return one + int64(math.Round(ppm/1e6*float64(one))) }

// warpNeed returns how many samples n outputs, one or more, are read from.
func warpNeed(n int, pos, step int64) int {
	return int((pos+int64(n-1)*step)>>32) + 1 + resample.WarpAfter
}

func TestWarpAtWholePositionsCopies(t *testing.T) {
	x := noise(1, 1000)
	copy(x[100:], []int16{-32768, 32767, -32768, 32767, 0})
	dst := make([]int16, len(x)-resample.WarpBefore-resample.WarpAfter)
	warp.Read(dst, x, firstWarp, one)
	if !slices.Equal(dst, x[resample.WarpBefore:][:len(dst)]) {
		t.Error("whole positions do not give the samples themselves")
	}
}

func TestWarpKeepsConstants(t *testing.T) {
	for _, level := range []int16{-32768, -1, 0, 1, 12345, 32767} {
		x := slices.Repeat([]int16{level}, 2100)
		dst := make([]int16, 2048)
		warp.Read(dst, x, firstWarp, one+one/1024)
		for i, v := range dst {
			if v != level {
				t.Fatalf("constant %d: output %d is %d", level, i, v)
			}
		}
	}
}

func TestWarpDoesNotDependOnCuts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		step := drift(2000*rnd.Float64() - 1000)
		pos := firstWarp + rnd.Int64N(one)
		want := make([]int16, 5000)
		x := noise(rnd.Uint64(), warpNeed(len(want), pos, step))
		warp.Read(want, x, pos, step)
		var got []int16
		for len(got) < len(want) {
			block := make([]int16, min(rnd.IntN(200), len(want)-len(got)))
			// Blocks may begin anywhere in a longer input.
			whole := pos>>32 - resample.WarpBefore
			warp.Read(block, x[whole:], pos-whole<<32, step)
			got = append(got, block...)
			pos += int64(len(block)) * step
		}
		if !slices.Equal(got, want) {
			t.Fatalf("step %d: blocks differ from one read", step)
		}
	}
}

// A read ends at the last sample allowed and begins at the first, and nothing
// that lies outside, by however much, is read.
func TestWarpStaysInItsInput(t *testing.T) {
	const n = 100
	last := (n-resample.WarpAfter)*one - 1
	for _, tc := range []struct {
		name      string
		outputs   int
		pos, step int64
		ok        bool
	}{
		{"first", 1, firstWarp, one, true},
		{"before the first", 1, firstWarp - 1, one, false},
		{"last", 1, last, one, true},
		{"after the last", 1, last + 1, one, false},
		{"up to the last", 11, last - 10*one, one, true},
		{"one too many", 12, last - 10*one, one, false},
		{"a little too fast", 2, last - one, one + 1, false},
		{"standing still", 1000, last, 0, true},
		{"backwards", 2, last, -1, false},
		{"least position", 1, math.MinInt64, one, false},
		{"greatest position", 1, math.MaxInt64, one, false},
		{"greatest step", 2, firstWarp, math.MaxInt64, false},
		{"steps that wrap around", 5, firstWarp, 1 << 62, false},
		{"least step", 3, firstWarp, math.MinInt64, false},
		{"nothing, from anywhere", 0, math.MaxInt64, math.MaxInt64, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			defer func() {
				if r := recover(); (r == nil) != tc.ok {
					t.Errorf("panic: %v, want one: %v", r, !tc.ok)
				}
			}()
			warp.Read(make([]int16, tc.outputs), make([]int16, n), tc.pos, tc.step)
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for an input shorter than the filter")
		}
	}()
	warp.Read(make([]int16, 1), nil, firstWarp, one)
}

func TestWarpAllocatesNothing(t *testing.T) {
	x, dst := noise(1, 2000), make([]int16, 1600)
	if n := testing.AllocsPerRun(20, func() { warp.Read(dst, x, firstWarp, drift(100)) }); n != 0 {
		t.Errorf("%v allocations a read, want 0", n)
	}
}

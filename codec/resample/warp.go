package resample

import (
	"fmt"
	"math"
	"math/bits"
)

// Samples of the input that a position is read from, counted from its whole
// part: Read at a position of whole part n uses x[n-WarpBefore] to
// x[n+WarpAfter], also where the position is whole.
const (
	WarpBefore = warpTaps/2 - 1
	WarpAfter  = warpTaps / 2
)

const (
	warpTaps = 32 // 24 leave -62 dB of a tone of 1 kHz

	// warpTapBits is the scale of the taps. Their magnitudes sum to less than
	// 2.5, so 32 bits hold every sum.
	warpTapBits = 14

	// warpPhases is how finely positions are told apart. What that leaves of a
	// tone of 1 kHz is -67 dB with 512, -72 dB with 1024, -75 dB with 2048.
	warpPhaseBits = 10
	warpPhases    = 1 << warpPhaseBits

	warpBeta = 7.5 // of the Kaiser window; 7 and 8 leave more at 3.4 kHz
)

// A Warp reads a signal at positions between its samples: a delay that changes
// continuously, for a clock that runs a little fast or slow. It never changes,
// so one serves any number of streams on any goroutines. It holds 64 KB.
//
// A position is rounded down to 1/1024 sample and read by the filter of that
// fraction, 32 taps of a windowed sinc rounded to 14 bits. A whole position
// gives the sample itself. At 8 kHz and any drift to 1000 ppm a tone keeps its
// level within 0.001 dB to 3.4 kHz, and what comes out beside it is -71 dB at
// 1 kHz and -62 dB at 3.4 kHz.
type Warp struct {
	taps [warpPhases][warpTaps]int16 // each row's sum is exactly 1<<warpTapBits
}

// NewWarp designs a Warp, which takes a millisecond: make one and share it.
func NewWarp() *Warp {
	w := new(Warp)
	row, taps := make([]float64, warpTaps), make([]int32, warpTaps)
	for phase := range warpPhases/2 + 1 {
		prototype(row, phase, warpPhases, 1, warpBeta)
		quantise(taps, row, warpTapBits)
		for j, t := range taps {
			w.taps[phase][j] = int16(t)
			if phase > 0 && phase < warpPhases/2 {
				w.taps[warpPhases-phase][warpTaps-1-j] = int16(t)
			}
		}
	}
	return w
}

// Read fills dst: dst[i] is x at the position pos + i·step. Positions are in
// units of 2^-32 sample, x[0] being at 0; pos is WarpBefore<<32 or more, step is
// not negative and 1<<32 for a clock that is right. The whole part of the last
// position is at most len(x)-1-WarpAfter. Read panics if dst cannot be made from
// x. dst and x must not overlap.
//
// Nothing is carried from call to call: a stream read in blocks, each from where
// the one before ended, is that stream read at once.
func (w *Warp) Read(dst, x []int16, pos, step int64) {
	if len(dst) == 0 {
		return
	}
	// The assembly checks nothing, so none of this may overflow. Taken as
	// unsigned, a negative step leads out of every input.
	end := int64(min(len(x), math.MaxInt32)-WarpAfter) << 32
	over, span := bits.Mul64(uint64(len(dst)-1), uint64(step))
	if pos < WarpBefore<<32 || pos >= end || over != 0 || span > uint64(end-1-pos) {
		panic(fmt.Sprintf("resample: %d outputs at %d + i·%d reach outside %d samples less %d before and %d after",
			len(dst), pos, step, len(x), WarpBefore, WarpAfter))
	}
	w.read(dst, x, pos, step)
}

// readGeneric is Read. It defines the result: the exact sum of taps and
// samples, half rounded up, saturated to 16 bits.
func (w *Warp) readGeneric(dst, x []int16, pos, step int64) {
	const half = 1 << (warpTapBits - 1)
	for i := range dst {
		t := &w.taps[uint32(pos)>>(32-warpPhaseBits)]
		s := (*[warpTaps]int16)(x[pos>>32-WarpBefore:])
		sum := int32(half)
		for j, v := range s {
			sum += int32(t[j]) * int32(v)
		}
		dst[i] = int16(min(max(sum>>warpTapBits, math.MinInt16), math.MaxInt16))
		pos += step
	}
}

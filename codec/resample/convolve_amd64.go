//go:build !noasm

package resample

import "golang.org/x/sys/cpu"

// split holds the tables of convolveAVX2, nil where the CPU lacks AVX2.
//
// A tap t is high·256 + low with both parts in 16 bits, so that VPMADDWD can
// multiply them and 32 bits hold each sum: the magnitudes of a row's taps sum
// to less than 4, which bounds the high sum by 4·2^14·2^15 = 2^31, and up to
// 511 low parts of at most 2^7 bound the low one.
type split struct {
	rows  int     // that the tables repeat after: at least 4
	taps  []int16 // (rows+3) × length: per block of 16 taps, 16 high parts, then 16 low ones
	steps []uint8 // rows+3: how many samples each output lies before the next
}

func newSplit(f *Filter) split {
	if !cpu.X86.HasAVX2 {
		return split{}
	}
	// The kernel takes four rows at a time from wherever it is: the table is a
	// whole number of cycles, four rows or more, and three rows again.
	rows := f.rows * ((f.rows + 3) / f.rows)
	s := split{rows: rows, taps: make([]int16, 0, (rows+3)*f.length*2), steps: make([]uint8, rows+3)}
	for r := range rows + 3 {
		row := r % f.rows
		s.steps[r] = uint8(f.advance(row, 1))
		for taps := f.taps[row*f.length:][:f.length]; len(taps) > 0; taps = taps[tapBlock:] {
			var block [2 * tapBlock]int16
			for j, t := range taps[:tapBlock] {
				high := (t + 128) >> 8
				block[j] = int16(high)
				block[tapBlock+j] = int16(t - high<<8)
			}
			s.taps = append(s.taps, block[:]...)
		}
	}
	return s
}

// convolve is convolveGeneric, by assembly where the CPU has what it takes.
func (f *Filter) convolve(dst, x []int16, row int) {
	if len(dst) == 0 {
		return
	}
	if f.split.taps == nil {
		f.convolveGeneric(dst, x, row)
		return
	}
	_ = x[f.advance(row, len(dst)-1)+f.length-1] // the assembly checks nothing
	if f.rows == 2 && f.step == 1 && len(dst) > 8 {
		// Telephony to wideband, 8 to 16 kHz above all: row 0 is the input.
		if row == 1 {
			f.convolveAVX2(dst[:1], x, 1)
			dst, x, row = dst[1:], x[1:], 0
		}
		n := len(dst) / 8 * 8
		doubleAVX2(dst[:n], &x[0], &f.split.taps[2*f.length], f.length)
		dst, x = dst[n:], x[n/2:]
	}
	if len(dst) > 0 {
		f.convolveAVX2(dst, x, row)
	}
}

// convolveAVX2 calls the kernel for any filter. dst is not empty.
func (f *Filter) convolveAVX2(dst, x []int16, row int) {
	convolveAVX2(dst, &x[0], &f.split.taps[0], &f.split.steps[0], row, f.split.rows, f.length)
}

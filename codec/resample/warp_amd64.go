//go:build !noasm

package resample

import "golang.org/x/sys/cpu"

// read is readGeneric, by assembly where the CPU has what it takes. dst is not
// empty, and x has all samples for it.
func (w *Warp) read(dst, x []int16, pos, step int64) {
	if !cpu.X86.HasAVX2 {
		w.readGeneric(dst, x, pos, step)
		return
	}
	warpAVX2(dst, &x[0], &w.taps[0][0], pos-WarpBefore<<32, step)
}

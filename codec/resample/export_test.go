package resample

// Length returns the taps a row.
func (f *Filter) Length() int { return f.length }

// RowCount returns the rows of the filter.
func (f *Filter) RowCount() int { return f.rows }

// Row returns the taps of a row and the position it is for, in units of
// 1/RowCount input samples after the middle of the filter.
func (f *Filter) Row(row int) (taps []int32, phase int) {
	return f.taps[row*f.length:][:f.length], f.phase(row)
}

// Unrounded returns the taps of a row as design has them before rounding.
func (f *Filter) Unrounded(row int) []float64 {
	return scaled(f.length, f.phase(row), f.rows, f.step, kaiserBeta, tapBits)
}

func scaled(length, phase, rows, step int, beta float64, bits int) []float64 {
	taps := make([]float64, length)
	prototype(taps, phase, rows, step, beta)
	var sum float64
	for _, t := range taps {
		sum += t
	}
	for j, t := range taps {
		taps[j] = t * (float64(int(1)<<bits) / sum)
	}
	return taps
}

// Need returns how many samples n outputs, the first at row, are made from.
func (f *Filter) Need(row, n int) int { return f.advance(row, n-1) + f.length }

// Convolve is the kernel in use, ConvolveGeneric the one that defines it.
func (f *Filter) Convolve(dst, x []int16, row int)        { f.convolve(dst, x, row) }
func (f *Filter) ConvolveGeneric(dst, x []int16, row int) { f.convolveGeneric(dst, x, row) }

// TapBits is the scale of the taps.
const TapBits = tapBits

// ReadGeneric is the kernel of Read that defines the result.
func (w *Warp) ReadGeneric(dst, x []int16, pos, step int64) { w.readGeneric(dst, x, pos, step) }

// Row returns the taps for the fraction phase/WarpPhases.
func (w *Warp) Row(phase int) []int16 { return w.taps[phase][:] }

// UnroundedWarp returns the taps of a row as NewWarp has them before rounding.
func UnroundedWarp(phase int) []float64 {
	return scaled(warpTaps, phase, warpPhases, 1, warpBeta, warpTapBits)
}

// WarpPhases and WarpTapBits say how fine the table is.
const (
	WarpPhases  = warpPhases
	WarpTapBits = warpTapBits
)

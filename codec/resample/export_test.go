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
	taps := make([]float64, f.length)
	prototype(taps, f.phase(row), f.rows, f.step, 1/bessel(kaiserBeta))
	var sum float64
	for _, t := range taps {
		sum += t
	}
	for j, t := range taps {
		taps[j] = t * ((1 << tapBits) / sum)
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

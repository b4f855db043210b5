//go:build !amd64 || noasm

package resample

// split is empty where there is no assembly.
type split struct{}

func newSplit(*Filter) split { return split{} }

func (f *Filter) convolve(dst, x []int16, row int) { f.convolveGeneric(dst, x, row) }

func (w *Warp) read(dst, x []int16, pos, step int64) { w.readGeneric(dst, x, pos, step) }

package resample

import "math"

// convolveGeneric computes len(dst) outputs, the first at row, from x, whose
// first sample is the first that the first output sees. It defines the result:
// the exact sum of taps and samples, half rounded up, saturated to 16 bits.
func (f *Filter) convolveGeneric(dst, x []int16, row int) {
	const half = 1 << (tapBits - 1)
	phase := f.phase(row)
	for i := range dst {
		if phase == 0 && f.step <= f.rows {
			dst[i] = x[f.length/2-1] // upwards, at an input sample: one tap of 1
		} else {
			taps := f.taps[row*f.length : (row+1)*f.length]
			sum := dot(taps, x[:len(taps)]) + half
			dst[i] = int16(min(max(sum>>tapBits, math.MinInt16), math.MaxInt16))
		}

		phase += f.step
		x = x[phase/f.rows:]
		phase %= f.rows
		if row++; row == f.rows {
			row = 0
		}
	}
}

// dot multiplies and sums two slices of one length, a multiple of tapBlock. The
// fixed-size blocks spare the bounds checks.
func dot(taps []int32, x []int16) int64 {
	var a, b int64
	for len(taps) >= tapBlock && len(x) >= tapBlock {
		t, s := (*[tapBlock]int32)(taps), (*[tapBlock]int16)(x)
		a += int64(t[0])*int64(s[0]) + int64(t[1])*int64(s[1]) + int64(t[2])*int64(s[2]) + int64(t[3])*int64(s[3])
		b += int64(t[4])*int64(s[4]) + int64(t[5])*int64(s[5]) + int64(t[6])*int64(s[6]) + int64(t[7])*int64(s[7])
		a += int64(t[8])*int64(s[8]) + int64(t[9])*int64(s[9]) + int64(t[10])*int64(s[10]) + int64(t[11])*int64(s[11])
		b += int64(t[12])*int64(s[12]) + int64(t[13])*int64(s[13]) + int64(t[14])*int64(s[14]) + int64(t[15])*int64(s[15])
		taps, x = taps[tapBlock:], x[tapBlock:]
	}
	return a + b
}

package resample

import "math"

// The prototype is a sinc that crosses zero at half the lower rate, under a
// Kaiser window (Kaiser, Nonrecursive digital filter design using the I0-sinh
// window function, 1974). Measured for these two values: ±0.0001 dB to 0.425
// and -0.055 dB at 0.45 of the lower rate, -104 dB from 0.575 on.
const (
	prototypeLength = 48   // length in periods of the lower rate
	kaiserBeta      = 10.5 // trades the width of the transition for the depth of the stop band
)

// tapsPerRow returns the length of the filter in input samples. Downwards the
// prototype is stretched, to cut at half the output rate.
func tapsPerRow(rows, step int) int {
	n := prototypeLength
	if step > rows {
		n = (prototypeLength*step + rows - 1) / rows
	}
	return (n + tapBlock - 1) / tapBlock * tapBlock
}

// design fills in the taps of f.
//
// Tap j of a row at fraction φ is the prototype at j-(length/2-1)-φ, so the row
// of fraction 1-φ is that of φ reversed: half of them are computed.
func design(f *Filter) {
	row := make([]float64, f.length)
	for r := range f.rows {
		phase := f.phase(r)
		taps := f.taps[r*f.length : (r+1)*f.length]
		if phase > f.rows/2 {
			continue
		}
		prototype(row, phase, f.rows, f.step, kaiserBeta)
		quantise(taps, row, tapBits)
		if phase == 0 || 2*phase == f.rows {
			continue
		}
		// Row rows-r lies at fraction 1-φ, because its position is step minus
		// that of r.
		mirror := f.taps[(f.rows-r)*f.length:][:f.length]
		for j, t := range taps {
			mirror[f.length-1-j] = t
		}
	}
}

// prototype fills row with the taps at fraction phase/rows, under a window of
// the given beta. They need not sum to 1.
//
// The float64 conversions keep compilers from fusing a multiplication with an
// addition, which would change the result from machine to machine.
func prototype(row []float64, phase, rows, step int, beta float64) {
	window := 1 / bessel(beta)
	cut := min(1, float64(rows)/float64(step))
	half := float64(len(row) / 2)
	for j := range row {
		// An integer numerator keeps zero crossings and symmetry exact.
		num := (j-(len(row)/2-1))*rows - phase
		t := float64(num) / float64(rows)
		u := t / half
		row[j] = float64(sinc(t*cut)*window) * bessel(beta*math.Sqrt(max(0, 1-float64(u*u))))
	}
}

// quantise scales row to the sum 1<<bits and rounds it to integers of exactly
// that sum, so that a constant comes out as the same constant.
func quantise(taps []int32, row []float64, bits int) {
	var sum float64
	for _, v := range row {
		sum += v
	}
	scale := float64(int(1)<<bits) / sum
	rest, top := int32(1)<<bits, 0
	for j, v := range row {
		taps[j] = int32(math.RoundToEven(v * scale))
		rest -= taps[j]
		if taps[j] > taps[top] {
			top = j
		}
	}
	taps[top] += rest
}

// sinc is sin(πx)/(πx), exact at the integers.
func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	if x == math.Trunc(x) {
		return 0
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel is the modified Bessel function of the first kind and order 0, by its
// power series.
func bessel(x float64) float64 {
	sum, term, q := 1.0, 1.0, float64(x*x)/4
	for k := 1.0; term > sum*1e-17; k++ {
		term *= q / float64(k*k)
		sum += term
	}
	return sum
}

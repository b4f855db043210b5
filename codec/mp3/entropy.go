package mp3

// entropyGo is the sum over the lines of ½·log2(1 + (x·gain)²), which is about
// the bits that the lines take if gain is sharp over the quantiser's step: a line
// well above the step takes log2(|x|/step) + 3 bits. active counts the lines for
// which the square is at least 1. Eight lanes are multiplied up for four rounds
// before each logarithm.
func entropyGo(x *[granuleLen]float32, gain *lineValues) (bits float32, active int) {
	var sum [8]float32
	for i := 0; i < granuleLen; i += 32 {
		var prod [8]float32
		for l := range prod {
			a := square(x[i+l], gain[i+l], &active)
			b := square(x[i+8+l], gain[i+8+l], &active)
			c := square(x[i+16+l], gain[i+16+l], &active)
			d := square(x[i+24+l], gain[i+24+l], &active)
			prod[l] = a * b * c * d
		}
		for l := range sum {
			sum[l] += log2f(prod[l])
		}
	}
	return 0.5 * sum8(&sum), active
}

// square is one more than (x·gain)².
func square(x, gain float32, active *int) float32 {
	z := float32(x * gain)
	z = float32(z * z)
	if z >= 1 {
		*active++
		if z > 1<<30 {
			z = 1 << 30
		}
	}
	return 1 + z
}

// sharp makes the entropy of a step come out as bits.
const sharp = 8

// lineValues is a value for each line; vector stores may run over the last.
type lineValues = [granuleLen + 8]float32

// expandGo gives every line the value of its band.
func expandGo(line *lineValues, value *[40]float32, bounds *[40]uint16, bands int) {
	for k := range bands {
		v := value[k]
		x := line[bounds[k]:bounds[k+1]]
		for i := range x {
			x[i] = v
		}
	}
}

package mp3

import "math"

// entropyGo is the sum over the lines of ½·log2(1 + (x·gain)²), which is about
// the bits that the lines take if gain is sharp over the quantiser's step: a line
// well above the step takes log2(|x|/step) + 3 bits. active counts the lines for
// which the square is at least 1. Eight lanes are multiplied up for four rounds
// before each logarithm.
func entropyGo(x *[granuleLen]float32, gain *lineValues) (bits float32, active int) {
	var sum [8]float32
	for i := 0; i < granuleLen; i += 32 {
		y, g := (*[32]float32)(x[i:]), (*[32]float32)(gain[i:])
		if *y == [32]float32{} {
			continue // adds nothing, and is half the spectrum of telephone speech
		}
		for l := range 8 {
			a, n0 := square(y[l], g[l])
			b, n1 := square(y[8+l], g[8+l])
			c, n2 := square(y[16+l], g[16+l])
			d, n3 := square(y[24+l], g[24+l])
			active += n0 + n1 + n2 + n3
			sum[l] += log2f(a * b * c * d)
		}
	}
	return 0.5 * sum8(&sum), active
}

// square is one more than (x·gain)², and 1 if that is at least 1.
func square(x, gain float32) (float32, int) {
	z := float32(x * gain)
	z = float32(z * z)
	if z > 1<<30 {
		z = 1 << 30
	}
	below1 := (math.Float32bits(z) - 0x3f800000) >> 31 // z is not negative
	return 1 + z, int(1 - below1)
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

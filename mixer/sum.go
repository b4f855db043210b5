package mixer

import (
	"math"
	"unsafe"
)

// sum adds two legs into out, all of one length. Samples are added four at a time
// in one 64-bit word; only where one of the four leaves 16 bits are they looked at
// one by one. That is rare, and four times as fast.
func (m *Mixer) sum(out, caller, callee []int16) {
	const (
		sign = 0x8000_8000_8000_8000
		rest = ^uint64(sign)
	)
	a, b, sums := words(caller), words(callee), words(out)
	whole := min(len(a), len(b), len(sums))
	for i, x := range a[:whole] {
		y := b[i]
		// The sign bits are added apart, so that no carry crosses into the next
		// sample.
		s := (x&rest + y&rest) ^ (x^y)&sign
		if overflow := ^(x ^ y) & (x ^ s) & sign; overflow == 0 {
			sums[i] = s
			continue
		}
		for k := 4 * i; k < 4*i+4; k++ {
			out[k] = m.add(caller[k], callee[k])
		}
	}
	for k := 4 * whole; k < len(out); k++ {
		out[k] = m.add(caller[k], callee[k])
	}
}

// add is the saturating sum of two samples.
func (m *Mixer) add(x, y int16) int16 {
	sum := int32(x) + int32(y)
	if v := int16(sum); int32(v) == sum {
		return v
	}
	m.clipped++
	if sum < 0 {
		return math.MinInt16
	}
	return math.MaxInt16
}

// words is the same memory, four samples to a word; none if it does not lie on a
// word's boundary. Which of the four is which does not matter here, so it is right
// on any machine.
func words(s []int16) []uint64 {
	if uintptr(unsafe.Pointer(unsafe.SliceData(s)))%8 != 0 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(s))), len(s)/4)
}

// Package g711 owns the two companding laws of ITU-T G.711. The recording
// pipeline decodes with it; the demo, the tests and the load generator encode.
package g711

import "math/bits"

// Law is one of the two companding laws.
type Law uint8

// The laws of G.711.
const (
	MuLaw Law = iota // RTP payload type 0, PCMU
	ALaw             // RTP payload type 8, PCMA
)

// String is the encoding name of RFC 3551.
func (l Law) String() string {
	if l == ALaw {
		return "PCMA"
	}
	return "PCMU"
}

// Silence is the octet that decodes to the smallest positive value.
func (l Law) Silence() byte {
	if l == ALaw {
		return 0xD5
	}
	return 0xFF
}

// tables holds every code word's value in 16 bits: the 14-bit values of G.711
// table 2 (µ-law) times 4, and the 13-bit values of table 1 (A-law) times 8.
var tables = func() (t [2][256]int16) {
	for i := range 256 {
		t[MuLaw][i] = muValue(byte(i))
		t[ALaw][i] = aValue(byte(i))
	}
	return t
}()

// muValue decodes one µ-law octet: all bits are inverted on the line (G.711
// §3.1); sign, 3 bits of segment, 4 bits of step, and a bias of 33 (of 8159).
func muValue(c byte) int16 {
	c = ^c
	v := (int16(c&15)<<1+33)<<(c>>4&7) - 33
	if c&0x80 != 0 {
		v = -v
	}
	return v << 2
}

// aValue decodes one A-law octet: the even bits are inverted on the line (G.711
// §3.1); the first two segments are one line of steps of 2 (of 4096).
func aValue(c byte) int16 {
	c ^= 0x55
	v := int16(c&15)<<1 + 1
	if seg := c >> 4 & 7; seg > 0 {
		v = (v + 32) << (seg - 1)
	}
	if c&0x80 == 0 {
		v = -v
	}
	return v << 3
}

// Decode writes the value of every octet of src to dst, which is at least as
// long. Values are 16-bit linear PCM; µ-law reaches ±32124, A-law ±32256.
func Decode(law Law, dst []int16, src []byte) {
	t := &tables[law&1]
	dst = dst[:len(src)]
	for i, c := range src {
		dst[i] = t[c]
	}
}

// Encode appends the octet nearest to each sample of pcm to dst.
func Encode(law Law, dst []byte, pcm []int16) []byte {
	for _, s := range pcm {
		if law == ALaw {
			dst = append(dst, aCode(s))
		} else {
			dst = append(dst, muCode(s))
		}
	}
	return dst
}

// muCode quantises by the decision values of G.711 table 2: the magnitude with
// its bias lies in the segment of its highest set bit.
func muCode(s int16) byte {
	v, sign := int32(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v>>2+33, 8191)
	seg := bits.Len32(uint32(v)) - 6
	return ^(sign | byte(seg)<<4 | byte(v>>(seg+1))&15)
}

// aCode quantises by the decision values of G.711 table 1. A negative value
// that is not a multiple of the step goes to the interval it lies in, not to
// its mirror's, hence the complement.
func aCode(s int16) byte {
	v, sign := int32(s)>>3, byte(0x80)
	if v < 0 {
		v, sign = ^v, 0
	}
	seg := max(bits.Len32(uint32(v))-5, 0)
	step := v >> 1
	if seg > 1 {
		step = v >> seg
	}
	return (sign | byte(seg)<<4 | byte(step)&15) ^ 0x55
}

package mp3

import "math"

// A pair of quantised lines costs, in each of the code tables, the bits of a
// row of pairBits; ESC tables (16-31) come in two kinds that differ only in
// linbits, so fifteen tables stand for all (11172-3 2.4.2.7 table_select and
// Table B.7). The sixteenth lane counts values of 15 and above, which take
// linbits in the ESC tables.
const (
	laneESC0  = 13 // tables 16..23
	laneESC1  = 14 // tables 24..31
	lane15    = 15
	codeLanes = 16
)

// codeTables are the tables of the lanes, by their largest value.
var codeTables = [15]struct {
	number, size uint8
	codes        []codeWord
}{
	{1, 2, huffTable1[:]},
	{2, 3, huffTable2[:]},
	{3, 3, huffTable3[:]},
	{5, 4, huffTable5[:]},
	{6, 4, huffTable6[:]},
	{7, 6, huffTable7[:]},
	{8, 6, huffTable8[:]},
	{9, 6, huffTable9[:]},
	{10, 8, huffTable10[:]},
	{11, 8, huffTable11[:]},
	{12, 8, huffTable12[:]},
	{13, 16, huffTable13[:]},
	{15, 16, huffTable15[:]},
	{16, 16, huffTable16[:]},
	{24, 16, huffTable24[:]},
}

// firstLane is the first lane that can code a largest value, up to 15.
var firstLane = [16]uint8{0, 0, 1, 3, 5, 5, 8, 8, 11, 11, 11, 11, 11, 11, 11, 11}

// lastLane is the last lane worth trying: tables for far larger magnitudes do not
// pay, and ESC tables only from 15 up.
var lastLane = [16]uint8{0, 4, 7, 7, 10, 10, 12, 12, 12, 12, 12, 12, 12, 12, 12, laneESC1}

// linbitsOf are the linbits of tables 16..31 (Table B.7).
var linbitsOf = [2][8]uint8{{1, 2, 3, 4, 6, 8, 10, 13}, {4, 5, 6, 7, 8, 9, 11, 13}}

// notCoded marks a pair that a table has no code for: more than any code, and
// 288 of them still fit 16 bits.
const notCoded = 200

// pairBits holds the bits of pair 16x+y in every lane, sign bits included, as
// four lanes of 16 bits to a word so that plain addition adds them all.
var pairBits = func() (t [256][4]uint64) {
	for i := range t {
		x, y := i>>4, i&15
		signs := min(x, 1) + min(y, 1)
		for l := range codeLanes {
			n := notCoded
			if l == lane15 {
				n = x/15 + y/15
			} else if c := codeTables[l]; max(x, y) < int(c.size) {
				n = int(c.codes[x*int(c.size)+y].n) + signs
			}
			t[i][l/4] |= uint64(n) << (16 * (l % 4))
		}
	}
	return t
}()

// count1Bits is the cost of a quadruple in tables A (low half) and B, with signs.
var count1Bits = func() (t [16]uint32) {
	for i := range t {
		signs := i&1 + i>>1&1 + i>>2&1 + i>>3
		t[i] = uint32(int(huffCount1A[i].n)+signs) | uint32(int(huffCount1B[i].n)+signs)<<16
	}
	return t
}()

// laneCosts is a running sum of pairBits.
type laneCosts [4]uint64

func (c *laneCosts) lane(l int) int { return int(c[l/4] >> (16 * (l % 4)) & 0xffff) }

// region is what table a run of lines is best coded with.
type region struct {
	table, lane uint8
	bits        int
}

// pairCodes are the codes of each lane's table by 16x+y, with room for the signs
// at the low end: the bits from bit 8 up, their number below.
var pairCodes = func() (t [15][256]uint32) {
	for l, c := range codeTables {
		for i, w := range c.codes {
			x, y := i/int(c.size), i%int(c.size)
			signs := min(x, 1) + min(y, 1)
			t[l][x<<4|y] = uint32(w.bits)<<signs<<8 | uint32(int(w.n)+signs)
		}
	}
	return t
}()

var count1Codes = [2]*[16]codeWord{&huffCount1A, &huffCount1B}

func sign(x float32) uint32 { return math.Float32bits(x) >> 31 }

package mp3

import (
	"encoding/binary"
	"math"
)

// codeReader reads bits that must end at a place; behind them there are at least
// beyondMain bytes, of whatever value.
type codeReader struct {
	b       []byte
	at, end int
}

// peek gives the next 32 bits, or zeros behind all there is.
func (r *codeReader) peek() uint32 {
	i := r.at >> 3
	if i+8 > len(r.b) {
		return 0
	}
	return uint32(binary.BigEndian.Uint64(r.b[i:]) << (r.at & 7) >> 32)
}

func (r *codeReader) get(n int) int {
	v := int(r.peek() >> (32 - n)) // 0 if n is
	r.at += n
	return v
}

// codeTree is a Huffman code to be read bit by bit: node i goes on at [i][bit]
// if that is positive, and ends with symbol ^[i][bit] if it is negative.
type codeTree [][2]int16

func newCodeTree(codes []codeWord) codeTree {
	t := make(codeTree, 1, len(codes))
	for symbol, c := range codes {
		at := int16(0)
		for i := int(c.n) - 1; i > 0; i-- {
			bit := c.bits >> i & 1
			if t[at][bit] == 0 {
				t = append(t, [2]int16{})
				t[at][bit] = int16(len(t) - 1)
			}
			at = t[at][bit]
		}
		t[at][c.bits&1] = int16(^symbol)
	}
	return t
}

// read gives the next symbol. The codes are complete, so that there always is one.
func (t codeTree) read(r *codeReader) int {
	bits := r.peek()
	at := int16(0)
	for {
		r.at++
		at = t[at][bits>>31]
		if at <= 0 {
			return int(^at)
		}
		bits <<= 1
	}
}

// pairTrees and quadTrees are the codes of Table B.7, by lane and by
// count1table_select.
var (
	pairTrees = func() (t [15]codeTree) {
		for l, c := range codeTables {
			t[l] = newCodeTree(c.codes)
		}
		return t
	}()
	quadTrees = [2]codeTree{newCodeTree(huffCount1A[:]), newCodeTree(huffCount1B[:])}
)

// laneOf is the lane of a table_select.
func laneOf(table uint8) int {
	switch {
	case table >= 24:
		return laneESC1
	case table >= 16:
		return laneESC0
	}
	for l, c := range codeTables {
		if c.number == table {
			return l
		}
	}
	return -1
}

// spectrum reads part 3 (11172-3 2.4.1.7 huffmancodebits) and gives the line
// from where on all are zero.
func (r *codeReader) spectrum(q *[granuleLen + 4]int16, p *part, l *lines) (n int, fault string) {
	first, second := p.regions(l)
	edges := [4]int{0, min(first, p.bigValues), min(second, p.bigValues), p.bigValues}
	for i, table := range p.table {
		if lane := laneOf(table); lane >= 0 {
			r.pairs(q[edges[i]:edges[i+1]], lane, table)
		}
		if r.at > r.end {
			return 0, "big_values take more bits than part2_3_length"
		}
	}
	tree := quadTrees[0]
	if p.count1B {
		tree = quadTrees[1]
	}
	n = p.bigValues
	for n < granuleLen && r.at < r.end {
		from := r.at
		r.quad(q[n:n+4], tree)
		if r.at > r.end {
			// Some encoders stuff a granule with ones, which read as quadruples of
			// zeros until they do not come out even.
			if !r.alike(from) {
				return 0, "count1 takes more bits than part2_3_length"
			}
			clear(q[n : n+4])
			r.at = r.end
			break
		}
		n += 4
	}
	if n > granuleLen && (q[granuleLen] != 0 || q[granuleLen+1] != 0) {
		return 0, "count1 reaches beyond line 576"
	}
	if !r.alike(r.at) {
		return 0, "codes end before part2_3_length does"
	}
	return min(n, granuleLen), ""
}

// alike says whether all bits from a place to the end are the same: stuffing.
func (r *codeReader) alike(from int) bool {
	c := codeReader{b: r.b, at: from}
	for first := c.get(1); c.at < r.end; {
		if c.get(1) != first {
			return false
		}
	}
	return true
}

// pairs reads big_values of one table.
func (r *codeReader) pairs(q []int16, lane int, table uint8) {
	tree, size := pairTrees[lane], int(codeTables[lane].size)
	linbits := 0
	if table >= 16 {
		linbits = int(linbitsOf[(table-16)/8][table&7])
	}
	for i := 0; i+1 < len(q) && r.at <= r.end; i += 2 {
		symbol := tree.read(r)
		q[i] = r.value(symbol/size, linbits)
		q[i+1] = r.value(symbol%size, linbits)
	}
}

// value reads what comes behind the code of a magnitude: linbits and the sign.
func (r *codeReader) value(v, linbits int) int16 {
	if v == 0 {
		return 0
	}
	if v == 15 && linbits > 0 {
		v += r.get(linbits)
	}
	if r.get(1) == 1 {
		return int16(-v)
	}
	return int16(v)
}

// quad reads a quadruple of count1.
func (r *codeReader) quad(q []int16, tree codeTree) {
	symbol := tree.read(r)
	for i := range 4 {
		q[i] = r.value(symbol>>(3-i)&1, 0)
	}
}

// pretab is what preflag adds to the scalefactors of long blocks (Table B.6).
var pretab = [22]uint8{11: 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0}

// requantise makes spectral lines of the n values that are not all zero
// (2.4.3.4.7.1).
func (l *lines) requantise(q *[granuleLen + 4]int16, n int, p *part) {
	clear(l.x[:])
	l.top = 0
	step := -0.5 * float64(1+p.scale) // of a scalefactor, in powers of two
	for k := range l.bands {
		from, to := int(l.bounds[k]), min(int(l.bounds[k+1]), n)
		if from >= n {
			break
		}
		sf, gain := int(l.sf[k]), p.gain-210
		if k >= l.long {
			gain -= 8 * p.subblock[(k-l.long)%3]
		} else if p.preflag {
			sf += int(pretab[k])
		}
		factor := math.Exp2(0.25*float64(gain) + step*float64(sf))
		for i := from; i < to; i++ {
			if v := float64(q[i]); v != 0 {
				l.x[i] = v * math.Cbrt(math.Abs(v)) * factor
				l.top = i + 1
			}
		}
	}
}

package mp3

import "encoding/binary"

// bitWriter packs bits, most significant first, into memory that it is given.
type bitWriter struct {
	buf []byte // whole bytes written so far; its capacity is never outgrown
	acc uint64 // bits not yet written, at the top
	n   uint   // how many
}

// put writes the low n bits of v, n <= 32; the rest of v must be 0.
func (w *bitWriter) put(v uint32, n uint) {
	w.acc |= uint64(v) << (64 - n - w.n)
	w.n += n
	if w.n >= 32 {
		w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(w.acc>>32))
		w.acc <<= 32
		w.n -= 32
	}
}

// align fills up the last byte with zeros and writes everything.
func (w *bitWriter) align() {
	for ; w.n > 0; w.n -= min(w.n, 8) {
		w.buf = append(w.buf, byte(w.acc>>56))
		w.acc <<= 8
	}
}

// len is the number of bits written.
func (w *bitWriter) len() int { return 8*len(w.buf) + int(w.n) }

// putScalefactors writes part 2 of a granule (13818-3 2.4.1.7, scalefactors).
func putScalefactors(w *bitWriter, g *granule) {
	k := 0
	for p, n := range g.partitions {
		bits := uint(g.slen[p])
		if bits == 0 {
			k += int(n)
			continue
		}
		for range n {
			w.put(uint32(g.sf[k]), bits)
			k++
		}
	}
}

// putSpectrum writes part 3 of a granule (11172-3 2.4.1.7, huffmancodebits).
func putSpectrum(w *bitWriter, g *granule, c *coder) {
	edges := [4]int{0, g.bound[0], g.bound[1], g.bigValues}
	for r, t := range g.tables {
		if t.table != 0 {
			putPairs(w, &pairCodes[t.lane], c, edges[r], edges[r+1], t)
		}
	}
	for i := g.bigValues; i < g.count1; i += 4 {
		q := c.q[i : i+4 : i+4]
		code := count1Codes[g.count1B][q[0]<<3|q[1]<<2|q[2]<<1|q[3]]
		v, n := uint32(code.bits), uint(code.n)
		for j, m := range q {
			if m != 0 {
				v = v<<1 | sign(c.x[i+j])
				n++
			}
		}
		w.put(v, n)
	}
}

// putPairs writes the lines from..to with one code table.
func putPairs(w *bitWriter, codes *[256]codeWord, c *coder, from, to int, t region) {
	linbits := uint(0)
	if t.table >= 16 {
		linbits = uint(linbitsOf[(t.table-16)/8][t.table&7])
	}
	for i := from; i < to; i += 2 {
		x, y := c.q[i], c.q[i+1]
		code := codes[min(x, 15)<<4|min(y, 15)]
		w.put(uint32(code.bits), uint(code.n))
		var v uint32
		var n uint
		if x >= 15 && linbits > 0 {
			v, n = uint32(x-15), linbits
		}
		if x > 0 {
			v, n = v<<1|sign(c.x[i]), n+1
		}
		if y >= 15 && linbits > 0 {
			v, n = v<<linbits|uint32(y-15), n+linbits
		}
		if y > 0 {
			v, n = v<<1|sign(c.x[i+1]), n+1
		}
		w.put(v, n)
	}
}

package mp3

import "encoding/binary"

// bitWriter packs bits, most significant first, into memory that it is given,
// which must have eight bytes to spare.
type bitWriter struct {
	buf []byte
	at  int    // whole bytes written
	acc uint64 // bits not yet written, at the top
	n   uint   // how many, at most 32 between calls
}

// put writes the low n bits of v, n <= 32; the rest of v must be 0.
func (w *bitWriter) put(v uint32, n uint) {
	w.acc |= uint64(v) << (64 - n - w.n)
	w.n += n
	if w.n >= 32 {
		w.flush()
	}
}

// flush writes the whole bytes.
func (w *bitWriter) flush() {
	binary.BigEndian.PutUint64(w.buf[w.at:], w.acc)
	k := w.n &^ 7
	w.at += int(k / 8)
	w.acc <<= k
	w.n -= k
}

// align fills up the last byte with zeros and gives all bytes.
func (w *bitWriter) align() []byte {
	w.n = (w.n + 7) &^ 7
	w.flush()
	return w.buf[:w.at]
}

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
			putPairs(w, c, edges[r], edges[r+1], t)
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
func putPairs(w *bitWriter, c *coder, from, to int, t region) {
	codes := &pairCodes[t.lane]
	q := c.q[from:to]
	x := c.x[from:to]
	x = x[:len(q)]
	escape, linbits := uint32(16), uint(0)
	if t.table >= 16 {
		escape, linbits = 15, uint(linbitsOf[(t.table-16)/8][t.table&7])
	}
	acc, n := w.acc, w.n
	for i := 0; i+1 < len(q); i += 2 {
		a, b := uint32(q[i]), uint32(q[i+1])
		if a >= escape || b >= escape {
			w.acc, w.n = acc, n
			putEscaped(w, codes, a, b, x[i], x[i+1], linbits)
			acc, n = w.acc, w.n
			continue
		}
		code := codes[(a<<4|b)&255]
		two := min(b, 1)
		v := code>>8 | (sign(x[i])&min(a, 1))<<two | sign(x[i+1])&two
		n += uint(code & 255)
		acc |= uint64(v) << (64 - n)
		if n >= 32 {
			binary.BigEndian.PutUint64(w.buf[w.at:], acc)
			w.at += 4
			acc <<= 32
			n -= 32
		}
	}
	w.acc, w.n = acc, n
}

// putEscaped writes a pair of which one or both need linbits.
func putEscaped(w *bitWriter, codes *[256]uint32, a, b uint32, x, y float32, linbits uint) {
	code := codes[min(a, 15)<<4|min(b, 15)]
	signs := uint(min(a, 1) + min(b, 1))
	w.put(code>>8>>signs, uint(code&255)-signs)
	var v uint32
	var n uint
	if a >= 15 {
		v, n = a-15, linbits
	}
	if a > 0 {
		v, n = v<<1|sign(x), n+1
	}
	if b >= 15 {
		v, n = v<<linbits|(b-15), n+linbits
	}
	if b > 0 {
		v, n = v<<1|sign(y), n+1
	}
	w.put(v, n)
}

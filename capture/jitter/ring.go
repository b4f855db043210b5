package jitter

import (
	"math/bits"

	"callrec/codec/g711"
)

// cell is how many positions share the note of which packet brought them: 4 ms,
// less than any packet is long. A power of two that divides 64.
const cell = 32

// ring holds octets by position, modulo its size, with a bit for each that says
// whether it is there and one that says which law it is of, and for each cell the
// sequence number of the packet that wrote there last. It holds the positions
// [fixed, fixed+size); the Buffer keeps to that.
type ring struct {
	octets  []byte
	present []uint64
	alaw    []uint64
	seqs    []uint16
	mixed   bool // some A-law octet was ever written
}

// newRing makes a ring of size octets; size is a multiple of 64.
func newRing(size int) *ring {
	return &ring{
		octets:  make([]byte, size),
		present: make([]uint64, size/64),
		alaw:    make([]uint64, size/64),
		seqs:    make([]uint16, size/cell),
	}
}

// write puts the octets of packet seq at pos, leaving alone what is there already,
// and returns how many it placed.
func (r *ring) write(pos int64, octets []byte, law g711.Law, seq uint16) int {
	i := int(pos % int64(len(r.octets)))
	placed := 0
	for len(octets) > 0 { // twice where the octets lie across the ring's end
		n := min(len(octets), len(r.octets)-i)
		placed += r.writeRun(i, octets[:n], law)
		for c := i / cell; c <= (i+n-1)/cell; c++ {
			r.seqs[c] = seq
		}
		octets = octets[n:]
		i = 0
	}
	return placed
}

func (r *ring) writeRun(i int, octets []byte, law g711.Law) int {
	if law == g711.ALaw {
		r.mixed = true
	}
	end := i + len(octets)
	if next(r.present, i, end, true) == end { // nothing there: the usual case
		copy(r.octets[i:end], octets)
		fill(r.present, i, end, true)
		if r.mixed {
			fill(r.alaw, i, end, law == g711.ALaw)
		}
		return len(octets)
	}
	placed := 0
	for at := i; at < end; {
		at = next(r.present, at, end, false)
		to := next(r.present, at, end, true)
		copy(r.octets[at:to], octets[at-i:])
		fill(r.present, at, to, true)
		if r.mixed {
			fill(r.alaw, at, to, law == g711.ALaw)
		}
		placed += to - at
		at = to
	}
	return placed
}

// clear forgets n positions from pos on.
func (r *ring) clear(pos int64, n int) {
	i := int(pos % int64(len(r.octets)))
	for n > 0 {
		k := min(n, len(r.octets)-i)
		fill(r.present, i, i+k, false)
		n -= k
		i = 0
	}
}

// reset forgets everything.
func (r *ring) reset() {
	clear(r.present)
	clear(r.alaw)
	r.mixed = false
}

// read appends n positions from pos on to blk.
func (r *ring) read(blk *Block, pos int64, n int) {
	i := int(pos % int64(len(r.octets)))
	for n > 0 {
		k := min(n, len(r.octets)-i)
		r.readRun(blk, i, i+k)
		n -= k
		i = 0
	}
}

func (r *ring) readRun(blk *Block, i, end int) {
	blk.Octets = append(blk.Octets, r.octets[i:end]...)
	for i < end {
		if at := next(r.present, i, end, true); at > i {
			blk.add(at-i, Silent)
			i = at
			continue
		}
		to := next(r.present, i, end, false)
		if !r.mixed {
			blk.add(to-i, MuLaw)
			i = to
			continue
		}
		for i < to {
			if at := next(r.alaw, i, to, true); at > i {
				blk.add(at-i, MuLaw)
				i = at
				continue
			}
			at := next(r.alaw, i, to, false)
			blk.add(at-i, ALaw)
			i = at
		}
	}
}

// seq is the sequence number of the packet that brought pos.
func (r *ring) seq(pos int64) uint16 { return r.seqs[int(pos%int64(len(r.octets)))/cell] }

// ahead returns the first position of [pos, end) that is there, or end.
func (r *ring) ahead(pos, end int64) int64 {
	for pos < end {
		i := int(pos % int64(len(r.octets)))
		n := int(min(end-pos, int64(len(r.octets)-i)))
		if at := next(r.present, i, i+n, true); at < i+n {
			return pos + int64(at-i)
		}
		pos += int64(n)
	}
	return end
}

// next returns the first bit in [i, end) that has the given value, or end.
func next(words []uint64, i, end int, value bool) int {
	for i < end {
		w := words[i>>6]
		if !value {
			w = ^w
		}
		if w >>= i & 63; w != 0 {
			return min(i+bits.TrailingZeros64(w), end)
		}
		i = (i | 63) + 1
	}
	return end
}

// fill gives the bits [i, end) the given value.
func fill(words []uint64, i, end int, value bool) {
	for i < end {
		to := min((i|63)+1, end)
		mask := ^uint64(0) >> (64 - (to - i)) << (i & 63)
		if value {
			words[i>>6] |= mask
		} else {
			words[i>>6] &^= mask
		}
		i = to
	}
}

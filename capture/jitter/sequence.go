package jitter

// seqWindow is how many sequence numbers back a packet is known to have come: as many
// 5 ms packets as the longest hold, 10 s, and a turn can keep. A power of two, so that
// it divides 65536 and a wrap changes nothing; less than dropout, so that one number
// astray does not make the others old.
const seqWindow = 2048

// dropout is how many numbers may be missing in a row before it is more likely that
// the sender counts anew (RFC 3550 appendix A.1).
const dropout = 3000

// sequence follows the sequence numbers of one stream (RFC 3550 appendix A.1).
type sequence struct {
	base, max int64 // extended; valid once begun
	begun     bool
	far       bool   // the number seen last was far from all others,
	follows   uint16 // and this one comes after it
	unique    uint64 // distinct numbers seen
	before    uint64 // lost before the sender counted anew
	seen      [seqWindow / 64]uint64
}

// older reports whether seq comes before the newest number seen.
func (s *sequence) older(seq uint16) bool {
	return s.begun && int16(seq-uint16(s.max)) <= 0
}

// add takes one number. dup: it was seen before; reordered: it is new, but
// older than the newest. One far from all others counts for nothing until the next
// confirms it.
func (s *sequence) add(seq uint16) (dup, reordered bool) {
	if !s.begun {
		s.begun = true
		s.base, s.max = int64(seq), int64(seq)
		s.unique = 1
		s.set(s.max)
		return false, false
	}
	ext := s.max + int64(int16(seq-uint16(s.max)))
	if ext > s.max+dropout || ext <= s.max-seqWindow {
		if s.far && seq == s.follows {
			s.anew(seq)
			return false, false
		}
		s.far, s.follows = true, seq+1
		return false, false
	}
	s.far = false
	switch {
	case ext > s.max:
		for n := max(s.max+1, ext-seqWindow+1); n < ext; n++ {
			s.seen[n>>6&(seqWindow/64-1)] &^= 1 << (n & 63)
		}
		s.max = ext
	case s.seen[ext>>6&(seqWindow/64-1)]>>(ext&63)&1 == 1:
		return true, false
	default:
		reordered = true
		s.base = min(s.base, ext)
	}
	s.unique++
	s.set(ext)
	return false, reordered
}

// anew is a sender that has begun to count from elsewhere: two numbers in a row say
// so. What was lost before stays lost.
func (s *sequence) anew(seq uint16) {
	newest := int64(seq) + 1<<16 // room below for what comes late
	*s = sequence{before: s.lost(), begun: true, base: newest - 1, max: newest, unique: 2}
	s.set(s.base)
	s.set(s.max)
}

// unseen is how many numbers between two that were seen never came. What lies too
// far back or ahead to tell, or the wrong way round, counts as none.
func (s *sequence) unseen(from, to uint16) (n int64) {
	a := s.max + int64(int16(from-uint16(s.max)))
	b := s.max + int64(int16(to-uint16(s.max)))
	if s.max-a >= seqWindow || b > s.max {
		return 0
	}
	for ext := a + 1; ext < b; ext++ {
		if s.seen[ext>>6&(seqWindow/64-1)]>>(ext&63)&1 == 0 {
			n++
		}
	}
	return n
}

func (s *sequence) set(ext int64) {
	s.seen[ext>>6&(seqWindow/64-1)] |= 1 << (ext & 63)
}

// lost is how many numbers between the first and the newest were never seen.
func (s *sequence) lost() uint64 {
	if !s.begun {
		return 0
	}
	expected := uint64(s.max - s.base + 1)
	return s.before + expected - min(expected, s.unique)
}

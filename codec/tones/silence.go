package tones

import "unsafe"

// Loud is the mean magnitude of 20 ms, in steps of 16-bit PCM, from which they are
// not silent: the rule and the figure of FreeSWITCH's record application, as Kazoo
// calls it for record_caller.
//
// That is a sine of -37 dBm0, or noise of -36 dBm0 (-40 and -42 dB below full
// scale). The noise of a line stays under it by far: idle channels have -65 dBm0p
// or less (ITU-T G.712), poor analogue ones -45. Speech is loud by its vowels,
// which stand several dB over its active level; a nominal talker has -20 dBm0.
const Loud = 200

// spell is the piece of audio that is silent or is not: 20 ms.
const spell = 160

// Silence says how long the newest stretch of one leg has been silent. The zero
// value is ready. It judges spells of 20 ms, counted from its first sample, so
// blocks of any size have the same result.
type Silence struct {
	quiet int64 // length of the whole spells that were silent, up to now
	sum   int   // magnitudes of the spell that is not yet whole
	n     int   // its samples
}

// Length is how long the leg has been silent: the samples of all whole spells
// since the last that was loud, or since the beginning.
func (s *Silence) Length() int64 { return s.quiet }

// Write takes pcm until the leg has been silent for limit samples, and says how
// many it took and whether it came to that. Missing audio is written as zeros.
func (s *Silence) Write(pcm []int16, limit int64) (n int, reached bool) {
	for s.quiet < limit {
		piece := pcm[n:min(n+spell-s.n, len(pcm))]
		if len(piece) == 0 {
			return n, false
		}
		n += len(piece)
		s.sum += magnitudes(piece)
		if s.n += len(piece); s.n < spell {
			continue
		}
		s.quiet += spell
		if s.sum >= Loud*spell {
			s.quiet = 0
		}
		s.sum, s.n = 0, 0
	}
	return n, true
}

// magnitudes is the sum of |x|. Four samples at a time in one 64-bit word take
// half the time; which of the four is which does not matter.
func magnitudes(pcm []int16) int {
	const (
		ones = 0x0001_0001_0001_0001
		even = 0x0000_FFFF_0000_FFFF
	)
	var sums uint64 // two, of 32 bits each
	for _, w := range words(pcm) {
		negative := w >> 15 & ones
		w = (w ^ (negative<<16 - negative)) + negative // two's complement; -32768 becomes 32768
		sums += w&even + w>>16&even
	}
	sum := int(sums>>32 + sums&0xFFFF_FFFF)
	for _, x := range pcm[4*len(words(pcm)):] {
		sum += max(int(x), -int(x))
	}
	return sum
}

// words is the same memory, four samples to a word; none if it does not lie on a
// word's boundary.
func words(pcm []int16) []uint64 {
	p := unsafe.Pointer(unsafe.SliceData(pcm))
	if uintptr(p)%8 != 0 {
		return nil
	}
	return unsafe.Slice((*uint64)(p), len(pcm)/4)
}

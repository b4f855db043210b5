package bench

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/pion/rtp"

	"callrec/internal/testkit"
)

// perPacket is 20 ms of G.711.
const perPacket = 160

// A callee begins to send half a second after its caller. Up to there the file
// holds one leg alone, and so shows where each leg begins.
const calleeWaits = 25 // packets

// noise is what all legs say: each begins elsewhere in it. No octet is one that
// µ-law decodes to nothing, so that no sample can go missing unseen.
var noise = func() []byte {
	const size = 1 << 20
	r := rand.New(rand.NewPCG(711, 8000))
	b := make([]byte, size, size+perPacket)
	for i := range b {
		b[i] = byte(r.Uint32())
		if b[i]&0x7f == 0x7f {
			b[i] = 0x2a
		}
	}
	return append(b, b[:perPacket]...) // packets that begin near the end
}()

// speech is what one leg says: octet n is said[(from+n) mod 2^20].
type speech struct {
	said []byte // noise, or voices
	from int
	alaw bool
}

// speechOf is the speech of leg i of all legs: callers are the even ones. Every
// other call is of the other law.
func speechOf(leg int) speech { return speech{said: noise, from: leg * 7919, alaw: leg/2%2 == 1} }

// octets are perPacket octets from octet n on.
func (s speech) octets(n int) []byte {
	at := (s.from + n) & (1<<20 - 1)
	return s.said[at : at+perPacket]
}

// sample is the n-th, in 16-bit PCM.
func (s speech) sample(n int) int32 {
	c := s.said[(s.from+n)&(1<<20-1)]
	if s.alaw {
		return alaw[c]
	}
	return ulaw[c]
}

// ulaw and alaw decode G.711 for the expected mix. They are written down here a
// second time, from the Recommendation and in floating point, so that a fault in
// the worker's tables shows.
var ulaw, alaw = func() (u, a [256]int32) {
	for i := range 256 {
		sign := 1.0
		if i < 128 {
			sign = -1
		}
		// Table 2: chord c has 16 steps of 2^(c+1), and everything is 33 too high.
		c, step := float64(7-i>>4&7), float64(15-i&15)
		u[i] = int32(4 * sign * ((33+2*step)*math.Exp2(c) - 33))
		// Table 1, with every second bit turned over: as above, but the two lowest
		// chords are one, and values lie in the middle of their steps.
		j := i ^ 0x55
		c, step = float64(j>>4&7), float64(j&15)
		if c == 0 {
			a[i] = int32(8 * sign * (2*step + 1))
		} else {
			a[i] = int32(8 * sign * (2*step + 33) * math.Exp2(c-1))
		}
	}
	return u, a
}()

// packets makes the payload function of a schedule: RTP of every leg's speech,
// each with its own SSRC and its own first sequence number and timestamp, some
// of which wrap.
func packets(speechOf func(leg int) speech) func(leg, n int) []byte {
	var buf []byte
	return func(leg, n int) []byte {
		if leg%2 == 1 {
			if n -= calleeWaits; n < 0 {
				return nil
			}
		}
		s := speechOf(leg)
		h := rtp.Header{
			SSRC: 0x5eed0000 + uint32(leg), SequenceNumber: uint16(65436 + leg + n), Marker: n == 0,
			Timestamp: uint32(leg)*2654435761 - 4000 + uint32(n*perPacket),
		}
		if s.alaw {
			h.PayloadType = 8
		}
		buf = testkit.AppendRTP(buf[:0], h, s.octets(n*perPacket))
		return buf
	}
}

// mixture is what the file of a call must hold: silence, but for the speech of
// both legs, n packets of a caller's, from where each was found to begin.
type mixture struct {
	caller, callee speech
	packets        int // of the caller
	at             [2]int
}

// sample is the saturated sum at a position of the file.
func (m *mixture) sample(pos int) int16 {
	sum := int32(0)
	if n := pos - m.at[0]; n >= 0 && n < m.packets*perPacket {
		sum += m.caller.sample(n)
	}
	if n := pos - m.at[1]; n >= 0 && n < (m.packets-calleeWaits)*perPacket {
		sum += m.callee.sample(n)
	}
	return int16(min(max(sum, math.MinInt16), math.MaxInt16))
}

// find sets where the legs begin in a file: at its first sample that is not
// silence, and at the first after it that is not the caller's alone.
func (m *mixture) find(pcm []int16) error {
	a := 0
	for a < len(pcm) && pcm[a] == 0 {
		a++
	}
	b := a
	for b < len(pcm) && b-a < m.packets*perPacket && int32(pcm[b]) == m.caller.sample(b-a) {
		b++
	}
	if b == len(pcm) || b-a == m.packets*perPacket {
		return fmt.Errorf("the legs cannot be found in %d samples: looked up to %d and %d", len(pcm), a, b)
	}
	m.at = [2]int{a, b}
	return nil
}

// differing counts the samples of a file that are wrong, and names the first.
func (m *mixture) differing(pcm []int16) (n, first int) {
	for i, s := range pcm {
		if s != m.sample(i) {
			if n == 0 {
				first = i
			}
			n++
		}
	}
	return n, first
}

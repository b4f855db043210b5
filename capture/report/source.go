package report

import (
	"math"
	"time"
)

// Of RFC 3550 appendix A.1: a jump of the sequence numbers that is larger is not
// loss, and one back by more is not disorder, until a second packet confirms it.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// Source is the reception of one sender, as RFC 3550 appendix A keeps it. What
// arrives counts, not what is recorded of it. The zero Source has heard nothing.
type Source struct {
	ssrc     uint32
	begun    bool
	base     uint32 // first sequence number
	highest  uint32 // with cycles above 16 bits
	received uint32 // late ones and duplicates too
	next     uint32 // sequence number that would confirm a jump; above 16 bits: none

	other     uint32 // an SSRC of which one packet came,
	otherNext uint16 // and the sequence number of its next
	waiting   bool   // other and otherNext are valid

	timed   bool
	transit uint32 // of the last timed packet, in samples
	jitter  uint32 // ×16

	expectedBefore, receivedBefore uint32 // as of the last Block

	sender   Sender // of the last sender report
	senderAt time.Duration
	reported bool // sender is valid
}

// SSRC is the source that reports are about; ok is false before the first packet.
func (s *Source) SSRC() (ssrc uint32, ok bool) { return s.ssrc, s.begun }

// Add takes one RTP packet that arrived at the instant at. timed is false when its
// timestamp says nothing of when it was sent, as in repeats of a digit. Another
// SSRC takes over with its second packet in sequence (A.1), so that a stray does
// not reset anything.
func (s *Source) Add(ssrc uint32, seq uint16, timestamp uint32, timed bool, at time.Duration) {
	switch {
	case !s.begun:
		s.begin(ssrc, seq)
	case ssrc == s.ssrc:
		if !s.count(seq) {
			return
		}
	case s.waiting && ssrc == s.other && seq == s.otherNext:
		s.begin(ssrc, seq-1)
		s.count(seq)
	default:
		s.other, s.otherNext, s.waiting = ssrc, seq+1, true
		return
	}
	if timed {
		s.time(timestamp, at)
	}
}

// noNext is no sequence number.
const noNext = 1 << 16

// begin starts with a new source, or anew with the same one (A.1 init_seq).
func (s *Source) begin(ssrc uint32, seq uint16) {
	*s = Source{
		ssrc: ssrc, begun: true, base: uint32(seq), highest: uint32(seq), received: 1, next: noNext,
		sender: s.sender, senderAt: s.senderAt, reported: s.reported,
	}
}

// count takes one sequence number (A.1 update_seq). It reports whether the packet
// is of the stream.
func (s *Source) count(seq uint16) bool {
	switch ahead := seq - uint16(s.highest); {
	case ahead < maxDropout:
		s.highest += uint32(ahead)
	case ahead <= 1<<16-maxMisorder:
		if uint32(seq) != s.next {
			s.next = uint32(seq + 1)
			return false
		}
		s.begin(s.ssrc, seq) // two in sequence: the sender has restarted
		return true
	}
	s.received++
	s.waiting = false
	return true
}

// time follows A.8, with the estimator's rounding.
func (s *Source) time(timestamp uint32, at time.Duration) {
	transit := uint32(at/(time.Second/Rate)) - timestamp
	if s.timed {
		d := int32(transit - s.transit)
		if d < 0 {
			d = -d
		}
		s.jitter += uint32(d) - (s.jitter+8)>>4
	}
	s.transit, s.timed = transit, true
}

// Report takes a sender report that arrived at the instant at.
func (s *Source) Report(sr Sender, at time.Duration) {
	s.sender, s.senderAt, s.reported = sr, at, true
}

// Block is what to report at the instant now; the next one counts the fraction
// lost from here on. ok is false while there is nobody to report about, or nothing
// came of it since the last report (§6.4): the report then has no block.
func (s *Source) Block(now time.Duration) (b Block, ok bool) {
	if !s.begun || s.received == s.receivedBefore {
		return Block{}, false
	}
	expected := s.highest - s.base + 1
	b = Block{SSRC: s.ssrc, Highest: s.highest, Jitter: s.jitter >> 4}
	b.Lost = max(-1<<23, min(1<<23-1, int32(expected-s.received)))
	due, came := expected-s.expectedBefore, s.received-s.receivedBefore
	if missing := int32(due - came); due > 0 && missing > 0 {
		b.Fraction = uint8(min(255, uint64(missing)<<8/uint64(due)))
	}
	s.expectedBefore, s.receivedBefore = expected, s.received
	if s.reported && s.sender.SSRC == s.ssrc {
		b.LSR = uint32(s.sender.NTP >> 16)
		b.DLSR = uint32(max(0, min(math.MaxUint32, (now-s.senderAt).Microseconds()*65536/1e6)))
	}
	return b, true
}

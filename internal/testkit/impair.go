package testkit

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pion/rtp"
)

// Ptime is the length of the packets that a Stream makes, and PtimeOctets how much
// of G.711 that is.
const (
	Ptime       = 20 * time.Millisecond
	PtimeOctets = 160
)

// eventsType is the payload type of the digits (RFC 4733).
const eventsType = 101

// A digit is DigitFrames packets in place of audio: it lasts 120 ms, after which its
// end is told twice more.
const (
	digitPackets = 6
	DigitFrames  = digitPackets + 2
)

// Stream is what one party sends, and what happens to it on its way.
type Stream struct {
	Leg    int        // for Packet
	Header rtp.Header // of the first packet
	Octets []byte     // G.711; what does not fill a packet is left out
	Begin  time.Duration

	Seed      uint64
	Loss      float64       // the part of all packets that never arrive
	Duplicate float64       // and that arrive twice,
	Reorder   float64       // and that arrive after the next one
	Jitter    time.Duration // what the most delayed packets meet; a few meet next to nothing

	Talk, Pause time.Duration // in turns; in a pause nothing is sent, and time goes on

	Digits map[int]byte // by the packet with which the key is pressed: 0-9, 10 *, 11 #
}

// Fate is what becomes of one packet's time.
type Fate uint8

// The fates.
const (
	Came    Fate = iota
	Lost         // on the way
	Silent       // nothing was sent
	Pressed      // a packet of a digit was sent, and came or not
)

// Make gives the packets in the order they arrive, and the fate of each Ptime of
// the audio. The same Stream always gives the same. The first packet and the last
// are never lost.
func (s *Stream) Make() (packets []Packet, fates []Fate) {
	r := rand.New(rand.NewPCG(s.Seed, 7))
	n := len(s.Octets) / PtimeOctets
	h := s.Header
	h.Marker = true
	pressed := -DigitFrames
	for i := range n {
		now := time.Duration(i) * Ptime
		if s.Pause > 0 && now%(s.Talk+s.Pause) >= s.Talk {
			fates = append(fates, Silent)
			h.Marker = true
			continue
		}
		if _, ok := s.Digits[i]; ok {
			pressed = i
		}
		fate := Came
		h.PayloadType, h.Timestamp = s.Header.PayloadType, s.Header.Timestamp+uint32(i*PtimeOctets)
		payload := s.Octets[i*PtimeOctets : (i+1)*PtimeOctets]
		if k := i - pressed; k < DigitFrames {
			fate = Pressed
			h.PayloadType, h.Timestamp, h.Marker = eventsType, s.Header.Timestamp+uint32(pressed*PtimeOctets), k == 0
			payload = DigitPayload(s.Digits[pressed], k)
		}
		p := Packet{Leg: s.Leg, Due: s.Begin + now, Data: AppendRTP(nil, h, payload)}
		h.SequenceNumber++
		h.Marker = false
		// All dice are thrown for each packet, so that one fault does not move another.
		lost, twice, wait := r.Float64() < s.Loss, r.Float64() < s.Duplicate, r.Float64()
		p.Due += time.Duration(wait * wait * float64(s.Jitter))
		if lost && i > 0 && i < n-1 {
			if fate == Came {
				fate = Lost
			}
			fates = append(fates, fate)
			continue
		}
		fates = append(fates, fate)
		packets = append(packets, p)
		if twice {
			p.Due += Ptime / 40
			packets = append(packets, p)
		}
	}
	for i := range len(packets) - 1 { // only ever later: nothing arrives before it was sent
		if r.Float64() < s.Reorder {
			packets[i].Due = max(packets[i].Due, min(packets[i+1].Due+Ptime/20, packets[i].Due+2*Ptime))
		}
	}
	slices.SortStableFunc(packets, func(a, b Packet) int { return cmp.Compare(a.Due, b.Due) })
	return packets, fates
}

// DigitPayload is the payload of the k-th packet of an event, from 0 to DigitFrames-1: RFC
// 4733 §2.3.
func DigitPayload(event byte, k int) []byte {
	const end, volume = 0x80, 10
	flags := byte(volume)
	if k >= digitPackets-1 {
		flags |= end
	}
	duration := uint16(min(k+1, digitPackets) * PtimeOctets)
	return []byte{event, flags, byte(duration >> 8), byte(duration)}
}

// Merged are the packets of all streams, in order of time.
func Merged(streams ...[]Packet) []Packet {
	all := slices.Concat(streams...)
	slices.SortStableFunc(all, func(a, b Packet) int { return cmp.Compare(a.Due, b.Due) })
	return all
}

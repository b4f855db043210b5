package jitter

import (
	"time"

	"callrec/capture/clock"
	"callrec/codec/g711"
)

// nurseryPackets bounds the packets kept for a stream whose anchor is not yet
// known: hold and tick of 5 ms packets, and half as many duplicates.
const nurseryPackets = 384

// nursery keeps the first packets of a stream, in the order they came, until it
// is known where on the timeline they belong.
type nursery struct {
	ssrc   uint32
	began  time.Duration // arrival of the first packet
	last   time.Duration // newest arrival
	ts     extender
	anchor clock.Anchor
	least  time.Duration // smallest delay, as the anchor has it
	origin int64         // extended timestamp of the first packet kept
	first  int64         // smallest extended timestamp
	heads  []head
	octets []byte // payloads, one after the other
	lent   bool   // octets lie in the leg's ring, which holds nothing yet
}

// head is one packet in a nursery.
type head struct {
	at  time.Duration
	ts  int32 // extended timestamp, less that of the first packet kept
	seq uint16
	len uint16
	law g711.Law
}

// begin takes the nursery into use, with room for the payloads.
func (n *nursery) begin(ssrc uint32, at time.Duration, room []byte, lent bool) {
	*n = nursery{ssrc: ssrc, began: at, heads: n.heads[:0], octets: room[:0], lent: lent}
}

// takes reports whether a packet belongs with those kept: the same SSRC, and a
// delay no further from theirs than span. It does not change the nursery.
func (n *nursery) takes(ssrc, ts uint32, at, span time.Duration) bool {
	if ssrc != n.ssrc {
		return false
	}
	if len(n.heads) == 0 {
		return true
	}
	d := at - time.Duration(n.ts.peek(ts))*clock.Sample
	return d > n.least-span && d < n.least+span
}

// full reports whether a payload of size octets finds no room.
func (n *nursery) full(size int) bool {
	return len(n.heads) == nurseryPackets || len(n.octets)+size > cap(n.octets)
}

func (n *nursery) add(seq uint16, ts uint32, payload []byte, law g711.Law, at time.Duration) {
	ext := n.ts.extend(ts)
	d := at - time.Duration(ext)*clock.Sample
	if len(n.heads) == 0 || d < n.least {
		n.least = d
	}
	if len(n.heads) == 0 {
		n.origin, n.first = ext, ext
	}
	n.first = min(n.first, ext)
	n.last = max(n.last, at)
	n.anchor.Add(at, ext)
	n.heads = append(n.heads, head{at, int32(ext - n.origin), seq, uint16(len(payload)), law})
	n.octets = append(n.octets, payload...)
}

// note keeps the number of a packet without audio, and returns where on our timeline
// its timestamp lies as far as is known.
func (n *nursery) note(seq uint16, ts uint32, at time.Duration) int64 {
	ext := n.ts.peek(ts)
	if len(n.heads) < nurseryPackets {
		n.heads = append(n.heads, head{at: at, ts: int32(ext - n.origin), seq: seq})
	}
	return ext + n.anchor.Offset()
}

// earliest is the position of its first sample, as far as is known.
func (n *nursery) earliest() int64 { return n.first + n.anchor.Offset() }

// extender turns 32-bit RTP timestamps into 64 bits that never wrap.
type extender struct {
	last  uint32
	ext   int64
	begun bool
}

// peek returns the extension of ts: the one nearest to the newest seen.
func (e *extender) peek(ts uint32) int64 {
	if !e.begun {
		return int64(ts)
	}
	return e.ext + int64(int32(ts-e.last))
}

// extend is peek, and remembers ts when it is the newest.
func (e *extender) extend(ts uint32) int64 {
	ext := e.peek(ts)
	if !e.begun || ext > e.ext {
		e.last, e.ext, e.begun = ts, ext, true
	}
	return ext
}

package jitter

import (
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
	"callrec/codec/g711"
)

// Early is how far past its arrival a packet may be placed. The anchor makes it
// zero; a sender's clock that runs fast, or a path that gets shorter, uses it up.
const Early = 250 * time.Millisecond

// maxPayload is the largest payload taken, in octets: half a second.
const maxPayload = 4096

// candidates bounds the streams whose anchor is being sought at one time.
const candidates = 3

// Verdict is what became of one packet.
type Verdict uint8

// The verdicts.
const (
	Accepted  Verdict = iota // placed, or empty
	Waiting                  // kept until its stream's anchor is known
	Duplicate                // its sequence number was seen before
	Late                     // its place on the timeline is fixed already
	Foreign                  // of another stream, beside too many others
	Overrun                  // no room: the leg has not been read for longer than Reach, or the payload is huge
)

// Buffer puts the packets of one leg on that leg's own timeline.
type Buffer struct {
	pool   *Pool
	epoch  time.Duration
	lean   int64 // how far the leg's own timeline is ahead of the call's
	fixed  int64 // positions before this have been read
	ring   *ring // nil until something is placed
	stream stream
	heard  bool // stream is valid
	wait   [candidates]*nursery
	gap    gap
	hushed hushed
	stats  Stats
}

// stream is the run of packets that the leg is made of at present.
type stream struct {
	ssrc   uint32
	ts     extender
	offset int64 // extended timestamp + offset = position
	first  int64 // where it begins
	newest int64 // the position after its last octet
	packet int64 // octets in the largest packet
	seq    sequence
	last   time.Duration // newest arrival of a packet that fit
	drift  clock.Drift
	report reported
	spread time.Duration // last packet's delay, for the jitter
}

// New returns a Buffer for a call whose position 0 is at epoch on our clock. It
// takes memory from the pool when packets come, and gives it back at Close.
func New(pool *Pool, epoch time.Duration) *Buffer {
	return &Buffer{pool: pool, epoch: epoch}
}

// Push takes one packet: its header, its payload of G.711 octets of the given
// law (copied), and when the kernel received it.
func (b *Buffer) Push(h *rtp.Header, payload []byte, law g711.Law, at time.Duration) Verdict {
	b.stats.Packets++
	if len(payload) > maxPayload {
		b.stats.Overrun++
		return Overrun
	}
	if len(payload) == 0 { // a keep-alive: its timestamp may mean nothing
		b.Note(h, at)
		return Accepted
	}
	at -= b.epoch
	if b.heard && h.SSRC == b.stream.ssrc {
		switch b.judge(h, len(payload), at) {
		case fits:
			return b.accept(h.SequenceNumber, b.stream.ts.extend(h.Timestamp), payload, law, at)
		case tooLate:
			b.stats.Late++
			return Late
		case strange:
		}
	}
	return b.keep(h, payload, law, at)
}

// fitness is how a packet relates to the current stream.
type fitness uint8

const (
	fits    fitness = iota
	tooLate         // of the stream, but its place is fixed
	strange         // arrival contradicts its timestamp: another stream begins
)

func (b *Buffer) judge(h *rtp.Header, n int, at time.Duration) fitness {
	pos := b.stream.ts.peek(h.Timestamp) + b.stream.offset
	if pos > clock.Samples(at+Early)+b.lean {
		return strange
	}
	if pos+int64(n) > b.fixed {
		return fits
	}
	// A packet that was overtaken is merely late. One that comes after all
	// others and still has no place belongs to a sender that paused its clock.
	if b.stream.seq.older(h.SequenceNumber) && pos > b.fixed-10*clock.Rate {
		return tooLate
	}
	return strange
}

// accept places a packet of the current stream.
func (b *Buffer) accept(seq uint16, ts int64, payload []byte, law g711.Law, at time.Duration) Verdict {
	s := &b.stream
	s.last = max(s.last, at)
	s.drift.Add(at, ts)
	dup, reordered := s.seq.add(seq)
	if reordered {
		b.stats.Reordered++
	}
	if !dup {
		b.jitter(at - time.Duration(ts)*clock.Sample)
	}
	placed, v := b.place(ts+s.offset, payload, law, seq)
	switch {
	case dup && placed == 0: // else its number was used before, by another packet
		v = Duplicate
		b.stats.Duplicate++
	case v == Late:
		b.stats.Late++
	case v == Overrun:
		b.stats.Overrun++
	}
	return v
}

// place writes what is not yet fixed, or there, and says how many octets that was.
func (b *Buffer) place(pos int64, payload []byte, law g711.Law, seq uint16) (placed int, v Verdict) {
	b.stream.packet = max(b.stream.packet, int64(len(payload)))
	if cut := b.fixed - pos; cut > 0 {
		if cut >= int64(len(payload)) {
			return 0, Late
		}
		payload = payload[cut:]
		pos = b.fixed
	}
	if pos+int64(len(payload)) > b.fixed+int64(b.pool.ringSize) {
		return 0, Overrun
	}
	b.stream.newest = max(b.stream.newest, pos+int64(len(payload)))
	return b.ring.write(pos, payload, law, seq), Accepted
}

// Note takes a packet that brings no audio, such as a digit or comfort noise: the
// number it has used up in its stream is not lost. It returns where its timestamp
// lies on the leg's own timeline, or, while the stream's anchor is being sought,
// where it would lie by what is known. ok is false when it is of no stream known.
func (b *Buffer) Note(h *rtp.Header, at time.Duration) (pos int64, ok bool) {
	if b.heard && h.SSRC == b.stream.ssrc {
		b.stream.seq.add(h.SequenceNumber)
		return b.stream.ts.peek(h.Timestamp) + b.stream.offset, true
	}
	for _, n := range b.wait {
		if n != nil && n.ssrc == h.SSRC {
			return n.note(h.SequenceNumber, h.Timestamp, at-b.epoch) + b.lean, true
		}
	}
	return 0, false
}

// jitter follows RFC 3550 §6.4.1, in nanoseconds.
func (b *Buffer) jitter(delay time.Duration) {
	s := &b.stream
	if s.seq.unique > 1 {
		d := (delay - s.spread).Abs()
		b.stats.Jitter += (d - b.stats.Jitter) / 16
	}
	s.spread = delay
}

// keep puts a packet with the others of its stream whose anchor is not known.
func (b *Buffer) keep(h *rtp.Header, payload []byte, law g711.Law, at time.Duration) Verdict {
	span := b.pool.hold + Early
	for i := range b.wait {
		n := b.wait[i]
		if n == nil {
			n = b.newNursery(h.SSRC, at)
			b.wait[i] = n
		}
		if !n.takes(h.SSRC, h.Timestamp, at, span) {
			continue
		}
		if n.full(len(payload)) { // more than a hold's worth: it has waited enough
			b.remove(i)
			b.stats.Packets--
			return b.Push(h, payload, law, at+b.epoch)
		}
		n.add(h.SequenceNumber, h.Timestamp, payload, law, at)
		return Waiting
	}
	b.stats.Foreign++
	return Foreign
}

// newNursery makes a nursery. The leg's first one keeps its payloads in the ring,
// which it needs anyway and which is empty: calls that all begin in one instant
// would otherwise leave their nurseries' memory behind.
func (b *Buffer) newNursery(ssrc uint32, at time.Duration) *nursery {
	n := b.pool.nursery()
	if b.ring != nil {
		n.begin(ssrc, at, b.pool.room(), false)
		return n
	}
	b.ring = b.pool.ring()
	n.begin(ssrc, at, b.ring.octets[:0:min(len(b.ring.octets), cap(b.pool.spare))], true)
	return n
}

// ownPayloads returns the payloads of a nursery whose stream is about to be placed
// in the ring, out of the ring's way, and those of a nursery that has to wait on.
func (b *Buffer) ownPayloads(n *nursery) []byte {
	for _, w := range b.wait {
		if w != nil && w.lent {
			w.octets, w.lent = append(b.pool.room()[:0], w.octets...), false
		}
	}
	if !n.lent {
		return n.octets
	}
	return append(b.pool.spare[:0], n.octets...)
}

// lead is how long before its first sample is fixed a stream's anchor is decided,
// in samples: one turn of a call. Deciding later would find a smaller delay now and
// then, and cut off the beginning of the stream when that moves it back into what
// the turn before has fixed.
const lead = clock.Rate / 5

// settle decides on every stream whose first sample is about to be fixed.
func (b *Buffer) settle(upTo int64) {
	for i := 0; i < candidates && b.wait[i] != nil; {
		if b.wait[i].earliest()+b.lean < upTo+lead {
			b.remove(i)
		} else {
			i++
		}
	}
}

// remove decides on the stream in nursery i and gives the nursery back.
func (b *Buffer) remove(i int) {
	n := b.wait[i]
	copy(b.wait[i:], b.wait[i+1:])
	b.wait[candidates-1] = nil
	b.decide(n)
	b.pool.keepNursery(n)
}

// decide makes a stream the current one, unless the one before goes on beside it:
// then it was a stray, or a burst that the network had held back.
func (b *Buffer) decide(n *nursery) {
	if b.heard && (b.stream.last >= n.last || b.stream.last > n.began+b.pool.hold/2) {
		if n.ssrc == b.stream.ssrc {
			b.stats.Late += uint64(len(n.heads))
		} else {
			b.stats.Foreign += uint64(len(n.heads))
		}
		return
	}
	if b.heard {
		b.stats.Restarts++
		b.stats.Lost += b.stream.seq.lost()
	}
	b.heard = true
	b.stream = stream{ssrc: n.ssrc, ts: n.ts, offset: n.anchor.Offset() + b.lean}
	b.stream.first = n.first + b.stream.offset
	octets := b.ownPayloads(n)
	for _, p := range n.heads {
		if p.len == 0 {
			b.stream.seq.add(p.seq)
			continue
		}
		b.accept(p.seq, n.origin+int64(p.ts), octets[:p.len], p.law, p.at)
		octets = octets[p.len:]
	}
}

// Read fills blk with the next stretch of the timeline, at most as long as blk
// was made for, and fixes it. It returns false when everything before upTo has
// been read. To let jitter up to the hold pass unheard, upTo is one hold behind
// the instant up to which packets have been pushed.
func (b *Buffer) Read(blk *Block, upTo int64) bool {
	b.settle(upTo)
	if upTo <= b.fixed {
		return false
	}
	n := int(min(upTo-b.fixed, int64(cap(blk.Octets))))
	blk.Pos, blk.Octets, blk.Spans = b.fixed, blk.Octets[:0], blk.Spans[:0]
	if b.ring == nil {
		blk.Octets = blk.Octets[:n]
		blk.add(n, Silent)
	} else {
		b.ring.read(blk, b.fixed, n)
		b.explain(blk)
		b.hushed.apply(blk)
		b.ring.clear(b.fixed, n)
	}
	b.fixed += int64(n)
	return true
}

// Skip fixes everything before upTo unread.
func (b *Buffer) Skip(upTo int64) {
	b.settle(upTo)
	if upTo <= b.fixed {
		return
	}
	if b.ring != nil {
		b.ring.clear(b.fixed, int(min(upTo-b.fixed, int64(b.pool.ringSize))))
	}
	b.fixed = upTo
	b.gap = gap{}
}

// Close gives the memory back. The Buffer may not be used after, but for Stats.
func (b *Buffer) Close() {
	if b.ring != nil {
		b.pool.keepRing(b.ring)
		b.ring = nil
	}
	for i, n := range b.wait {
		if n != nil {
			b.pool.keepNursery(n)
			b.wait[i] = nil
		}
	}
}

package jitter

import (
	"time"

	"callrec/capture/clock"
)

// gap is what is known of the end of the last block. The zero gap is a silence
// that goes on: nothing was heard before.
type gap struct {
	audio bool // the block ended with audio
	kind  Kind // else of this kind
}

// explain tells the silent spans of a block from those that were lost. It stays
// with what it said of a gap that reaches into the next block.
func (b *Buffer) explain(blk *Block) {
	at := blk.Pos
	for i := range blk.Spans {
		s := &blk.Spans[i]
		switch {
		case s.Kind.Audio():
			b.gap = gap{audio: true}
		case b.gap.audio:
			b.gap = gap{kind: b.why(at)}
			s.Kind = b.gap.kind
		default:
			s.Kind = b.gap.kind
		}
		at += int64(s.Len)
	}
}

// why says of what kind a gap is that begins at a position with audio before it. A
// gap is lost when as many numbers are missing between the packets beside it as
// fill it. Fewer are missing where a sender was quiet: it does not count on, or,
// while it sends digits or comfort noise, those packets came. A gap whose end is
// not there yet, with the hold long over, is a sender that has stopped.
func (b *Buffer) why(pos int64) Kind {
	if !b.heard || pos <= b.stream.first {
		return Silent
	}
	end := b.ring.ahead(pos, b.stream.newest)
	if end >= b.stream.newest {
		return Silent
	}
	missing := b.stream.seq.unseen(b.ring.seq(pos-1), b.ring.seq(end))
	if missing == 0 || end-pos > missing*b.stream.packet {
		return Silent
	}
	return Lost
}

// hushed are the newest spans of a leg that are to be silent, whatever came there.
type hushed [4]struct{ from, to int64 }

// Hush makes [from, to) of the leg's own timeline silent, as far as it is not fixed
// yet: a digit is there (RFC 4733), and audio that its sender let come beside it is
// the same tone. Spans that begin alike are one that grows. It remembers four.
func (b *Buffer) Hush(from, to int64) {
	h := &b.hushed
	oldest := 0
	for i := range h {
		if h[i].from == from && h[i].to > 0 {
			h[i].to = max(h[i].to, to)
			return
		}
		if h[i].to < h[oldest].to {
			oldest = i
		}
	}
	h[oldest].from, h[oldest].to = from, to
}

func (h *hushed) apply(blk *Block) {
	for _, s := range h {
		if s.to > blk.Pos && s.from < blk.Pos+int64(len(blk.Octets)) {
			blk.hush(s.from, s.to)
		}
	}
}

// Lean says how many samples the leg's own timeline is ahead of the call's from
// now on: a sender whose clock runs fast needs more samples for the same time.
func (b *Buffer) Lean(samples int64) { b.lean = samples }

// Ahead is how many samples ahead the leg's own timeline would have to be, at a
// position of the call, to put each sample where the least delayed packets say
// (see clock.Drift), and how fast that grows, in parts per million. ok is false
// while nobody knows.
func (b *Buffer) Ahead(pos int64) (samples, ppm float64, ok bool) {
	if !b.heard {
		return 0, 0, false
	}
	least, ok := b.stream.drift.Delay(time.Duration(pos) * clock.Sample)
	ppm, _ = b.stream.drift.PPM()
	return float64(b.stream.offset) - float64(least)/float64(clock.Sample), ppm, ok
}

// Streams is how many streams the leg has been made of so far.
func (b *Buffer) Streams() uint64 {
	if !b.heard {
		return 0
	}
	return b.stats.Restarts + 1
}

// DriftPPM is how much faster the sender's clock runs than ours (see clock.Drift).
func (b *Buffer) DriftPPM() (ppm float64, ok bool) { return b.stream.drift.PPM() }

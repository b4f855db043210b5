package jitter

import (
	"slices"

	"callrec/codec/g711"
)

// Kind says what a span of a Block holds.
type Kind uint8

// The kinds of span.
const (
	// Silent is where nobody sent anything, as far as sequence numbers tell: before
	// and after a stream, pauses of a sender that suppresses silence, hold, digits.
	Silent Kind = iota
	// Lost is where packets were sent that did not come. As in Silent, the octets
	// are meaningless.
	Lost
	MuLaw
	ALaw
)

// Audio reports whether the span holds octets.
func (k Kind) Audio() bool { return k >= MuLaw }

// Law is the companding law of a span that holds audio.
func (k Kind) Law() g711.Law {
	if k == ALaw {
		return g711.ALaw
	}
	return g711.MuLaw
}

// Span is a run of octets of one kind.
type Span struct {
	Len  int
	Kind Kind
}

// Block is a stretch of one leg's timeline as Read hands it out. It is the
// caller's, filled anew by every Read.
type Block struct {
	Pos    int64  // position of the first octet
	Octets []byte // one for each position
	Spans  []Span // in order; their lengths add up to len(Octets)
}

// NewBlock returns a Block for stretches of up to n positions. A Read never
// returns more than that, and never allocates.
func NewBlock(n int) *Block {
	return &Block{Octets: make([]byte, 0, n), Spans: make([]Span, 0, n)}
}

// hush makes [from, to) of the timeline silent, as far as the block holds it.
func (b *Block) hush(from, to int64) {
	from, to = max(from-b.Pos, 0), min(to-b.Pos, int64(len(b.Octets)))
	at := int64(0)
	for i := 0; i < len(b.Spans) && at < to; i++ {
		s := b.Spans[i]
		end := at + int64(s.Len)
		if end > from && s.Kind != Silent {
			before, within, after := int(max(from-at, 0)), int(min(to, end)-max(from, at)), int(max(end-to, 0))
			b.Spans[i] = Span{within, Silent}
			if after > 0 {
				b.Spans = slices.Insert(b.Spans, i+1, Span{after, s.Kind})
			}
			if before > 0 {
				b.Spans = slices.Insert(b.Spans, i, Span{before, s.Kind})
				i++
			}
		}
		at = end
	}
}

// add appends a span, merging it with the one before when they are alike.
func (b *Block) add(n int, k Kind) {
	if last := len(b.Spans) - 1; last >= 0 && b.Spans[last].Kind == k {
		b.Spans[last].Len += n
		return
	}
	b.Spans = append(b.Spans, Span{n, k})
}

package jitter

import "callrec/codec/g711"

// Kind says what a span of a Block holds.
type Kind uint8

// The kinds of span.
const (
	Missing Kind = iota // no packet brought it; the octets are meaningless
	MuLaw
	ALaw
)

// Law is the companding law of a span that is not Missing.
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

// add appends a span, merging it with the one before when they are alike.
func (b *Block) add(n int, k Kind) {
	if last := len(b.Spans) - 1; last >= 0 && b.Spans[last].Kind == k {
		b.Spans[last].Len += n
		return
	}
	b.Spans = append(b.Spans, Span{n, k})
}

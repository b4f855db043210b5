// Package clock owns the relation of two clocks: ours, by which packets arrive,
// and a sender's, by which they are stamped. It finds where a stream stands on
// our timeline (the anchor) and how fast the sender's clock runs (the drift).
// The jitter buffers call it. It is pure: every time is an argument.
package clock

import "time"

// Rate is the clock rate of G.711 in RTP, in Hz (RFC 3551 §4.5.14).
const Rate = 8000

// Sample is the length of one sample.
const Sample = time.Second / Rate

// Samples is the number of whole samples in d, rounded down, for negative d too.
func Samples(d time.Duration) int64 {
	n := int64(d / Sample)
	if d%Sample < 0 {
		n--
	}
	return n
}

// Anchor finds a stream's place on our timeline: the smallest (arrival −
// timestamp) seen. No packet can arrive before it was sent, so the smallest is
// the nearest to the truth, and jitter above it changes nothing. The zero Anchor
// has seen nothing.
type Anchor struct {
	min  time.Duration
	seen bool
}

// Add takes one packet: when it arrived, and its extended RTP timestamp.
func (a *Anchor) Add(at time.Duration, ts int64) {
	if d := delay(at, ts); !a.seen || d < a.min {
		a.min, a.seen = d, true
	}
}

// Offset is what to add to an extended timestamp to get its place on our
// timeline, in samples. It is 0 before the first Add.
func (a *Anchor) Offset() int64 { return Samples(a.min) }

// delay is arrival minus timestamp: the network's delay plus a constant.
func delay(at time.Duration, ts int64) time.Duration {
	return at - time.Duration(ts)*Sample
}

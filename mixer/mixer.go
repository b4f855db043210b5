// Package mixer owns the step from two legs to one stream: their saturating sum,
// or both side by side. The recording pipeline calls it once for each stretch of
// a call's timeline, whatever the number of recordings.
package mixer

import "slices"

// Mixer turns the two legs of one call into one stream. Make one with New; it
// belongs to one goroutine.
type Mixer struct {
	channels int
	clipped  uint64
}

// New returns a mixer to 1 channel (the sum of the legs) or to 2 (caller left,
// callee right, interleaved).
func New(channels int) Mixer { return Mixer{channels: channels} }

// Append mixes two stretches of equal length and appends the result to dst:
// len(caller) values of mono, twice that of stereo. Sums beyond 16 bits
// saturate and are counted.
func (m *Mixer) Append(dst []int16, caller, callee []int16) []int16 {
	n := len(caller)
	callee = callee[:n]
	at := len(dst)
	dst = slices.Grow(dst, n*m.channels)[:at+n*m.channels]
	out := dst[at:]
	if m.channels == 2 {
		for i, s := range caller {
			out[2*i] = s
			out[2*i+1] = callee[i]
		}
		return dst
	}
	m.sum(out, caller, callee)
	return dst
}

// Clipped is how many mono samples had to be cut to 16 bits so far.
func (m *Mixer) Clipped() uint64 { return m.clipped }

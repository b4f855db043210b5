// Package plc owns the concealment of lost samples: 8 kHz PCM, after ITU-T
// G.711 Appendix I. The recording pipeline calls it, with one Concealer a leg,
// between decoding and the mixer.
//
// A gap is filled with what the voice did last: its pitch period is found, and
// repeated. From 10 ms on two periods take turns, and from 20 ms on three, so that
// a long gap does not buzz. From 10 ms on the voice also gets weaker, by a fifth of
// its level each 10 ms, to silence at 60 ms. Both ends of a gap are cross-faded.
//
// The Recommendation works on frames of 10 ms and delays its output by 3.75 ms.
// Here a gap may begin, end, and be cut by the caller's buffers at any sample,
// without a change in what comes out; and as the caller holds samples back anyway,
// the end of what came before a gap is changed where it lies. The arithmetic is
// exact, or rounded once by IEEE rules: the output is the same on every machine.
package plc

// Lengths in samples at 8 kHz.
const (
	History = 3*maxPeriod + Overlap // before a gap, that Conceal wants to see: 48.75 ms
	Overlap = maxPeriod / 4         // before a gap, that Conceal may change: 3.75 ms
	Reach   = 480                   // of a gap, that are concealed: 60 ms; the rest is silence
	MaxFade = step                  // after a gap, that Resume may change: 10 ms

	step   = 80 // 10 ms: what the Recommendation counts gaps in
	longer = 32 // 4 ms: what each step after the first adds to the cross-fade at the end
)

// Concealer conceals the gaps of one leg. Its zero value is at the start of one.
// It holds no pointers and is 786 bytes; nothing it does allocates.
//
// The caller walks along the leg and gives every run of samples to one of two
// methods: Conceal if it was lost, Resume if it was received, or is known to be
// silence. How long the runs are makes no difference: two calls of one method, on
// the two parts of a run, do what one call does on all of it.
type Concealer struct {
	past   [History]int16 // what came before the gap, as it was received
	period int16          // of the voice; 0: there is nothing to fade from
	lost   int16          // samples of the gap so far, Reach at most
	faded  int16          // samples of the cross-fade after it so far
}

// Conceal fills buf[from:to], which was lost. buf[:from] is what comes before it:
// at least History samples, or all there are since the leg began. Where a gap
// begins, the last Overlap of these may change, and must not have been handed out.
// Where one goes on, in the same buffer or another, buf[:from] is not looked at.
//
// A gap within Overlap of the end of the last cross-fade, or within it, is a gap
// like any other: it goes on from what is in buf.
func (c *Concealer) Conceal(buf []int16, from, to int) {
	gap := buf[from:to]
	if len(gap) == 0 {
		return
	}
	if c.period == 0 || c.faded > 0 {
		c.begin(buf[:from])
	}
	lost := int(c.lost)
	voiced := min(len(gap), Reach-lost)
	for i := range gap[:voiced] {
		gap[i] = c.voice(lost + i)
	}
	clear(gap[voiced:])
	c.lost += int16(voiced)
}

// Resume takes a run of samples that were received. After a gap it cross-fades
// from the concealed voice into them: over a quarter of the pitch period (1.25 to
// 3.75 ms), and 4 ms more for each 10 ms that were lost after the first 10, but
// MaxFade at most. What does not fit into the run, it does in the next. If there
// was no gap, it does nothing.
func (c *Concealer) Resume(run []int16) {
	if c.period != 0 {
		c.fade(run)
	}
}

// Reset forgets a gap, so that what comes next is not faded into.
func (c *Concealer) Reset() { c.period = 0 }

// begin starts a gap after the given samples. Before the leg began there was
// silence.
func (c *Concealer) begin(before []int16) {
	last := before[max(0, len(before)-History):]
	clear(c.past[:History-len(last)])
	copy(c.past[History-len(last):], last)
	c.period, c.lost, c.faded = int16(period(&c.past)), 0, 0
	for back := 1; back <= min(c.overlap(), len(before)); back++ {
		before[len(before)-back] = c.cycle(int(c.period)-back, int(c.period))
	}
}

// fade cross-fades from the voice into run.
func (c *Concealer) fade(run []int16) {
	lost, faded := int(c.lost), int(c.faded)
	whole := min(c.overlap()+max(0, lost-step)*longer/step, MaxFade)
	n := min(len(run), whole-faded)
	for i := range run[:n] {
		run[i] = blend(c.voice(lost+faded+i), run[i], faded+i+1, whole)
	}
	c.faded += int16(n)
	if faded+n == whole {
		c.period = 0
	}
}

package clock

import "math"

// One is one sample in the fixed point that a Course counts in: 32 bits before
// the point, 32 behind it.
const One = 1 << 32

// DeadBand is how far a leg may be from where it belongs before anything is done
// about it, in samples: 2 ms. A leg without drift never gets there, and is not touched.
const DeadBand = 2 * Rate / 1000

// How a Course comes back from an error. Nobody hears a change of pitch of a part
// in a thousand, nor one that comes slowly.
const (
	gentle   = 10.0  // ppm for each ms, up to half a millisecond,
	firm     = 50.0  // and beyond it
	lag      = 3.0   // seconds in which the rate follows
	slew     = 12.0  // ppm a second, at most: a tone of 1 kHz stays clean to -50 dB
	slewMore = 30.0  // more, for each ms beyond
	farOff   = 2.75  // ms
	steepest = 1200. // ppm
)

// still is the drift, in ppm, that is none: a place that was found too late by
// the first packets has been put right, and there is nothing more to follow.
const still = 0.5

// jumpFrom is the error, in samples, from which silence is used to be rid of it at once.
const jumpFrom = 4

// Course is how a leg's own timeline, in which its packets lie by their
// timestamps, runs beside the call's: what is due at position n of the call lies
// at n + Shift of the leg's own. It starts with both the same; Steer bends it so
// that it follows the sender's clock. The zero Course is ready.
type Course struct {
	shift int64 // in 1/One
	rate  int64 // what shift grows by with each sample, in 1/One
	bent  bool  // the error once left the dead band
	due   float64
}

// Shift is how far the leg's own timeline is ahead, in 1/One samples.
func (c *Course) Shift() int64 { return c.shift }

// Whole is Shift in whole samples, rounded to the nearest.
func (c *Course) Whole() int64 { return (c.shift + One/2) >> 32 }

// Step is what the position on the leg's own timeline grows by with each sample
// of the call, in 1/One.
func (c *Course) Step() int64 { return One + c.rate }

// Straight reports whether samples pass through untouched: no position between
// two samples is asked for.
func (c *Course) Straight() bool { return c.rate == 0 && c.shift&(One-1) == 0 }

// Advance moves on by n samples of the call.
func (c *Course) Advance(n int64) { c.shift += n * c.rate }

// Steer says where the leg ought to be now: want is the Shift, in samples, that
// puts it where the sender's clock says, ppm how fast that changes. It sets the
// rate for the next n samples. ok false: nobody knows; the course stays as it is.
func (c *Course) Steer(want, ppm float64, ok bool, n int64) {
	if !ok {
		return
	}
	c.due = want - float64(c.shift)/One
	if !c.bent && math.Abs(c.due) <= DeadBand {
		return
	}
	c.bent = math.Abs(ppm) >= still || math.Abs(c.due) >= jumpFrom
	if !c.bent {
		c.rate = 0
		return
	}
	ms := c.due * 1000 / Rate
	target := ppm + gentle*min(max(ms, -0.5), 0.5)
	if far := math.Abs(ms) - 0.5; far > 0 {
		target += math.Copysign(firm*far, ms)
	}
	target = min(max(target, -steepest), steepest)
	seconds := float64(n) / Rate
	now := float64(c.rate) * 1e6 / One
	most := (slew + slewMore*max(0, math.Abs(ms)-farOff)) * seconds
	now += min(max((target-now)*min(1, seconds/lag), -most), most)
	c.rate = int64(now * One / 1e6)
}

// Due is by how many whole samples Jump would bring the leg nearer to where it
// belongs; 0 when that is not worth it.
func (c *Course) Due() int64 {
	if !c.bent || math.Abs(c.due) < jumpFrom {
		return 0
	}
	return int64(math.Round(c.due))
}

// Put brings the course at once to where it belongs, as Steer does little by
// little. The caller does so while nobody listens.
func (c *Course) Put(want, ppm float64, ok bool) {
	if !ok {
		return
	}
	c.due = want - float64(c.shift)/One
	if !c.bent && math.Abs(c.due) <= DeadBand {
		return
	}
	c.shift += int64(math.Round(c.due)) << 32
	c.due = 0
	c.rate = int64(min(max(ppm, -steepest), steepest) * One / 1e6)
	c.bent = true
}

// Jump moves the course by whole samples. The caller does so where the leg is
// silent, so that nobody hears it.
func (c *Course) Jump(samples int64) {
	c.shift += samples << 32
	c.due -= float64(samples)
}

// Settle drops the fraction of a course that no longer bends, again where the leg
// is silent: after it, samples pass through untouched. It does nothing to one
// that follows a drift.
func (c *Course) Settle() {
	if c.rate == 0 {
		c.shift = c.Whole() << 32
	}
}

// Release ends the correction, where it is: another stream begins, whose place
// has been found anew and whose clock is not known.
func (c *Course) Release() { c.rate, c.bent, c.due = 0, false, 0 }

// Loose reports whether Settle has something to do.
func (c *Course) Loose() bool { return c.rate == 0 && c.shift&(One-1) != 0 }

// Off is how far the leg was from where it belongs when Steer was last called, in
// samples; positive: it came late.
func (c *Course) Off() float64 { return c.due }

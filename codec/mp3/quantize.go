package mp3

import "math"

// largestQ is the largest magnitude that can be coded: 15 + 13 linbits.
const largestQ = 15 + 1<<13 - 1

func pow2(x float64) float32 { return float32(math.Exp2(x)) }

// gainStep is 2^(-3/16·(gain-210)): global_gain's factor in the domain of |x|^¾.
var gainStep = func() (t [256]float32) {
	for i := range t {
		t[i] = pow2(-3.0 / 16 * float64(i-210))
	}
	return t
}()

// quantizeGo rounds mag·step down after adding round (11172-3 C.1.5.4). It
// returns where the lines that are not 0 end, and those above 1.
func quantizeGo(q *[granuleLen]uint16, mag *[granuleLen]float32, step, round float32) (nonzero, large int) {
	nonzero = granuleLen
	for nonzero > 0 && float32(mag[nonzero-1]*step)+round < 1 {
		nonzero--
	}
	for i, m := range mag[:nonzero] {
		q[i] = uint16(int32(float32(m*step) + round))
	}
	clear(q[nonzero:])
	large = nonzero
	for large > 0 && q[large-1] < 2 {
		large--
	}
	return nonzero, large
}

// search finds a global_gain whose code is about target bits long and at most
// limit, starting at guess, and leaves that code in g and c.q. A step of gain
// changes a line in use by 3/16 bit: half a step either way will do, since the
// reservoir evens it out.
func (c *coder) search(g *granule, guess, target, limit int) {
	lowest := c.lowest(max(0, guess-finest))
	lo, hi := lowest-1, 256 // lo is too long (or illegal), hi is short enough
	gain := min(max(guess, lowest), 255)
	for hi-lo > 1 {
		bits, used := c.count(g, gain)
		off := bits - target
		switch {
		case bits <= limit && abs(off)*32 <= 3*used+256:
			lo, hi = gain, gain
		case bits > limit || off > 0:
			lo = gain
		default:
			hi = gain
		}
		if hi-lo > 1 {
			gain = min(max(gain+off*16/(3*used+16), lo+1), hi-1)
		}
	}
	if g.gain != hi && hi < 256 {
		c.count(g, hi)
	}
	c.finish(g, limit)
}

// quantiseAt codes with a given global_gain, or the next that fits limit.
func (c *coder) quantiseAt(g *granule, gain, limit int) {
	gain = min(c.lowest(max(gain, 0)), 255)
	bits, used := c.count(g, gain)
	for bits > limit && gain < 255 {
		gain = min(gain+1+(bits-limit)*16/(3*used+16), 255)
		bits, used = c.count(g, gain)
	}
	c.finish(g, limit)
}

// finish makes the code of the last count exact. What ESC tables take was an
// estimate, and where bits are very few not even the scalefactors may fit.
func (c *coder) finish(g *granule, limit int) {
	for c.tables(g); g.bits > limit; c.tables(g) {
		if g.gain == 255 {
			c.silence(g)
			return
		}
		c.count(g, g.gain+1)
	}
}

// lowest is the smallest global_gain from gain on that keeps every magnitude
// within what can be coded.
func (c *coder) lowest(gain int) int {
	for gain < 255 && float32(c.largest*gainStep[gain]) > largestQ-1 {
		gain++
	}
	return gain
}

// finest is how many steps below the guess a granule of little content may go:
// it is not worth more bits then.
const finest = 12

func abs(x int) int { return max(x, -x) }

// silence codes a granule in no bits at all.
func (c *coder) silence(g *granule) {
	*g = granule{block: g.block, gain: 210}
	clear(c.q[:])
}

// count quantises with a gain and finds partitions and about how many bits they
// take; finish makes that exact. used is the number of lines in use.
func (c *coder) count(g *granule, gain int) (bits, used int) {
	nonzero, large := quantize(&c.q, &c.mag, gainStep[gain], c.round)
	g.gain = gain
	// count1 holds quadruples of magnitudes at most 1 (11172-3 2.4.2.7 big_values).
	end := (nonzero + 1) &^ 1
	big := (large + 1) &^ 1
	if (end-big)&2 != 0 {
		if end+2 <= granuleLen {
			end += 2
		} else {
			big += 2
		}
	}
	var sum uint32
	for i := big; i+3 < end; i += 4 {
		q := c.q[i : i+4 : i+4]
		sum += count1Bits[(q[0]<<3|q[1]<<2|q[2]<<1|q[3])&15]
	}
	g.bigValues, g.count1 = big, end
	a, b := int(sum&0xffff), int(sum>>16)
	g.count1B = 0
	if b < a {
		g.count1B, a = 1, b
	}
	g.bits = g.part2 + a
	return g.bits + c.regions(g), nonzero
}

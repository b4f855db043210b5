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

// quantizeGo rounds mag·step down after adding round (11172-3 C.1.5.4.2). It
// returns where the lines that are not 0 end, and those above 1.
func quantizeGo(q *[granuleLen]uint16, mag *[granuleLen]float32, step, round float32) (nonzero, large int) {
	for i, m := range mag {
		v := uint16(int32(float32(m*step) + round))
		q[i] = v
		if v > 0 {
			nonzero = i + 1
		}
		if v > 1 {
			large = i + 1
		}
	}
	return nonzero, large
}

// search finds the smallest global_gain whose code is at most target bits long,
// starting at guess, and leaves that code in g and c.q.
func (c *coder) search(g *granule, guess, target int) {
	if c.largest == 0 {
		c.silence(g)
		return
	}
	lowest := 0
	for lowest < 255 && float32(c.largest*gainStep[lowest]) > largestQ-1 {
		lowest++
	}
	lo, hi := lowest-1, 256 // lo is too long (or illegal), hi is short enough
	gain := min(max(guess, lowest), 255)
	last := -1
	for hi-lo > 1 {
		bits, used := c.count(g, gain)
		last = gain
		if bits > target || bits > 4095 {
			lo = gain
		} else {
			hi = gain
		}
		step := (bits - target) * 16 / (3*used + 16)
		if bits > target {
			step++
		}
		gain = min(max(gain+step, lo+1), hi-1)
	}
	if hi > 255 {
		c.silence(g) // not even the scalefactors fit
	} else if last != hi {
		c.count(g, hi)
	}
}

// silence codes a granule in no bits at all.
func (c *coder) silence(g *granule) {
	*g = granule{block: g.block, gain: 210}
	clear(c.q[:])
}

// count quantises with a gain and finds partitions, tables and bits. used is the
// number of lines in use.
func (c *coder) count(g *granule, gain int) (bits, used int) {
	nonzero, large := quantize(&c.q, &c.mag, gainStep[gain], tune.round)
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
	g.bits = g.part2 + a + c.regions(g)
	return g.bits, nonzero
}

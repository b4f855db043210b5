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

// quantizeGo rounds mag·step down after adding round (11172-3 C.1.5.4.4.?).
func quantizeGo(q *[granuleLen]uint16, mag *[granuleLen]float32, step, round float32) {
	for i, m := range mag {
		q[i] = uint16(int32(float32(m*step) + round))
	}
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
	quantize(&c.q, &c.mag, gainStep[gain], tune.round)
	g.gain = gain
	end := granuleLen
	for end > 0 && c.q[end-1] == 0 {
		end--
	}
	end += end & 1
	used = end
	// count1: quadruples of magnitudes at most 1, from the end down.
	big := end
	for big >= 2 && c.q[big-1] <= 1 && c.q[big-2] <= 1 {
		big -= 2
	}
	if (end-big)&2 != 0 {
		if end+2 <= granuleLen {
			end += 2
		} else {
			big += 2
		}
	}
	var sum uint32
	for i := big; i < end; i += 4 {
		sum += count1Bits[c.q[i]<<3|c.q[i+1]<<2|c.q[i+2]<<1|c.q[i+3]]
	}
	g.bigValues, g.count1 = big, end
	a, b := int(sum&0xffff), int(sum>>16)
	g.count1B = 0
	if b < a {
		g.count1B, a = 1, b
	}
	g.bits = g.part2 + a + c.regions(g)
	return g.bits, used
}

// regions cuts the big_values partition in up to three regions of one code table
// each and returns their bits.
func (c *coder) regions(g *granule) int {
	big := uint16(g.bigValues)
	g.tables = [3]region{}
	if g.block != longBlock {
		// Two regions, at a boundary that the standard fixes: region0_count is
		// 8 of the 39 bands of short blocks, 7 of the bands of others.
		at := c.bounds[8]
		if g.block == shortBlock {
			at = c.bounds[9]
		}
		g.bound = [2]int{int(min(at, big)), int(big)}
		var zero, first, second laneCosts
		costs(&first, c.q[:g.bound[0]])
		costs(&second, c.q[g.bound[0]:big])
		g.tables[0] = bestTable(&zero, &first, maxOf(c.q[:g.bound[0]]))
		g.tables[1] = bestTable(&zero, &second, maxOf(c.q[g.bound[0]:big]))
		return g.tables[0].bits + g.tables[1].bits
	}
	n := 0
	for ; c.bounds[n] < big; n++ {
		lo, hi := c.bounds[n], min(c.bounds[n+1], big)
		c.cum[n+1] = c.cum[n]
		costs(&c.cum[n+1], c.q[lo:hi])
		c.most[n] = uint16(maxOf(c.q[lo:hi]))
	}
	best := 1 << 30
	var first [17]region
	m := 0
	for a := 1; a <= min(n, 16); a++ {
		m = max(m, int(c.most[a-1]))
		first[a] = bestTable(&c.cum[0], &c.cum[a], m)
	}
	if n == 0 {
		g.count, g.bound = [2]uint8{}, [2]int{}
		return 0
	}
	var third [23]region
	m = 0
	for b := n - 1; b >= 1; b-- {
		m = max(m, int(c.most[b]))
		third[b] = bestTable(&c.cum[b], &c.cum[n], m)
	}
	for a := 1; a <= min(n, 16); a++ {
		m = 0
		for b := a + 1; b <= min(a+8, 22); b++ {
			if b <= n {
				m = max(m, int(c.most[b-1]))
			}
			mid := bestTable(&c.cum[a], &c.cum[min(b, n)], m)
			bits := first[a].bits + mid.bits + third[min(b, 22)].bits
			if b >= n {
				bits = first[a].bits + mid.bits
			}
			if bits < best {
				best = bits
				g.count = [2]uint8{uint8(a - 1), uint8(b - a - 1)}
				g.bound = [2]int{int(min(c.bounds[a], big)), int(min(c.bounds[b], big))}
				g.tables = [3]region{first[a], mid, third[b]}
				if b >= n {
					g.tables[2] = region{}
				}
			}
			if b >= n {
				break
			}
		}
	}
	return best
}

func maxOf(q []uint16) (m int) {
	for _, v := range q {
		m = max(m, int(v))
	}
	return m
}

package mp3

// The bands from these on have no scalefactor, only global_gain (11172-3
// 2.4.2.7); at 8 kHz that is all above 3458 Hz in short blocks.
const (
	lastLong  = 21
	lastShort = 36
)

// A band takes part in the choice of scalefactors if its largest |x|^¾ is 2 to
// leastPeak of a step or more. One without a scalefactor may be coded slack
// quarter steps coarser than it should be, for the sake of the others.
const (
	leastPeak = -0.8
	slack     = 3
)

// shape chooses scalefactors for noise per line at unit weight, and
// returns the global_gain that goes with it. A line of magnitude x is quantised
// in steps of about 4/3·x^¼·A^¾, or A where x is less than A = 2^(gain/4): noise
// of a twelfth of the step's square gives A for each band.
func (c *coder) shape(g *granule, noise float32) int {
	var want [39]float32 // quarter steps of 2^(1/4), as global_gain counts
	logNoise := log2f(12 * noise)
	most := float32(-400)
	lastBand := lastLong
	if g.block == shortBlock {
		lastBand = lastShort
	}
	var windowMost [3]float32
	for w := range windowMost {
		windowMost[w] = -400
	}
	for k := range c.bands {
		step2 := logNoise - log2f(c.weight[k])
		a := 0.5 * step2
		if c.peak[k] < 1e-12 {
			want[k] = -1000
			continue
		}
		a = min(a, float32(0.66666667*(step2-0.8300750))-float32(0.44444445*log2f(c.mean[k]+1e-20)))
		// Bands that will quantise to nothing need no scalefactor.
		if log2f(c.peak[k])-float32(0.75*a) < leastPeak {
			want[k] = -1000
			continue
		}
		want[k] = 4 * a
		w := 0
		if g.block == shortBlock {
			w = k % 3
		}
		if k < lastBand {
			windowMost[w] = max(windowMost[w], want[k])
		} else {
			windowMost[w] = min(max(windowMost[w], want[k]), want[k]+slack)
		}
	}
	most = max(windowMost[0], windowMost[1], windowMost[2])
	if most <= -400 {
		most = -100
	}
	gain := int(most+1000.5) - 1000
	most = float32(gain)
	g.sf = [39]uint8{}
	g.subblock = [3]uint8{}
	g.scale = 0
	var base [3]float32
	for w := range base {
		base[w] = most
		if g.block == shortBlock && windowMost[w] > -400 {
			s := min(int((most-windowMost[w])*0.125), 7)
			g.subblock[w] = uint8(s)
			base[w] = most - float32(8*s)
		}
	}
	limits := c.sfLimits(g.block)
	for k := range lastBand {
		if want[k] <= -1000 {
			continue
		}
		w := 0
		if g.block == shortBlock {
			w = k % 3
		}
		if int((base[w]-want[k])*0.5+0.5) > int(limits[k]) {
			g.scale = 1
		}
	}
	unit := float32(0.5)
	if g.scale == 1 {
		unit = 0.25
	}
	for k := range lastBand {
		w := 0
		if g.block == shortBlock {
			w = k % 3
		}
		if d := base[w] - want[k]; d > 0 && want[k] > -1000 {
			g.sf[k] = uint8(min(int(float32(d*unit)+0.5), int(limits[k])))
		}
	}
	c.pack(g)
	c.applyScalefactors(g)
	return gain + 210
}

var sfLimitsLSF = [2][39]uint8{sfLimits(11, 15, 7, 21), sfLimits(18, 15, 7, 36)}
var sfLimitsMPEG1 = [2][39]uint8{sfLimits(11, 15, 7, 21), sfLimits(18, 15, 7, 36)}

func sfLimits(cut int, low, high uint8, n int) (l [39]uint8) {
	for k := range n {
		l[k] = low
		if k >= cut {
			l[k] = high
		}
	}
	return l
}

// sfLimits are the largest scalefactors that can be coded.
func (c *coder) sfLimits(block blockType) *[39]uint8 {
	i := 0
	if block == shortBlock {
		i = 1
	}
	if c.lsf {
		return &sfLimitsLSF[i]
	}
	return &sfLimitsMPEG1[i]
}

// slenTable is slen1 and slen2 by scalefac_compress (11172-3 2.4.2.7).
var slenTable = [16][2]uint8{
	{0, 0}, {0, 1}, {0, 2}, {0, 3}, {3, 0}, {1, 1}, {1, 2}, {1, 3},
	{2, 1}, {2, 2}, {2, 3}, {3, 1}, {3, 2}, {3, 3}, {4, 2}, {4, 3},
}

// partitionsLSF is how many scalefactors are in each partition (13818-3 2.4.3.2),
// for the two ways that need no preflag; long, then short blocks.
var partitionsLSF = [2][2][4]uint8{
	{{6, 5, 5, 5}, {9, 9, 9, 9}},
	{{6, 5, 7, 3}, {9, 9, 12, 6}},
}

func bitLen(v uint8) uint8 {
	n := uint8(0)
	for ; v > 0; v >>= 1 {
		n++
	}
	return n
}

// pack finds the cheapest scalefac_compress that holds the scalefactors.
func (c *coder) pack(g *granule) {
	short := 0
	if g.block == shortBlock {
		short = 1
	}
	if !c.lsf {
		g.partitions = [4]uint8{11, 10}
		if short == 1 {
			g.partitions = [4]uint8{18, 18}
		}
		need := partitionBits(g)
		g.part2 = 1 << 30
		for i, s := range slenTable {
			if s[0] < need[0] || s[1] < need[1] {
				continue
			}
			if n := int(s[0])*int(g.partitions[0]) + int(s[1])*int(g.partitions[1]); n < g.part2 {
				g.part2, g.compress, g.slen = n, i, [4]uint8{s[0], s[1]}
			}
		}
		return
	}
	g.part2 = 1 << 30
	best := g.partitions
	for way := range 2 {
		g.partitions = partitionsLSF[way][short]
		need := partitionBits(g)
		if need[2] > 3 || need[3] > 3 || way == 1 && need[3] > 0 {
			continue
		}
		n := 0
		for i, s := range need {
			n += int(s) * int(g.partitions[i])
		}
		if n < g.part2 {
			g.part2, g.slen, best = n, need, g.partitions
			if way == 0 {
				g.compress = int(need[0]*5+need[1])<<4 | int(need[2]<<2|need[3])
			} else {
				g.compress = 400 + int(need[0]*5+need[1])<<2 + int(need[2])
			}
		}
	}
	g.partitions = best
}

// partitionBits is how many bits the largest scalefactor of each partition takes.
func partitionBits(g *granule) (need [4]uint8) {
	k := 0
	for p, n := range g.partitions {
		var or uint8
		for range n {
			or |= g.sf[k]
			k++
		}
		need[p] = bitLen(or)
	}
	return need
}

// scaleUp is 2^(3/16·i): what a quarter step of gain does to |x|^¾.
var scaleUp = func() (t [192]float32) {
	for i := range t {
		t[i] = pow2(float64(i) * 3 / 16)
	}
	return t
}()

// applyScalefactors scales mag by the gain of its band over global_gain.
func (c *coder) applyScalefactors(g *granule) {
	c.largest = 0
	var factor [40]float32
	for k := range c.bands {
		s := int(g.sf[k]) << (1 + g.scale)
		if g.block == shortBlock {
			s += 8 * int(g.subblock[k%3])
		}
		factor[k] = scaleUp[s]
		c.largest = max(c.largest, float32(c.peak[k]*factor[k]))
	}
	scale(&c.mag, &factor, &c.bounds, c.bands)
}

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

// nothing marks a band or a window that will quantise to nothing at all.
const nothing = -1000

// shape chooses scalefactors for noise per line at unit weight, and returns the
// global_gain that goes with it (11172-3 C.1.5.4 leaves the way to the encoder).
// Gains are counted as global_gain is: in quarter steps, 2^(1/4).
func (c *coder) shape(g *granule, noise float32) int {
	lastBand, windows := lastLong, 1
	if g.block == shortBlock {
		lastBand, windows = lastShort, 3
	}
	want := c.wanted(noise)

	// The coarsest band of each window sets its gain, since scalefactors only
	// make bands finer; the coarsest window sets global_gain.
	most := [3]float32{nothing, nothing, nothing}
	for k, v := range want[:c.bands] {
		if v == nothing {
			continue
		}
		m := &most[k%windows]
		*m = max(*m, v)
		if k >= lastBand {
			*m = min(*m, v+slack)
		}
	}
	top := max(most[0], most[1], most[2])
	if top == nothing {
		top = -100
	}
	gain := int(top+1000.5) - 1000
	g.sf, g.subblock, g.scale = [39]uint8{}, [3]uint8{}, 0
	base := [3]float32{float32(gain), float32(gain), float32(gain)}
	if g.block == shortBlock {
		for w, m := range most {
			if m != nothing {
				g.subblock[w] = uint8(min(int((base[w]-m)*0.125), 7))
				base[w] -= float32(8 * int(g.subblock[w]))
			}
		}
	}

	// A scalefactor counts two quarter steps, or four with scalefac_scale.
	limits := &sfLimits[windows/2]
	for k, v := range want[:lastBand] {
		if v != nothing && int(float32((base[k%windows]-v)*0.5)+0.5) > int(limits[k]) {
			g.scale = 1
		}
	}
	unit := float32(0.5)
	if g.scale == 1 {
		unit = 0.25
	}
	for k, v := range want[:lastBand] {
		if d := base[k%windows] - v; d > 0 && v != nothing {
			g.sf[k] = uint8(min(int(float32(d*unit)+0.5), int(limits[k])))
		}
	}
	c.pack(g)
	c.applyScalefactors(g)
	return gain + 210
}

// wanted is the gain that gives each band noise that weighs as it should. A line
// of magnitude x is quantised in steps of about 4/3·x^¼·A^¾, or A where x is less
// than A = 2^(gain/4); the noise is a twelfth of the step's square.
func (c *coder) wanted(noise float32) (want [39]float32) {
	logNoise := log2f(12 * noise)
	for k := range c.bands {
		want[k] = nothing
		if c.peak[k] < 1e-12 {
			continue
		}
		square := logNoise - log2f(c.weight[k]) // of the step, as log2
		a := min(0.5*square, float32(0.66666667*(square-0.8300750))-float32(0.44444445*log2f(c.mean[k]+1e-20)))
		if log2f(c.peak[k])-float32(0.75*a) >= leastPeak {
			want[k] = 4 * a
		}
	}
	return want
}

// sfLimits are the largest scalefactors that can be coded in long and in short
// blocks, in every version.
var sfLimits = [2][39]uint8{limitsOf(11, 21), limitsOf(18, 36)}

func limitsOf(cut, n int) (l [39]uint8) {
	for k := range n {
		l[k] = 15
		if k >= cut {
			l[k] = 7
		}
	}
	return l
}

// slenTable is slen1 and slen2 by scalefac_compress (11172-3 2.4.2.7).
var slenTable = [16][2]uint8{
	{0, 0},
	{0, 1},
	{0, 2},
	{0, 3},
	{3, 0},
	{1, 1},
	{1, 2},
	{1, 3},
	{2, 1},
	{2, 2},
	{2, 3},
	{3, 1},
	{3, 2},
	{3, 3},
	{4, 2},
	{4, 3},
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

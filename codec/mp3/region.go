package mp3

// Regions: the big_values partition is cut in up to three regions at scalefactor
// band boundaries, each coded with a table of its own (11172-3 2.4.2.7
// region0_count, region1_count).

// costsGo adds up pairBits band by band over the first bands of bounds: sums[k]
// is what comes before band k, most[k] the largest magnitude in it, up to 15.
func costsGo(sums *[40]laneCosts, most *[40]uint16, q *[granuleLen]uint16, bounds *[40]uint16, bands int) {
	var s0, s1, s2, s3 uint64
	sums[0] = laneCosts{}
	for k := range bands {
		var m uint16
		for i := bounds[k]; i < bounds[k+1]; i += 2 {
			x, y := min(q[i], 15), min(q[i+1], 15)
			m = max(m, x, y)
			p := &pairBits[x<<4|y]
			s0 += p[0]
			s1 += p[1]
			s2 += p[2]
			s3 += p[3]
		}
		sums[k+1] = laneCosts{s0, s1, s2, s3}
		most[k] = m
	}
}

// noLane marks in ones the lanes that are not tried for a largest magnitude.
var noLane = func() (t [16]laneCosts) {
	for m := range t {
		for l := range codeLanes {
			if l < int(firstLane[m]) || l > int(lastLane[m]) {
				t[m][l/4] |= 0xffff << (16 * (l % 4))
			}
		}
	}
	return t
}()

// cheapest is the least cost of any lane between two running sums.
func cheapest(from, to *laneCosts, most uint16) int {
	if most == 0 {
		return 0
	}
	best := 0xffff
	for l := int(firstLane[most]); l <= int(lastLane[most]); l++ {
		best = min(best, to.lane(l)-from.lane(l))
	}
	return best
}

// splitGo finds the two boundaries that make the fewest bits of the bands. a is
// 1 to 16, b is 1 to 8 more (region0_count and region1_count and one).
func splitGo(sums *[40]laneCosts, most *[40]uint16, bands int) (bits, a, b int) {
	var u [23][codeLanes]int32
	for k := 1; k <= bands; k++ {
		for i, w := range sums[k] {
			u[k][4*i] = int32(w & 0xffff)
			u[k][4*i+1] = int32(w >> 16 & 0xffff)
			u[k][4*i+2] = int32(w >> 32 & 0xffff)
			u[k][4*i+3] = int32(w >> 48)
		}
	}
	least := func(from, to *[codeLanes]int32, m uint16) int32 {
		if m == 0 {
			return 0
		}
		best := int32(0xffff)
		for l := firstLane[m&15]; l <= lastLane[m&15]; l++ {
			best = min(best, to[l&15]-from[l&15])
		}
		return best
	}
	var third [32]int32
	var m uint16
	for k := bands - 1; k > 1; k-- {
		m = max(m, most[k])
		third[k] = least(&u[k], &u[bands], m)
	}
	best := int32(1 << 30)
	m = 0
	for i := 1; i <= min(bands, 16); i++ {
		m = max(m, most[i-1])
		first := least(&u[0], &u[i], m)
		var mid uint16
		for j := i + 1; j <= min(i+8, 22); j++ {
			if j <= bands {
				mid = max(mid, most[j-1])
			}
			if n := first + least(&u[i], &u[min(j, bands)], mid) + third[j]; n < best {
				best, a, b = n, i, j
			}
			if j >= bands {
				break
			}
		}
	}
	return int(best), a, b
}

// regions cuts the big_values partition and returns its bits, which tables may
// find to be a few less when some lines need an ESC table.
func (c *coder) regions(g *granule) int {
	big := uint16(g.bigValues)
	g.count = [2]uint8{}
	c.edges = [4]uint8{}
	if big == 0 {
		c.cut[0] = 0
		return 0
	}
	bands := 1
	if g.block != longBlock {
		// Two regions, at a boundary that the standard fixes: region0_count is
		// 8 of the 39 bands of short blocks, 7 of the bands of others.
		at := min(c.bounds[8], big)
		if g.block == shortBlock {
			at = min(c.bounds[9], big)
		}
		c.cut = [40]uint16{0, at, big}
		bands = 2
		c.edges = [4]uint8{0, 1, 2, 2}
	} else {
		for c.bounds[bands] < big {
			bands++
		}
		c.cut = c.bounds
		c.cut[bands] = big
	}
	costs(&c.sums, &c.most, &c.q, &c.cut, bands)
	largest := int(float32(c.largest*gainStep[g.gain]) + c.round)
	if c.escape = largest > 15; c.escape {
		c.addLinbits(bands, largest)
	}
	if g.block != longBlock {
		return cheapest(&c.sums[0], &c.sums[1], c.most[0]) + cheapest(&c.sums[1], &c.sums[2], c.most[1])
	}
	bits, a, b := split(&c.sums, &c.most, bands)
	g.count = [2]uint8{uint8(a - 1), uint8(b - a - 1)}
	c.edges = [4]uint8{0, uint8(min(a, bands)), uint8(min(b, bands)), uint8(bands)}
	return bits
}

// addLinbits puts the linbits that the largest magnitude takes on the lanes of
// the ESC tables, and makes tables 13 and 15 dear where they may not do.
func (c *coder) addLinbits(bands, largest int) {
	var n [2]uint64
	for kind := range n {
		i := 0
		for largest-15 >= 1<<linbitsOf[kind][i] {
			i++
		}
		n[kind] = uint64(linbitsOf[kind][i])
		c.linbits[kind] = uint8(i)
	}
	for k := 1; k <= bands; k++ {
		many := c.sums[k][3] >> 48
		c.sums[k][2] += many * 100 << 48
		c.sums[k][3] += many*100 + many*n[0]<<16 + many*n[1]<<32
	}
}

// tables chooses the code table of each region and adds up the exact bits.
func (c *coder) tables(g *granule) {
	g.tables = [3]region{}
	g.bound = [2]int{int(c.cut[c.edges[1]]), int(c.cut[c.edges[2]])}
	for r := range g.tables {
		from, to := c.edges[r], c.edges[r+1]
		var m uint16
		for _, v := range c.most[from:to] {
			m = max(m, v)
		}
		g.tables[r] = c.bestTable(&c.sums[from], &c.sums[to], m, c.cut[from], c.cut[to])
		g.bits += g.tables[r].bits
	}
}

// bestTable picks the cheapest code table for lines between two running sums.
func (c *coder) bestTable(from, to *laneCosts, most, first, end uint16) region {
	if most == 0 {
		return region{}
	}
	largest := most
	if c.escape && most == 15 {
		for _, v := range c.q[first:end] {
			largest = max(largest, v)
		}
	}
	best := region{bits: 1 << 30}
	if !c.escape || most < 15 {
		for l := int(firstLane[most]); l <= min(int(lastLane[most]), laneESC0-1); l++ {
			if n := to.lane(l) - from.lane(l); n < best.bits {
				best = region{codeTables[l].number, uint8(l), n}
			}
		}
		return best
	}
	many := to.lane(lane15) - from.lane(lane15)
	for kind := range 2 {
		i := 0
		for int(largest) >= 15+1<<linbitsOf[kind][i] {
			i++
		}
		spare := int(linbitsOf[kind][c.linbits[kind]]) - int(linbitsOf[kind][i])
		n := to.lane(laneESC0+kind) - from.lane(laneESC0+kind) - many*spare
		if n < best.bits {
			best = region{uint8(16 + 8*kind + i), uint8(laneESC0 + kind), n}
		}
	}
	return best
}

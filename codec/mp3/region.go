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

// noLane marks in ones the lanes that cannot code a largest magnitude; ESC tables
// are kept for 15 and above.
var noLane = func() (t [16]laneCosts) {
	for m := range t {
		for l := range codeLanes {
			can := l < laneESC0 && l >= int(firstLane[m])
			if m == 15 {
				can = l >= int(firstLane[m]) && l != lane15
			}
			if !can {
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
	last := laneESC0
	if most == 15 {
		last = lane15
	}
	for l := int(firstLane[most]); l < last; l++ {
		best = min(best, to.lane(l)-from.lane(l))
	}
	return best
}

// splitGo finds the two boundaries that make the fewest bits of the bands. a is
// 1 to 16, b is 1 to 8 more (region0_count and region1_count and one).
func splitGo(sums *[40]laneCosts, most *[40]uint16, bands int) (bits, a, b int) {
	var third [32]int
	var m uint16
	for k := bands - 1; k > 1; k-- {
		m = max(m, most[k])
		third[k] = cheapest(&sums[k], &sums[bands], m)
	}
	bits = 1 << 30
	m = 0
	for i := 1; i <= min(bands, 16); i++ {
		m = max(m, most[i-1])
		first := cheapest(&sums[0], &sums[i], m)
		var mid uint16
		for j := i + 1; j <= min(i+8, 22); j++ {
			if j <= bands {
				mid = max(mid, most[j-1])
			}
			n := first + cheapest(&sums[i], &sums[min(j, bands)], mid) + third[j]
			if n < bits {
				bits, a, b = n, i, j
			}
			if j >= bands {
				break
			}
		}
	}
	return bits, a, b
}

// regions cuts the big_values partition and returns its bits.
func (c *coder) regions(g *granule) int {
	big := uint16(g.bigValues)
	g.tables = [3]region{}
	g.bound, g.count = [2]int{int(big), int(big)}, [2]uint8{}
	if big == 0 {
		return 0
	}
	if g.block != longBlock {
		// Two regions, at a boundary that the standard fixes: region0_count is
		// 8 of the 39 bands of short blocks, 7 of the bands of others.
		at := min(c.bounds[8], big)
		if g.block == shortBlock {
			at = min(c.bounds[9], big)
		}
		cut := [40]uint16{0, at, big}
		costs(&c.sums, &c.most, &c.q, &cut, 2)
		g.bound[0] = int(at)
		g.tables[0] = bestTable(&c.sums[0], &c.sums[1], c.mostOf(0, int(at), c.most[0]))
		g.tables[1] = bestTable(&c.sums[1], &c.sums[2], c.mostOf(int(at), int(big), c.most[1]))
		return g.tables[0].bits + g.tables[1].bits
	}
	bands := 1
	for c.bounds[bands] < big {
		bands++
	}
	whole := c.bounds[bands]
	c.bounds[bands] = big
	costs(&c.sums, &c.most, &c.q, &c.bounds, bands)
	c.bounds[bands] = whole
	_, a, b := split(&c.sums, &c.most, bands)
	g.count = [2]uint8{uint8(a - 1), uint8(b - a - 1)}
	i, j := min(a, bands), min(b, bands)
	g.bound = [2]int{int(min(c.bounds[a], big)), int(min(c.bounds[b], big))}
	bits := 0
	for r, e := range [3][2]int{{0, i}, {i, j}, {j, bands}} {
		var m uint16
		for _, v := range c.most[e[0]:e[1]] {
			m = max(m, v)
		}
		from, to := min(c.bounds[e[0]], big), min(c.bounds[e[1]], big)
		g.tables[r] = bestTable(&c.sums[e[0]], &c.sums[e[1]], c.mostOf(int(from), int(to), m))
		bits += g.tables[r].bits
	}
	return bits
}

// mostOf is the largest magnitude of lines, known up to 15.
func (c *coder) mostOf(from, to int, m uint16) int {
	if m == 15 {
		for _, v := range c.q[from:to] {
			m = max(m, v)
		}
	}
	return int(m)
}

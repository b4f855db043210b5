package mp3

// analysis is what is known of a granule before it is coded.
type analysis struct {
	perception
	isShort  bool    // short blocks suit it better
	bits     float32 // entropy at the noise level of logNoise
	active   float32 // lines that take bits there
	logNoise float32
}

// analyse runs the newest granule through the filter bank, both transforms and
// the psychoacoustic model, and leaves in spec the transform that needs fewer
// bits for the same noise.
func (c *channel) analyse(p *psyTables, logNoise float32, spec *[granuleLen]float32) {
	sub := (*subbands)(c.sub[2*slots:])
	polyphase(sub, &c.pcm)
	c.top[2] = trim(sub)
	copy(c.pcm[:history], c.pcm[granuleLen:])

	var short [granuleLen]float32
	mdctLong(spec, (*block36)(c.sub[slots:]), max(c.top[1], c.top[2]), &mdctWindows[longBlock])
	mdctShort(&short, (*[24][32]float32)(c.sub[slots+12:]), max(c.top[1], c.top[2]))
	a := &c.next
	p.weigh(&a.perception, &c.mask, spec, &short, sub)
	var third [192]float32
	copy(third[:], short[384:])
	copy(short[192:], short[:384])
	copy(short[:], c.mask.short[:])
	c.mask.short = third

	// A line of sharp times the gain is a step, of noise that weighs as wanted.
	a.logNoise = logNoise
	inv := exp2f(-logNoise) * (sharp * sharp / 12.0)
	var value [40]float32
	var gain lineValues
	for k, w := range a.long {
		value[k] = sqrtf(float32(w * inv))
	}
	expand(&gain, &value, &p.linesLong, len(a.long))
	bits, active := entropy(spec, &gain)
	for k, w := range a.short {
		value[k] = sqrtf(float32(w * inv))
	}
	expand(&gain, &value, &p.linesShort, len(a.short))
	shortBits, shortActive := entropy(&short, &gain)
	a.isShort = shortBits < bits
	if a.isShort {
		p.order(spec, &short)
		bits, active = shortBits, shortActive
	}
	a.bits, a.active = bits, float32(active)
}

// tiny is a subband sample that nobody hears: 10 dB under the threshold in quiet
// where the ear is keenest.
const tiny = 1.0 / (1 << 17)

// trim clears the subbands above the highest that holds anything, and says how
// many are left. It is for speech that came over the telephone.
func trim(x *subbands) int {
	n := 32
	for n > 0 && silent(x, n-1) {
		n--
	}
	if n < 32 {
		for t := range x {
			clear(x[t][n:])
		}
	}
	return n
}

func silent(x *subbands, sb int) bool {
	for t := range x {
		if v := x[t][sb]; v >= tiny || v <= -tiny {
			return false
		}
	}
	return true
}

// settle fixes the block type of the granule to be coded, given whether it and
// the one after it should be short (11172-3 Figure C.7), and makes the transform
// that goes with it.
func (c *channel) settle(p *psyTables, short, before bool) {
	after := c.block == shortBlock
	switch {
	case short || after && before:
		c.block = shortBlock
	case before:
		c.block = startBlock
	case after:
		c.block = stopBlock
	default:
		c.block = longBlock
	}
	switch {
	case c.block == startBlock || c.block == stopBlock:
		mdctLong(&c.spec, (*block36)(c.sub[:]), max(c.top[0], c.top[1]), &mdctWindows[c.block])
	case c.block == shortBlock && !c.now.isShort:
		var short [granuleLen]float32
		mdctShort(&short, (*[24][32]float32)(c.sub[6:]), max(c.top[0], c.top[1]))
		p.order(&c.spec, &short)
	}
}

// order takes short blocks to stream order: band by band, in a band block by
// block (11172-3 2.4.3.4.8 backwards).
func (p *psyTables) order(dst, short *[granuleLen]float32) {
	to := dst[:0]
	for k := range 13 {
		lo, hi := p.linesShort[k], p.linesShort[k+1]
		to = append(to, short[lo:hi]...)
		to = append(to, short[192+lo:192+hi]...)
		to = append(to, short[384+lo:384+hi]...)
	}
}

// psyOf are the models for all rates.
var psyOf = func() (t [4][3]*psyTables) {
	for v, rates := range sampleRates {
		for i, r := range rates {
			if r != 0 {
				t[v][i] = newPsyTables(r, sfbLongOf[v][i][:], sfbShortOf[v][i][:])
			}
		}
	}
	return t
}()

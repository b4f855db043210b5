package mp3

import "math"

// granule is the side information of one granule of one channel (11172-3 and
// 13818-3, 2.4.1.7), and the scalefactors that go with it.
type granule struct {
	bits       int // part2_3_length
	part2      int // of which scalefactors
	bigValues  int // lines in the big_values partition
	count1     int // line where the count1 partition ends
	gain       int // global_gain
	compress   int // scalefac_compress
	block      blockType
	tables     [3]region
	bound      [2]int   // lines where region 1 and region 2 start
	count      [2]uint8 // region0_count, region1_count
	subblock   [3]uint8 // subblock_gain
	scale      uint8    // scalefac_scale
	count1B    uint8    // count1table_select
	slen       [4]uint8 // bits of a scalefactor, by partition
	partitions [4]uint8 // scalefactors in a partition
	sf         [39]uint8
}

// coder turns the spectrum of a granule into scalefactors and Huffman code. It
// holds what one granule needs while it is being coded.
type coder struct {
	lsf     bool
	long    []uint16 // scalefactor band boundaries
	short   []uint16
	bounds  [40]uint16           // of the granule at hand, in stream order
	bands   int                  // number of bands in bounds
	x       *[granuleLen]float32 // the spectrum in stream order
	mag     [granuleLen]float32  // |x|^¾, scaled by the scalefactors
	q       [granuleLen]uint16
	weight  [39]float32   // of the noise in each band
	mean    [40]float32   // of |x|^¾ in each band
	peak    [40]float32   // largest |x|^¾ of each band
	largest float32       // largest mag
	round   float32       // what the quantiser adds before rounding down
	cut     [40]uint16    // bounds of the bands of the big_values partition
	edges   [4]uint8      // of regions, in those bands
	linbits [2]uint8      // index of the linbits that addLinbits has added
	escape  bool          // whether it has: some magnitude is above 15
	sums    [40]laneCosts // of Huffman code, before each band
	most    [40]uint16    // largest q in each band, up to 15
}

// load takes a spectrum in stream order.
func (c *coder) load(spec *[granuleLen]float32, p *perception, block blockType) {
	c.x = spec
	c.lay(p, block)
	powers(&c.mag, c.x)
	summarise(&c.mean, &c.peak, &c.mag, &c.bounds, c.bands)
}

// lay sets the bands for a block type.
func (c *coder) lay(p *perception, block blockType) {
	if block != shortBlock {
		c.bands = 22
		copy(c.bounds[:], c.long)
		copy(c.weight[:], p.long[:])
	} else {
		c.bands = 39
		at := uint16(0)
		for k := range 13 {
			for w := range 3 {
				c.bounds[3*k+w] = at
				c.weight[3*k+w] = p.short[13*w+k]
				at += c.short[k+1] - c.short[k]
			}
		}
		c.bounds[39] = at
	}
}

// powersGo is |x|^¾, the power law of the quantiser (11172-3 2.4.3.4.7.1).
func powersGo(mag, x *[granuleLen]float32) {
	for i, v := range x {
		if v == 0 { // as it is above telephone speech
			mag[i] = 0
			continue
		}
		v = math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
		mag[i] = sqrtf(float32(v * sqrtf(v)))
	}
}

// summariseGo finds the mean and the largest of each band of mag.
func summariseGo(mean, peak *[40]float32, mag *[granuleLen]float32, bounds *[40]uint16, bands int) {
	top := uint16(granuleLen)
	for top > 0 && mag[top-1] == 0 {
		top--
	}
	for k := range bands {
		if bounds[k] >= top {
			mean[k], peak[k] = 0, 0
			continue
		}
		m := mag[bounds[k]:bounds[k+1]]
		var s [8]float32
		var most float32
		for i, v := range m {
			s[i&7] += v
			if v > most {
				most = v
			}
		}
		mean[k], peak[k] = sum8(&s)/float32(len(m)), most
	}
}

// scaleGo multiplies each line by the factor of its band.
func scaleGo(mag *[granuleLen]float32, factor *[40]float32, bounds *[40]uint16, bands int) {
	for k := range bands {
		m := mag[bounds[k]:bounds[k+1]]
		for i := range m {
			m[i] *= factor[k]
		}
	}
}

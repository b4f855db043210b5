package mp3

import "math"

// The psychoacoustic model is the basic version of ITU-R BS.1387 (ear weighting,
// half-Bark bands, level-dependent spreading, threshold offset), fed with the
// energies of the transforms themselves: those of the three short blocks give
// its course in time. 11172-3 Annex D leaves the model to the encoder.

// maxBands bounds the half-Bark bands from 80 Hz to 18 kHz, in whole vectors.
const maxBands = 56

// lanes of a band's energies: the three short blocks and the long block.
const lanes = 4

// bandLines says which lines make up a band.
type bandLines struct {
	lo, hi uint16
	scale  float32 // from the sum of squares of the lines to the band's energy
}

// psyTables is the model for one sampling rate. The assembly knows the layout
// up to n; what is said per band and lane repeats the band's value.
type psyTables struct {
	internal [maxBands * lanes]float32 // internal noise of the ear
	slope    [maxBands * lanes]float32 // log2 of the upward spreading per band at level 0
	norm     [maxBands * lanes]float32 // what flat spreading is divided by
	decay    [maxBands]float32         // forward masking left after a short block
	fresh    [maxBands]float32         // 1 - decay
	noise    [maxBands]float32         // from squared error to noise / masking pattern
	long     [maxBands]bandLines
	short    [maxBands]bandLines
	n        int     // bands
	third    float32 // masking left after three slots

	sfbLong, sfbShort     []sfbMap
	linesLong, linesShort [40]uint16 // scalefactor band boundaries in lines; three times over for short blocks
}

// sfbMap says which bands lie under a scalefactor band.
type sfbMap struct {
	first, n uint8
	share    [10]float32 // the part of the lines under each of the n bands
}

const (
	bandStep   = 0.5 // Bark
	spreadPow  = 0.4 // power domain in which spreading adds
	fullScale  = 92  // dB SPL of a full-scale sine
	downSlope  = 27  // dB a Bark, towards lower bands
	slopeLevel = 0.2 // how much the upward slope flattens per dB of level
)

// toEnergy takes a sum of squared MDCT lines to the model's energy: a sine of
// full scale has a sum of 1, and 1.5 is the noise bandwidth of the Hann window
// that BS.1387 is defined with.
var toEnergy = 1.5 * math.Pow(10, fullScale/10.0)

func bark(f float64) float64   { return 7 * math.Asinh(f/650) }
func unbark(z float64) float64 { return 650 * math.Sinh(z/7) }

// earWeight is the outer and middle ear of BS.1387, as a power ratio.
func earWeight(f float64) float64 {
	f = math.Max(f, 20) / 1000
	db := -0.6*3.64*math.Pow(f, -0.8) + 6.5*math.Exp(-0.6*(f-3.3)*(f-3.3)) - 1e-3*math.Pow(f, 3.6)
	return math.Pow(10, db/10)
}

func newPsyTables(rate int, long []uint16, short []uint16) *psyTables {
	p := &psyTables{}
	copy(p.linesLong[:], long)
	for i := range 39 {
		p.linesShort[i] = uint16(192*(i/13)) + short[i%13]
	}
	p.linesShort[39] = granuleLen
	p.third = thirdDecay(rate)
	z0 := bark(80)
	top := math.Min(18000, 0.97*float64(rate)/2)
	p.n = int((bark(top) - z0) / bandStep)
	var center [maxBands]float64
	for b := range p.n {
		lo, hi := unbark(z0+bandStep*float64(b)), unbark(z0+bandStep*float64(b+1))
		f := unbark(z0 + bandStep*(float64(b)+0.5))
		center[b] = f
		p.long[b] = newBandLines(lo, hi, float64(rate)/2/576, earWeight(f)*toEnergy)
		p.short[b] = newBandLines(lo, hi, float64(rate)/2/192, earWeight(f)*toEnergy)
		for l := range lanes {
			p.internal[b*lanes+l] = float32(math.Pow(10, 0.4*0.364*math.Pow(f/1000, -0.8)))
			p.slope[b*lanes+l] = float32(-(24 + 230/f) * bandStep * spreadPow / 10 * math.Log2(10))
		}
		offset := 3.0
		if z := bark(f); z > 12 {
			offset = z / 4
		}
		p.noise[b] = float32(earWeight(f) * toEnergy * math.Pow(10, offset/10))
		tau := 0.008 + 100/f*(0.030-0.008)
		p.decay[b] = float32(math.Exp(-192 / float64(rate) / tau))
		p.fresh[b] = 1 - p.decay[b]
	}
	for j := range p.n { // spreading of a flat pattern of level 0 dB
		sum := 0.0
		for i := range p.n {
			dz := bandStep * float64(j-i)
			db := -(24 + 230/center[i]) * dz
			if dz < 0 {
				db = downSlope * dz
			}
			sum += math.Pow(10, db*spreadPow/10)
		}
		for l := range lanes {
			p.norm[j*lanes+l] = float32(math.Pow(sum, -1/spreadPow))
		}
	}
	p.sfbLong = newSfbMaps(long, float64(rate)/2/576, z0, p.n)
	p.sfbShort = newSfbMaps(short, float64(rate)/2/192, z0, p.n)
	return p
}

// newBandLines gives a band the lines whose centres lie in it, or the nearest.
func newBandLines(lo, hi, width, weight float64) bandLines {
	a, b := int(math.Round(lo/width)), int(math.Round(hi/width))
	if b <= a {
		a = int((lo + hi) / 2 / width)
		b = a + 1
	}
	return bandLines{uint16(a), uint16(b), float32(weight * (hi - lo) / width / float64(b-a))}
}

// newSfbMaps finds the bands under each scalefactor band; the first and the last
// band are taken to reach to 0 and to half the rate.
func newSfbMaps(lines []uint16, width, z0 float64, n int) []sfbMap {
	maps := make([]sfbMap, len(lines)-1)
	for k := range maps {
		lo, hi := float64(lines[k])*width, float64(lines[k+1])*width
		m := &maps[k]
		for b := range n {
			from, to := unbark(z0+bandStep*float64(b)), unbark(z0+bandStep*float64(b+1))
			if b == 0 {
				from = 0
			}
			if b == n-1 {
				to = 1e9
			}
			share := (math.Min(hi, to) - math.Max(lo, from)) / (hi - lo)
			if share <= 0 {
				continue
			}
			if m.n == 0 {
				m.first = uint8(b)
			}
			m.share[m.n] = float32(share)
			m.n++
		}
	}
	return maps
}

// energiesGo sums the squares of the lines of each band of each block.
func energiesGo(e *[maxBands * lanes]float32, long, short *[granuleLen]float32, p *psyTables) {
	for b := range p.n {
		s, l := &p.short[b], &p.long[b]
		e[b*lanes] = sumSquares(short[s.lo:s.hi]) * s.scale
		e[b*lanes+1] = sumSquares(short[192+int(s.lo):192+int(s.hi)]) * s.scale
		e[b*lanes+2] = sumSquares(short[384+int(s.lo):384+int(s.hi)]) * s.scale
		e[b*lanes+3] = sumSquares(long[l.lo:l.hi]) * l.scale
	}
}

// sumSquares adds as eight lanes do.
func sumSquares(x []float32) float32 {
	var s [8]float32
	for i, v := range x {
		s[i&7] += float32(v * v)
	}
	return sum8(&s)
}

// sum8 adds eight lanes in the order of the assembly.
func sum8(s *[8]float32) float32 {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// exciteConst is what exciteGo multiplies with: the power domain, from level in
// powers of two to what the upward slope flattens by, the flattest it gets, both
// as log2 per band, and the fall towards the next lower band.
var exciteConst = [4]float32{
	spreadPow,
	10 * 0.30103 * slopeLevel * bandStep * spreadPow / 10 * 3.3219281,
	-4 * bandStep * spreadPow / 10 * 3.3219281,
	float32(math.Pow(10, -downSlope*bandStep*spreadPow/10)),
}

// exciteGo turns band energies, which it overwrites, into noise weights: the
// excitation of BS.1387 2.1.7 for each lane, then forward masking from one short
// block to the next, from pattern and into it. The upward slope of what has been
// carried from lower bands is the mean of its sources' slopes, weighted by what
// is left of each.
func exciteGo(weights *[3][maxBands]float32, e *[maxBands * lanes]float32, pattern *[maxBands]float32, p *psyTables) {
	var spread, ratio [maxBands * lanes]float32
	power, flatten, flattest, fall := exciteConst[0], exciteConst[1], exciteConst[2], exciteConst[3]
	for i := range p.n * lanes {
		if i%lanes == lanes-1 {
			continue // nothing depends on the long block's
		}
		level := log2f(e[i] + p.internal[i])
		spread[i] = exp2f(float32(power * level))
		r := p.slope[i] + float32(flatten*level)
		if r > flattest {
			r = flattest
		}
		ratio[i] = exp2f(r)
	}
	var down, up, keep [lanes]float32
	for i := (p.n - 1) * lanes; i >= 0; i -= lanes {
		for l := range lanes - 1 {
			down[l] = spread[i+l] + float32(down[l]*fall)
			e[i+l] = down[l]
		}
	}
	for i := 0; i < p.n*lanes; i += lanes {
		for l := range lanes - 1 {
			carried := float32(up[l] * keep[l])
			total := e[i+l] + carried
			up[l] = carried + spread[i+l]
			keep[l] = (float32(carried*keep[l]) + float32(spread[i+l]*ratio[i+l])) / up[l]
			e[i+l] = float32(float32(total*total)*sqrtf(total)) * p.norm[i+l]
		}
	}
	for b := range p.n {
		x := pattern[b]
		for t := range 3 {
			ex := e[b*lanes+t]
			if x = float32(x*p.decay[b]) + float32(ex*p.fresh[b]); x < ex {
				x = ex
			}
			weights[t][b] = p.noise[b] / x
		}
		pattern[b] = x
	}
}

// perception is what the model says about one granule of one channel: how much
// a squared error on a line weighs, as noise over masking threshold of a band.
type perception struct {
	long  [22]float32 // by scalefactor band
	short [39]float32 // 13 for each block
}

// masker carries one channel's masking from granule to granule. The short blocks
// that it has seen are centred at slots 6 and 12 of the granule's 36.
type masker struct {
	pattern [maxBands]float32 // with forward masking, at 12
	thirds  [8]float32        // energies of the last three slots each, back to slot -6
	at6     [maxBands]float32 // noise weights
	at12    [maxBands]float32
	short   [192]float32 // the block at 12, which is the granule's first
}

// weigh runs the model on a granule's long block and the short blocks centred at
// its slots 18, 24 and 30: the first of its own was seen with the granule before.
// sub is the second half of what they were made of.
func (p *psyTables) weigh(out *perception, m *masker, long, short *[granuleLen]float32, sub *subbands) {
	var e [maxBands * lanes]float32
	var ws [3][maxBands]float32
	energies(&e, long, short, p)
	p.cut(&e, long, short)
	excite(&ws, &e, &m.pattern, p)
	m.onsets(&ws, p, sub)
	var wl [maxBands]float32
	for b := range p.n {
		// The noise of a long block lies under sin² over its 36 slots.
		wl[b] = float32(0.083333333*(m.at6[b]+ws[2][b])) + float32(0.25*(m.at12[b]+ws[1][b])) + float32(0.33333333*ws[0][b])
	}
	for k := range p.sfbLong {
		out.long[k] = p.sfbLong[k].mean(&wl)
	}
	for k := range p.sfbShort {
		out.short[k] = p.sfbShort[k].mean(&m.at12)
		out.short[13+k] = p.sfbShort[k].mean(&ws[0])
		out.short[26+k] = p.sfbShort[k].mean(&ws[1])
	}
	m.at6, m.at12 = ws[1], ws[2]
}

// inaudible is how far below the ear's own noise a band may be dropped.
const inaudible = 0.1

// cut clears what lies above the highest audible band. Speech that came over
// the telephone has nothing there but rounding, and that would take bits where
// bits are many.
func (p *psyTables) cut(e *[maxBands * lanes]float32, long, short *[granuleLen]float32) {
	b := p.n - 1
	for ; b > 0; b-- {
		i := b * lanes
		if max(e[i], e[i+1], e[i+2], e[i+3]) > p.internal[i]*inaudible {
			break
		}
	}
	if b == p.n-1 {
		return
	}
	clear(long[p.long[b].hi:])
	for w := range 3 {
		clear(short[192*w+int(p.short[b].hi) : 192*w+192])
	}
}

func (m *sfbMap) mean(w *[maxBands]float32) (s float32) {
	for i, share := range m.share[:m.n] {
		s += float32(share * w[int(m.first)+i])
	}
	return s
}

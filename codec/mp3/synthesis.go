package mp3

import "math"

// The second half of a decoder: from spectral lines to samples (11172-3
// 2.4.3.4.8 to 2.4.3.4.10, and 2.4.3.2.2). It is written to be held against the
// standard, in double precision, and leaves out only what is zero.

// Decode is Measure that goes on to the samples of every granule, PCM. A granule
// that is not whole sounds like silence.
func Decode(b []byte, each func(Granule)) (faults int, first []Fault) {
	s := spectrum{b: b, each: each, synthesis: new([2]synthesis)}
	Walk(b, s.frame)
	return s.faults, s.first
}

// synthesis is the state of one channel.
type synthesis struct {
	overlap [32][18]float64 // second halves of the transforms, by subband
	used    int             // subbands that hold anything in it
	v       [16][64]float64 // V of the synthesis filter bank, a ring of its steps
	newest  int             // row of v
	pcm     [granuleLen]float64
}

// samples makes the samples of a granule.
func (s *synthesis) samples(l *lines, p *part) []float64 {
	var x [granuleLen]float64
	top := l.inOrder(&x)
	split := 0 // subbands of long windows in a granule of short ones
	if p.block == shortBlock && p.mixed {
		split = 2
	}
	edges := 32
	if p.block == shortBlock {
		edges = split
	}
	n := (top + 17) / 18
	if edges > 1 && n < 32 && n > 0 {
		n++ // alias reduction spreads into the next
	}
	reduceAlias(&x, min(edges, n))
	var sub [18][32]float64
	for sb := range max(n, s.used) {
		var y [36]float64
		block := p.block
		if sb < split {
			block = longBlock // 2.4.3.4.10.3
		}
		if sb < n {
			inverseMDCT(&y, x[18*sb:18*sb+18], block)
		}
		for i := range 18 {
			v := y[i] + s.overlap[sb][i]
			if i&sb&1 == 1 { // frequency inversion, 2.4.3.4.10.4
				v = -v
			}
			sub[i][sb] = v
			s.overlap[sb][i] = y[18+i]
		}
	}
	width := max(n, s.used)
	s.used = n
	for i := range sub {
		s.step(s.pcm[32*i:32*i+32], sub[i][:width])
	}
	return s.pcm[:]
}

// inOrder puts lines in order of frequency: those of the three short windows
// line by line (2.4.3.4.8). top is behind the last that is not zero.
func (l *lines) inOrder(x *[granuleLen]float64) (top int) {
	cut := granuleLen
	if l.long < l.bands {
		cut = int(l.bounds[l.long])
	}
	copy(x[:cut], l.x[:cut])
	top = min(l.top, cut)
	for k := l.long; k+2 < l.bands; k += 3 {
		base, width := int(l.bounds[k]), int(l.bounds[k+1]-l.bounds[k])
		if base >= l.top {
			break
		}
		for w := range 3 {
			for i := range width {
				x[base+3*i+w] = l.x[base+w*width+i]
			}
		}
		top = base + 3*width
	}
	return top
}

// reduceAlias turns the butterflies between so many subbands (2.4.3.4.10.1).
func reduceAlias(x *[granuleLen]float64, n int) {
	for sb := 1; sb < n; sb++ {
		for i := range 8 {
			cs, ca := float64(mdctConst.cs[i]), float64(mdctConst.ca[i])
			up, down := x[18*sb-1-i], x[18*sb+i]
			x[18*sb-1-i] = up*cs - down*ca
			x[18*sb+i] = down*cs + up*ca
		}
	}
}

// inverse36 and inverse12 are the inverse transforms with their windows
// (2.4.3.4.10.2 and 2.4.3.4.10.3), by block type, output and input.
var (
	inverse36 = func() (t [4][36][18]float64) {
		for block := range t {
			for i := range 36 {
				w := window36(blockType(block), i)
				for k := range 18 {
					t[block][i][k] = w * math.Cos(math.Pi/72*float64((2*i+1+18)*(2*k+1)))
				}
			}
		}
		return t
	}()
	inverse12 = func() (t [12][6]float64) {
		for i := range t {
			for k := range 6 {
				t[i][k] = math.Sin(math.Pi/12*(float64(i)+0.5)) * math.Cos(math.Pi/24*float64((2*i+1+6)*(2*k+1)))
			}
		}
		return t
	}()
)

func window36(block blockType, i int) float64 {
	if block == stopBlock { // a start block backwards
		block, i = startBlock, 35-i
	}
	switch {
	case block == longBlock || i < 18:
		return math.Sin(math.Pi / 36 * (float64(i) + 0.5))
	case i < 24:
		return 1
	case i < 30:
		return math.Sin(math.Pi / 12 * (float64(i-18) + 0.5))
	}
	return 0
}

func inverseMDCT(y *[36]float64, x []float64, block blockType) {
	if block != shortBlock {
		for i := range y {
			var sum float64
			for k, c := range &inverse36[block][i] {
				sum += c * x[k]
			}
			y[i] = sum
		}
		return
	}
	for w := range 3 {
		for i, row := range &inverse12 {
			for k, c := range row {
				y[6+6*w+i] += c * x[3*k+w]
			}
		}
	}
}

// synthesisMatrix is cos((16+i)(2k+1)π/64) for i from 17 to 48; the others of 64
// are the same again, or their negative.
var synthesisMatrix = func() (t [32][32]float64) {
	for i := range t {
		for k := range 32 {
			t[i][k] = math.Cos(math.Pi / 64 * float64((16+17+i)*(2*k+1)))
		}
	}
	return t
}()

// synthesisWindow is D of Table B.3.
var synthesisWindow = func() (t [512]float64) {
	for i, c := range analysisWindow {
		t[i] = float64(c) / (1 << 16)
	}
	return t
}()

// step is one of the synthesis filter bank (2.4.3.2.2): subbands that are not
// zero to 32 samples.
func (s *synthesis) step(out, sub []float64) {
	s.newest = (s.newest + 15) % 16
	v := &s.v[s.newest]
	for i, row := range &synthesisMatrix {
		var sum float64
		for k, x := range sub {
			sum += row[k] * x
		}
		v[17+i] = sum
	}
	v[16] = 0
	for i := range 16 {
		v[i] = -v[32-i]
	}
	for i := 49; i < 64; i++ {
		v[i] = v[96-i]
	}
	clear(out)
	for i := range 8 {
		a, b := &s.v[(s.newest+2*i)%16], &s.v[(s.newest+2*i+1)%16]
		d := synthesisWindow[64*i : 64*i+64]
		for j := range out {
			out[j] += a[j]*d[j] + b[32+j]*d[32+j]
		}
	}
}

package mp3

import "math"

// slots is the number of polyphase steps in a granule, each of 32 samples.
const slots = 18

// granuleLen is the number of samples of a channel in a granule.
const granuleLen = 32 * slots

// history is how far the polyphase window reaches back before a granule.
const history = 512 - 32

// subbands holds a granule of subband samples, a row per slot; block holds the
// two that a transform spans.
type (
	subbands = [slots][32]float32
	block36  = [2 * slots][32]float32
)

// polyTables are what the filter bank multiplies with. The assembly knows the
// layout.
type polyTables struct {
	window [512]float32  // Table C.1 backwards, so that it runs along memory, for 16-bit samples to ±1
	even   [8][8]float32 // cos((2i+1)4jπ/64), by input j and output i
	odd    [8][8]float32 // cos((2i+1)(4j+2)π/64)
	secant [16]float32   // 1/(2·cos((2i+1)π/64))
}

var polyConst = func() (t polyTables) {
	for p := range t.window {
		t.window[p] = float32(float64(analysisWindow[511-p]) / (1 << 21) / 32768)
	}
	for i := range 16 {
		t.secant[i] = float32(0.5 / math.Cos(float64(2*i+1)*math.Pi/64))
	}
	for j := range 8 {
		for i := range 8 {
			t.even[j][i] = float32(math.Cos(float64((2*i+1)*4*j) * math.Pi / 64))
			t.odd[j][i] = float32(math.Cos(float64((2*i+1)*(4*j+2)) * math.Pi / 64))
		}
	}
	return t
}()

// polyphaseGo is the analysis filter bank, 11172-3 C.1.3, for one granule: pcm is
// the history, then the granule. Odd samples of odd subbands come out negated,
// which is the frequency inversion that the MDCT wants (11172-3 2.4.3.4.10.5).
func polyphaseGo(out *subbands, pcm *[history + granuleLen]int16, c *polyTables) {
	var x [history + granuleLen]float32
	for i, v := range pcm {
		x[i] = float32(v)
	}
	var y [64]float32 // Y of C.1.3, backwards
	var even, odd [16]float32
	for t := range out {
		xt := (*[512]float32)(x[32*t:])
		for r := range y {
			s := float32(c.window[r] * xt[r])
			s += float32(c.window[64+r] * xt[64+r])
			s += float32(c.window[128+r] * xt[128+r])
			s += float32(c.window[192+r] * xt[192+r])
			s += float32(c.window[256+r] * xt[256+r])
			s += float32(c.window[320+r] * xt[320+r])
			s += float32(c.window[384+r] * xt[384+r])
			s += float32(c.window[448+r] * xt[448+r])
			y[r] = s
		}
		// cos((2i+1)(k-16)π/64) is symmetric about k = 16 and antisymmetric
		// about k = 48: 64 terms fold to 32.
		even[0] = y[47]
		odd[0] = y[46] + y[48]
		for j := 1; j <= 8; j++ {
			even[j] = y[47-2*j] + y[47+2*j]
		}
		for j := 9; j < 16; j++ {
			even[j] = y[47-2*j] - y[2*j-17]
		}
		for j := 1; j < 8; j++ {
			odd[j] = y[46-2*j] + y[48+2*j]
		}
		for j := 8; j < 16; j++ {
			odd[j] = y[46-2*j] - y[2*j-16]
		}
		// The terms of odd m are 1/(2·cos((2i+1)π/64)) times those of even
		// m over the sums of neighbours.
		for j := 15; j > 0; j-- {
			odd[j] += odd[j-1]
		}
		row := &out[t]
		e, o := c.cos16(&even), c.cos16(&odd)
		for i := range e {
			b := float32(o[i] * c.secant[i])
			row[i], row[31-i] = e[i]+b, e[i]-b
		}
		if t&1 == 1 {
			for sb := 1; sb < 32; sb += 2 {
				row[sb] = -row[sb]
			}
		}
	}
}

// cos16 is the sum over j of x[j]·cos((2i+1)2jπ/64) for i < 16.
func (c *polyTables) cos16(x *[16]float32) (y [16]float32) {
	a, b := eight(&c.even, x, 0), eight(&c.odd, x, 1)
	for i := range a {
		y[i], y[15-i] = a[i]+b[i], a[i]-b[i]
	}
	return y
}

// eight is every other element of a vector, from the first on, times a matrix.
func eight(m *[8][8]float32, x *[16]float32, first int) [8]float32 {
	var a0, a1, a2, a3, a4, a5, a6, a7 float32
	for j := range m {
		c, v := &m[j], x[(2*j+first)&15]
		a0 += float32(c[0] * v)
		a1 += float32(c[1] * v)
		a2 += float32(c[2] * v)
		a3 += float32(c[3] * v)
		a4 += float32(c[4] * v)
		a5 += float32(c[5] * v)
		a6 += float32(c[6] * v)
		a7 += float32(c[7] * v)
	}
	return [8]float32{a0, a1, a2, a3, a4, a5, a6, a7}
}

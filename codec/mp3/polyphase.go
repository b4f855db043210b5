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
	window [512]float32 // Table C.1 backwards, so that it runs along memory, for 16-bit samples to ±1
	even   [16][16]float32
	odd    [16][16]float32
}

// polyConst has the matrix cos((2i+1)mπ/64) of 11172-3 C.1.3 cut by the parity
// of m; [m/2][i], i < 16. The other outputs follow by symmetry.
var polyConst = func() (t polyTables) {
	for p := range t.window {
		t.window[p] = float32(float64(analysisWindow[511-p]) / (1 << 21) / 32768)
	}
	for j := range 16 {
		for i := range 16 {
			t.even[j][i] = float32(math.Cos(float64((2*i+1)*2*j) * math.Pi / 64))
			t.odd[j][i] = float32(math.Cos(float64((2*i+1)*(2*j+1)) * math.Pi / 64))
		}
	}
	return t
}()

// polyphaseGo is the analysis filter bank, 11172-3 C.1.3, for one granule: pcm is
// the history, then the granule. Odd samples of odd subbands come out negated,
// which is the frequency inversion that the MDCT wants (11172-3 2.4.3.4.10).
func polyphaseGo(out *subbands, pcm *[history + granuleLen]int16, c *polyTables) {
	var x [history + granuleLen]float32
	for i, v := range pcm {
		x[i] = float32(v)
	}
	var y [64]float32 // Y of C.1.3, backwards
	var even, odd [16]float32
	for t := range out {
		xt := x[32*t : 32*t+512 : 32*t+512]
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
		row := &out[t]
		for i := 0; i < 16; i += 2 {
			var e0, e1, o0, o1 float32
			for j := range 16 {
				e0 += float32(c.even[j][i] * even[j])
				e1 += float32(c.even[j][i+1] * even[j])
				o0 += float32(c.odd[j][i] * odd[j])
				o1 += float32(c.odd[j][i+1] * odd[j])
			}
			row[i], row[31-i] = e0+o0, e0-o0
			row[i+1], row[30-i] = e1+o1, e1-o1
		}
		if t&1 == 1 {
			for sb := 1; sb < 32; sb += 2 {
				row[sb] = -row[sb]
			}
		}
	}
}

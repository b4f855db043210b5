package mp3

import "math"

// blockType is how a granule is cut into transform windows (11172-3 2.4.2.7).
type blockType uint8

const (
	longBlock blockType = iota
	startBlock
	shortBlock
	stopBlock
)

// mdctWindows are the windows of 11172-3 2.4.3.4.10.3 with the forward scale
// 1/9; that of shortBlock is not used here.
var mdctWindows = func() (w [4][36]float32) {
	for i := range 36 {
		long := math.Sin(math.Pi / 36 * (float64(i) + 0.5))
		w[longBlock][i] = float32(long / 9)
		start := long
		switch {
		case i >= 30:
			start = 0
		case i >= 24:
			start = math.Sin(math.Pi / 12 * (float64(i-18) + 0.5))
		case i >= 18:
			start = 1
		}
		w[startBlock][i] = float32(start / 9)
		w[stopBlock][35-i] = w[startBlock][i]
	}
	return w
}()

// mdctTables are what the transforms multiply with: the DCT-IV matrices
// cos(π/n (k+½)(i+½)), a row an output, the window of a short block with the
// forward scale 1/3, and the butterflies of 11172-3 Table B.9. The assembly
// knows the layout.
type mdctTables struct {
	dct18  [18][18]float32
	dct6   [6][6]float32
	window [12]float32
	cs, ca [8]float32
}

var mdctConst = func() (t mdctTables) {
	for i := range 18 {
		for k := range 18 {
			t.dct18[i][k] = float32(math.Cos(math.Pi / 18 * (float64(k) + 0.5) * (float64(i) + 0.5)))
		}
	}
	for i := range 6 {
		for k := range 6 {
			t.dct6[i][k] = float32(math.Cos(math.Pi / 6 * (float64(k) + 0.5) * (float64(i) + 0.5)))
		}
	}
	for i := range t.window {
		t.window[i] = float32(math.Sin(math.Pi/12*(float64(i)+0.5)) / 3)
	}
	for i, c := range [8]float64{-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037} {
		t.cs[i] = float32(1 / math.Sqrt(1+c*c))
		t.ca[i] = float32(c / math.Sqrt(1+c*c))
	}
	return t
}()

// mdctLongGo is the MDCT of 36 windowed samples of each subband (11172-3
// 2.4.3.4.10.2 read forwards, folded to a DCT-IV) and the alias reduction
// between neighbours (2.4.3.4.9); out is in order of frequency.
func mdctLongGo(out *[granuleLen]float32, x *block36, win *[36]float32, t *mdctTables) {
	for sb := range 32 {
		var v [18]float32
		for k := range 9 {
			v[k] = -(float32(x[26-k][sb]*win[26-k]) + float32(x[27+k][sb]*win[27+k]))
			v[9+k] = float32(x[k][sb]*win[k]) - float32(x[17-k][sb]*win[17-k])
		}
		o := out[18*sb : 18*sb+18 : 18*sb+18]
		for i := 0; i < 18; i += 3 {
			var a0, a1, a2 float32
			c0, c1, c2 := &t.dct18[i], &t.dct18[i+1], &t.dct18[i+2]
			for k, x := range v {
				a0 += float32(x * c0[k])
				a1 += float32(x * c1[k])
				a2 += float32(x * c2[k])
			}
			o[i], o[i+1], o[i+2] = a0, a1, a2
		}
	}
	for sb := 18; sb < granuleLen; sb += 18 {
		for i := range 8 {
			up, dn := out[sb-1-i], out[sb+i]
			out[sb-1-i] = float32(up*t.cs[i]) + float32(dn*t.ca[i])
			out[sb+i] = float32(dn*t.cs[i]) - float32(up*t.ca[i])
		}
	}
}

// mdctShortGo is the MDCT of three short blocks (2.4.3.4.10.3 d), of which the
// first takes x[0] to x[11], the next start 6 slots later; out is block by
// block, 192 lines each.
func mdctShortGo(out *[granuleLen]float32, x *[24][32]float32, t *mdctTables) {
	for w := range 3 {
		for sb := range 32 {
			var v [6]float32
			for k := range 3 {
				v[k] = -(float32(x[6*w+8-k][sb]*t.window[8-k]) + float32(x[6*w+9+k][sb]*t.window[9+k]))
				v[3+k] = float32(x[6*w+k][sb]*t.window[k]) - float32(x[6*w+5-k][sb]*t.window[5-k])
			}
			o := out[192*w+6*sb : 192*w+6*sb+6]
			for i := range o {
				var a float32
				for k, x := range v {
					a += float32(x * t.dct6[i][k])
				}
				o[i] = a
			}
		}
	}
}

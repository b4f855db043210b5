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

// shortWindow is the window of a short block with the forward scale 1/3.
var shortWindow = func() (w [12]float32) {
	for i := range w {
		w[i] = float32(math.Sin(math.Pi/12*(float64(i)+0.5)) / 3)
	}
	return w
}()

// dct18 and dct6 are the DCT-IV matrices cos(π/n (k+½)(i+½)), a row an output.
var dct18 = func() (c [18][18]float32) {
	for i := range c {
		for k := range c[i] {
			c[i][k] = float32(math.Cos(math.Pi / 18 * (float64(k) + 0.5) * (float64(i) + 0.5)))
		}
	}
	return c
}()

var dct6 = func() (c [6][6]float32) {
	for i := range c {
		for k := range c[i] {
			c[i][k] = float32(math.Cos(math.Pi / 6 * (float64(k) + 0.5) * (float64(i) + 0.5)))
		}
	}
	return c
}()

// aliasCS and aliasCA are the butterflies of 11172-3 Table B.9 (c_i as printed).
var aliasCS, aliasCA = func() (cs, ca [8]float32) {
	for i, c := range [8]float64{-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037} {
		cs[i] = float32(1 / math.Sqrt(1+c*c))
		ca[i] = float32(c / math.Sqrt(1+c*c))
	}
	return cs, ca
}()

// mdctLongGo is the MDCT of 36 windowed samples of each subband (11172-3
// 2.4.3.4.10.2 read forwards, folded to a DCT-IV) and the alias reduction
// between neighbours (2.4.3.4.9); out is in order of frequency.
func mdctLongGo(out *[granuleLen]float32, prev, cur *subbands, win *[36]float32) {
	for sb := range 32 {
		var v [18]float32
		for k := range 9 {
			v[k] = -float32(cur[8-k][sb]*win[26-k]) - float32(cur[9+k][sb]*win[27+k])
			v[9+k] = float32(prev[k][sb]*win[k]) - float32(prev[17-k][sb]*win[17-k])
		}
		o := out[18*sb : 18*sb+18 : 18*sb+18]
		for i := 0; i < 18; i += 3 {
			var a0, a1, a2 float32
			c0, c1, c2 := &dct18[i], &dct18[i+1], &dct18[i+2]
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
			out[sb-1-i] = float32(up*aliasCS[i]) + float32(dn*aliasCA[i])
			out[sb+i] = float32(dn*aliasCS[i]) - float32(up*aliasCA[i])
		}
	}
}

// mdctShortGo is the MDCT of three short blocks (2.4.3.4.10.3 d), the first of
// which starts at slot from of the 36; out is block by block, 192 lines each.
func mdctShortGo(out *[granuleLen]float32, prev, cur *subbands, from int) {
	for w := range 3 {
		for sb := range 32 {
			var z, v [6]float32
			at := func(k int) float32 { // sample k of the window
				if n := from + 6*w + k; n < 18 {
					return float32(prev[n][sb] * shortWindow[k])
				} else {
					return float32(cur[n-18][sb] * shortWindow[k])
				}
			}
			for k := range 3 {
				v[k] = -at(8-k) - at(9+k)
				v[3+k] = at(k) - at(5-k)
			}
			for i := range z {
				for k, x := range v {
					z[i] += float32(x * dct6[i][k])
				}
			}
			copy(out[192*w+6*sb:], z[:])
		}
	}
}

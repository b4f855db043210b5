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

// A transform is folded to a DCT-IV of n = 18 or 6 values v, which is made of a
// DCT-II: with w[k] = 2·cos(π(2k+1)/4n)·v[k] and Y its DCT-II, Y[i] = X[i] +
// X[i-1] and X[-1] = X[0]. The factors are in the windows; the DCT-II is cut by
// the parity of i into sums and differences of w[k] and w[n-1-k].

// foldFactors puts the factors of the DCT-IV into a window of 2n values.
func foldFactors(win []float64) {
	n := len(win) / 2
	for k := range n {
		f := 2 * math.Cos(math.Pi*float64(2*k+1)/float64(4*n))
		if k < n/2 {
			win[3*n/2-1-k] *= f
			win[3*n/2+k] *= f
		} else {
			win[k-n/2] *= f
			win[3*n/2-1-k] *= f
		}
	}
}

// mdctWindows are the windows of 11172-3 2.4.3.4.10.3 with the forward scale 1/9
// and the factors of the DCT-IV; that of shortBlock is not used here.
var mdctWindows = func() (w [4][36]float32) {
	for block := range w {
		var win [36]float64
		for i := range win {
			j := i
			if blockType(block) == stopBlock {
				j = 35 - i
			}
			win[i] = math.Sin(math.Pi/36*(float64(j)+0.5)) / 9
			if blockType(block) == startBlock || blockType(block) == stopBlock {
				switch {
				case j >= 30:
					win[i] = 0
				case j >= 24:
					win[i] = math.Sin(math.Pi/12*(float64(j-18)+0.5)) / 9
				case j >= 18:
					win[i] = 1.0 / 9
				}
			}
		}
		foldFactors(win[:])
		for i := range win {
			w[block][i] = float32(win[i])
		}
	}
	return w
}()

// mdctTables are what the transforms multiply with: the two halves of the DCT-II
// of 18 and of 6, by input and output, of which output 0 is halved; the window of
// a short block with the forward scale 1/3 and the factors of the DCT-IV; the
// butterflies of 11172-3 Table B.9. The assembly knows the layout.
type mdctTables struct {
	long   [2][9][9]float32
	short  [2][3][3]float32
	window [12]float32
	cs, ca [8]float32
}

var mdctConst = func() (t mdctTables) {
	dct2 := func(n, k, i int) float32 {
		if i == 0 {
			return 0.5
		}
		return float32(math.Cos(math.Pi / float64(2*n) * float64((2*k+1)*i)))
	}
	for odd := range 2 {
		for k := range 9 {
			for m := range 9 {
				t.long[odd][k][m] = dct2(18, k, 2*m+odd)
			}
		}
		for k := range 3 {
			for m := range 3 {
				t.short[odd][k][m] = dct2(6, k, 2*m+odd)
			}
		}
	}
	var win [12]float64
	for i := range win {
		win[i] = math.Sin(math.Pi/12*(float64(i)+0.5)) / 3
	}
	foldFactors(win[:])
	for i := range win {
		t.window[i] = float32(win[i])
	}
	for i, c := range [8]float64{-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037} {
		t.cs[i] = float32(1 / math.Sqrt(1+c*c))
		t.ca[i] = float32(c / math.Sqrt(1+c*c))
	}
	return t
}()

// mdctLongGo is the MDCT of 36 windowed samples of each subband (11172-3
// 2.4.3.4.10.2 read forwards) and the alias reduction between neighbours
// (2.4.3.4.10.1); out is in order of frequency. Subbands from n on are zero.
func mdctLongGo(out *[granuleLen]float32, x *block36, n int, win *[36]float32, t *mdctTables) {
	clear(out[18*n:])
	for sb := range n {
		var w [18]float32
		for k := range 9 {
			w[k] = -(float32(x[26-k][sb]*win[26-k]) + float32(x[27+k][sb]*win[27+k]))
			w[9+k] = float32(x[k][sb]*win[k]) - float32(x[17-k][sb]*win[17-k])
		}
		var sums, diffs [9]float32
		for k := range sums {
			sums[k] = w[k] + w[17-k]
			diffs[k] = w[k] - w[17-k]
		}
		even, odd := nine(&sums, &t.long[0]), nine(&diffs, &t.long[1])
		o := (*[18]float32)(out[18*sb:])
		var last float32
		for i := range even {
			o[2*i] = even[i] - last
			last = odd[i] - o[2*i]
			o[2*i+1] = last
		}
	}
	for sb := 18; sb < min(18*n+1, granuleLen); sb += 18 {
		for i := range 8 {
			up, dn := out[sb-1-i], out[sb+i]
			out[sb-1-i] = float32(up*t.cs[i]) + float32(dn*t.ca[i])
			out[sb+i] = float32(dn*t.cs[i]) - float32(up*t.ca[i])
		}
	}
}

// nine is a vector of 9 times a matrix.
func nine(v *[9]float32, m *[9][9]float32) [9]float32 {
	var a0, a1, a2, a3, a4, a5, a6, a7, a8 float32
	for k, x := range v {
		c := &m[k]
		a0 += float32(x * c[0])
		a1 += float32(x * c[1])
		a2 += float32(x * c[2])
		a3 += float32(x * c[3])
		a4 += float32(x * c[4])
		a5 += float32(x * c[5])
		a6 += float32(x * c[6])
		a7 += float32(x * c[7])
		a8 += float32(x * c[8])
	}
	return [9]float32{a0, a1, a2, a3, a4, a5, a6, a7, a8}
}

// mdctShortGo is the MDCT of three short blocks (2.4.3.4.10.3 d), of which the
// first takes x[0] to x[11], the next start 6 slots later; out is block by
// block, 192 lines each. Subbands from n on are zero.
func mdctShortGo(out *[granuleLen]float32, x *[24][32]float32, n int, t *mdctTables) {
	for b := range 3 {
		clear(out[192*b+6*n : 192*b+192])
		for sb := range n {
			var w [6]float32
			for k := range 3 {
				w[k] = -(float32(x[6*b+8-k][sb]*t.window[8-k]) + float32(x[6*b+9+k][sb]*t.window[9+k]))
				w[3+k] = float32(x[6*b+k][sb]*t.window[k]) - float32(x[6*b+5-k][sb]*t.window[5-k])
			}
			o := (*[6]float32)(out[192*b+6*sb:])
			var last float32
			for i := range 3 {
				var even, odd float32
				for k := range 3 {
					even += float32((w[k] + w[5-k]) * t.short[0][k][i])
					odd += float32((w[k] - w[5-k]) * t.short[1][k][i])
				}
				o[2*i] = even - last
				last = odd - o[2*i]
				o[2*i+1] = last
			}
		}
	}
}

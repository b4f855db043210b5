//go:build amd64 && !noasm

package mp3

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// The assembly must give the very bits of the Go functions.

func needAVX2(t testing.TB) {
	if !hasAVX2 {
		t.Skip("this machine has no AVX2")
	}
}

func TestAssemblyKnowsTheLayout(t *testing.T) {
	var p psyTables
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"slope", unsafe.Offsetof(p.slope), 896},
		{"norm", unsafe.Offsetof(p.norm), 1792},
		{"decay", unsafe.Offsetof(p.decay), 2688},
		{"fresh", unsafe.Offsetof(p.fresh), 2912},
		{"noise", unsafe.Offsetof(p.noise), 3136},
		{"long", unsafe.Offsetof(p.long), 3360},
		{"short", unsafe.Offsetof(p.short), 3808},
		{"n", unsafe.Offsetof(p.n), 4256},
		{"band", unsafe.Sizeof(bandLines{}), 8},
		{"odd", unsafe.Offsetof(polyConst.odd), 2304},
		{"secant", unsafe.Offsetof(polyConst.secant), 2560},
		{"short DCT", unsafe.Offsetof(mdctConst.short), 648},
		{"window", unsafe.Offsetof(mdctConst.window), 720},
		{"ca", unsafe.Offsetof(mdctConst.ca), 800},
	} {
		if c.got != c.want {
			t.Errorf("%s at %d, the generator assumes %d", c.name, c.got, c.want)
		}
	}
}

// inputs are what the kernels are compared on: drawn from a seed, at many
// levels, with zeros and extremes among them.
type inputs struct{ r *rand.Rand }

func newInputs(seed uint64) inputs { return inputs{rand.New(rand.NewPCG(seed, 7))} }

func (in inputs) float() float32 {
	switch in.r.IntN(12) {
	case 0:
		return 0
	case 1:
		return float32(in.r.NormFloat64())
	}
	return float32(in.r.NormFloat64() * math.Exp2(-20*in.r.Float64()))
}

func (in inputs) spectrum() (x [granuleLen]float32) {
	top := in.r.IntN(granuleLen + 1)
	for i := range x[:top] {
		x[i] = in.float()
	}
	return x
}

func (in inputs) quantised() (q [granuleLen]uint16) {
	top, most := in.r.IntN(granuleLen+1), []int{1, 2, 3, 7, 15, 16, 8206}[in.r.IntN(7)]
	for i := range q[:top] {
		if in.r.IntN(3) > 0 {
			q[i] = uint16(in.r.IntN(most + 1))
		}
	}
	return q
}

func compareKernels(t *testing.T, seed uint64) {
	in := newInputs(seed)
	psy := psyOf[[]Version{MPEG1, MPEG2, MPEG25}[in.r.IntN(3)]][in.r.IntN(3)]

	var pcm [history + granuleLen]int16
	for i := range pcm {
		pcm[i] = int16(in.r.IntN(65536) >> in.r.IntN(16))
	}
	var subGo, subAsm subbands
	polyphaseGo(&subGo, &pcm, &polyConst)
	polyphaseAVX2(&subAsm, &pcm, &polyConst.window[0])
	if subGo != subAsm {
		t.Fatal("polyphase differs")
	}

	var x block36
	top := 32
	if in.r.IntN(2) == 0 {
		top = in.r.IntN(33)
	}
	for i := range x {
		for j := range x[i][:top] {
			x[i][j] = in.float()
		}
	}
	var longGo, longAsm, shortGo, shortAsm [granuleLen]float32
	win := &mdctWindows[in.r.IntN(4)]
	mdctLongGo(&longGo, &x, top, win, &mdctConst)
	mdctLongAVX2(&longAsm, &x, win, &mdctConst.long[0][0][0])
	if longGo != longAsm {
		t.Fatal("mdctLong differs")
	}
	mdctShortGo(&shortGo, (*[24][32]float32)(x[6:]), top, &mdctConst)
	mdctShortAVX2(&shortAsm, (*[24][32]float32)(x[6:]), &mdctConst.long[0][0][0])
	if shortGo != shortAsm {
		t.Fatal("mdctShort differs")
	}

	var thirdGo, thirdAsm [6]float32
	thirdsGo(&thirdGo, (*subbands)(x[:]))
	thirdsAVX2(&thirdAsm, (*subbands)(x[:]))
	if thirdGo != thirdAsm {
		t.Fatal("thirds differ")
	}

	long, short := in.spectrum(), in.spectrum()
	var eGo, eAsm [maxBands * lanes]float32
	energiesGo(&eGo, &long, &short, psy)
	energiesAVX2(&eAsm, &long, &short, &psy.internal[0])
	if eGo != eAsm {
		t.Fatal("energies differ")
	}
	var wGo, wAsm [3][maxBands]float32
	var pGo [maxBands]float32
	for i := range pGo[:psy.n] {
		pGo[i] = float32(math.Abs(float64(in.float()))) * 1e6
	}
	pAsm := pGo
	exciteGo(&wGo, &eGo, &pGo, psy)
	exciteAVX2(&wAsm, &eAsm, &pAsm, &psy.internal[0], &exciteConst)
	for b := range psy.n {
		if pGo[b] != pAsm[b] {
			t.Fatalf("excite: pattern of band %d of %d differs: %v, %v", b, psy.n, pGo[b], pAsm[b])
		}
		for l := range wGo {
			if wGo[l][b] != wAsm[l][b] {
				t.Fatalf("excite: weight %d of band %d differs: %v, %v", l, b, wGo[l][b], wAsm[l][b])
			}
		}
	}

	var value [40]float32
	for i := range value {
		value[i] = 1000 * in.float() * in.float()
	}
	var lineGo, lineAsm lineValues
	bounds, bands := &psy.linesLong, 22
	if seed&1 == 1 {
		bounds, bands = &psy.linesShort, 39
	}
	expandGo(&lineGo, &value, bounds, bands)
	expandAVX2(&lineAsm, &value, bounds, bands)
	if [granuleLen]float32(lineGo[:granuleLen]) != [granuleLen]float32(lineAsm[:granuleLen]) {
		t.Fatal("expand differs")
	}
	bGo, nGo := entropyGo(&long, &lineGo)
	bAsm, nAsm := entropyAVX2(&long, &lineGo)
	if bGo != bAsm || nGo != nAsm {
		t.Fatalf("entropy differs: %v, %v; %d, %d", bGo, bAsm, nGo, nAsm)
	}

	var magGo, magAsm [granuleLen]float32
	powersGo(&magGo, &long)
	powersAVX2(&magAsm, &long)
	if magGo != magAsm {
		t.Fatal("powers differ")
	}
	var meanGo, meanAsm, peakGo, peakAsm [40]float32
	summariseGo(&meanGo, &peakGo, &magGo, bounds, bands)
	summariseAVX2(&meanAsm, &peakAsm, &magGo, bounds, bands)
	if meanGo != meanAsm || peakGo != peakAsm {
		t.Fatal("summaries differ")
	}
	scaledGo, scaledAsm := magGo, magGo
	scaleGo(&scaledGo, &value, bounds, bands)
	scaleAVX2(&scaledAsm, &value, bounds, bands)
	if scaledGo != scaledAsm {
		t.Fatal("products differ")
	}
	most := float32(1e-9)
	for _, m := range magGo {
		most = max(most, m)
	}
	step := float32([]float64{0.3, 1, 2, 15, 17, 1000, largestQ - 1}[in.r.IntN(7)]) / most
	var qGo, qAsm [granuleLen]uint16
	zGo, lGo := quantizeGo(&qGo, &magGo, step, 0.4054)
	zAsm, lAsm := quantizeAVX2(&qAsm, &magGo, step, 0.4054)
	if qGo != qAsm || zGo != zAsm || lGo != lAsm {
		t.Fatalf("quantize differs: ends %d %d and %d %d", zGo, lGo, zAsm, lAsm)
	}

	if seed&2 == 2 {
		qGo = in.quantised()
	}
	cut := sfbLongOf[MPEG1][0]
	var edges [40]uint16
	copy(edges[:], cut[:])
	n := 1 + in.r.IntN(22)
	if edges[n-1]+2 < edges[n] { // the last band ends where big_values does
		edges[n] -= uint16(in.r.IntN(int(edges[n]-edges[n-1])/2)) * 2
	}
	var sGo, sAsm [40]laneCosts
	var mGo, mAsm [40]uint16
	costsGo(&sGo, &mGo, &qGo, &edges, n)
	costsAVX2(&sAsm[0][0], &mAsm, &qGo, &edges, n, &pairBits[0][0])
	if sGo != sAsm || mGo != mAsm {
		t.Fatal("costs differ")
	}
	v1, a1, b1 := splitGo(&sGo, &mGo, n)
	v2, a2, b2 := splitAVX2(&sGo[0][0], &mGo, n, &noLane[0][0])
	if v1 != v2 || a1 != a2 || b1 != b2 {
		t.Fatalf("split of %d bands differs: %d %d %d, %d %d %d", n, v1, a1, b1, v2, a2, b2)
	}
}

func TestKernelsAgree(t *testing.T) {
	needAVX2(t)
	for seed := range uint64(2000) {
		compareKernels(t, seed)
	}
}

func FuzzKernels(f *testing.F) {
	needAVX2(f)
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(compareKernels)
}

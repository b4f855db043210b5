package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func f32(f float64) uint32 { return math.Float32bits(float32(f)) }

// The layout of psyTables.
const (
	maxBands    = 56
	internalOff = 0
	slopeOff    = internalOff + 16*maxBands
	normOff     = slopeOff + 16*maxBands
	decayOff    = normOff + 16*maxBands
	freshOff    = decayOff + 4*maxBands
	noiseOff    = freshOff + 4*maxBands
	longOff     = noiseOff + 4*maxBands
	shortOff    = longOff + 8*maxBands
	countOff    = shortOff + 8*maxBands
)

// sum adds the lanes of v as the Go functions do, into the lowest of the result.
func sum(v reg.VecVirtual) reg.VecVirtual {
	h, s := XMM(), XMM()
	VEXTRACTF128(Imm(1), v, h)
	VADDPS(h, v.AsX(), s)
	VMOVHLPS(s, s, h)
	VADDPS(h, s, s)
	VMOVSHDUP(s, h)
	VADDSS(h, s, s)
	return s
}

var tail Mem

func energies() {
	TEXT("energiesAVX2", NOSPLIT, "func(e *[224]float32, long, short *[576]float32, p *float32)")
	Pragma("noescape")
	e, long, short, p := ptr("e"), ptr("long"), ptr("short"), ptr("p")
	// A window into tail at 32-4n masks the first n of 8.
	tail = GLOBL("tail", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(0xffffffff)*uint32((15-i)/8)))
	}
	masks := GP64()
	LEAQ(tail, masks)
	left := GP64()
	MOVQ(at(p, countOff), left)
	Label("band")
	for l, src := range []struct {
		x   Mem
		off int
		tab int
	}{{short, 0, shortOff}, {short, 192 * 4, shortOff}, {short, 384 * 4, shortOff}, {long, 0, longOff}} {
		name := string(rune('0' + l))
		x, n := GP64(), GP64()
		MOVWQZX(at(p, src.tab), x)
		MOVWQZX(at(p, src.tab+2), n)
		SUBQ(x, n)
		LEAQ(Mem{Base: src.x.Base, Index: x, Scale: 4, Disp: src.off}, x)
		acc := YMM()
		zero(acc)
		SUBQ(Imm(8), n)
		JLT(LabelRef("rest" + name))
		Label("eight" + name)
		v := YMM()
		VMOVUPS(Mem{Base: x}, v)
		VMULPS(v, v, v)
		VADDPS(v, acc, acc)
		ADDQ(Imm(32), x)
		SUBQ(Imm(8), n)
		JGE(LabelRef("eight" + name))
		Label("rest" + name)
		// n is what is left, less 8.
		NEGQ(n)
		m, w := YMM(), YMM()
		VMOVUPS(Mem{Base: masks, Index: n, Scale: 4}, m)
		VMASKMOVPS(Mem{Base: x}, m, w)
		VMULPS(w, w, w)
		VADDPS(w, acc, acc)
		s := sum(acc)
		VMULSS(at(p, src.tab+4), s, s)
		VMOVSS(s, at(e, 4*l))
	}
	ADDQ(Imm(8), p.Base)
	ADDQ(Imm(16), e.Base)
	DECQ(left)
	JNE(LabelRef("band"))
	VZEROUPPER()
	RET()
}

// log2 is log2f of the package for eight lanes; x is lost.
func log2(x reg.VecVirtual) reg.VecVirtual {
	t, e, p := YMM(), YMM(), YMM()
	VANDPS(vec("mantissa", 0x7fffff), x, t)
	VORPS(ones(), t, t)
	VSUBPS(ones(), t, t)
	VPSRLD(Imm(23), x, e)
	VPSUBD(vec("bias", 127), e, e)
	VCVTDQ2PS(e, e)
	VMULPS(vec("log4", f32(0.05866494)), t, p)
	VSUBPS(vec("log3", f32(0.22510303)), p, p)
	VMULPS(t, p, p)
	VADDPS(vec("log2", f32(0.44059903)), p, p)
	VMULPS(t, p, p)
	VSUBPS(vec("log1", f32(0.71671466)), p, p)
	VMULPS(t, p, p)
	VADDPS(vec("log0", f32(1.4426039)), p, p)
	VMULPS(t, p, p)
	VADDPS(e, p, p)
	return p
}

// exp2 is exp2f of the package for eight lanes; x is lost.
func exp2(x reg.VecVirtual) reg.VecVirtual {
	f, i, p := YMM(), YMM(), YMM()
	VMAXPS(vec("leastExp", f32(-126)), x, x)
	VMINPS(vec("mostExp", f32(126)), x, x)
	VROUNDPS(Imm(9), x, f) // floor
	VSUBPS(f, x, x)
	VCVTPS2DQ(f, i)
	VPADDD(vec("bias", 127), i, i)
	VPSLLD(Imm(23), i, i)
	VMULPS(vec("exp4", f32(0.01367031)), x, p)
	VADDPS(vec("exp3", f32(0.051744998)), p, p)
	VMULPS(x, p, p)
	VADDPS(vec("exp2", f32(0.24160436)), p, p)
	VMULPS(x, p, p)
	VADDPS(vec("exp1", f32(0.69297292)), p, p)
	VMULPS(x, p, p)
	VADDPS(vec("exp0", f32(1.0000035)), p, p)
	VMULPS(i, p, p)
	return p
}

func excite() {
	TEXT("exciteAVX2", 0, "func(weights *[3][56]float32, e *[224]float32, pattern *[56]float32, p *float32, k *[4]float32)")
	Pragma("noescape")
	weights, e, pattern, p, k := ptr("weights"), ptr("e"), ptr("pattern"), ptr("p"), ptr("k")
	spread := AllocLocal(16 * maxBands)
	ratio := AllocLocal(16 * maxBands)
	n := GP64()
	MOVQ(at(p, countOff), n)

	// Level, spreading and slope of each source, two bands at a time.
	power, flatten, flattest := YMM(), YMM(), YMM()
	VBROADCASTSS(at(k, 0), power)
	VBROADCASTSS(at(k, 4), flatten)
	VBROADCASTSS(at(k, 8), flattest)
	i := GP64()
	XORQ(i, i)
	end := GP64()
	MOVQ(n, end)
	SHLQ(Imm(4), end)
	idx := func(m Mem, off int) Mem { return Mem{Base: m.Base, Disp: m.Disp + off, Index: i, Scale: 1} }
	Label("sources")
	x := YMM()
	VMOVUPS(idx(e, 0), x)
	VADDPS(idx(p, internalOff), x, x)
	level := log2(x)
	s, r := YMM(), YMM()
	VMULPS(power, level, s)
	VMULPS(flatten, level, r)
	VADDPS(idx(p, slopeOff), r, r)
	VMINPS(flattest, r, r)
	VMOVUPS(exp2(s), idx(spread, 0))
	VMOVUPS(exp2(r), idx(ratio, 0))
	ADDQ(Imm(32), i)
	CMPQ(i, end)
	JLT(LabelRef("sources"))

	// Towards lower bands.
	down, fall := XMM(), XMM()
	VXORPS(down, down, down)
	VBROADCASTSS(at(k, 12), fall)
	MOVQ(end, i)
	Label("down")
	SUBQ(Imm(16), i)
	VMULPS(fall, down, down)
	VADDPS(idx(spread, 0), down, down)
	VMOVUPS(down, idx(e, 0))
	JNE(LabelRef("down"))

	// Towards higher bands.
	up, keep := XMM(), XMM()
	VXORPS(up, up, up)
	VXORPS(keep, keep, keep)
	XORQ(i, i)
	Label("up")
	carried, total, a, b := XMM(), XMM(), XMM(), XMM()
	VMULPS(keep, up, carried)
	VADDPS(idx(e, 0), carried, total)
	VMOVUPS(idx(spread, 0), a)
	VADDPS(a, carried, up)
	VMULPS(keep, carried, b)
	VMULPS(idx(ratio, 0), a, a)
	VADDPS(a, b, b)
	VDIVPS(up, b, keep)
	VMOVUPS(total, idx(e, 0))
	ADDQ(Imm(16), i)
	CMPQ(i, end)
	JLT(LabelRef("up"))

	XORQ(i, i)
	Label("norm")
	t, root := YMM(), YMM()
	VMOVUPS(idx(e, 0), t)
	VSQRTPS(t, root)
	VMULPS(t, t, t)
	VMULPS(root, t, t)
	VMULPS(idx(p, normOff), t, t)
	VMOVUPS(t, idx(e, 0))
	ADDQ(Imm(32), i)
	CMPQ(i, end)
	JLT(LabelRef("norm"))

	// Forward masking, eight bands at a time.
	XORQ(i, i)
	Label("forward")
	var row [4]reg.VecVirtual
	for j := range row { // bands j and j+4
		row[j] = YMM()
		VMOVUPS(at(e, 16*j), row[j].AsX())
		VINSERTF128(Imm(1), at(e, 16*(j+4)), row[j], row[j])
	}
	lo0, hi0, lo1, hi1 := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPS(row[1], row[0], lo0)
	VUNPCKHPS(row[1], row[0], hi0)
	VUNPCKLPS(row[3], row[2], lo1)
	VUNPCKHPS(row[3], row[2], hi1)
	var ex [3]reg.VecVirtual
	for j := range ex {
		ex[j] = YMM()
	}
	VSHUFPS(Imm(0x44), lo1, lo0, ex[0])
	VSHUFPS(Imm(0xee), lo1, lo0, ex[1])
	VSHUFPS(Imm(0x44), hi1, hi0, ex[2])
	v := YMM()
	VMOVUPS(idx(pattern, 0), v)
	for j := range 3 {
		f, w := YMM(), YMM()
		VMULPS(idx(p, decayOff), v, v)
		VMULPS(idx(p, freshOff), ex[j], f)
		VADDPS(f, v, v)
		VMAXPS(ex[j], v, v)
		VMOVUPS(idx(p, noiseOff), w)
		VDIVPS(v, w, w)
		VMOVUPS(w, idx(weights, 4*maxBands*j))
	}
	VMOVUPS(v, idx(pattern, 0))
	ADDQ(Imm(128), e.Base)
	ADDQ(Imm(32), i)
	SUBQ(Imm(8), n)
	JG(LabelRef("forward"))
	VZEROUPPER()
	RET()
}

func thirds() {
	TEXT("thirdsAVX2", NOSPLIT, "func(e *[6]float32, x *[18][32]float32)")
	Pragma("noescape")
	e, x := ptr("e"), ptr("x")
	for i := range 6 {
		acc := YMM()
		zero(acc)
		for j := range 12 {
			v := YMM()
			VMOVUPS(at(x, 384*i+32*j), v)
			VMULPS(v, v, v)
			VADDPS(v, acc, acc)
		}
		VMOVSS(sum(acc), at(e, 4*i))
	}
	VZEROUPPER()
	RET()
}

func entropy() {
	TEXT("entropyAVX2", NOSPLIT, "func(x *[576]float32, gain *[584]float32) (bits float32, active int)")
	Pragma("noescape")
	x, gain := ptr("x"), ptr("gain")
	one, most := YMM(), YMM()
	VMOVUPS(ones(), one)
	VMOVUPS(vec("most", f32(1<<30)), most)
	bits, count := YMM(), YMM()
	zero(bits)
	zero(count)
	left := GP64()
	MOVQ(U32(18), left)
	Label("round")
	prod := YMM()
	for j := range 4 {
		z, m := YMM(), YMM()
		VMOVUPS(at(x, 32*j), z)
		VMULPS(at(gain, 32*j), z, z)
		VMULPS(z, z, z)
		VMINPS(most, z, z)
		VCMPPS(Imm(13), one, z, m) // z >= 1
		VPSUBD(m, count, count)
		VADDPS(one, z, z)
		if j == 0 {
			prod = z
		} else {
			VMULPS(z, prod, prod)
		}
	}
	VADDPS(log2(prod), bits, bits)
	ADDQ(Imm(128), x.Base)
	ADDQ(Imm(128), gain.Base)
	DECQ(left)
	JNE(LabelRef("round"))
	s := sum(bits)
	VMULSS(vec("half", f32(0.5)), s, s)
	Store(s, Return("bits"))
	h, c := XMM(), XMM()
	VEXTRACTI128(Imm(1), count, h)
	VPADDD(h, count.AsX(), c)
	VPSHUFD(Imm(0x4e), c, h)
	VPADDD(h, c, c)
	VPSHUFD(Imm(0xb1), c, h)
	VPADDD(h, c, c)
	n := GP32()
	VMOVD(c, n)
	Store(n.As64(), Return("active"))
	VZEROUPPER()
	RET()
}

func expand() {
	TEXT("expandAVX2", NOSPLIT, "func(line *[584]float32, value *[40]float32, bounds *[40]uint16, bands int)")
	Pragma("noescape")
	line, value, bounds := ptr("line"), ptr("value"), ptr("bounds")
	left := Load(Param("bands"), GP64())
	Label("band")
	v := YMM()
	VBROADCASTSS(at(value, 0), v)
	a, b := GP64(), GP64()
	MOVWQZX(at(bounds, 0), a)
	MOVWQZX(at(bounds, 2), b)
	Label("eight")
	VMOVUPS(v, Mem{Base: line.Base, Index: a, Scale: 4}) // what is too much, the next band overwrites
	ADDQ(Imm(8), a)
	CMPQ(a, b)
	JLT(LabelRef("eight"))
	ADDQ(Imm(4), value.Base)
	ADDQ(Imm(2), bounds.Base)
	DECQ(left)
	JNE(LabelRef("band"))
	VZEROUPPER()
	RET()
}

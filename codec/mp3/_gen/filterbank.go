package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func polyphase() {
	TEXT("polyphaseAVX2", 0, "func(out *[18][32]float32, pcm *[1056]int16, c *float32)")
	Pragma("noescape")
	out, pcm, c := ptr("out"), ptr("pcm"), ptr("c")
	const window, even, odd, secant = 0, 2048, 2048 + 256, 2048 + 512
	x := AllocLocal(1056 * 4)
	y := AllocLocal(64 * 4)
	room := AllocLocal(48 * 4)
	u := room.Offset(32)

	i := GP64()
	XORQ(i, i)
	Label("convert")
	for k := range 4 {
		v := YMM()
		VPMOVSXWD(Mem{Base: pcm.Base, Index: i, Scale: 2, Disp: 16 * k}, v)
		VCVTDQ2PS(v, v)
		VMOVUPS(v, Mem{Base: x.Base, Index: i, Scale: 4, Disp: x.Disp + 32*k})
	}
	ADDQ(Imm(32), i)
	CMPQ(i, U32(1056))
	JNE(LabelRef("convert"))

	rev, flip := YMM(), YMM()
	VMOVUPS(backward(), rev)
	zero(flip)
	VMOVUPS(flip, room)
	xt := GP64()
	LEAQ(x, xt)
	slot := GP64()
	MOVQ(U32(18), slot)
	Label("slot")
	// 512 samples under the window, in 64 sums of 8.
	for r := 0; r < 64; r += 8 {
		s := YMM()
		VMOVUPS(Mem{Base: xt, Disp: 4 * r}, s)
		VMULPS(at(c, window+4*r), s, s)
		for q := 1; q < 8; q++ {
			p := YMM()
			VMOVUPS(Mem{Base: xt, Disp: 4 * (64*q + r)}, p)
			VMULPS(at(c, window+4*(64*q+r)), p, p)
			VADDPS(p, s, s)
		}
		VMOVUPS(s, at(y, 4*r))
	}
	// 64 fold to 32: u[m] = y[47-m] + y[47+m], and from 17 on y[47-m] - y[m-17].
	for g, other := range []int{48, 56, 0, 8} {
		a := YMM()
		VPERMPS(at(y, 4*(39-8*g)), rev, a)
		if g < 2 {
			VADDPS(at(y, 4*other), a, a)
		} else {
			VSUBPS(at(y, 4*other), a, a)
		}
		VMOVUPS(a, at(u, 4*(1+8*g)))
	}
	s := XMM()
	VMOVSS(at(y, 4*47), s)
	VMOVSS(s, at(u, 0))
	// g[j] = u[2j+1] + u[2j-1], in the odd places of u; the lowest stays.
	pair := YMM()
	for _, k := range []int{24, 16, 8} {
		VMOVUPS(at(u, 4*k), pair)
		next := YMM()
		VADDPS(at(u, 4*(k-2)), pair, next)
		VBLENDPS(Imm(0xaa), next, pair, pair)
		VMOVUPS(pair, at(u, 4*k))
	}
	VMOVUPS(at(u, 0), pair)
	shifted := YMM()
	VMOVUPS(at(u, -8), shifted) // u[-2] and u[-1] are 0
	VADDPS(shifted, pair, shifted)
	VBLENDPS(Imm(0xaa), shifted, pair, pair)
	VMOVUPS(pair, at(u, 0))

	var y16 [2][2]reg.VecVirtual // even and odd m; outputs 0..7, 8..15
	for odds := range 2 {
		a, b := YMM(), YMM()
		zero(a)
		zero(b)
		for j := range 8 {
			v, p := YMM(), YMM()
			VBROADCASTSS(at(u, 16*j+4*odds), v)
			VMULPS(at(c, even+32*j), v, p)
			VADDPS(p, a, a)
			v, p = YMM(), YMM()
			VBROADCASTSS(at(u, 16*j+8+4*odds), v)
			VMULPS(at(c, odd+32*j), v, p)
			VADDPS(p, b, b)
		}
		lo, hi := YMM(), YMM()
		VADDPS(b, a, lo)
		VSUBPS(b, a, hi)
		VPERMPS(hi, rev, hi)
		y16[odds] = [2]reg.VecVirtual{lo, hi}
	}
	for g := range 2 {
		o := y16[1][g]
		VMULPS(at(c, secant+32*g), o, o)
		a, b := YMM(), YMM()
		VADDPS(o, y16[0][g], a)
		VSUBPS(o, y16[0][g], b)
		VPERMPS(b, rev, b)
		VXORPS(flip, a, a)
		VXORPS(flip, b, b)
		VMOVUPS(a, at(out, 32*g))
		VMOVUPS(b, at(out, 96-32*g))
	}
	VXORPS(vec("oddLanes", 0, 1<<31, 0, 1<<31, 0, 1<<31, 0, 1<<31), flip, flip)
	ADDQ(Imm(128), xt)
	ADDQ(Imm(128), out.Base)
	DECQ(slot)
	JNE(LabelRef("slot"))
	VZEROUPPER()
	RET()
}

// transpose turns 8 vectors of 8 about the diagonal.
func transpose(r []reg.VecVirtual) []reg.VecVirtual {
	t := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 2 {
		t[i], t[i+1] = YMM(), YMM()
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	u := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			u[i+2*j], u[i+2*j+1] = YMM(), YMM()
			VSHUFPS(Imm(0x44), t[i+2+j], t[i+j], u[i+2*j])
			VSHUFPS(Imm(0xee), t[i+2+j], t[i+j], u[i+2*j+1])
		}
	}
	o := make([]reg.VecVirtual, 8)
	for i := range 4 {
		o[i], o[i+4] = YMM(), YMM()
		VPERM2F128(Imm(0x20), u[i+4], u[i], o[i])
		VPERM2F128(Imm(0x31), u[i+4], u[i], o[i+4])
	}
	return o
}

// The layout of mdctTables.
const (
	longDCT   = 0
	shortDCT  = 2 * 81 * 4
	windowOff = shortDCT + 2*9*4
	csOff     = windowOff + 12*4
	caOff     = csOff + 8*4
)

func mdctLong() {
	TEXT("mdctLongAVX2", 0, "func(out *[576]float32, x *[36][32]float32, win *[36]float32, t *float32)")
	Pragma("noescape")
	out, x, win, t := ptr("out"), ptr("x"), ptr("win"), ptr("t")
	v := AllocLocal(18 * 128)
	r := AllocLocal(19 * 128)

	sign := YMM()
	VMOVUPS(signs(), sign)
	for k := range 9 { // window, fold, and w[k] with w[17-k]
		var w [4]reg.VecVirtual
		for i, at36 := range []int{26 - k, 27 + k, 8 - k, 9 + k} {
			w[i] = YMM()
			VBROADCASTSS(at(win, 4*at36), w[i])
		}
		for g := range 4 {
			a, b, c, d := YMM(), YMM(), YMM(), YMM()
			VMULPS(at(x, 128*(26-k)+32*g), w[0], a)
			VMULPS(at(x, 128*(27+k)+32*g), w[1], b)
			VADDPS(b, a, a)
			VXORPS(sign, a, a)
			VMULPS(at(x, 128*(8-k)+32*g), w[2], c)
			VMULPS(at(x, 128*(9+k)+32*g), w[3], d)
			VSUBPS(d, c, c)
			VADDPS(c, a, b)
			VSUBPS(c, a, d)
			VMOVUPS(b, at(v, 128*k+32*g))
			VMOVUPS(d, at(v, 128*(9+k)+32*g))
		}
	}
	// The two halves of the DCT-II, three outputs of all subbands at a time.
	for odd := range 2 {
		name := []string{"even", "odd"}[odd]
		col, left, dst := GP64(), GP64(), GP64()
		LEAQ(at(t, longDCT+324*odd), col)
		LEAQ(at(r, 128*odd), dst)
		MOVQ(U32(3), left)
		Label(name)
		var acc [3][4]reg.VecVirtual
		for o := range 3 {
			for g := range 4 {
				acc[o][g] = YMM()
				zero(acc[o][g])
			}
		}
		for k := range 9 {
			for o := range 3 {
				c := YMM()
				VBROADCASTSS(Mem{Base: col, Disp: 36*k + 4*o}, c)
				for g := range 4 {
					p := YMM()
					VMULPS(at(v, 128*(9*odd+k)+32*g), c, p)
					VADDPS(p, acc[o][g], acc[o][g])
				}
			}
		}
		for o := range 3 {
			for g := range 4 {
				VMOVUPS(acc[o][g], Mem{Base: dst, Disp: 256*o + 32*g})
			}
		}
		ADDQ(Imm(12), col)
		ADDQ(U32(768), dst)
		DECQ(left)
		JNE(LabelRef(name))
	}
	// X[i] = Y[i] - X[i-1].
	for g := range 4 {
		last := YMM()
		VMOVUPS(at(r, 32*g), last)
		for i := 1; i < 18; i++ {
			y := YMM()
			VMOVUPS(at(r, 128*i+32*g), y)
			VSUBPS(last, y, y)
			VMOVUPS(y, at(r, 128*i+32*g))
			last = y
		}
	}

	// Alias reduction: lane sb of row 17-i with lane sb+1 of row i.
	lastLane := vec("lastLane", 0, 0, 0, 0, 0, 0, 0, 0xffffffff)
	for i := range 8 {
		cs, ca := YMM(), YMM()
		VBROADCASTSS(at(t, csOff+4*i), cs)
		VBROADCASTSS(at(t, caOff+4*i), ca)
		for g := range 4 {
			if g == 3 { // its last lane has no neighbour and stays
				m := YMM()
				VMOVUPS(lastLane, m)
				VBLENDVPS(m, ones(), cs, cs)
				VANDNPS(ca, m, ca)
			}
			up, dn := YMM(), YMM()
			VMOVUPS(at(r, 128*(17-i)+32*g), up)
			VMOVUPS(at(r, 128*i+32*g+4), dn)
			a, b, p, q := YMM(), YMM(), YMM(), YMM()
			VMULPS(cs, up, a)
			VMULPS(ca, dn, b)
			VADDPS(b, a, a)
			VMOVUPS(a, at(r, 128*(17-i)+32*g))
			VMULPS(cs, dn, p)
			VMULPS(ca, up, q)
			VSUBPS(q, p, p)
			VMOVUPS(p, at(r, 128*i+32*g+4))
		}
	}
	for g := range 4 { // to the order of lines
		for k := 0; k < 16; k += 8 {
			rows := make([]reg.VecVirtual, 8)
			for i := range rows {
				rows[i] = YMM()
				VMOVUPS(at(r, 128*(k+i)+32*g), rows[i])
			}
			for l, o := range transpose(rows) {
				VMOVUPS(o, at(out, 4*(18*(8*g+l)+k)))
			}
		}
		a, b := YMM(), YMM()
		VMOVUPS(at(r, 128*16+32*g), a)
		VMOVUPS(at(r, 128*17+32*g), b)
		lo, hi := YMM(), YMM()
		VUNPCKLPS(b, a, lo)
		VUNPCKHPS(b, a, hi)
		for half := range 2 {
			for j, w := range []reg.VecVirtual{lo, hi} {
				p := w.AsX()
				if half == 1 {
					p = XMM()
					VEXTRACTF128(Imm(1), w, p)
				}
				l := 8*g + 4*half + 2*j
				VMOVLPS(p, at(out, 4*(18*l+16)))
				VMOVHPS(p, at(out, 4*(18*(l+1)+16)))
			}
		}
	}
	VZEROUPPER()
	RET()
}

func mdctShort() {
	TEXT("mdctShortAVX2", NOSPLIT, "func(out *[576]float32, x *[24][32]float32, t *float32)")
	Pragma("noescape")
	out, x, t := ptr("out"), ptr("x"), ptr("t")
	sign := YMM()
	VMOVUPS(signs(), sign)
	left := GP64()
	MOVQ(U32(3), left)
	Label("block")
	for g := range 4 {
		var v [6]reg.VecVirtual
		mul := func(k int) reg.VecVirtual {
			p := YMM()
			VBROADCASTSS(at(t, windowOff+4*k), p)
			VMULPS(at(x, 128*k+32*g), p, p)
			return p
		}
		for k := range 3 {
			a, b := mul(8-k), mul(9+k)
			VADDPS(b, a, a)
			VXORPS(sign, a, a)
			v[k] = a
			a, b = mul(k), mul(5-k)
			VSUBPS(b, a, a)
			v[3+k] = a
		}
		var in [2][3]reg.VecVirtual
		for k := range 3 {
			in[0][k], in[1][k] = YMM(), YMM()
			VADDPS(v[5-k], v[k], in[0][k])
			VSUBPS(v[5-k], v[k], in[1][k])
		}
		rows := make([]reg.VecVirtual, 8)
		for i := range 6 {
			rows[i] = YMM()
			zero(rows[i])
			for k := range 3 {
				p := YMM()
				VBROADCASTSS(at(t, shortDCT+36*(i%2)+12*k+4*(i/2)), p)
				VMULPS(in[i%2][k], p, p)
				VADDPS(p, rows[i], rows[i])
			}
			if i > 0 {
				VSUBPS(rows[i-1], rows[i], rows[i])
			}
		}
		rows[6], rows[7] = rows[0], rows[0]
		for l, o := range transpose(rows) {
			to := at(out, 4*6*(8*g+l))
			if g == 3 && l == 7 { // nothing may be written behind the last
				VMOVUPS(o.AsX(), to)
				h := XMM()
				VEXTRACTF128(Imm(1), o, h)
				VMOVLPS(h, to.Offset(16))
			} else {
				VMOVUPS(o, to) // what is too much, the next overwrites
			}
		}
	}
	ADDQ(U32(6*128), x.Base)
	ADDQ(U32(192*4), out.Base)
	DECQ(left)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
}

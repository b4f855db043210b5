package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The table of a Warp: 1<<phaseBits rows of 1<<rowBits bytes, which is two
// blocks of taps with highBits behind the point.
const (
	phaseBits = 10
	rowBits   = 6
)

// warp looks every output's taps up by itself: the drifts that matter stay on a
// row for no more than a few outputs.
func warp() {
	TEXT("warpAVX2", NOSPLIT, "func(dst []int16, x *int16, taps *int16, pos, step int64)")
	Pragma("noescape")
	Doc("warpAVX2 computes len(dst) outputs by the table of a Warp. x points to the first",
		"sample that an output at position 0 sees. It reads 32 samples at each output.")

	dst := Load(Param("dst").Base(), GP64())
	n := Load(Param("dst").Len(), GP64())
	x := Load(Param("x"), GP64())
	table := Load(Param("taps"), GP64())
	pos := GP64()
	Load(Param("pos"), pos)
	step := Load(Param("step"), GP64())
	half := rounding()

	// each computes n outputs.
	each := func(n int) reg.VecVirtual {
		var sums []reg.VecVirtual
		for range n {
			at, row := GP64(), GP64()
			MOVQ(pos, at)
			SHRQ(U8(32), at)
			MOVL(pos.As32(), row.As32())
			SHRL(U8(32-phaseBits), row.As32())
			SHLL(U8(rowBits), row.As32())
			ADDQ(step, pos)
			v, u := YMM(), YMM()
			VMOVDQU(Mem{Base: x, Index: at, Scale: 2}, v)
			VMOVDQU(Mem{Base: x, Index: at, Scale: 2, Disp: 2 * block}, u)
			VPMADDWD(Mem{Base: table, Index: row, Scale: 1}, v, v)
			VPMADDWD(Mem{Base: table, Index: row, Scale: 1, Disp: 2 * block}, u, u)
			VPADDD(u, v, v)
			sums = append(sums, v)
		}
		out := sum(sums)
		VPADDD(half, out, out)
		VPSRAD(U8(highBits), out, out)
		VPACKSSDW(out, out, out)
		return out
	}

	Label("four")
	CMPQ(n, U8(4))
	JL(LabelRef("one"))
	MOVQ(each(4), Mem{Base: dst})
	ADDQ(U8(8), dst)
	SUBQ(U8(4), n)
	JMP(LabelRef("four"))

	Label("one")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	VPEXTRW(U8(0), each(1), Mem{Base: dst})
	ADDQ(U8(2), dst)
	DECQ(n)
	JMP(LabelRef("one"))

	Label("done")
	VZEROUPPER()
	RET()
}

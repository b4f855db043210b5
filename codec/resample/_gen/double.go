package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// double is convolve for twice the rate, where every second output is an input
// sample and all others have the same taps.
func double() {
	TEXT("doubleAVX2", NOSPLIT, "func(dst []int16, x *int16, split *int16, length int)")
	Pragma("noescape")
	Doc("doubleAVX2 computes len(dst) outputs, a multiple of 8, of a filter with two rows",
		"and step 1, the first at row 0. x points to the first sample that the first",
		"output sees; split to the taps of row 1. It reads length samples at each output.")

	dst := Load(Param("dst").Base(), GP64())
	n := Load(Param("dst").Len(), GP64())
	x := Load(Param("x"), GP64())
	width := Load(Param("length"), GP64())
	ADDQ(width, width) // bytes of a row of samples
	half := rounding()

	middle := GP64() // the input sample that the first output is
	MOVQ(width, middle)
	SHRQ(U8(1), middle)
	LEAQ(Mem{Base: x, Index: middle, Scale: 1, Disp: -2}, middle)

	Label("eight")
	SUBQ(U8(8), n)
	JL(LabelRef("done"))
	var high, low []reg.VecVirtual
	for range 4 {
		h, l := YMM(), YMM()
		VPXOR(h, h, h)
		VPXOR(l, l, l)
		high, low = append(high, h), append(low, l)
	}
	table := Load(Param("split"), GP64())
	at := GP64() // bytes of the row done
	XORQ(at, at)
	Label("taps")
	ht, lt := YMM(), YMM()
	VMOVDQU(Mem{Base: table, Index: at, Scale: 2}, ht)
	VMOVDQU(Mem{Base: table, Index: at, Scale: 2, Disp: 2 * block}, lt)
	for i := range 4 {
		v, p := YMM(), YMM()
		VMOVDQU(Mem{Base: x, Index: at, Scale: 1, Disp: 2 * i}, v)
		VPMADDWD(ht, v, p)
		VPADDD(p, high[i], high[i])
		VPMADDWD(lt, v, v)
		VPADDD(v, low[i], low[i])
	}
	ADDQ(U8(2*block), at)
	CMPQ(at, width)
	JNE(LabelRef("taps"))

	between, inputs := round(high, low, half), XMM()
	MOVQ(Mem{Base: middle}, inputs)
	VPUNPCKLWD(between, inputs, inputs)
	VMOVDQU(inputs, Mem{Base: dst})
	ADDQ(U8(8), x)
	ADDQ(U8(8), middle)
	ADDQ(U8(16), dst)
	JMP(LabelRef("eight"))

	Label("done")
	VZEROUPPER()
	RET()
}

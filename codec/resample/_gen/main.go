// Command gen writes the AVX2 kernels of codec/resample. Run it by go generate
// in that folder.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// block is the taps taken at once: one YMM register of 16-bit values. In the
// table a block is 32 bytes of high parts, then 32 bytes of low parts.
const block = 16

// lowBits is how many bits of a tap are in its low part; the high part has
// highBits behind the point.
const (
	lowBits  = 8
	highBits = 14
)

func main() {
	ConstraintExpr("amd64,!noasm")
	convolve()
	double()
	warp()
	Generate()
}

func convolve() {
	TEXT("convolveAVX2", NOSPLIT, "func(dst []int16, x *int16, split *int16, steps *uint8, row, rows, length int)")
	Pragma("noescape")
	Doc("convolveAVX2 computes len(dst) outputs, the first at row. x points to the",
		"first sample that the first output sees; split and steps to the tables of",
		"newSplit for rows rows of length taps. It reads length samples at each output.")

	dst := Load(Param("dst").Base(), GP64())
	n := Load(Param("dst").Len(), GP64())
	x := Load(Param("x"), GP64())
	steps := Load(Param("steps"), GP64())
	row := Load(Param("row"), GP64())
	width := Load(Param("length"), GP64())
	SHLQ(U8(2), width) // bytes a row of the table
	table := Load(Param("split"), GP64())
	{
		at := GP64()
		MOVQ(row, at)
		IMULQ(width, at)
		ADDQ(at, table)
	}
	half := rounding()

	Label("four")
	CMPQ(n, U8(4))
	JL(LabelRef("one"))
	outputs(4, x, table, steps, row, width, half, func(out reg.VecVirtual) {
		MOVQ(out, Mem{Base: dst})
	})
	ADDQ(U8(8), dst)
	SUBQ(U8(4), n)
	JMP(LabelRef("four"))

	Label("one")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	outputs(1, x, table, steps, row, width, half, func(out reg.VecVirtual) {
		VPEXTRW(U8(0), out, Mem{Base: dst})
	})
	ADDQ(U8(2), dst)
	DECQ(n)
	JMP(LabelRef("one"))

	Label("done")
	VZEROUPPER()
	RET()
}

// outputs computes n outputs (1 or 4), hands them to store as 16-bit values at
// the bottom of a register, and moves x, table and row to the next output.
func outputs(n int, x, table, steps, row, width reg.Register, half reg.VecVirtual, store func(reg.VecVirtual)) {
	name := map[int]string{1: "one", 4: "four"}[n]

	// Where each output begins, and where its taps do.
	xs := []reg.Register{x}
	for i := 1; i <= n; i++ {
		at := GP64()
		MOVBQZX(Mem{Base: steps, Index: row, Scale: 1, Disp: i - 1}, at)
		LEAQ(Mem{Base: xs[i-1], Index: at, Scale: 2}, at)
		xs = append(xs, at)
	}
	ts := []Mem{{Base: table}, {Base: table, Index: width, Scale: 1}, {Base: table, Index: width, Scale: 2}}
	if n == 4 {
		third := GP64()
		LEAQ(Mem{Base: width, Index: width, Scale: 2}, third)
		ts = append(ts, Mem{Base: table, Index: third, Scale: 1})
	}

	var high, low []reg.VecVirtual
	for range n {
		h, l := YMM(), YMM()
		VPXOR(h, h, h)
		VPXOR(l, l, l)
		high, low = append(high, h), append(low, l)
	}
	at := GP64() // bytes of the row done in x; half of those done in table
	XORQ(at, at)
	Label(name + "_taps")
	for i := range n {
		v, p, q := YMM(), YMM(), YMM()
		VMOVDQU(Mem{Base: xs[i], Index: at, Scale: 1}, v)
		VPMADDWD(ts[i], v, p)
		VPADDD(p, high[i], high[i])
		VPMADDWD(ts[i].Offset(2*block), v, q)
		VPADDD(q, low[i], low[i])
	}
	ADDQ(U8(4*block), table)
	ADDQ(U8(2*block), at)
	{
		done := GP64()
		LEAQ(Mem{Base: at, Index: at, Scale: 1}, done)
		CMPQ(done, width)
		JNE(LabelRef(name + "_taps"))
	}
	// table is now at the next row.
	if n == 4 {
		LEAQ(Mem{Base: table, Index: width, Scale: 2}, table)
		ADDQ(width, table)
	}

	store(round(high, low, half))

	// The table repeats its first rows at the end, so a group may begin at any
	// row and only then is set back.
	MOVQ(xs[n], x)
	ADDQ(U8(n), row)
	rows := Load(Param("rows"), GP64())
	CMPQ(row, rows)
	JL(LabelRef(name + "_wrapped"))
	SUBQ(rows, row)
	IMULQ(width, rows)
	SUBQ(rows, table)
	Label(name + "_wrapped")
}

// rounding returns half a unit of the output in each lane.
func rounding() reg.VecVirtual {
	half, lanes := GP32(), XMM()
	MOVL(U32(1<<(highBits-1)), half)
	MOVD(half, lanes)
	VPBROADCASTD(lanes, lanes)
	return lanes
}

// round turns 1 or 4 pairs of sums into 16-bit outputs at the bottom of a
// register.
func round(high, low []reg.VecVirtual, half reg.VecVirtual) reg.VecVirtual {
	h, l := sum(high), sum(low)
	// The low parts weigh 1/256 of the high ones. Dropping what is below that
	// before the rounding does not change the result of the rounding.
	VPSRAD(U8(lowBits), l, l)
	VPADDD(l, h, h)
	VPADDD(half, h, h)
	VPSRAD(U8(highBits), h, h)
	VPACKSSDW(h, h, h)
	return h
}

// sum adds up the lanes of each of 1 or 4 registers, into as many lanes of one
// XMM register.
func sum(v []reg.VecVirtual) reg.VecVirtual {
	if len(v) == 4 {
		VPHADDD(v[1], v[0], v[0])
		VPHADDD(v[3], v[2], v[2])
		VPHADDD(v[2], v[0], v[0])
	}
	top, out := XMM(), XMM()
	VEXTRACTI128(U8(1), v[0], top)
	VPADDD(top, v[0].AsX(), out)
	if len(v) == 1 {
		VPHADDD(out, out, out)
		VPHADDD(out, out, out)
	}
	return out
}

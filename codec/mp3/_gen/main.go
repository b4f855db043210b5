// Command gen writes the AVX2 kernels of codec/mp3. Each does, lane by lane, the
// very operations of the Go function of the same name, in the same order and
// without fused multiply-add, so that both give the same bits.
package main

//go:generate go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg mp3

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!noasm")

	polyphase()
	mdctLong()
	mdctShort()
	energies()
	excite()
	thirds()
	entropy()
	powers()
	quantize()
	costs()
	split()
	expand()
	summarise()
	scale()
	Generate()
}

// at is a memory operand off bytes behind p.
func at(p Mem, off int) Mem { return p.Offset(off) }

func ptr(name string) Mem { return Mem{Base: Load(Param(name), GP64())} }

func zero(v reg.VecVirtual) { VXORPS(v, v, v) }

// data is a read-only vector of 32-bit words.
func data(name string, words ...uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, w := range words {
		DATA(4*i, U32(w))
	}
	return m
}

func repeat(w uint32) []uint32 { return []uint32{w, w, w, w, w, w, w, w} }

var globals = map[string]Mem{}

// vec is a vector constant, made at its first use.
func vec(name string, words ...uint32) Mem {
	m, ok := globals[name]
	if !ok {
		if len(words) == 1 {
			words = repeat(words[0])
		}
		m = data(name, words...)
		globals[name] = m
	}
	return m
}

func signs() Mem    { return vec("signs", 0x80000000) }
func absMask() Mem  { return vec("magnitudes", 0x7fffffff) }
func backward() Mem { return vec("backward", 7, 6, 5, 4, 3, 2, 1, 0) }
func ones() Mem     { return vec("ones", 0x3f800000) }

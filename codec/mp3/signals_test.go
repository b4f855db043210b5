package mp3

import (
	"math"
	"math/rand/v2"
)

// signals are the inputs that streams are made of, n samples each.
var signals = []struct {
	name string
	make func(rate, n int) []int16
}{
	{"silence", func(_, n int) []int16 { return make([]int16, n) }},
	{"square", func(rate, n int) []int16 { // full scale
		return each(n, func(i int) float64 {
			if i*440*2/rate%2 == 0 {
				return 32767
			}
			return -32768
		})
	}},
	{"noise", func(_, n int) []int16 {
		r := rand.New(rand.NewPCG(1, 2))
		return each(n, func(int) float64 { return float64(r.IntN(65536) - 32768) })
	}},
	{"impulses", func(_, n int) []int16 {
		return each(n, func(i int) float64 {
			if i%1777 == 500 {
				return 32767
			}
			return 0
		})
	}},
	{"sweep", func(rate, n int) []int16 {
		return each(n, func(i int) float64 {
			t := float64(i) / float64(n)
			return 20000 * math.Sin(math.Pi*float64(n)/2*t*t*0.98)
		})
	}},
	{"speech", func(rate, n int) []int16 { return speechLike(rate, float64(n)/float64(rate)+0.01, 3)[:n] }},
	{"quiet", func(_, n int) []int16 {
		r := rand.New(rand.NewPCG(3, 4))
		return each(n, func(int) float64 { return float64(r.IntN(3) - 1) })
	}},
}

func each(n int, f func(i int) float64) []int16 {
	x := make([]int16, n)
	for i := range x {
		x[i] = int16(f(i))
	}
	return x
}

// interleave makes stereo of two channels.
func interleave(l, r []int16) []int16 {
	x := make([]int16, 0, 2*len(l))
	for i := range l {
		x = append(x, l[i], r[i])
	}
	return x
}

// speechLike is a synthetic talker: a glottal pulse train with a wandering pitch
// through three moving resonances, syllables, pauses and some breath noise. It
// holds nothing above 3.8 kHz, as telephone speech.
func speechLike(rate int, seconds float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	n := int(seconds * float64(rate))
	out := make([]int16, n)
	type resonance struct{ f, bw, y1, y2 float64 }
	res := [3]resonance{{f: 500, bw: 80}, {f: 1500, bw: 120}, {f: 2600, bw: 200}}
	var phase, level, want, pitch, breath float64
	pitch = 110
	target := [3]float64{500, 1500, 2600}
	left := 0
	for i := range out {
		if left == 0 {
			left = int((0.06 + 0.15*r.Float64()) * float64(rate))
			want = 0
			if r.Float64() < 0.75 {
				want = 0.2 + 0.8*r.Float64()
			}
			breath = 0.02
			if r.Float64() < 0.3 {
				breath = 0.4
			}
			target = [3]float64{300 + 500*r.Float64(), 900 + 1300*r.Float64(), 2300 + 900*r.Float64()}
			pitch = 90 + 120*r.Float64()
		}
		left--
		k := 200 / float64(rate)
		level += (want - level) * k
		phase += pitch / float64(rate)
		x := breath * r.NormFloat64() * 0.3
		if phase >= 1 {
			phase--
			x += 3
		}
		y := 0.0
		for j := range res {
			q := &res[j]
			q.f += (target[j] - q.f) * k
			rr := math.Exp(-math.Pi * q.bw / float64(rate))
			v := x*(1-rr) + 2*rr*math.Cos(2*math.Pi*q.f/float64(rate))*q.y1 - rr*rr*q.y2
			q.y2, q.y1 = q.y1, v
			y += v / float64(j+1)
		}
		out[i] = int16(max(-32000, min(32000, 6000*level*y+8*r.NormFloat64())))
	}
	return out
}

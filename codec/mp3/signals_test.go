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

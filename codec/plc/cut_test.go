package plc

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// runs are the lengths of what was received and what was lost, in turns.
type runs []int

// whole conceals the gaps of x with all of it in one buffer.
func (r runs) whole(x []int16) []int16 {
	y := slices.Clone(x)
	var c Concealer
	at := 0
	for i, n := range r {
		if i%2 == 0 {
			c.Received(y, at, at+n)
		} else {
			clear(y[at : at+n])
			c.Lost(y, at, at+n)
		}
		at += n
	}
	return y
}

// cut does the same as a caller that sees next() samples at a time, each time in
// a buffer made anew, with the last Hold before them, all others handed out.
func (r runs) cut(x []int16, next func() int) (out []int16) {
	var c Concealer
	var held []int16
	i, left := 0, r[0]
	for at := 0; at < len(x); {
		n := min(max(1, next()), len(x)-at)
		buf := append(slices.Clone(held), x[at:at+n]...)
		at += n
		for k := len(held); k < len(buf); {
			for left == 0 {
				i++
				left = r[i]
			}
			n := min(left, len(buf)-k)
			if i%2 == 0 {
				c.Received(buf, k, k+n)
				c.Received(buf, k+n, k+n) // a caller may well say nothing
			} else {
				for j := range n {
					buf[k+j] = 0x5555
				}
				c.Lost(buf, k, k+n)
				c.Lost(buf, k+n, k+n)
			}
			k += n
			left -= n
		}
		whole := max(0, len(buf)-Hold)
		out, held = append(out, buf[:whole]...), buf[whole:]
	}
	return append(out, held...)
}

func (r runs) length() (n int) {
	for _, k := range r {
		n += k
	}
	return n
}

// check holds the promise that cuts change nothing, on noise and on a voice.
func (r runs) check(t *testing.T, seed uint64, next func() int) {
	t.Helper()
	n := r.length()
	for _, x := range [][]int16{noise(seed, 9000, n), buzz(seed, n)} {
		want := r.whole(x)
		got := r.cut(x, next)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("seed %d, runs %v: sample %d is %d when cut, %d when whole", seed, r, i, got[i], want[i])
			}
		}
	}
}

// buzz is n samples of something like a voice: pulses that ring, their pitch
// wandering.
func buzz(seed uint64, n int) []int16 {
	r := rand.New(rand.NewPCG(seed, 8000))
	x := make([]int16, n)
	var a, b float64
	pitch := 40 + 80*r.Float64()
	for i, due := 0, 0.0; i < n; i++ {
		in := 20 * r.NormFloat64()
		if float64(i) >= due {
			in += 6000
			pitch = max(38, min(125, pitch+r.NormFloat64()))
			due += pitch
		}
		a, b = in+1.6*a-0.8*b, a
		x[i] = int16(max(-32768, min(32767, a)))
	}
	return x
}

func TestCutsChangeNothing(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		scale := []int{12, 60, 300, 1200}[r.IntN(4)]
		var script runs
		for range 2 + r.IntN(20) {
			script = append(script, r.IntN(scale))
		}
		size := []int{1, 30, 90, 400, 1600}[r.IntN(5)]
		script.check(t, seed, func() int { return 1 + r.IntN(size) })
	}
}

func FuzzCuts(f *testing.F) {
	f.Add(uint64(1), []byte{50, 20, 50}, []byte{20})
	f.Add(uint64(2), []byte{0, 60, 1, 60, 200, 255, 255, 2, 9}, []byte{1, 200, 3})
	f.Add(uint64(3), []byte{20, 1, 1, 1, 2, 1, 0, 1, 3, 20}, []byte{7, 11})
	f.Fuzz(func(t *testing.T, seed uint64, script, cuts []byte) {
		if len(script) == 0 || len(script) > 64 || len(cuts) == 0 {
			return
		}
		var r runs
		for _, n := range script {
			r = append(r, int(n)*int(n)/40) // short ones at the sample, long ones up to 0.2 s
		}
		i := 0
		r.check(t, seed, func() int { i++; return 8 * int(cuts[i%len(cuts)]) / 3 })
	})
}

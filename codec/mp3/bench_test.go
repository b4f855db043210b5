package mp3

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"callrec/codec"
)

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

func BenchmarkEncode(b *testing.B) {
	for _, c := range []Config{
		{Rate: 8000, Channels: 1, BitRate: 16},
		{Rate: 8000, Channels: 1, BitRate: 32},
		{Rate: 16000, Channels: 1, BitRate: 32},
		{Rate: 16000, Channels: 2, BitRate: 64},
		{Rate: 44100, Channels: 2, BitRate: 128},
	} {
		b.Run(fmt.Sprintf("%dk_%dch_%dkbps", c.Rate/1000, c.Channels, c.BitRate), func(b *testing.B) {
			pcm := speechLike(c.Rate*c.Channels, 20, 1)
			dst := make([]byte, 0, 1<<20)
			for b.Loop() {
				e, err := New(c)
				if err != nil {
					b.Fatal(err)
				}
				dst = e.Append(dst[:0], pcm)
				dst = e.Finish(dst, codec.Tags{})
			}
			b.ReportMetric(20*float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/float64(20*c.Rate/576*c.Channels), "µs/granule")
			b.ReportMetric(0, "ns/op")
		})
	}
}

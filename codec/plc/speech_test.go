package plc

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// packet is 20 ms.
const packet = 160

// speech is the speech of the project's demo, 10 s for each party.
func speech(tb testing.TB) (legs [][]int16) {
	tb.Helper()
	for _, name := range []string{"caller", "callee"} {
		b, err := os.ReadFile("../../cmd/callrec/speech/" + name + ".ulaw")
		if err != nil {
			tb.Fatal(err)
		}
		x := make([]int16, len(b)/packet*packet)
		for i := range x {
			x[i] = linear(b[i])
		}
		legs = append(legs, x)
	}
	return legs
}

// linear decodes one octet of µ-law (G.711 table 2). The codec is not on this
// package's side of the map.
func linear(c byte) int16 {
	c = ^c
	v := (int(c&15)<<1+33)<<(c>>4&7) - 33
	if c&0x80 != 0 {
		v = -v
	}
	return int16(4 * v)
}

// fillers are the ways to fill what was lost; lost is by packet.
var fillers = []struct {
	name string
	fill func(x []int16, lost []bool)
}{
	{"silence", func(x []int16, lost []bool) {
		for i, l := range lost {
			if l {
				clear(x[i*packet:][:packet])
			}
		}
	}},
	{"the last packet again", func(x []int16, lost []bool) {
		for i, l := range lost {
			if l && i > 0 {
				copy(x[i*packet:][:packet], x[(i-1)*packet:])
			}
		}
	}},
	{"concealment", func(x []int16, lost []bool) {
		var c Concealer
		for i, l := range lost {
			if l {
				c.Lost(x, i*packet, (i+1)*packet)
			} else {
				c.Received(x, i*packet, (i+1)*packet)
			}
		}
	}},
}

// score is how far a leg is from what was said, by frames of 20 ms with speech:
// the mean of all, and of those that were lost.
type score struct {
	snr, snrLost     float64 // segmental SNR in dB, each frame from -10 to 35
	bands, bandsLost float64 // what the level of a critical band is off, in dB
}

// losses are the shares of packets that get lost.
var losses = []float64{0.01, 0.03, 0.05, 0.1}

// measure loses packets of speech at random, many times, and fills them.
func measure(legs [][]int16, loss float64, fill func([]int16, []bool)) (s score) {
	var all, gone float64
	for leg, x := range legs {
		for seed := range uint64(30) {
			r := rand.New(rand.NewPCG(seed, uint64(leg)))
			y := slices.Clone(x)
			lost := make([]bool, len(x)/packet)
			for i := range lost {
				if lost[i] = r.Float64() < loss; lost[i] {
					copy(y[i*packet:], noise(seed, 8000, packet)) // what is not there cannot be used
				}
			}
			fill(y, lost)
			for i, l := range lost {
				a, b := x[i*packet:][:packet], y[i*packet:][:packet]
				if rms(a) < 100 { // -50 dBFS: nobody speaks
					continue
				}
				snr, bands := 35.0, 0.0
				if !slices.Equal(a, b) {
					snr, bands = frameSNR(a, b), apart(a, b)
				}
				all++
				s.snr += snr
				s.bands += bands
				if l {
					gone++
					s.snrLost += snr
					s.bandsLost += bands
				}
			}
		}
	}
	return score{s.snr / all, s.snrLost / gone, s.bands / all, s.bandsLost / gone}
}

// frameSNR is the ratio of a frame to what is wrong with it, in dB from -10 to 35.
func frameSNR(want, got []int16) float64 {
	var signal, wrong float64
	for i, w := range want {
		signal += float64(w) * float64(w)
		wrong += (float64(w) - float64(got[i])) * (float64(w) - float64(got[i]))
	}
	return max(-10, min(35, 10*math.Log10(signal/wrong)))
}

// edges are those of the critical bands (Zwicker) that a telephone passes, in Hz.
var edges = []float64{
	100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700,
}

// levels are those of a frame's critical bands in dBFS. Below -65 nobody hears
// what is missing.
func levels(x []int16) (out [16]float64) {
	for b := range out {
		var power float64
		for k := math.Ceil(edges[b] / 50); k*50 < edges[b+1]; k++ {
			var sum complex128
			for i, v := range x {
				hann := 0.5 - 0.5*turn[(2*i+1)%320]
				at := i * int(k) % packet * 2
				sum += complex(float64(v)*hann*turn[at], float64(v)*hann*turn[(at+240)%320])
			}
			power += real(sum)*real(sum) + imag(sum)*imag(sum)
		}
		const fullScale = 32768 * 32768 * packet * packet * 3 / 16
		out[b] = max(-65, 10*math.Log10(power/fullScale))
	}
	return out
}

// turn is the cosine of 320ths of a circle.
var turn = func() (t [2 * packet]float64) {
	for i := range t {
		t[i] = math.Cos(math.Pi * float64(i) / packet)
	}
	return t
}()

// apart is by how many dB the levels of two frames differ, in the mean of bands.
func apart(a, b []int16) (sum float64) {
	x, y := levels(a), levels(b)
	for i := range x {
		sum += math.Abs(x[i]-y[i]) / float64(len(x))
	}
	return sum
}

// Silence is at 0 dB by definition, whatever was lost.
func TestSpeechIsBetterConcealed(t *testing.T) {
	legs := speech(t)
	for _, loss := range losses {
		var s [3]score
		for i, f := range fillers {
			s[i] = measure(legs, loss, f.fill)
			t.Logf("%2.0f %% lost, %-22s SNR %5.2f dB, where lost %5.2f; bands off by %5.3f dB, where lost %5.2f",
				100*loss, f.name+":", s[i].snr, s[i].snrLost, s[i].bands, s[i].bandsLost)
		}
		silence, again, concealed := s[0], s[1], s[2]
		if concealed.snrLost < silence.snrLost+1 || concealed.bandsLost > silence.bandsLost/3 ||
			concealed.snr < silence.snr || concealed.bands > silence.bands/3 {
			t.Errorf("%.0f %% lost: concealment is not clearly better than silence", 100*loss)
		}
		if concealed.snrLost < again.snrLost+4 || concealed.bandsLost > again.bandsLost*3/4 ||
			concealed.snr < again.snr || concealed.bands > again.bands*3/4 {
			t.Errorf("%.0f %% lost: concealment is not clearly better than the last packet again", 100*loss)
		}
	}
}

// The cost of a lost packet of speech: both voices, and the cross-fade of them.
func BenchmarkLostPacket(b *testing.B) {
	x := speech(b)[0]
	buf := make([]int16, history+packet+history)
	var c Concealer
	at := 0
	for b.Loop() {
		if at += packet; at+len(buf) > len(x) {
			at = 0
		}
		copy(buf, x[at:])
		c.Lost(buf, history, history+packet)
		c.Received(buf, history+packet, len(buf))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(b.N), "µs/packet")
	b.ReportMetric(0, "ns/op")
}

// The cost of a packet when nothing is lost.
func BenchmarkNothingLost(b *testing.B) {
	buf := noise(1, 8000, packet)
	var c Concealer
	for b.Loop() {
		c.Received(buf, 0, packet)
	}
}

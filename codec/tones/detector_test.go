package tones

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"callrec/codec/g711"
)

// dbm0 is the amplitude of a sine of so many dBm0 in 16-bit PCM: a full sine of
// µ-law, 32124, is +3.17 dBm0 (G.711 table 2).
func dbm0(level float64) float64 { return 32124 * math.Pow(10, (level-3.17)/20) }

// dtmf is one key as a test sends it.
type dtmf struct {
	key       byte
	lowOff    float64 // of the frequencies, as fractions
	highOff   float64
	low, high float64 // levels, dBm0
	lead      int     // samples of silence before it
	length    int
	phase     float64
}

// normal is a key as telephones send it.
func normal(key byte) dtmf { return dtmf{key: key, low: -8, high: -6, lead: 400, length: 800} }

// append adds the key and the silence before it. Levels above the law's range are cut off there.
func (k dtmf) append(pcm []float64) []float64 {
	var low, high float64
	for r, row := range []string{"123A", "456B", "789C", "*0#D"} {
		for c := range row {
			if row[c] == k.key {
				low, high = []float64{697, 770, 852, 941}[r], []float64{1209, 1336, 1477, 1633}[c]
			}
		}
	}
	pcm = append(pcm, make([]float64, k.lead)...)
	for n := range k.length {
		t := 2 * math.Pi * float64(n) / 8000
		pcm = append(pcm, dbm0(k.low)*math.Sin(low*(1+k.lowOff)*t+k.phase)+dbm0(k.high)*math.Sin(high*(1+k.highOff)*t+2*k.phase))
	}
	return pcm
}

// line puts noise of a level in dBm0 under pcm, 100 ms of it after, and sends all
// through a law.
func line(pcm []float64, noise float64, law g711.Law, seed uint64) []int16 {
	rng := rand.New(rand.NewPCG(seed, 1))
	pcm = append(pcm, make([]float64, 800)...)
	out := make([]int16, len(pcm))
	sigma := dbm0(noise) / math.Sqrt2
	for i, x := range pcm {
		out[i] = int16(max(-32768, min(32767, math.Round(x+sigma*rng.NormFloat64()))))
	}
	g711.Decode(law, out, g711.Encode(law, nil, out))
	return out
}

// detected are the keys that a new Detector finds.
func detected(pcm []int16) string {
	var d Detector
	var keys []byte
	for _, p := range d.Write(nil, pcm) {
		keys = append(keys, p.Digit())
	}
	return string(keys)
}

// everyKey runs a key's limits on all sixteen keys, both laws and the places
// that a tone can have in the hops, and counts those not found as wanted.
func everyKey(t *testing.T, name, each string, noise float64, change func(k *dtmf, rng *rand.Rand) (gap int)) {
	t.Helper()
	step := 7
	if os.Getenv("CALLREC_LONG") != "" {
		step = 1
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for _, law := range []g711.Law{g711.MuLaw, g711.ALaw} {
		wrong, tried, first := 0, 0, ""
		for i := range keys {
			for place := 0; place < hop; place += step {
				tried++
				k := normal(keys[i])
				k.phase = 2 * math.Pi * rng.Float64()
				gap := change(&k, rng)
				k.lead = 256 + place
				pcm := k.append(nil)
				if gap > 0 {
					k.lead = gap
					pcm = k.append(pcm)
				}
				want := ""
				for range each {
					want += string(k.key)
				}
				if got := detected(line(pcm, max(k.low, k.high)+noise, law, rng.Uint64())); got != want {
					wrong++
					first = fmt.Sprintf("%+v gave %q, want %q", k, got, want)
				}
			}
		}
		if wrong > 0 {
			t.Errorf("%s, %v: %d of %d wrong: %s", name, law, wrong, tried, first)
		}
	}
}

// quiet is a line without noise to speak of, noisy one with 15 dB of distance,
// both below the stronger tone.
const quiet, noisy = -60, -15

func either(rng *rand.Rand, v float64) float64 {
	if rng.IntN(2) == 0 {
		return -v
	}
	return v
}

// TestDetectorKeepsTheLimits: Q.24, annex A, for every key.
func TestDetectorKeepsTheLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		each   string // x for each time the key should be found
		noise  float64
		change func(k *dtmf, rng *rand.Rand) (gap int)
	}{
		{"normal", "x", quiet, func(*dtmf, *rand.Rand) int { return 0 }},
		{"normal, noisy", "x", noisy, func(*dtmf, *rand.Rand) int { return 0 }},
		{"40 ms", "x", quiet, func(k *dtmf, _ *rand.Rand) int { k.length = 320; return 0 }},
		{"40 ms, noisy", "x", noisy, func(k *dtmf, _ *rand.Rand) int { k.length = 320; return 0 }},
		{"23 ms", "", quiet, func(k *dtmf, _ *rand.Rand) int { k.length = 184; return 0 }},
		{"23 ms, noisy", "", noisy, func(k *dtmf, _ *rand.Rand) int { k.length = 184; return 0 }},
		{"40 ms of pause", "xx", quiet, func(*dtmf, *rand.Rand) int { return 320 }},
		{"40 ms and 40 ms of pause, noisy", "xx", noisy, func(k *dtmf, _ *rand.Rand) int { k.length = 320; return 320 }},
		{"10 ms of break", "x", quiet, func(*dtmf, *rand.Rand) int { return 80 }},
		{"10 ms of break, noisy", "x", noisy, func(*dtmf, *rand.Rand) int { return 80 }},
		{"1.5 % off", "x", quiet, func(k *dtmf, r *rand.Rand) int { k.lowOff, k.highOff = either(r, .015), either(r, .015); return 0 }},
		{"1.5 % off, 40 ms, noisy", "x", noisy, func(k *dtmf, r *rand.Rand) int {
			k.lowOff, k.highOff, k.length = either(r, .015), either(r, .015), 320
			return 0
		}},
		{"low tone 3.5 % off", "", quiet, func(k *dtmf, r *rand.Rand) int { k.lowOff = either(r, .035); return 0 }},
		{"high tone 3.5 % off", "", quiet, func(k *dtmf, r *rand.Rand) int { k.highOff = either(r, .035); return 0 }},
		{"3.5 % off, noisy", "", noisy, func(k *dtmf, r *rand.Rand) int { k.lowOff, k.highOff = either(r, .035), either(r, .035); return 0 }},
		{"low tone further off", "", quiet, func(k *dtmf, r *rand.Rand) int { k.lowOff = either(r, .035+.012*r.Float64()); return 0 }},
		{"high tone further off", "", quiet, func(k *dtmf, r *rand.Rand) int { k.highOff = either(r, .035+.012*r.Float64()); return 0 }},
		{"0 dBm0 each, cut off by the law", "x", quiet, func(k *dtmf, _ *rand.Rand) int { k.low, k.high = 0, 0; return 0 }},
		{"-36 dBm0", "x", quiet, func(k *dtmf, _ *rand.Rand) int { k.low, k.high = -36, -36; return 0 }},
		{"-36 dBm0, noisy", "x", noisy, func(k *dtmf, _ *rand.Rand) int { k.low, k.high = -36, -36; return 0 }},
		{"-42 dBm0", "", quiet, func(k *dtmf, _ *rand.Rand) int { k.low, k.high = -42, -42; return 0 }},
		{"high tone 4 dB above", "x", quiet, func(k *dtmf, _ *rand.Rand) int { k.low, k.high = -10, -6; return 0 }},
		{"high tone 4 dB above, 1.5 % off, noisy", "x", noisy, func(k *dtmf, r *rand.Rand) int {
			k.low, k.high = -10, -6
			k.lowOff, k.highOff = either(r, .015), either(r, .015)
			return 0
		}},
		{"high tone 8 dB below", "x", quiet, func(k *dtmf, _ *rand.Rand) int { k.low, k.high = -6, -14; return 0 }},
		{"high tone 8 dB below, 1.5 % off, noisy", "x", noisy, func(k *dtmf, r *rand.Rand) int {
			k.low, k.high = -6, -14
			k.lowOff, k.highOff = either(r, .015), either(r, .015)
			return 0
		}},
		{"high tone 8 dB below, 3.5 % off", "", quiet, func(k *dtmf, r *rand.Rand) int {
			k.low, k.high, k.highOff = -6, -14, either(r, .035)
			return 0
		}},
		{"high tone 7 dB above", "", quiet, func(k *dtmf, _ *rand.Rand) int { k.low, k.high = -13, -6; return 0 }},
		{"high tone 11 dB below", "", quiet, func(k *dtmf, _ *rand.Rand) int { k.low, k.high = -6, -17; return 0 }},
		{"one tone alone", "", quiet, func(k *dtmf, _ *rand.Rand) int { k.high = -60; return 0 }},
	} {
		t.Run(c.name, func(t *testing.T) { everyKey(t, c.name, c.each, c.noise, c.change) })
	}
}

// Blocks of any size have the same result.
func TestDetectorBlocks(t *testing.T) {
	var tones []float64
	for i := range keys {
		k := normal(keys[i])
		k.length, k.lead = 320+7*i, 320+13*i
		tones = k.append(tones)
	}
	pcm := line(tones, -40, g711.MuLaw, 1)
	var whole Detector
	want := whole.Write(nil, pcm)
	if len(want) != len(keys) {
		t.Fatalf("found %+v", want)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, most := range []int{1, 2, 63, 160, 1000} {
		var d Detector
		var got []Press
		for rest := pcm; len(rest) > 0; {
			n := min(1+rng.IntN(most), len(rest))
			got = d.Write(got, rest[:n])
			rest = rest[n:]
		}
		if !slices.Equal(got, want) || d.last != whole.last {
			t.Errorf("blocks up to %d: found %+v, want %+v", most, got, want)
		}
	}
}

func TestDetectorSaysWhere(t *testing.T) {
	for place := range hop {
		k := normal('7')
		k.lead, k.length = 800+place, 1600
		pcm := line(k.append(nil), -60, g711.ALaw, 1)
		var d Detector
		got := d.Write(nil, pcm[:800+place+hop+window])
		if len(got) != 1 || got[0].Ended {
			t.Fatalf("place %d: found %+v", place, got)
		}
		d.Write(nil, pcm[800+place+hop+window:])
		p, ok := d.Last()
		if start, length := p.Start-int64(800+place), p.Length-1600; !ok || !p.Ended || max(start, -start) > 64 || max(length, -length) > 128 {
			t.Errorf("place %d: start is %d off, length %d, %+v", place, start, length, p)
		}
	}
}

func TestDetectorAllocatesNothing(t *testing.T) {
	var d Detector
	pcm := line(normal('1').append(nil), -60, g711.MuLaw, 1)
	dst := make([]Press, 0, 8)
	if n := testing.AllocsPerRun(20, func() { dst = d.Write(dst[:0], pcm) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

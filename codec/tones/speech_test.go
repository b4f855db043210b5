package tones

import (
	"math"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"callrec/codec/g711"
)

// speech is the project's own: the demo's two parties.
func speech(t testing.TB) (out [][]int16) {
	t.Helper()
	for _, name := range []string{"caller", "callee"} {
		octets, err := os.ReadFile("../../cmd/callrec/speech/" + name + ".ulaw")
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, len(octets))
		g711.Decode(g711.MuLaw, pcm, octets)
		out = append(out, pcm)
	}
	return out
}

func TestSpeechPressesNoKey(t *testing.T) {
	for i, pcm := range speech(t) {
		for _, gain := range []float64{0.1, 0.5, 1, 4} {
			for skip := range hop { // every place in the hops
				loud := make([]int16, len(pcm)-skip)
				for n, x := range pcm[skip:] {
					loud[n] = int16(max(-32124, min(32124, gain*float64(x))))
				}
				if got := detected(loud); got != "" {
					t.Errorf("party %d, gain %v, from sample %d: %q", i, gain, skip, got)
				}
			}
		}
	}
}

// Two right frequencies among others are a voice, or music.
func TestThirdToneMakesNoKey(t *testing.T) {
	for i := range keys {
		k := normal(keys[i])
		pcm := k.append(nil)
		for n := range k.length {
			pcm[k.lead+n] += dbm0(-9) * math.Sin(2*math.Pi*2300*float64(n)/8000)
		}
		if got := detected(line(pcm, quiet, g711.MuLaw, 1)); got != "" {
			t.Errorf("%q with a third tone: found %q", keys[i], got)
		}
	}
}

// Tones that die away, as a voice's do, are no key.
func TestFadingTonesMakeNoKey(t *testing.T) {
	for i := range keys {
		k := normal(keys[i])
		pcm := k.append(nil)
		for n := range k.length {
			pcm[k.lead+n] *= math.Pow(10, -float64(n)/hop*2/20) // 2 dB a hop
		}
		if got := detected(line(pcm, quiet, g711.MuLaw, 1)); got != "" {
			t.Errorf("%q, fading: found %q", keys[i], got)
		}
	}
}

// A generator that is not ours must be understood.
func TestKeysOfSox(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed (apt-get install sox)")
	}
	for law, enc := range map[g711.Law]string{g711.MuLaw: "mu-law", g711.ALaw: "a-law"} {
		for i := range keys {
			var low, high float64
			for r := range codes {
				for c := range codes[r] {
					if codes[r][c] == int8(i) {
						low, high = rows[r], columns[c]
					}
				}
			}
			octets, err := exec.CommandContext(t.Context(), sox, "-D", "-n", "-r", "8000", "-c", "1", "-e", enc, "-b", "8", "-t", "raw", "-",
				"synth", "0.045", "sine", number(low), "synth", "0.045", "sine", "mix", number(high), "gain", "-12", "pad", "0.1", "0.1").Output()
			if err != nil || len(octets) < 1900 {
				t.Fatalf("sox: %d octets, %v", len(octets), err)
			}
			pcm := make([]int16, len(octets))
			g711.Decode(law, pcm, octets)
			if got := detected(pcm); got != keys[i:i+1] {
				t.Errorf("%v: found %q, want %q", law, got, keys[i:i+1])
			}
		}
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

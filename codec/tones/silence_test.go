package tones

import (
	"math"
	"math/rand/v2"
	"testing"

	"callrec/codec/g711"
)

// longest is the longest silence of pcm by the rule, spelled out.
func longest(pcm []int16) (most int64) {
	var now int64
	for ; len(pcm) >= 160; pcm = pcm[160:] {
		sum := 0.0
		for _, x := range pcm[:160] {
			sum += math.Abs(float64(x))
		}
		if now += 160; sum/160 >= 200 {
			now = 0
		}
		most = max(most, now)
	}
	return most
}

// sine is two seconds of it at a level in dBm0.
func sine(f, level float64) []float64 {
	out := make([]float64, 16000)
	for n := range out {
		out[n] = dbm0(level) * math.Sin(2*math.Pi*f*float64(n)/8000)
	}
	return out
}

func TestWhatIsSilent(t *testing.T) {
	offset := make([]float64, 16000)
	for i := range offset {
		offset[i] = 80
	}
	for _, c := range []struct {
		name   string
		pcm    []float64
		noise  float64 // dBm0
		silent bool
	}{
		{"nothing", make([]float64, 16000), -99, true},
		{"idle channel, -65 dBm0", make([]float64, 16000), -65, true},
		{"poor line, -45 dBm0", make([]float64, 16000), -45, true},
		{"noise of -38 dBm0", make([]float64, 16000), -38, true},
		{"noise of -34 dBm0", make([]float64, 16000), -34, false},
		{"hum of -42 dBm0", sine(50, -42), -65, true},
		{"an offset", offset, -65, true},
		{"a tone of -38 dBm0", sine(1000, -38), -65, true},
		{"a tone of -36 dBm0", sine(1000, -36), -65, false},
		{"a tone of 0 dBm0", sine(440, 0), -65, false},
	} {
		for _, law := range []g711.Law{g711.MuLaw, g711.ALaw} {
			var s Silence
			pcm := line(c.pcm, c.noise, law, 3)[:16000]
			if n, _ := s.Write(pcm, 1<<40); n != len(pcm) {
				t.Fatalf("%s: took %d", c.name, n)
			}
			if silent := s.Length() == 16000; silent != c.silent || !silent && s.Length() != 0 {
				t.Errorf("%s, %v: silent for %d samples, want silence: %v", c.name, law, s.Length(), c.silent)
			}
		}
	}
}

// Quiet speech is no silence: at an active level of -35 dBm0, 15 to 20 dB under that
// of a telephone call, the pauses of the demo's parties are hardly longer.
func TestQuietSpeechIsHeard(t *testing.T) {
	for i, pcm := range speech(t) {
		low := make([]int16, len(pcm))
		for n, x := range pcm {
			low[n] = int16(math.Round(float64(x) * math.Pow(10, []float64{-20, -15}[i]/20)))
		}
		for _, law := range []g711.Law{g711.MuLaw, g711.ALaw} {
			g711.Decode(law, low, g711.Encode(law, nil, low))
			if loud, quiet := longest(pcm), longest(low); quiet > loud+1600 {
				t.Errorf("party %d, %v: longest silence %d samples, and %d when quiet", i, law, loud, quiet)
			}
		}
	}
}

// TestSilenceIsExact: any blocks, at any place in memory, say what the rule says.
func TestSilenceIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for round := range 200 {
		pcm := make([]int16, 160*50+rng.IntN(160))
		for at := 0; at < len(pcm); {
			n := min(1+rng.IntN(1000), len(pcm)-at)
			amplitude := []int{1, 400, 401, 402, 30000}[rng.IntN(5)]
			for i := range pcm[at : at+n] {
				pcm[at+i] = int16(rng.IntN(2*amplitude) - amplitude)
			}
			at += n
		}
		if round == 0 {
			for i := range pcm {
				pcm[i] = math.MinInt16
			}
		}
		var s Silence
		most := int64(0)
		for rest := pcm; len(rest) > 0; {
			n := min(1+rng.IntN(100), len(rest))
			s.Write(rest[:n], math.MaxInt64)
			rest = rest[n:]
			most = max(most, s.Length())
		}
		if want := longest(pcm); most != want {
			t.Fatalf("round %d: longest silence %d, want %d", round, most, want)
		}
	}
}

func TestSilenceStopsAtTheLimit(t *testing.T) {
	loud, zeros := make([]int16, 1600), make([]int16, 1600)
	for i := range loud {
		loud[i] = 1000
	}
	var s Silence
	s.Write(zeros, 40000)
	if n, reached := s.Write(loud, 40000); n != 1600 || reached || s.Length() != 0 {
		t.Fatalf("loud: %d, %v, length %d", n, reached, s.Length())
	}
	s.Write(loud[:80], 40000) // the spells are not those of the blocks
	total := 80
	for {
		n, reached := s.Write(zeros, 40000)
		total += n
		if reached {
			break
		}
		if n != 1600 {
			t.Fatalf("took %d", n)
		}
	}
	if total != 160+40000 || s.Length() != 40000 { // the spell with the loud half is loud
		t.Errorf("5 s of silence were reached after %d samples, length %d", total, s.Length())
	}
	if n, reached := s.Write(zeros, 40000); n != 0 || !reached {
		t.Errorf("once reached: %d, %v", n, reached)
	}
}

func TestSilenceAllocatesNothing(t *testing.T) {
	var s Silence
	pcm := make([]int16, 1600)
	if n := testing.AllocsPerRun(100, func() { s.Write(pcm, math.MaxInt64) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

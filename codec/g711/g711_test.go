package g711

import (
	"bytes"
	"os/exec"
	"testing"
)

// The tables of G.711 give, for each segment, its first decision value and its
// step; the value of a code is the middle of its interval. Written out here from
// tables 1a and 2a, apart from the formulas under test.
var (
	muFirst = [8]int{0, 31, 95, 223, 479, 991, 2015, 4063} // 14-bit; segment 1 begins with the half step 0..1
	muStep  = [8]int{2, 4, 8, 16, 32, 64, 128, 256}
	aFirst  = [8]int{0, 32, 64, 128, 256, 512, 1024, 2048} // 13-bit (of 4096)
	aStep   = [8]int{2, 2, 4, 8, 16, 32, 64, 128}
)

func TestEveryCodeWord(t *testing.T) {
	for c := range 256 {
		seg, k := (c^0xFF)>>4&7, (c^0xFF)&15
		// Table 2a: value y(n) = (x(n) + x(n+1)) / 2, and y(0) = 0.
		want := muFirst[seg] + k*muStep[seg] + muStep[seg]/2
		if seg == 0 {
			want = 2 * k
		}
		if c&0x80 == 0 {
			want = -want
		}
		if got := tables[MuLaw][c]; int(got) != 4*want {
			t.Errorf("µ-law %#02x: got %d, table 2a says %d", c, got, 4*want)
		}
		seg, k = (c^0x55)>>4&7, (c^0x55)&15
		want = aFirst[seg] + k*aStep[seg] + aStep[seg]/2
		if (c^0x55)&0x80 == 0 {
			want = -want
		}
		if got := tables[ALaw][c]; int(got) != 8*want {
			t.Errorf("A-law %#02x: got %d, table 1a says %d", c, got, 8*want)
		}
	}
}

// A decoder that is not ours must agree on every code word.
func TestAgainstSox(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed (apt-get install sox)")
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for law, enc := range map[Law]string{MuLaw: "mu-law", ALaw: "a-law"} {
		cmd := exec.CommandContext(t.Context(), sox, "-t", "raw", "-r", "8000", "-c", "1", "-e", enc, "-b", "8", "-",
			"-t", "raw", "-e", "signed-integer", "-b", "16", "-L", "-")
		cmd.Stdin = bytes.NewReader(all)
		out, err := cmd.Output()
		if err != nil || len(out) != 512 {
			t.Fatalf("sox: %d bytes, %v", len(out), err)
		}
		for i := range 256 {
			want := int16(uint16(out[2*i]) | uint16(out[2*i+1])<<8)
			if got := tables[law][i]; got != want {
				t.Errorf("%v %#02x: got %d, sox says %d", law, i, got, want)
			}
		}
	}
}

// Every sample there is must get the code whose interval it lies in: no further
// from the code's value than half that interval's step.
func TestEncodeEverySample(t *testing.T) {
	for s := -32768; s <= 32767; s++ {
		c := Encode(MuLaw, nil, []int16{int16(s)})[0]
		half := 4 * muStep[^c>>4&7] / 2
		if got := diff(s, int(tables[MuLaw][c])); got > half+3 && s > -32636 && s < 32636 {
			t.Fatalf("PCMU: %d became %#02x, %d off; half a step is %d", s, c, got, half)
		}
		c = Encode(ALaw, nil, []int16{int16(s)})[0]
		half = 8 * aStep[(c^0x55)>>4&7] / 2
		if got := diff(s, int(tables[ALaw][c])); got > half+7 {
			t.Fatalf("PCMA: %d became %#02x, %d off; half a step is %d", s, c, got, half)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, law := range []Law{MuLaw, ALaw} {
		for c := range 256 {
			var pcm [1]int16
			Decode(law, pcm[:], []byte{byte(c)})
			back := Encode(law, nil, pcm[:])[0]
			if tables[law][back] != pcm[0] { // µ-law has two zeros
				t.Errorf("%v %#02x decodes to %d, which encodes to %#02x", law, c, pcm[0], back)
			}
		}
		var pcm [1]int16
		Decode(law, pcm[:], []byte{law.Silence()})
		if pcm[0] < 0 || pcm[0] > 8 {
			t.Errorf("%v: silence decodes to %d", law, pcm[0])
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	src, dst := make([]byte, 160), make([]int16, 160)
	if n := testing.AllocsPerRun(100, func() { Decode(MuLaw, dst, src) }); n != 0 {
		t.Errorf("%v allocations for each packet", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	src, dst := make([]byte, 1600), make([]int16, 1600)
	for b.Loop() {
		Decode(MuLaw, dst, src)
	}
	b.ReportMetric(float64(b.N)*0.2/b.Elapsed().Seconds(), "x-realtime")
	b.ReportMetric(0, "ns/op")
}

func diff(a, b int) int {
	if a < b {
		return b - a
	}
	return a - b
}

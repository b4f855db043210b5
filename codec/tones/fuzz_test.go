package tones

import (
	"slices"
	"testing"
)

// told is the slow oracle of reporting once: it keeps all that was ever told.
type told map[[2]int64]bool

// FuzzDigits throws packets at Digits: each is four octets of header (position,
// marker, number of octets) and a payload. Nothing is told twice, a packet that
// comes again tells nothing, and what a good packet says is known after it.
func FuzzDigits(f *testing.F) {
	seed := func(packets ...packet) {
		var b []byte
		for _, p := range packets {
			marker := byte(0)
			if p.marker {
				marker = 1
			}
			b = append(b, byte(p.position>>8), byte(p.position), marker, byte(len(p.payload)))
			b = append(b, p.payload...)
		}
		f.Add(b)
	}
	seed(dial(5, 0, 800, 160)...)
	seed(append(dial(1, 0, 800, 400), dial(1, 1200, 800, 400)...)...)
	seed(packet{slices.Concat(event(1, true, 400), event(1, true, 400), event(16, false, 0)), 100, true})
	seed(packet{event(3, false, segment), 0, true}, packet{event(3, true, 900), segment, false})
	seed(packet{[]byte{1, 2, 3}, 7, false}, packet{nil, 0, true})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Digits
		once := told{}
		for len(b) >= 4 {
			position, marker := int64(int16(uint16(b[0])<<8|uint16(b[1])))*16, b[2]&1 != 0
			n := min(int(b[3]), len(b)-4)
			payload := b[4 : 4+n]
			b = b[4+n:]
			before := d.Stats()
			got := d.Push(nil, payload, position, marker, 0)
			for _, p := range got {
				key := [2]int64{int64(p.Event), p.Start}
				if once[key] {
					t.Fatalf("told twice of %+v", p)
				}
				once[key] = true
			}
			after := d.Stats()
			if good := n > 0 && n%4 == 0 && n <= 32; good != (after.Malformed == before.Malformed) {
				t.Fatalf("payload of %d octets: %+v", n, after)
			}
			from, to := d.Span()
			if d.n > remembered || from > to || len(got) > 0 && (got[0].Start < from || got[0].End() > to) {
				t.Fatalf("%d presses, span %d to %d, told of %+v", d.n, from, to, got)
			}
			if again := d.Push(nil, payload, position, marker, 0); len(again) != 0 {
				t.Fatalf("the same packet told again of %+v", again)
			}
		}
	})
}

// FuzzDetector: whatever the audio and its blocks, the same presses, in order and apart.
func FuzzDetector(f *testing.F) {
	f.Add([]byte{0x80, 0, 0x7F, 0xFF}, uint8(7))
	f.Add(make([]byte, 1000), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		pcm := make([]int16, 0, 8*len(b))
		for range 16 { // periodic signals are what could be tones
			for i := 0; i+1 < len(b) && len(pcm) < 1<<15; i += 2 {
				pcm = append(pcm, int16(uint16(b[i])<<8|uint16(b[i+1])))
			}
		}
		var whole, cuts Detector
		want := whole.Write(nil, pcm)
		var got []Press
		for rest := pcm; len(rest) > 0; {
			n := min(1+int(cut), len(rest))
			got = cuts.Write(got, rest[:n])
			rest = rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("in blocks of %d: %+v, want %+v", 1+int(cut), got, want)
		}
		for i, p := range want {
			if p.Start < 0 || p.End() > int64(len(pcm)) || p.Digit() == 0 || i > 0 && p.Start < want[i-1].End() {
				t.Fatalf("found %+v in %d samples", want, len(pcm))
			}
		}
	})
}

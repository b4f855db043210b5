package wav

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"callrec/codec"
)

var tags = codec.Tags{Title: "odd", Date: "2026-11-23T01:02:03Z", CallID: "abc@10.0.0.1", From: "1001", To: "1002", Comment: `{"x":1}`}

// encode writes pcm in pieces of the given length.
func encode(t *testing.T, rate, channels int, pcm []int16, piece int, tg codec.Tags) []byte {
	t.Helper()
	e, err := New(rate, channels)
	if err != nil {
		t.Fatal(err)
	}
	body := e.Header(nil, tg)
	for len(pcm) > 0 {
		n := min(piece, len(pcm))
		body = e.Append(body, pcm[:n])
		pcm = pcm[n:]
	}
	body = e.Finish(body, tg)
	copy(body, e.Header(nil, tg))
	return body
}

func ramp(n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(i*37 - 5000)
	}
	return pcm
}

func TestPiecesDoNotMatter(t *testing.T) {
	pcm := ramp(4000)
	whole := encode(t, 8000, 2, pcm, len(pcm), tags)
	for _, piece := range []int{2, 14, 160, 1600} {
		if !bytes.Equal(encode(t, 8000, 2, pcm, piece, tags), whole) {
			t.Errorf("pieces of %d give another file", piece)
		}
	}
}

// A program that is not ours must read back every sample and the exact length.
func TestSoxReadsIt(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed (apt-get install sox)")
	}
	for _, channels := range []int{1, 2} {
		for _, n := range []int{0, 1, 2, 15999} {
			pcm := ramp(n * channels)
			name := filepath.Join(t.TempDir(), "a.wav")
			if err := os.WriteFile(name, encode(t, 8000, channels, pcm, 320, tags), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), sox, name, "-t", "raw", "-L", "-")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || stderr.Len() > 0 {
				t.Fatalf("sox: %v %s", err, stderr.String())
			}
			if len(out) != 2*len(pcm) {
				t.Fatalf("%d channels, %d frames: sox read %d bytes, want %d", channels, n, len(out), 2*len(pcm))
			}
			for i, s := range pcm {
				if got := int16(binary.LittleEndian.Uint16(out[2*i:])); got != s {
					t.Fatalf("sample %d: %d, want %d", i, got, s)
				}
			}
		}
	}
}

// The header must be right at every moment, not only at the end.
func TestHeaderAtEveryMoment(t *testing.T) {
	e, _ := New(16000, 1)
	body := e.Header(nil, codec.Tags{})
	if len(body) != HeaderLen {
		t.Fatalf("header is %d bytes", len(body))
	}
	for range 5 {
		body = e.Append(body, ramp(123))
		h := e.Header(nil, codec.Tags{})
		if got, want := binary.LittleEndian.Uint32(h[40:]), uint32(len(body)-HeaderLen); got != want {
			t.Errorf("data size %d, want %d", got, want)
		}
		if got, want := binary.LittleEndian.Uint32(h[4:]), uint32(len(body)-8); got != want {
			t.Errorf("RIFF size %d, want %d", got, want)
		}
	}
}

func TestTagsAreInTheFile(t *testing.T) {
	body := encode(t, 8000, 1, ramp(10), 10, tags)
	for _, want := range []string{"INAM", "odd", "ICRD", "2026-11-23T01:02:03Z", "abc@10.0.0.1", "1001", "1002", `{"x":1}`} {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("%q is missing", want)
		}
	}
	if got, want := binary.LittleEndian.Uint32(body[4:]), uint32(len(body)-8); got != want {
		t.Errorf("RIFF size %d, want %d", got, want)
	}
	if plain := encode(t, 8000, 1, ramp(10), 10, codec.Tags{}); len(plain) != HeaderLen+20 {
		t.Errorf("without tags the file has %d bytes, want %d", len(plain), HeaderLen+20)
	}
}

func TestRepair(t *testing.T) {
	pcm := ramp(1000)
	whole := encode(t, 8000, 2, pcm, 1000, codec.Tags{})
	for _, c := range []struct {
		name   string
		size   int64
		length int64
	}{
		{"empty file", 0, 44},
		{"half a header", 20, 44},
		{"header alone", 44, 44},
		{"one byte of a frame", 45, 44},
		{"a frame and a half", 50, 48},
		{"whole", int64(len(whole)), int64(len(whole))},
	} {
		h, length := Repair(8000, 2, c.size, nil)
		if length != c.length || len(h) != HeaderLen {
			t.Errorf("%s: length %d, header %d bytes, want %d and %d", c.name, length, len(h), c.length, HeaderLen)
		}
		if got := binary.LittleEndian.Uint32(h[40:]); int64(got) != c.length-HeaderLen {
			t.Errorf("%s: data size %d, want %d", c.name, got, c.length-HeaderLen)
		}
	}
	if h, _ := Repair(8000, 2, int64(len(whole)), nil); !bytes.Equal(h, whole[:HeaderLen]) {
		t.Error("the repaired header of a whole file differs from the written one")
	}
}

// A crash between the tags and the header must not turn the tags into sound.
func TestRepairCutsTagsOff(t *testing.T) {
	whole := encode(t, 8000, 1, ramp(1000), 1000, tags)
	end := HeaderLen + 2000
	for size := end; size <= len(whole); size++ {
		_, length := Repair(8000, 1, int64(size), whole[max(0, size-TrailerMax):size])
		if extra := length - int64(end); extra > 16 || extra < 0 || (size-end > 16 && extra != 0) {
			t.Fatalf("of %d bytes of tags %d became sound", size-end, extra)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range [][2]int{{0, 1}, {8000, 0}, {8000, 3}, {-1, 1}} {
		if _, err := New(c[0], c[1]); err == nil {
			t.Errorf("%d Hz, %d channels was accepted", c[0], c[1])
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	e, _ := New(8000, 1)
	pcm, dst := ramp(1600), make([]byte, 0, 3200)
	if n := testing.AllocsPerRun(100, func() { dst = e.Append(dst[:0], pcm) }); n != 0 {
		t.Errorf("%v allocations for each block", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	e, _ := New(8000, 1)
	pcm, dst := ramp(1600), make([]byte, 0, 3200)
	for b.Loop() {
		dst = e.Append(dst[:0], pcm)
	}
	b.ReportMetric(float64(b.N)*0.2/b.Elapsed().Seconds(), "x-realtime")
	b.ReportMetric(0, "ns/op")
}

// A file that another encoder goes on with is the one that a single encoder makes.
func TestContinue(t *testing.T) {
	one, err := New(8000, 2)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 4000)
	for i := range pcm {
		pcm[i] = int16(i * 7)
	}
	want := one.Finish(one.Append(one.Header(nil, codec.Tags{}), pcm), codec.Tags{Title: "x"})
	copy(want, one.Header(nil, codec.Tags{}))
	two, err := Continue(8000, 2, 500)
	if err != nil {
		t.Fatal(err)
	}
	got := append(two.Header(nil, codec.Tags{}), want[HeaderLen:HeaderLen+2000]...)
	got = two.Finish(two.Append(got, pcm[1000:]), codec.Tags{Title: "x"})
	copy(got, two.Header(nil, codec.Tags{}))
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d, or others", len(got), len(want))
	}
}

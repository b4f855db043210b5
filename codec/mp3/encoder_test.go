package mp3

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"callrec/codec"
)

// encode makes a whole file, giving the samples in blocks of uneven length.
func encode(t testing.TB, cfg Config, pcm []int16) []byte {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	file := e.Header(nil, codec.Tags{})
	head := len(file)
	r := rand.New(rand.NewPCG(5, uint64(len(pcm))))
	for len(pcm) > 0 {
		n := min(len(pcm), cfg.Channels*r.IntN(3000))
		file = e.Append(file, pcm[:n])
		pcm = pcm[n:]
	}
	file = e.Finish(file, codec.Tags{})
	h := e.Header(nil, codec.Tags{})
	if len(h) != head {
		t.Fatalf("the header had %d bytes at the start and has %d at the end", head, len(h))
	}
	copy(file, h)
	return file
}

func (c Config) String() string {
	if c.BitRate == 0 {
		return fmt.Sprintf("%dHz_%dch_q%d", c.Rate, c.Channels, c.Quality)
	}
	return fmt.Sprintf("%dHz_%dch_%dk", c.Rate, c.Channels, c.BitRate)
}

// long is whether to try everything.
var long = os.Getenv("CALLREC_LONG") != ""

// configs are all constant bit rates, or the ends and some between, and three
// variable ones.
func configs() (all []Config) {
	for _, rate := range Rates() {
		for channels := 1; channels <= 2; channels++ {
			for i, kbps := range BitRates(rate) {
				if long || i%4 == 0 || i == 13 {
					all = append(all, Config{Rate: rate, Channels: channels, BitRate: kbps})
				}
			}
			for q := 1; q <= 9; q += 4 {
				all = append(all, Config{Rate: rate, Channels: channels, Quality: q})
			}
		}
	}
	return all
}

// input makes n samples of each channel.
func input(cfg Config, signal, n int) []int16 {
	x := signals[signal].make(cfg.Rate, n)
	if cfg.Channels == 2 {
		return interleave(x, signals[(signal+3)%len(signals)].make(cfg.Rate, n))
	}
	return x
}

// Every stream is legal to our own walker: frame sizes, padding, reservoir,
// part2_3_length, the tag, and the exact length.
func TestEveryStreamIsLegal(t *testing.T) {
	for _, cfg := range configs() {
		t.Run(cfg.String(), func(t *testing.T) {
			t.Parallel()
			for s := range signals {
				n := 7000
				if long {
					n = cfg.Rate * 2
				}
				pcm := input(cfg, s, n)
				file := encode(t, cfg, pcm)
				got := Walk(file, nil)
				for _, f := range got.Fault {
					t.Errorf("%s: %v", signals[s].name, f)
				}
				if got.Samples != int64(n) || got.End != len(file) {
					t.Errorf("%s: %d samples in %d of %d bytes, want %d samples", signals[s].name, got.Samples, got.End, len(file), n)
				}
				if cfg.BitRate != 0 && (got.VBR || got.Header.BitRate != cfg.BitRate) {
					t.Errorf("%s: the stream is not of %d kbit/s", signals[s].name, cfg.BitRate)
				}
			}
		})
	}
}

func TestShortestInputs(t *testing.T) {
	for _, cfg := range configs() {
		for _, n := range []int{0, 1, 2, 575, 576, 577, 1151, 1152, 1153} {
			s := Walk(encode(t, cfg, input(cfg, 2, n)), nil)
			if s.Samples != int64(n) || s.Faults != 0 {
				t.Errorf("%v: %d samples came back as %d, faults %v", cfg, n, s.Samples, s.Fault)
			}
		}
	}
}

// How the samples are handed over makes no difference.
func TestBlockLengthsDoNotMatter(t *testing.T) {
	cfg := Config{Rate: 16000, Channels: 2, BitRate: 64}
	pcm := input(cfg, 5, 16000)
	whole, _ := New(cfg)
	a := whole.Finish(whole.Append(nil, pcm), codec.Tags{})
	parts, _ := New(cfg)
	var b []byte
	for i := 0; i < len(pcm); i += 2 {
		b = parts.Append(b, pcm[i:i+2])
	}
	b = parts.Finish(b, codec.Tags{})
	if !bytes.Equal(a, b) {
		t.Error("the stream depends on how the samples were cut")
	}
}

// The same recording gives the same file on every machine and with or without
// assembly: the hashes were made once.
func TestSameFileEverywhere(t *testing.T) {
	for cfg, want := range golden {
		pcm := signals[4].make(cfg.Rate, 3*cfg.Rate)
		r := rand.New(rand.NewPCG(9, 9))
		for i := range pcm { // whole numbers only, so that the input is the same too
			pcm[i] = int16(int32(pcm[i])*int32(i%cfg.Rate)/int32(cfg.Rate)) + int16(r.IntN(100)) - 50
		}
		if cfg.Channels == 2 {
			pcm = interleave(pcm, pcm)
			for i := 1; i < len(pcm); i += 2 {
				pcm[i] /= 3
			}
		}
		sum := sha256.Sum256(encode(t, cfg, pcm))
		if got := hex.EncodeToString(sum[:8]); got != want {
			t.Errorf("%#v: %q, want %q", cfg, got, want)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	for _, cfg := range []Config{{Rate: 8000, Channels: 1, BitRate: 32}, {Rate: 44100, Channels: 2, BitRate: 128}, {Rate: 16000, Channels: 1, Quality: 5}} {
		e, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		pcm := input(cfg, 5, 4000)
		dst := make([]byte, 0, 1<<16)
		if n := testing.AllocsPerRun(100, func() { dst = e.Append(dst[:0], pcm) }); n != 0 {
			t.Errorf("%v: %v allocations a call", cfg, n)
		}
	}
}

func TestEncodersShareNothing(t *testing.T) {
	cfg := Config{Rate: 16000, Channels: 1, BitRate: 32}
	pcm := input(cfg, 5, 20000)
	want := encode(t, cfg, pcm)
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if !bytes.Equal(encode(t, cfg, pcm), want) {
				t.Error("encoders at work side by side disturb one another")
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want []string
	}{
		{Config{}, []string{"rate of 0 Hz", "0 channels", "quality 0"}},
		{Config{Rate: 8001, Channels: 3, BitRate: 7, Quality: 1}, []string{"8001 Hz", "8000 11025", "3 channels", "use one of them"}},
		{Config{Rate: 8000, Channels: 1, BitRate: 320}, []string{"320 kbit/s at 8000 Hz", "160"}},
		{Config{Rate: 48000, Channels: 1, BitRate: 8}, []string{"8 kbit/s at 48000 Hz"}},
		{Config{Rate: 48000, Channels: 1, Quality: 10}, []string{"quality 10"}},
		{Config{Rate: 48000, Channels: 1, BitRate: 64, TagRoom: 5}, []string{"room of 5 bytes"}},
	} {
		_, err := New(c.cfg)
		if err == nil {
			t.Errorf("%+v is accepted", c.cfg)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%+v: %q does not say %q", c.cfg, err, w)
			}
		}
	}
}

func TestTags(t *testing.T) {
	e, err := New(Config{Rate: 8000, Channels: 1, BitRate: 16, TagRoom: 256})
	if err != nil {
		t.Fatal(err)
	}
	empty := e.Header(nil, codec.Tags{})
	h := e.Header(nil, codec.Tags{Title: "Gespräch", CallID: "abc@10.0.0.1", From: "1001", To: "+1555", Comment: strings.Repeat("ü", 400)})
	if len(h) != len(empty) || id3Len(h) != 256 {
		t.Fatalf("headers of %d and %d bytes with %d of tag", len(empty), len(h), id3Len(h))
	}
	for _, want := range []string{"TIT2", "Gespräch", "call-id\x00abc@10.0.0.1", "from\x001001", "to\x00+1555", "COMM"} {
		if !bytes.Contains(h, []byte(want)) {
			t.Errorf("the tag does not hold %q", want)
		}
	}
	if !strings.HasSuffix(strings.TrimRight(string(h[:256]), "\x00"), "ü") {
		t.Error("a text was cut within a character")
	}
	if s := Walk(h, nil); s.Tag != 256 || s.Audio != len(h) {
		t.Errorf("the walker finds %+v", s)
	}
}

// A process that dies leaves whole frames, and Repair makes them a whole file.
func TestRepair(t *testing.T) {
	for _, cfg := range []Config{
		{Rate: 8000, Channels: 1, BitRate: 16, TagRoom: 128},
		{Rate: 44100, Channels: 2, BitRate: 96},
		{Rate: 22050, Channels: 1, Quality: 4},
	} {
		e, _ := New(cfg)
		file := e.Header(nil, codec.Tags{Title: "cut short"})
		file = e.Append(file, input(cfg, 5, 30000))
		if s := Walk(file, nil); !s.Open || s.End != len(file) || s.Faults != 0 {
			t.Errorf("%v: while it is being made the file is %+v", cfg, s)
		}
		for _, torn := range []int{0, 1, 3, 50} {
			b := bytes.Clone(file[:len(file)-torn])
			head, size, err := Repair(b)
			if err != nil {
				t.Fatal(err)
			}
			copy(b, head)
			s := Walk(b[:size], nil)
			if s.Faults != 0 || s.Open || s.End != size {
				t.Errorf("%v, %d bytes torn off: %+v", cfg, torn, s)
			}
			if lost := 30000 - s.Samples; lost < 0 || lost > 8000 {
				t.Errorf("%v, %d bytes torn off: %d samples are lost", cfg, torn, lost)
			}
			again, size2, err := Repair(b[:size])
			if err != nil || size2 != size || !bytes.Equal(again, b[:len(again)]) {
				t.Errorf("%v: a repaired file is not left alone", cfg)
			}
		}
	}
	if _, _, err := Repair([]byte("RIFF")); err == nil {
		t.Error("what is no file of ours is repaired")
	}
}

func FuzzEncode(f *testing.F) {
	f.Add(uint8(0), uint8(1), uint8(3), []byte("some samples, more samples"))
	f.Add(uint8(8), uint8(2), uint8(14), bytes.Repeat([]byte{0xff, 0x7f, 0, 0x80}, 3000))
	f.Add(uint8(5), uint8(2), uint8(0), bytes.Repeat([]byte{1, 0, 255, 255, 3}, 2000))
	f.Fuzz(func(t *testing.T, rate, channels, speed uint8, b []byte) {
		cfg := Config{Rate: Rates()[int(rate)%9], Channels: 1 + int(channels)%2}
		if i := int(speed) % 15; i > 0 {
			cfg.BitRate = BitRates(cfg.Rate)[i-1]
		} else {
			cfg.Quality = 1 + int(speed)/15%9
		}
		pcm := make([]int16, len(b)/2/cfg.Channels*cfg.Channels)
		for i := range pcm {
			pcm[i] = int16(b[2*i]) | int16(b[2*i+1])<<8
		}
		s := Walk(encode(t, cfg, pcm), nil)
		if s.Faults != 0 || s.Samples != int64(len(pcm)/cfg.Channels) {
			t.Errorf("%v: %+v", cfg, s)
		}
	})
}

func FuzzWalk(f *testing.F) {
	for _, cfg := range []Config{{Rate: 8000, Channels: 1, BitRate: 16}, {Rate: 44100, Channels: 2, BitRate: 64}, {Rate: 16000, Channels: 1, Quality: 3, TagRoom: 100}} {
		f.Add(encode(f, cfg, input(cfg, 2, 4000)))
	}
	f.Add([]byte("ID3\x04\x00\x10\x7f\x7f\x7f\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := Walk(b, func(f Frame) {
			if f.Offset < 0 || f.Offset+f.Size() > len(b) {
				t.Errorf("a frame of %d at %d of %d bytes", f.Size(), f.Offset, len(b))
			}
		})
		if s.End > len(b) || s.Samples < 0 || len(s.Fault) > mostFaults {
			t.Errorf("%+v of %d bytes", s, len(b))
		}
		if head, size, err := Repair(b); err == nil && (len(head) > len(b) || size > len(b)) {
			t.Errorf("repair of %d bytes gives a head of %d and a size of %d", len(b), len(head), size)
		}
	})
}

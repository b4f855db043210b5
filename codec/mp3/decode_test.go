package mp3

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	gomp3 "github.com/hajimehoshi/go-mp3"
)

// Decoders that are not ours judge the streams.

func need(t *testing.T, tool string) {
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
}

// run gives the output of a decoder, which must not say a word.
func run(t *testing.T, tool string, args ...string) []byte {
	t.Helper()
	var out, words bytes.Buffer
	cmd := exec.Command(tool, args...)
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil || words.Len() > 0 {
		t.Errorf("%s %v: %v: %s", tool, args, err, words.String())
	}
	return out.Bytes()
}

func samples(b []byte) []int16 {
	x := make([]int16, len(b)/2)
	for i := range x {
		x[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return x
}

// judged are the configurations that decoders are run on, one process each.
func judged() (some []Config) {
	for i, cfg := range configs() {
		if long || i%5 == 0 || cfg.BitRate == BitRates(cfg.Rate)[0] {
			some = append(some, cfg)
		}
	}
	return some
}

func save(t *testing.T, file []byte) string {
	name := filepath.Join(t.TempDir(), "x.mp3")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestMpg123AndFfmpeg(t *testing.T) {
	need(t, "mpg123")
	need(t, "ffmpeg")
	for i, cfg := range judged() {
		t.Run(cfg.String(), func(t *testing.T) {
			t.Parallel()
			once := 2 // noise, the hardest, for every other one
			if i%2 == 1 {
				once = i / 2 % len(signals)
			}
			for s := range signals {
				if !long && s != once {
					continue
				}
				const n = 9001
				pcm := input(cfg, s, n)
				name := save(t, encode(t, cfg, pcm))
				for _, out := range [][]byte{
					run(t, "mpg123", "-q", "-s", "--no-resync", name),
					run(t, "ffmpeg", "-v", "warning", "-xerror", "-i", name, "-f", "s16le", "-"),
				} {
					if got := len(out) / 2 / cfg.Channels; got != n {
						t.Errorf("%s: %d samples, want %d", signals[s].name, got, n)
					}
				}
			}
		})
	}
}

func TestGoMp3(t *testing.T) {
	for _, cfg := range configs() {
		switch cfg.Rate {
		case 16000, 24000, 32000, 44100, 48000:
		default:
			continue // it knows no MPEG-2.5 and errs at 22.05 kHz
		}
		file := encode(t, cfg, input(cfg, 5, 9000))
		d, err := gomp3.NewDecoder(bytes.NewReader(file))
		if err != nil {
			t.Errorf("%v: %v", cfg, err)
			continue
		}
		out, err := io.ReadAll(d)
		s := Walk(file, nil)
		// It gives every frame, the one of the tag too, always in stereo.
		if want := (s.Frames + 1) * s.Header.Samples() * 4; err != nil || len(out) != want {
			t.Errorf("%v: %d bytes, want %d, %v", cfg, len(out), want, err)
		}
	}
}

// floors are the least segmental signal-to-noise ratios in dB of the synthetic
// talker, decoded by mpg123: a gate against loss of quality, half a dB under what
// was reached when it was set.
var floors = []struct {
	cfg   Config
	floor float64
}{
	{Config{Rate: 8000, Channels: 1, BitRate: 16}, 15.1},
	{Config{Rate: 8000, Channels: 1, BitRate: 32}, 25.6},
	{Config{Rate: 16000, Channels: 1, BitRate: 16}, 15.9},
	{Config{Rate: 16000, Channels: 1, BitRate: 32}, 23.9},
	{Config{Rate: 16000, Channels: 1, BitRate: 64}, 32.9},
	{Config{Rate: 16000, Channels: 2, BitRate: 64}, 24.4},
	{Config{Rate: 44100, Channels: 1, BitRate: 64}, 14.6},
	{Config{Rate: 16000, Channels: 1, Quality: 5}, 27.3},
}

func TestQualityFloors(t *testing.T) {
	need(t, "mpg123")
	for _, c := range floors {
		pcm := speechLike(c.cfg.Rate, 8, 11)
		if c.cfg.Channels == 2 {
			pcm = interleave(pcm, speechLike(c.cfg.Rate, 8, 12))
		}
		got := samples(run(t, "mpg123", "-q", "-s", save(t, encode(t, c.cfg, pcm))))
		if len(got) != len(pcm) {
			t.Fatalf("%v: %d values, want %d", c.cfg, len(got), len(pcm))
		}
		if snr := segmentalSNR(pcm, got, c.cfg.Rate/50*c.cfg.Channels); snr < c.floor {
			t.Errorf("%v: %.2f dB, want %.1f", c.cfg, snr, c.floor)
		} else {
			t.Logf("%v: %.2f dB", c.cfg, snr)
		}
	}
}

// segmentalSNR is the mean over active segments, each within -10 to 35 dB.
func segmentalSNR(want, got []int16, n int) float64 {
	var sum, count float64
	for i := 0; i+n <= len(want); i += n {
		var s, e float64
		for j := i; j < i+n; j++ {
			d := float64(want[j]) - float64(got[j])
			s += float64(want[j]) * float64(want[j])
			e += d * d
		}
		if s/float64(n) > 10000 {
			sum += max(-10, min(35, 10*math.Log10(s/(e+1))))
			count++
		}
	}
	return sum / max(count, 1)
}

// A tone in each part of the spectrum comes through at its level, the band under
// half of 8 kHz included, where short blocks have no scalefactor.
func TestTonesComeThrough(t *testing.T) {
	need(t, "mpg123")
	for _, rate := range Rates() {
		for _, part := range []float64{0.02, 0.1, 0.3, 0.6, 0.8, 0.93} {
			if part*float64(rate)/2 > 17500 {
				continue // the model hears nothing there
			}
			cfg := Config{Rate: rate, Channels: 1, BitRate: 64}
			pcm := each(rate, func(i int) float64 {
				// Pulses of a tone, so that there are short blocks.
				return 8000 * math.Sin(math.Pi*part*float64(i)) * math.Pow(math.Sin(math.Pi*float64(i)*5/float64(rate)), 16)
			})
			got := samples(run(t, "mpg123", "-q", "-s", save(t, encode(t, cfg, pcm))))
			if snr := segmentalSNR(pcm, got, rate/20); snr < 12 {
				t.Errorf("%d Hz at a rate of %d: %.1f dB", int(part*float64(rate)/2), rate, snr)
			}
		}
	}
}

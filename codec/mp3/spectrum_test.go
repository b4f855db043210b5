package mp3

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"testing"
)

// meanPowers decodes a file and gives the mean power of each channel, over all its
// granules.
func meanPowers(t *testing.T, file []byte) (mean [2]float64, granules, unused int) {
	t.Helper()
	whole := 0
	faults, first := Measure(file, func(g Granule) {
		granules++
		if g.Whole {
			whole++
		}
		unused += g.Unused
		for ch, p := range g.Power {
			mean[ch] += p
		}
	})
	if faults != 0 || whole != granules {
		t.Errorf("%d of %d granules can be decoded: %d faults, %v", whole, granules, faults, first)
	}
	for ch := range mean {
		mean[ch] /= float64(max(granules, 1))
	}
	return mean, granules, unused
}

// spread is the mean power of each channel of samples over so many granules.
func spread(pcm []float64, channels, granules int) (mean [2]float64) {
	for i, x := range pcm {
		mean[i%channels] += x * x / float64(granules*granuleLen)
	}
	return mean
}

// decoded is what mpg123 makes of a file: all of it, and not clipped, as a
// square wave at full scale would be.
func decoded(t *testing.T, file []byte) []float64 {
	t.Helper()
	return floats(run(t, "mpg123", "-q", "-s", "-e", "f32", "--no-gapless", save(t, file)))
}

func floats(out []byte) []float64 {
	x := make([]float64, len(out)/4)
	for i := range x {
		x[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:])))
	}
	return x
}

// Every granule of our encoder decodes with exactly part2_3_length bits, and
// holds what went in.
func TestEncoderAgainstSpectrum(t *testing.T) {
	for i, cfg := range configs() {
		t.Run(cfg.String(), func(t *testing.T) {
			t.Parallel()
			for s := range signals {
				if !long && s != 2 && s != i%len(signals) {
					continue
				}
				pcm := input(cfg, s, 7000)
				file := encode(t, cfg, pcm)
				got, granules, unused := meanPowers(t, file)
				if unused != 0 {
					t.Errorf("%s: %d bits of part2_3_length are no code", signals[s].name, unused)
				}
				// Noise and edges lose what no bit rate holds, and so does speech
				// when there are less than two bits for a sample: faint lines become
				// zero.
				if signals[s].name != "speech" || cfg.BitRate < max(48, 2*cfg.Rate/1000)*cfg.Channels {
					continue
				}
				whole := make([]float64, len(pcm))
				for i, v := range pcm {
					whole[i] = float64(v) / 32768
				}
				want := spread(whole, cfg.Channels, granules)
				for ch := range cfg.Channels {
					if signals[(s+3*ch)%len(signals)].name != "speech" {
						continue
					}
					// The second channel, when there is one, takes bits away.
					if d := 10 * math.Log10(got[ch]/want[ch]); math.Abs(d) > 0.3*float64(cfg.Channels) {
						t.Errorf("%s: channel %d is %+.2f dB off", signals[s].name, ch, d)
					}
				}
			}
		})
	}
}

// The constants between lines and samples are right: the power is that of what
// another decoder makes of the stream.
func TestPowerAgainstMpg123(t *testing.T) {
	need(t, "mpg123")
	for _, cfg := range configs() {
		if cfg.BitRate != 0 && cfg.BitRate != 64 && cfg.BitRate != BitRates(cfg.Rate)[0] && !long {
			continue
		}
		t.Run(cfg.String(), func(t *testing.T) {
			t.Parallel()
			for _, s := range []int{2, 3, 5} { // noise, impulses (short blocks) and speech
				file := encode(t, cfg, input(cfg, s, 20000))
				got, granules, _ := meanPowers(t, file)
				want := spread(decoded(t, file), cfg.Channels, granules)
				for ch := range cfg.Channels {
					if got[ch] < 1e-7 && want[ch] < 1e-7 {
						continue
					}
					if d := 10 * math.Log10(got[ch]/want[ch]); math.Abs(d) > 0.3 {
						t.Errorf("%s: channel %d is %+.2f dB off", signals[s].name, ch, d)
					}
				}
			}
		})
	}
}

// No encoder at hand makes intensity stereo, but a stream whose right channel is
// silent becomes one by a bit in each header. ffmpeg is the judge: mpg123 leaves
// some of the left channel where the standard leaves nothing.
func TestPowerOfIntensityStereo(t *testing.T) {
	need(t, "ffmpeg")
	for _, rate := range []int{8000, 22050, 44100} {
		cfg := Config{Rate: rate, Channels: 2, BitRate: 64}
		x := input(Config{Rate: rate, Channels: 1}, 5, 20000)
		file := encode(t, cfg, interleave(x, make([]int16, len(x))))
		Walk(file, func(f Frame) {
			if f.Extension == 0 {
				file[f.Offset+3] |= 1 << 4
			}
		})
		got, granules, _ := meanPowers(t, file)
		want := spread(floats(run(t, "ffmpeg", "-v", "warning", "-i", save(t, file), "-f", "f32le", "-")), 2, granules)
		for ch := range 2 {
			if d := 10 * math.Log10((got[ch]+1e-9)/(want[ch]+1e-9)); math.Abs(d) > 0.3 || want[1] < 1e-7 {
				t.Errorf("%d Hz: channel %d is %+.2f dB off", rate, ch, d)
			}
		}
	}
}

// Streams of an encoder that is not ours: joint stereo, scfsi, mixed use of block
// types and variable bit rate.
func TestPowerOfLame(t *testing.T) {
	need(t, "lame")
	need(t, "mpg123")
	for _, c := range []struct {
		rate, channels int
		args           []string
	}{
		{8000, 1, []string{"-b", "16"}},
		{8000, 2, []string{"-b", "32", "-m", "j"}},
		{16000, 1, []string{"-V", "4"}},
		{22050, 2, []string{"-b", "56", "-m", "j"}},
		{32000, 2, []string{"-V", "2", "-m", "j"}},
		{44100, 2, []string{"-b", "128", "-m", "j"}},
		{44100, 1, []string{"--abr", "64"}},
		{48000, 2, []string{"-b", "320", "-m", "f"}},
		{16000, 1, []string{"-b", "32", "-p", "-t"}}, // with checksums
		{44100, 2, []string{"-b", "160", "-p", "-t"}},
	} {
		pcm := input(Config{Rate: c.rate, Channels: c.channels}, 5, 2*c.rate)
		file := lameEncode(t, c.rate, c.channels, pcm, c.args...)
		if slices.Contains(c.args, "-p") {
			b := bytes.Clone(file)
			at := 0
			Walk(b, func(f Frame) {
				if at == 0 && f.Offset > len(b)/2 {
					at = f.Offset
				}
			})
			b[at+headerLen+2+6] ^= 1
			if _, first := Measure(b, nil); len(first) == 0 || first[0].Offset != at {
				t.Errorf("a wrong checksum at %d: %v", at, first)
			}
		}
		got, granules, _ := meanPowers(t, file)
		want := spread(decoded(t, file), c.channels, granules)
		if snr := agreement(t, file, c.channels); !(snr > 100) {
			t.Errorf("%d Hz %v: %.1f dB between our samples and those of mpg123", c.rate, c.args, snr)
		}
		for ch := range c.channels {
			if d := 10 * math.Log10(got[ch]/want[ch]); math.Abs(d) > 0.3 {
				t.Errorf("%d Hz %v: channel %d is %+.2f dB off", c.rate, c.args, ch, d)
			}
		}
	}
}

func lameEncode(t *testing.T, rate, channels int, pcm []int16, args ...string) []byte {
	t.Helper()
	raw := make([]byte, 0, 2*len(pcm))
	for _, v := range pcm {
		raw = append(raw, byte(v), byte(v>>8))
	}
	mode := "s"
	if channels == 1 {
		mode = "m"
	}
	args = append([]string{
		"--quiet", "-r", "--little-endian", "--signed", "--bitwidth", "16", "-s", fmtKHz(rate), "-m", mode, "--resample", fmtKHz(rate),
	}, args...)
	cmd := exec.Command("lame", append(args, "-", "-")...)
	cmd.Stdin = bytes.NewReader(raw)
	file, err := cmd.Output()
	if err != nil {
		t.Fatalf("lame %v: %v", args, err)
	}
	return file
}

// Noise in main data, which Walk cannot see, is found by codes that do not come
// out even. Not all of it: a quadruple of zeros takes a bit, and fills any hole.
func TestMeasureFindsNoise(t *testing.T) {
	cfg := Config{Rate: 16000, Channels: 1, BitRate: 32}
	file := encode(t, cfg, input(cfg, 5, 32000))
	found, tried := 0, 0
	r := rand.New(rand.NewPCG(7, 8))
	Walk(file, func(f Frame) {
		if f.Bits < 400 {
			return
		}
		tried++
		b := bytes.Clone(file)
		data := b[f.Offset+headerLen+f.sideLen() : f.Offset+f.Size()]
		for i := range data {
			data[i] = byte(r.Uint32()) & 0x7f // no sync word
		}
		if s := Walk(b, nil); s.Faults != 0 {
			t.Errorf("Walk finds %v", s.Fault)
		}
		if n, first := Measure(b, nil); n > 0 {
			found++
			if d := first[0].Offset - f.Offset; d < 0 || d > 3*f.Size() {
				t.Errorf("noise in the frame at %d is found %v", f.Offset, first[0])
			}
		}
	})
	t.Logf("found in %d of %d frames", found, tried)
	if tried < 10 || found*2 < tried {
		t.Errorf("noise is found in %d of %d frames", found, tried)
	}
}

func FuzzMeasure(f *testing.F) {
	for _, cfg := range []Config{
		{Rate: 8000, Channels: 1, BitRate: 16},
		{Rate: 44100, Channels: 2, BitRate: 64},
		{Rate: 16000, Channels: 2, Quality: 3, TagRoom: 100},
	} {
		f.Add(encode(f, cfg, input(cfg, 3, 4000)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		granules := 0
		faults, first := Decode(b, func(g Granule) {
			granules++
			for _, x := range g.PCM[0] {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Fatalf("a sample of %v", x)
				}
			}
			for _, p := range g.Power {
				if !(p >= 0) || math.IsInf(p, 0) || !g.Whole && p != 0 {
					t.Errorf("%+v", g)
				}
			}
		})
		if len(first) > mostFaults || faults > 2*granules {
			t.Errorf("%d faults in %d granules", faults, granules)
		}
	})
}

func fmtKHz(rate int) string { return strconv.FormatFloat(float64(rate)/1000, 'g', -1, 64) }

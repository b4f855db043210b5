package mp3

import (
	"math"
	"testing"
)

// Samples are those of another decoder, at every rate, with joint stereo and
// short blocks: the oracle needs one, too. mpg123 rounds to single precision.
func TestDecodeAgainstMpg123(t *testing.T) {
	need(t, "mpg123")
	for _, cfg := range configs() {
		if cfg.BitRate != 0 && cfg.BitRate != 64 && !long {
			continue
		}
		t.Run(cfg.String(), func(t *testing.T) {
			t.Parallel()
			for _, s := range []int{3, 5} { // impulses (short blocks) and speech
				file := encode(t, cfg, input(cfg, s, 10000))
				if snr := agreement(t, file, cfg.Channels); !(snr > 100) {
					t.Errorf("%s: %.1f dB between our samples and those of mpg123", signals[s].name, snr)
				}
			}
		})
	}
}

// agreement is the ratio in dB of what mpg123 makes of a file to the difference
// from what we make of it.
func agreement(t *testing.T, file []byte, channels int) float64 {
	t.Helper()
	var got []float64
	Decode(file, func(g Granule) {
		for i := range g.PCM[0] {
			for ch := range channels {
				got = append(got, g.PCM[ch][i])
			}
		}
	})
	// mpg123 gives the granules of the Info frame too, or not.
	want := decoded(t, file)
	got = got[max(0, len(got)-len(want)):]
	want = want[max(0, len(want)-len(got)):]
	var signal, noise float64
	for i, v := range want {
		signal += v * v
		noise += (v - got[i]) * (v - got[i])
	}
	return 10 * math.Log10(signal/noise)
}

func BenchmarkDecode(b *testing.B) {
	cfg := Config{Rate: 16000, Channels: 1, BitRate: 32}
	const seconds = 10
	file := encode(b, cfg, input(cfg, 5, seconds*cfg.Rate))
	n := 0
	for b.Loop() {
		Decode(file, nil)
		n++
	}
	b.ReportMetric(float64(seconds*n)/b.Elapsed().Seconds(), "x-realtime")
	b.ReportMetric(0, "ns/op")
}

package mp3

import (
	"bytes"
	"testing"

	"callrec/codec"
)

// halves makes a file of pcm with two encoders: the first dies after at frames of
// samples, leaving some bytes torn off, the second gets what comes after what is
// left. It returns the file and where the joint is, in samples of a channel.
func halves(t *testing.T, cfg Config, pcm []int16, at, torn int) (file []byte, joint int64) {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	head := len(a.Header(nil, codec.Tags{}))
	file = a.Append(a.Header(nil, codec.Tags{}), pcm[:at*cfg.Channels])
	file = file[:max(head, len(file)-torn)]
	b, size, joint, err := Continue(cfg, file)
	if err != nil {
		t.Fatalf("%v: %v", cfg, err)
	}
	if joint > int64(at) || (torn == 0 && joint < int64(at)-8*1152) {
		t.Errorf("%v: goes on at %d of %d", cfg, joint, at)
	}
	file = b.Finish(b.Append(file[:size], pcm[joint*int64(cfg.Channels):]), codec.Tags{})
	copy(file, b.Header(nil, codec.Tags{}))
	return file, joint
}

// A file made by two encoders is as legal as any, and as long, to the sample.
func TestContinuedIsLegal(t *testing.T) {
	for _, cfg := range configs() {
		for i, at := range []int{0, 100, 3000, 9000} {
			const n = 12000
			cfg.TagRoom = 128
			file, _ := halves(t, cfg, input(cfg, (i+2)%len(signals), n), at, 7*i)
			if s := Walk(file, nil); s.Faults != 0 || s.Open || s.Samples != n || s.End != len(file) {
				t.Errorf("%v, after %d: %+v", cfg, at, s)
			}
		}
	}
}

// Decoders that are not ours hear both halves where they belong: what came before
// the joint as if nothing had happened, but for the last 1057 samples, and what
// comes after it as well as at the beginning of a file.
func TestContinuedIsHeard(t *testing.T) {
	need(t, "mpg123")
	need(t, "ffmpeg")
	for _, f := range floors {
		cfg := f.cfg
		pcm := speechLike(cfg.Rate, 8, 11)
		if cfg.Channels == 2 {
			pcm = interleave(pcm, speechLike(cfg.Rate, 8, 12))
		}
		file, joint := halves(t, cfg, pcm, 4*cfg.Rate+77, 30)
		name := save(t, file)
		for _, out := range [][]byte{
			run(t, "mpg123", "-q", "-s", "--no-resync", name),
			run(t, "ffmpeg", "-v", "warning", "-xerror", "-i", name, "-f", "s16le", "-"),
		} {
			got := samples(out)
			if len(got) != len(pcm) {
				t.Errorf("%v: %d values, want %d", cfg, len(got), len(pcm))
				continue
			}
			end, begin := int(joint-decodeDelay)*cfg.Channels, int(joint)*cfg.Channels
			for what, part := range map[string][2]int{"before": {0, end}, "after": {begin, len(pcm)}} {
				snr := segmentalSNR(pcm[part[0]:part[1]], got[part[0]:part[1]], cfg.Rate/50*cfg.Channels)
				if snr < f.floor-1 {
					t.Errorf("%v: %.2f dB %s the joint, want %.1f", cfg, snr, what, f.floor-1)
				}
			}
		}
	}
}

// What Continue cannot stand for it refuses.
func TestContinueRefuses(t *testing.T) {
	cfg := Config{Rate: 16000, Channels: 1, BitRate: 32, TagRoom: 128}
	e, _ := New(cfg)
	file := e.Append(e.Header(nil, codec.Tags{}), input(cfg, 5, 20000))
	damaged := bytes.Clone(file)
	clear(damaged[len(file)/2 : len(file)/2+300])
	for what, c := range map[string]struct {
		cfg Config
		b   []byte
	}{
		"another rate":         {Config{Rate: 24000, Channels: 1, BitRate: 32, TagRoom: 128}, file},
		"another bit rate":     {Config{Rate: 16000, Channels: 1, BitRate: 24, TagRoom: 128}, file},
		"another room":         {Config{Rate: 16000, Channels: 1, BitRate: 32}, file},
		"no legal stream":      {Config{Rate: 16001, Channels: 1, BitRate: 32}, file},
		"a file full of holes": {cfg, damaged},
		"half a header":        {cfg, file[:200]},
		"nothing":              {cfg, nil},
		"a WAV file":           {cfg, []byte("RIFF....WAVEfmt ")},
	} {
		if _, _, _, err := Continue(c.cfg, c.b); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, _, _, err := Continue(cfg, file); err != nil {
		t.Error(err)
	}
}

func FuzzContinue(f *testing.F) {
	cfg := Config{Rate: 16000, Channels: 1, BitRate: 32, TagRoom: 128}
	e, _ := New(cfg)
	f.Add(e.Append(e.Header(nil, codec.Tags{}), input(cfg, 5, 9000)))
	f.Add([]byte("ID3"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, size, n, err := Continue(cfg, b)
		if err != nil {
			return
		}
		file := e.Finish(e.Append(bytes.Clone(b[:size]), make([]int16, 1000)), codec.Tags{})
		copy(file, e.Header(nil, codec.Tags{}))
		if s := Walk(file, nil); s.Faults != 0 || s.Samples != n+1000 {
			t.Errorf("%+v, want %d samples", s, n+1000)
		}
	})
}

package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/codec"
	"callrec/codec/mp3"
	"callrec/codec/resample"
)

// The check of an MP3 file finds every fault that it is there for, in files that
// the worker's own resampler and encoder have made.
func TestMP3CheckBites(t *testing.T) {
	if why := needMP3(); why != "" {
		t.Skip(why)
	}
	const sent, from, length = 300, 400, 50000
	const apart = calleeWaits * perPacket
	started := time.Now().Truncate(time.Millisecond)
	for _, f := range []struct {
		name, says string
		spoil      func(m *mixture)      // before it is mixed
		pcm        func(pcm []int16)     // at 8 kHz
		file       func(b []byte) []byte // the MP3
	}{
		{name: "nothing"},
		{name: "no caller", says: "noise over mask", spoil: func(m *mixture) { m.at[0] = length }},
		{name: "no callee", says: "noise over mask", spoil: func(m *mixture) { m.at[1] = length }},
		{name: "a callee 5 ms late", says: "leg 1 begins", spoil: func(m *mixture) { m.at[1] += 40 }},
		{name: "a callee 5 ms early", says: "the legs are", spoil: func(m *mixture) { m.at[1] -= 40 }},
		{name: "all 5 ms late", says: "leg 0 begins", spoil: func(m *mixture) { m.at[0], m.at[1] = m.at[0]+40, m.at[1]+40 }},
		{name: "a callee 20 ms late", says: "noise over mask", spoil: func(m *mixture) { m.at[1] += 160 }},
		{name: "another call", says: "noise over mask", spoil: func(m *mixture) { m.caller, m.callee = voiceOf(4), voiceOf(5) }},
		{name: "the other law", says: "noise over mask", spoil: func(m *mixture) { m.caller.alaw = !m.caller.alaw }},
		{name: "100 ms of silence", says: "noise over mask", pcm: func(pcm []int16) { clear(pcm[30000:30800]) }},
		{name: "all of it", says: "noise over mask", pcm: func(pcm []int16) { clear(pcm) }},
		{name: "5 ms slid from the middle on", says: "noise over mask", pcm: func(pcm []int16) { copy(pcm[25000:], pcm[24960:]) }},
		{name: "half the level", says: "noise over mask", pcm: func(pcm []int16) {
			for i := range pcm {
				pcm[i] /= 2
			}
		}},
		{name: "a frame less", says: "samples", file: func(b []byte) []byte { return b[:len(b)-144] }},
		{name: "a damaged header", says: "mpg123", file: func(b []byte) []byte { clear(b[len(b)-10*144:][:4]); return b }},
	} {
		c := &loadCall{sent: sent, speech: [2]speech{voiceOf(2), voiceOf(3)}, least: [2]time.Duration{time.Millisecond, time.Millisecond}}
		c.due[0] = started.Add(from * time.Second / 8000)
		c.due[1] = c.due[0].Add(calleeWaits * ptime)
		c.hangup = [2]time.Time{started.Add(length * time.Second / 8000), started.Add(length*time.Second/8000 + time.Millisecond)}
		c.ended.Recordings = []recordingData{{Started: started, DurationMS: length / 8}}
		m := mixture{caller: c.speech[0], callee: c.speech[1], packets: sent, at: [2]int{from, from + apart}}
		if f.spoil != nil {
			f.spoil(&m)
		}
		pcm := make([]int16, length)
		for i := range pcm {
			pcm[i] = m.sample(i)
		}
		if f.pcm != nil {
			f.pcm(pcm)
		}
		b := mp3Bytes(t, pcm)
		if f.file != nil {
			b = f.file(b)
		}
		name := filepath.Join(t.TempDir(), "a.mp3")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := checkMP3(name, c)
		t.Logf("%s: noise over mask %.1f dB, at worst %.1f; legs %v off", f.name, c.noise.total, c.noise.worst, c.begins)
		if f.says == "" && err != nil || f.says != "" && (err == nil || !strings.Contains(err.Error(), f.says)) {
			t.Errorf("%s: %v, want %q", f.name, err, f.says)
		}
	}
}

func mp3Bytes(t *testing.T, pcm []int16) []byte {
	t.Helper()
	r, err := resample.New(resample.Config{From: 8000, To: 16000, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	e, err := mp3.New(mp3.Config{Rate: 16000, Channels: 1, BitRate: 32})
	if err != nil {
		t.Fatal(err)
	}
	b := e.Header(nil, codec.Tags{})
	b = e.Append(b, r.Finish(r.Append(nil, pcm)))
	b = e.Finish(b, codec.Tags{})
	copy(b, e.Header(nil, codec.Tags{}))
	return b
}

package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/codec"
	"callrec/codec/g711"
	"callrec/codec/wav"
)

// The tables of the expected mix agree with the worker's, which were made in
// another way.
func TestTablesAgree(t *testing.T) {
	for i := range 256 {
		for law, table := range map[g711.Law][256]int32{g711.MuLaw: ulaw, g711.ALaw: alaw} {
			var got [1]int16
			g711.Decode(law, got[:], []byte{byte(i)})
			if int32(got[0]) != table[i] {
				t.Errorf("%v %#02x is %d here and %d there", law, i, table[i], got[0])
			}
		}
	}
}

// The check of a file finds every fault that it is there for.
func TestCheckBites(t *testing.T) {
	const sent, from, length = 100, 400, 20000
	started := time.Now().Truncate(time.Millisecond)
	fresh := func() *loadCall {
		c := &loadCall{sent: sent, speech: [2]speech{speechOf(2), speechOf(3)}, least: [2]time.Duration{time.Millisecond, time.Millisecond}}
		c.due[0] = started.Add(from * time.Second / 8000)
		c.due[1] = c.due[0].Add(calleeWaits * ptime)
		c.hangup = [2]time.Time{started.Add(length * time.Second / 8000), started.Add(length*time.Second/8000 + time.Millisecond)}
		c.ended.Recordings = []recordingData{{Started: started, DurationMS: length / 8}}
		return c
	}
	for _, f := range []struct {
		name, says string
		spoil      func(c *loadCall, pcm []int16) []int16
	}{
		{"nothing", "", func(_ *loadCall, pcm []int16) []int16 { return pcm }},
		{"one sample in the middle", "1 of 20000 samples differ, the first at 9000", func(_ *loadCall, pcm []int16) []int16 { pcm[9000]++; return pcm }},
		{"one sample after the end", "1 of 20000 samples differ", func(_ *loadCall, pcm []int16) []int16 { pcm[length-1] = 1; return pcm }},
		{"a lost packet", "160 of 20000", func(c *loadCall, pcm []int16) []int16 {
			m := mixture{caller: c.speech[0], callee: speech{}, packets: sent, at: [2]int{from, length}}
			for i := from + 8000; i < from+8160; i++ {
				pcm[i] = m.sample(i)
			}
			return pcm
		}},
		{"the first packet of the caller", "samples differ", func(_ *loadCall, pcm []int16) []int16 { clear(pcm[from : from+160]); return pcm }},
		{"all of it", "cannot be found", func(_ *loadCall, pcm []int16) []int16 { clear(pcm); return pcm }},
		{"a sample too many", "", func(_ *loadCall, pcm []int16) []int16 { return append(pcm, 0) }},
		{"a millisecond too many", "the API says 2500 ms", func(_ *loadCall, pcm []int16) []int16 { return append(pcm, make([]int16, 8)...) }},
		{"a length nobody asked for", "between announcement and hang-up", func(c *loadCall, pcm []int16) []int16 {
			c.hangup = [2]time.Time{c.hangup[0].Add(5 * time.Millisecond), c.hangup[1].Add(5 * time.Millisecond)}
			return pcm
		}},
		{"sent later than it is heard", "leg 1 begins", func(c *loadCall, pcm []int16) []int16 {
			c.due[1] = c.due[1].Add(2 * time.Millisecond)
			return pcm
		}},
		{"sent earlier", "leg 0 begins", func(c *loadCall, pcm []int16) []int16 {
			c.due[0] = c.due[0].Add(-2 * time.Millisecond)
			return pcm
		}},
	} {
		c := fresh()
		m := mixture{caller: c.speech[0], callee: c.speech[1], packets: sent, at: [2]int{from, from + calleeWaits*perPacket}}
		pcm := make([]int16, length)
		for i := range pcm {
			pcm[i] = m.sample(i)
		}
		name := filepath.Join(t.TempDir(), "a.wav")
		if err := os.WriteFile(name, wavBytes(t, f.spoil(c, pcm)), 0o600); err != nil {
			t.Fatal(err)
		}
		err := checkWAV(name, c)
		if f.says == "" && err != nil || f.says != "" && (err == nil || !strings.Contains(err.Error(), f.says)) {
			t.Errorf("%s: %v, want %q", f.name, err, f.says)
		}
	}
}

func wavBytes(t *testing.T, pcm []int16) []byte {
	t.Helper()
	e, err := wav.New(8000, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := e.Append(make([]byte, wav.HeaderLen), pcm)
	b = e.Finish(b, codec.Tags{Title: "odd"})
	copy(b, e.Header(nil, codec.Tags{Title: "odd"}))
	return b
}

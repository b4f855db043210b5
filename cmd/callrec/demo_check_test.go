package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"callrec/codec"
	"callrec/codec/wav"
)

// TestFind: a channel is right only when each of its samples is.
func TestFind(t *testing.T) {
	sent := []int16{0, 0, 5, -6, 0, 7, 0}
	whole := slices.Concat(make([]int16, 10), sent, make([]int16, 3))
	if at, err := find(whole, sent); at != 10 || err != nil {
		t.Errorf("found at %d, %v; want 10", at, err)
	}
	changed := func(i int, v int16) []int16 {
		c := slices.Clone(whole)
		c[i] = v
		return c
	}
	for name, c := range map[string]struct {
		channel []int16
		says    string
	}{
		"one sample is wrong":     {changed(13, 1), "1 of 20 samples differ from what was sent, the first at 0.002 s"},
		"one is missing":          {changed(15, 0), "1 of 20 samples"},
		"something before":        {changed(3, 9), "differ"},
		"something after":         {changed(19, 9), "1 of 20"},
		"one was lost on the way": {slices.Delete(slices.Clone(whole), 14, 15), "differ"},
		"the end is cut":          {whole[:16], "7 samples were sent"},
		"nothing arrived":         {make([]int16, 20), "nothing but silence arrived"},
		"it is empty":             {nil, "nothing but silence arrived"},
	} {
		if _, err := find(c.channel, sent); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestIsSum(t *testing.T) {
	legs := [2][]int16{{1, 30000, -30000, 0}, {2, 10000, -10000, 0}}
	if err := isSum([]int16{3, 32767, -32768, 0}, legs); err != nil {
		t.Error(err)
	}
	if isSum([]int16{3, 32767, -32768, 1}, legs) == nil || isSum([]int16{3}, legs) == nil {
		t.Error("a wrong mix is taken")
	}
}

// TestTimes: a file that lasts, or a leg that begins, other than the SBC's clock
// says is found out.
func TestTimes(t *testing.T) {
	zero := time.Now()
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	k := take{bridge: span{at(0), at(2)}, hangup: span{at(1000), at(1002)}}
	k.talk.first[1] = span{at(100), at(101)}
	for samples, ok := range map[int]bool{7900: false, 7960: true, 8000: true, 8040: true, 8100: false} {
		if _, err := k.lasted(samples); (err == nil) != ok {
			t.Errorf("%d samples for about 8000: %v", samples, err)
		}
	}
	for samples, ok := range map[int]bool{700: false, 760: true, 800: true, 840: true, 900: false} {
		if err := k.placed(1, samples); (err == nil) != ok {
			t.Errorf("begins at %d, was sent at about 800: %v", samples, err)
		}
	}
}

// TestReadWAV: our own encoder's files are read, with their tags; torn ones are
// refused.
func TestReadWAV(t *testing.T) {
	e, err := wav.New(8000, 2)
	if err != nil {
		t.Fatal(err)
	}
	tags := codec.Tags{Title: "odd"}
	data := e.Append(nil, []int16{1, -1, 2, -2, 300, math.MinInt16})
	data = e.Finish(data, tags)
	data = slices.Concat(e.Header(nil, tags), data)
	name := filepath.Join(t.TempDir(), "a.wav")
	read := func(b []byte) (*wavFile, error) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return readWAV(name)
	}
	f, err := read(data)
	if err != nil || !slices.Equal(f.channel(0), []int16{1, 2, 300}) || !slices.Equal(f.channel(1), []int16{-1, -2, math.MinInt16}) {
		t.Errorf("read %+v, %v", f, err)
	}
	for n := range data {
		if _, err := read(data[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken", n, len(data))
		}
	}
}

// TestCheck: a format that keeps no samples is judged by the stereo file alone;
// a file of samples is always looked at.
func TestCheck(t *testing.T) {
	zero := time.Now()
	dir := t.TempDir()
	speech := [2][]byte{callerSpeech[:telephony], calleeSpeech[4*telephony : 5*telephony]}
	lead, sent := make([]int16, 80), [2][]int16{decoded(speech[0]), decoded(speech[1])}
	frames := make([]int16, 0, 2*(80+telephony))
	for i := range lead {
		frames = append(frames, lead[i], lead[i])
	}
	for i := range sent[0] {
		frames = append(frames, sent[0][i], sent[1][i])
	}
	store := func(name string, channels int, pcm []int16) string {
		e, err := wav.New(telephony, channels)
		if err != nil {
			t.Fatal(err)
		}
		body := e.Append(nil, pcm)
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, slices.Concat(e.Header(nil, codec.Tags{}), body), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	stereo := store("stereo.wav", 2, frames)
	other := filepath.Join(dir, "mono.mp3")
	if err := os.WriteFile(other, []byte("not samples"), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := span{zero, zero.Add(time.Millisecond)}
	k := take{
		arrivals:   []arrival{{file: other, id: "1"}, {file: stereo, id: "2"}},
		recordings: []recordingAnswer{{ID: "1", Format: "mp3"}, {ID: "2", Format: "wav"}},
		bridge:     begun, hangup: span{zero.Add(1010 * time.Millisecond), zero.Add(1011 * time.Millisecond)},
	}
	first := span{zero.Add(10 * time.Millisecond), zero.Add(11 * time.Millisecond)}
	k.talk.first = [2]span{first, first}
	d := demo{format: "mp3", speech: speech}
	v, err := d.check(k)
	if err != nil || v.at != [2]int{80, 80} || v.sent != telephony || v.length != 1010*time.Millisecond {
		t.Errorf("an MP3 and the samples: at %v, %d sent, %v, %v", v.at, v.sent, v.length, err)
	}
	d.format = "wav"
	if _, err := d.check(k); err == nil {
		t.Error("a WAV that did not come is not missed")
	}
	k.recordings[0].Format = "wav"
	if _, err := d.check(k); err == nil {
		t.Error("a WAV that is none is not looked at")
	}
	k.arrivals[0].file = store("mono.wav", 1, make([]int16, 80+telephony))
	if _, err := d.check(k); err == nil || !strings.Contains(err.Error(), "the mix is not the sum") {
		t.Errorf("a silent mix: %v", err)
	}
	k.arrivals[0].id = "3"
	if _, err := d.check(k); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("somebody else's file: %v", err)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"callrec/codec"
	"callrec/codec/mp3"
	"callrec/codec/wav"
	"callrec/recording"
)

const qualityRecord = `{"legs":[{"packets":1500,"lost":3,"jitter_ms":0.25,"drift_ppm":12.5},{"no_media":true}],"offset_ms":0,"clipped_samples":7,"lost_to_disk_ms":0}`

var someTags = codec.Tags{
	Title: "call\x1b[31m", Date: "2026-05-06T07:08:09Z", CallID: "a1@pbx", From: "1001", To: "+15551234", Comment: qualityRecord,
}

// speechPCM is the demo's speech: one party, or both apart.
func speechPCM(channels int) []int16 {
	caller, callee := decoded(callerSpeech), decoded(calleeSpeech)
	if channels == 1 {
		return caller
	}
	x := make([]int16, 0, 2*len(caller))
	for i := range caller {
		x = append(x, caller[i], callee[i])
	}
	return x
}

// made is a whole file, as a recording writes it, and what is on disk before its
// end: with the header of the start.
func made(t testing.TB, e codec.Encoder, pcm []int16) (whole, open []byte) {
	t.Helper()
	open = e.Append(e.Header(nil, codec.Tags{}), pcm)
	whole = e.Finish(bytes.Clone(open), someTags)
	copy(whole, e.Header(nil, someTags))
	return whole, open
}

func madeWAV(t testing.TB, channels int) (whole, open []byte) {
	t.Helper()
	e, err := wav.New(telephony, channels)
	if err != nil {
		t.Fatal(err)
	}
	return made(t, e, speechPCM(channels))
}

func madeMP3(t testing.TB, cfg mp3.Config) (whole, open []byte) {
	t.Helper()
	e, err := mp3.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return made(t, e, speechPCM(cfg.Channels))
}

// looked is what inspect prints of a file with such a name, without the folder.
func looked(t testing.TB, name string, b []byte) (string, *report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r := inspect(path, inspectMost)
	r.Path = name
	return r.text(), r
}

const wholeWAV = `call.wav
  format     WAV PCM 16 bit, 8000 Hz, stereo, 256 kbit/s
  length     0:00:10.000 (80,000 samples), 320,304 bytes
  left       speaks for 4.0 s at -20.1 dBFS RMS, peak -3.9 dBFS
  right      speaks for 3.3 s at -26.5 dBFS RMS, peak -9.2 dBFS
  title      call�[31m
  date       2026-05-06T07:08:09Z
  call id    a1@pbx
  from       1001
  to         +15551234
  quality    caller  1,500 packets, 3 lost, 0 late, 0 duplicate, 0 reordered; jitter 0.25 ms, drift +12.5 ppm
             callee  no media came
             clipped samples in the mix: 7; silence for want of disk: 0 ms
  damage     no damage found
`

const wholeMP3 = `call.mp3
  format     MP3 MPEG-2.5 Layer III, 8000 Hz, joint stereo, 32 kbit/s (CBR)
  length     0:00:10.000 (80,000 samples), 41,848 bytes
  left       speaks for # s at # dBFS RMS, peak # dBFS
  right      speaks for # s at # dBFS RMS, peak # dBFS
  encoder    delay 528, padding 688 samples
  title      call�[31m
  date       2026-05-06T07:08:09Z
  call id    a1@pbx
  from       1001
  to         +15551234
  quality    caller  1,500 packets, 3 lost, 0 late, 0 duplicate, 0 reordered; jitter 0.25 ms, drift +12.5 ppm
             callee  no media came
             clipped samples in the mix: 7; silence for want of disk: 0 ms
  damage     no damage found
`

func TestInspectWhole(t *testing.T) {
	b, _ := madeWAV(t, 2)
	if got, _ := looked(t, "call.wav", b); got != wholeWAV {
		t.Errorf("got\n%s\nwant\n%s", got, wholeWAV)
	}
	b, _ = madeMP3(t, mp3.Config{Rate: telephony, Channels: 2, BitRate: 32, TagRoom: 1024})
	got, _ := looked(t, "call.mp3", b)
	// How loud it comes out to a tenth is the encoder's business, see below.
	if got = regexp.MustCompile(`-?\d+\.\d (s at|dBFS)`).ReplaceAllString(got, "# $1"); got != wholeMP3 {
		t.Errorf("got\n%s\nwant\n%s", got, wholeMP3)
	}
}

// The loudness of an MP3 is that of a WAV of the same, at every rate.
func TestInspectLoudnessOfMP3(t *testing.T) {
	for _, rate := range mp3.Rates() {
		e, err := wav.New(rate, 1)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := made(t, e, speechPCM(1))
		_, want := looked(t, "x.wav", b)
		b, _ = madeMP3(t, mp3.Config{Rate: rate, Channels: 1, Quality: 7})
		_, r := looked(t, "x.mp3", b)
		if r.Samples != 80000 || !r.VBR || r.Rate != rate || !r.sound() {
			t.Errorf("%d Hz: %+v", rate, r)
		}
		got, ref := r.Loudness[0], want.Loudness[0]
		if d := *got.Active - *ref.Active; math.Abs(d) > 0.5 {
			t.Errorf("%d Hz: the loudness is %+.2f dB off", rate, d)
		}
		if d := *got.Peak - *ref.Peak; math.Abs(d) > 1 {
			t.Errorf("%d Hz: the peak is %+.2f dB off", rate, d)
		}
		if d := got.Speaks - ref.Speaks; math.Abs(d) > 0.2*ref.Speaks {
			t.Errorf("%d Hz: %.2f s of speech, not %.2f", rate, got.Speaks, ref.Speaks)
		}
	}
}

func TestInspectJSON(t *testing.T) {
	b, _ := madeWAV(t, 1)
	path := filepath.Join(t.TempDir(), "a.wav")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := inspectCmd{Files: []string{path, path + ".none"}, JSON: true}
	if err := c.run(&out); err == nil || !strings.Contains(err.Error(), "1 of 2 files") {
		t.Errorf("ends with %v", err)
	}
	good, bad, _ := strings.Cut(out.String(), "\n")
	want := `{"path":"` + path + `","bytes":160304,"format":"wav","encoding":"PCM 16 bit","rate":8000,"channels":1,"channel_mode":"mono",` +
		`"bit_rate":128,"samples":80000,"seconds":10,"loudness":[{"channel":"mono","speaks_seconds":4.04,"active_dbfs":-20.12,"peak_dbfs":-3.92}],` +
		`"tags":{"title":"call\u001b[31m","date":"2026-05-06T07:08:09Z","call_id":"a1@pbx","from":"1001","to":"+15551234","quality":` +
		qualityRecord + `},"faults":0,"damage":[]}`
	if good != want {
		t.Errorf("got\n%s\nwant\n%s", good, want)
	}
	var keys map[string]any
	if err := json.Unmarshal([]byte(bad), &keys); err != nil || keys["error"] == nil || keys["damage"] == nil {
		t.Errorf("a file that is not there is %s, %v", bad, err)
	}
}

func TestInspectExitCodes(t *testing.T) {
	whole, open := madeWAV(t, 1)
	good, torn := filepath.Join(t.TempDir(), "good.wav"), filepath.Join(t.TempDir(), "torn.wav")
	_ = os.WriteFile(good, whole, 0o600)
	_ = os.WriteFile(torn, open, 0o600)
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	os.Stdout = null
	if said := failing(t, exitDone, "inspect", good); said != "" {
		t.Errorf("a good file: %s", said)
	}
	if said := failing(t, exitFailed, "inspect", good, torn); !strings.Contains(said, "1 of 2 files") {
		t.Errorf("a torn file: %s", said)
	}
	failing(t, exitUsage, "inspect")
	failing(t, exitUsage, "inspect", "--nonsense", good)
}

func TestOdditiesAreTold(t *testing.T) {
	if got := oddities(&recording.LegQuality{Packets: 5, Lost: 3, JitterMS: 1, DriftPPM: 2}); got != "" {
		t.Errorf("nothing odd is %q", got)
	}
	got := oddities(&recording.LegQuality{ConcealedMS: 380, CorrectedMS: -1.25, Digits: 3, SSRCChanges: 2, Foreign: 12, Ignored: 24})
	want := "380 ms concealed, moved by -1.2 ms after its clock, 3 digits, 2 changes of stream, 12 of another source dropped, 24 not understood"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

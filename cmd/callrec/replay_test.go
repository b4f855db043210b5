package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"callrec/recording"
)

// begins is when the captures of these tests begin.
var begins = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// captured is a pcap file of the demo's call: both parties' speech, sent at once to
// two ports of one address.
func captured(speech ...[]byte) []byte {
	le, be := binary.LittleEndian, binary.BigEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0)
	for i := 0; i < len(speech[0])/packetOctets; i++ {
		for leg, octets := range speech {
			n := uint32(28 + 12 + packetOctets)
			at := begins.Add(time.Duration(i) * packetEvery)
			for _, v := range []uint32{uint32(at.Unix()), uint32(at.Nanosecond() / 1000), n, n} {
				b = le.AppendUint32(b, v)
			}
			b = append(b, 0x45, 0, 0, byte(n), 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 7, 192, 0, 2, 20)
			for _, port := range []int{30010 + leg, 20000 + 2*leg, int(n) - 20, 0} {
				b = be.AppendUint16(b, uint16(port))
			}
			b = append(b, 0x80, 0)
			b = be.AppendUint16(b, uint16(i))
			b = be.AppendUint32(b, uint32(i*packetOctets))
			b = be.AppendUint32(b, 0xaabb0000+uint32(leg))
			b = append(b, octets[i*packetOctets:(i+1)*packetOctets]...)
		}
	}
	return b
}

// replayed runs the command on a capture in a folder of its own; what it prints is
// without the folder's name.
func replayed(t *testing.T, file []byte, events string, change func(*replayCmd)) (dir, text string, err error) {
	t.Helper()
	dir = t.TempDir()
	c := replayCmd{
		File: filepath.Join(dir, "call.pcap"), Format: "wav", Channels: "stereo", Hold: time.Second, SourceTimeout: 5 * time.Second,
	}
	if err := os.WriteFile(c.File, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if events != "" {
		c.Events = filepath.Join(dir, "events")
		if err := os.WriteFile(c.Events, []byte(events), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(&c)
	}
	var out bytes.Buffer
	err = c.run(t.Context(), &screen{w: &out, width: 80, utf8: true})
	return dir, strings.ReplaceAll(out.String(), dir+"/", ""), err
}

// filesIn lists a folder, without what the test has put there.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "call.pcap" && e.Name() != "events" {
			names = append(names, e.Name())
		}
	}
	return names
}

const replayOutput = `callrec replay: call.pcap
  capture    1,000 frames in 10.0 s from 2026-05-06T07:08:09.000Z, 1,000 UDP datagrams
  caller     to 192.0.2.20:20000
             from 192.0.2.7:30010: SSRC aabb0000, 500 packets in 10.0 s, payload type 0, 10.0 s of G.711
  callee     to 192.0.2.20:20002
             from 192.0.2.7:30011: SSRC aabb0001, 500 packets in 10.0 s, payload type 0, 10.0 s of G.711
  legs       they are the only two streams of G.711; the caller is the one sent to the lower address and port

call.wav
  format     WAV PCM 16 bit, 8000 Hz, stereo, 256 kbit/s
  length     0:00:10.000 (80,000 samples), # bytes
  left       speaks for 4.0 s at -20.1 dBFS RMS, peak -3.9 dBFS
  right      speaks for 3.3 s at -26.5 dBFS RMS, peak -9.2 dBFS
  title      call.wav
  date       2026-05-06T07:08:09Z
  call id    call
  quality    caller  500 packets, 0 lost, 0 late, 0 duplicate, 0 reordered; jitter 0.00 ms, drift # ppm
             callee  500 packets, 0 lost, 0 late, 0 duplicate, 0 reordered; jitter 0.00 ms, drift # ppm
             clipped samples in the mix: 0; silence for want of disk: 0 ms
  damage     no damage found
`

func TestReplayTellsWhatItMade(t *testing.T) {
	dir, text, err := replayed(t, captured(callerSpeech, calleeSpeech), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	// How well the drift is measured is not for this test to say, and the record of it
	// is in the file.
	text = regexp.MustCompile(`drift [-+.0-9]+|[,0-9]+ bytes`).ReplaceAllStringFunc(text, func(s string) string {
		return regexp.MustCompile(`[-+.,0-9]+`).ReplaceAllString(s, "#")
	})
	if text != replayOutput {
		t.Errorf("it prints\n%s\nwant\n%s", text, replayOutput)
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"call.wav"}) {
		t.Errorf("it leaves %v", got)
	}
	w, err := readWAV(filepath.Join(dir, "call.wav"))
	if err != nil {
		t.Fatal(err)
	}
	for i, speech := range [][]byte{callerSpeech, calleeSpeech} {
		if !slices.Equal(w.channel(i), decoded(speech)) {
			t.Errorf("the %s is not what was sent", parties[i])
		}
	}
}

// The same capture gives the same bytes, in every format, and nothing is overwritten.
func TestReplayTwice(t *testing.T) {
	file := captured(callerSpeech, calleeSpeech)
	for _, format := range []string{"wav", "mp3"} {
		out := t.TempDir()
		var files [][]byte
		for _, name := range []string{"call." + format, "call-2." + format} {
			if _, _, err := replayed(t, file, "", func(c *replayCmd) { c.Format, c.Out, c.Channels = format, out, "mono" }); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, b)
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Errorf("two %s files of one capture differ", format)
		}
		if got := filesIn(t, out); len(got) != 2 {
			t.Errorf("it leaves %v", got)
		}
	}
}

func TestReplayWithEvents(t *testing.T) {
	dir, text, err := replayed(t, captured(callerSpeech, calleeSpeech), `
{"at": 0, "action": "announce", "call_id": "abc/1", "from": "1001", "to": "1002", "legs": [{"leg": "callee"}, {"leg": "caller"}]}
{"at": 1, "action": "start", "format": "wav", "channels": "stereo", "media_name": "first"}
{"at": "2026-05-06T07:08:11.5Z", "action": "mask"}
{"at": 3.125, "action": "toggle"}
{"at": 5, "action": "start", "format": "mp3", "record_min_sec": 2}
{"at": 6, "action": "stop"}
{"at": 8, "action": "hangup"}
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"call.wav"}) {
		t.Errorf("it leaves %v", got)
	}
	for _, want := range []string{"title      first\n", "call id    abc/1\n", "from       1001\n", "to         1002\n", ".mp3: discarded, shorter than record_min_sec"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	w, err := readWAV(filepath.Join(dir, "call.wav"))
	if err != nil {
		t.Fatal(err)
	}
	for i, speech := range [][]byte{callerSpeech, calleeSpeech} {
		want := decoded(speech)
		clear(want[20000:25000])
		if !slices.Equal(w.channel(i), want[telephony:8*telephony]) {
			t.Errorf("the %s is not what was said between start and hang-up, less the mask", parties[i])
		}
	}
}

// What the SBC told in mid-call is told again: here, that the caller speaks from another port.
func TestReplayWithUpdates(t *testing.T) {
	const offer = `v=0\r\no=- 1 2 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n` +
		`m=audio 30099 RTP/AVP 96\r\na=rtpmap:96 PCMA/8000\r\na=sendonly\r\nm=audio 30011 RTP/AVP 0\r\na=sendonly\r\n`
	dir, _, err := replayed(t, captured(callerSpeech, calleeSpeech), `
{"at": 0, "action": "announce", "call_id": "abc"}
{"at": 2.99, "action": "update", "sdp": "`+offer+`"}
{"at": 7, "action": "hangup"}
`, func(c *replayCmd) { c.Channels = "stereo" })
	if err != nil {
		t.Fatal(err)
	}
	w, err := readWAV(filepath.Join(dir, "call.wav"))
	if err != nil {
		t.Fatal(err)
	}
	for i, speech := range [][]byte{callerSpeech, calleeSpeech} {
		want := decoded(speech)[:7*telephony]
		if i == 0 { // its port is another's now
			clear(want[3*telephony:])
		}
		if !slices.Equal(w.channel(i), want) {
			t.Errorf("the %s is not what was said by who could speak", parties[i])
		}
	}
}

// What waits for an answer is recorded from there; without an announcement, the
// flags say what.
func TestReplayWithoutAnnouncement(t *testing.T) {
	dir, _, err := replayed(t, captured(callerSpeech, calleeSpeech), `{"at": -0.5, "action": "answer"}`+"\n"+`{"at": 2, "action": "mask"}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := readWAV(filepath.Join(dir, "call.wav"))
	if err != nil {
		t.Fatal(err)
	}
	want := append(make([]int16, 4000), decoded(callerSpeech)...)
	clear(want[4000+2*telephony:])
	if !slices.Equal(w.channel(0), want) {
		t.Error("the call does not begin with its first event")
	}
}

// All faults of a file of events are told at once, in the API's words.
func TestFaultsOfEvents(t *testing.T) {
	_, _, err := replayed(t, captured(callerSpeech), strings.Join([]string{
		`{"at": 1, "action": "answer"}`,
		`{"at": 0.5, "action": "dance"}`,
		`{"at": "yesterday", "action": "answer"}`,
		`{"action": "answer"}`,
		`{"at": 1}`,
		`{"at": 1, "at": 2, "action": "answer"}`,
		`[1]`,
		`{"at": 1, "action": "answer"} {}`,
		`{"at": 1, "action": "answer", "leg": "both"}`,
		`{"at": 1, "action": "start", "format": "ogg", "time_limit": "long"}`,
		`{"at": 1, "action": "start", "fromat": "mp3"}`,
		`{"at": 2, "action": "announce", "call_id": ""}`,
		`{"at": 2, "action": "announce", "call_id": "a"}`,
		`{"at": 3, "action": "announce", "call_id": "b"}`,
		`{"at": 1e99, "action": "answer"}`,
		`{"at": null, "action": "answer"}`,
		`{"at": 1, "action": "transfer"}`,
		`{"at": 1, "action": "answer",`,
	}, "\n"), nil)
	if err == nil {
		t.Fatal("they were taken")
	}
	for i, want := range map[int]string{
		1: "this is before the call is announced", 2: `there is no action "dance"`, 3: `"at": want seconds`, 4: `got nothing`, 5: `"action" is missing`,
		6: `"at" is given twice`, 7: "this is no JSON object", 8: "something follows", 9: "leg: ", 10: "time_limit: Value did not match type",
		11: "fromat is no setting of record_call", 12: "call_id: ", 14: "announced a second time", 15: "got 1e99", 16: "got null", 17: `no action "transfer"`, 18: "this is no JSON object: EOF",
	} {
		found := false
		for _, line := range strings.Split(err.Error(), "\n") {
			found = found || strings.Contains(line, "events, line "+strconv.Itoa(i)+": ") && strings.Contains(line, want)
		}
		if !found {
			t.Errorf("line %d: want %q in\n%v", i, want, err)
		}
	}
	if strings.Contains(err.Error(), "line 13: ") {
		t.Errorf("line 13 has no fault: %v", err)
	}
}

func TestReplayOfADamagedCapture(t *testing.T) {
	file := captured(callerSpeech)
	dir, text, err := replayed(t, file[:len(file)/2], "", nil)
	if err == nil || !strings.Contains(err.Error(), "the capture is damaged at byte ") {
		t.Errorf("%v", err)
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"call.wav"}) || !strings.Contains(text, "callee     none\n") {
		t.Errorf("it leaves %v:\n%s", got, text)
	}
	for _, b := range [][]byte{nil, []byte("text, and no capture"), file[:24]} {
		dir, _, err := replayed(t, b, "", nil)
		if err == nil || len(filesIn(t, dir)) > 0 {
			t.Errorf("%v, %v", err, filesIn(t, dir))
		}
	}
}

func TestReplayRefusesWhatIsUnclear(t *testing.T) {
	file := captured(callerSpeech, calleeSpeech, callerSpeech)
	dir, _, err := replayed(t, file, "", nil)
	if err == nil || !strings.Contains(err.Error(), "3 streams could be") || strings.Count(err.Error(), "\n  to 192.0.2.20:2000") != 3 || len(filesIn(t, dir)) > 0 {
		t.Errorf("%v; %v", err, filesIn(t, dir))
	}
	dir, text, err := replayed(t, file, "", func(c *replayCmd) {
		c.Leg = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.20:20002"), netip.MustParseAddrPort("192.0.2.7:30012")}
	})
	if err != nil || !strings.Contains(text, "callee     from 192.0.2.7:30012\n") {
		t.Fatalf("%v\n%s", err, text)
	}
	w, err := readWAV(filepath.Join(dir, "call.wav"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.channel(0), decoded(calleeSpeech)) || !slices.Equal(w.channel(1), decoded(callerSpeech)) {
		t.Error("the legs are not those that were named")
	}
}

func TestReplayInterrupted(t *testing.T) {
	dir := t.TempDir()
	c := replayCmd{File: filepath.Join(dir, "call.pcap"), Format: "wav", Channels: "mono", Hold: time.Second, SourceTimeout: time.Second}
	if err := os.WriteFile(c.File, captured(callerSpeech), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.run(ctx, &screen{w: io.Discard, width: 80}); err == nil || !strings.Contains(err.Error(), "interrupted") || len(filesIn(t, dir)) > 0 {
		t.Errorf("%v; it leaves %v", err, filesIn(t, dir))
	}
}

func TestReplayTellsAllFaultsOfItsFlags(t *testing.T) {
	_, _, err := replayed(t, captured(callerSpeech), "", func(c *replayCmd) {
		c.SampleRate, c.MP3Bitrate, c.Hold, c.Leg = 44000, 33, -1, make([]netip.AddrPort, 3)
	})
	var usage usageError
	if !errors.As(err, &usage) {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"--sample-rate", "--mp3-bitrate", "--hold", "--leg"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in %v", want, err)
		}
	}
}

func FuzzEvents(f *testing.F) {
	f.Add(`{"at": 0, "action": "announce", "call_id": "abc/1", "legs": [{"leg": "callee"}], "flow": {"module": "record_call", "data": {"action": "start"}}}`)
	f.Add(`{"at": "2026-05-06T07:08:11.5Z", "action": "start", "format": "mp3"}` + "\n" + `{"at": 1.5, "action": "mask"}`)
	f.Add(`{"at": 1e6, "action": "callflow", "flow": {"module": "record_call", "data": {"action": "stop"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseEvents(strings.NewReader(text), "events", begins, recording.Defaults{})
		if err != nil {
			return
		}
		for _, c := range p.commands {
			if c.Do.At.IsZero() || c.Name == "" {
				t.Errorf("%+v", c)
			}
		}
	})
}

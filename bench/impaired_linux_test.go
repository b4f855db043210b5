package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/internal/testkit"
)

// impairments are what may happen to a stream. Both legs have each, with other dice.
var impairments = []struct {
	name string
	with func(s *testkit.Stream)
	want func(q *legQuality) bool // that it did happen
}{
	{"clean", func(*testkit.Stream) {}, func(q *legQuality) bool { return q.JitterMS < 5 }},
	{"loss", func(s *testkit.Stream) { s.Loss = 0.03 }, func(q *legQuality) bool { return q.ConcealedMS > 100 }},
	{"jitter", func(s *testkit.Stream) { s.Jitter = 80 * time.Millisecond }, func(q *legQuality) bool { return q.Reordered > 20 && q.JitterMS > 5 }},
	{"reorder", func(s *testkit.Stream) { s.Reorder = 0.05 }, func(q *legQuality) bool { return q.Reordered > 10 }},
	{"duplicates", func(s *testkit.Stream) { s.Duplicate = 0.05 }, func(q *legQuality) bool { return q.Duplicate > 10 }},
	{"pauses", func(s *testkit.Stream) { s.Talk, s.Pause = 900*time.Millisecond, 700*time.Millisecond }, func(q *legQuality) bool { return q.ConcealedMS == 0 }},
	{"digits", func(s *testkit.Stream) { s.Digits = map[int]byte{60: 5, 130: 11, 300: 0} }, func(q *legQuality) bool { return q.Digits == 3 }},
	{"all", func(s *testkit.Stream) {
		s.Loss, s.Jitter, s.Reorder, s.Duplicate = 0.03, 80*time.Millisecond, 0.03, 0.03
		s.Talk, s.Pause, s.Digits = 1700*time.Millisecond, 500*time.Millisecond, map[int]byte{40: 1, 260: 9}
	}, func(q *legQuality) bool {
		return q.Digits == 2 && q.ConcealedMS > 0 && q.Duplicate > 0 && q.Reordered > 0
	}},
}

// One impaired call is recorded twice: from a capture, and as it comes over the
// network with the capture's timing. Both files hold the same samples, the legs beside
// each other alike, and each packet that came is where it was said.
func TestReplayRecordsWhatALiveCallRecords(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "26900-26959")
	seconds := 10.0
	if long() {
		seconds = 30
	}
	for i, c := range impairments {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var streams [2]testkit.Stream
			var arriving [2][]testkit.Packet
			var fates [2][]testkit.Fate
			for leg := range streams {
				k := newTalk(uint64(300+2*i+leg), seconds)
				streams[leg] = testkit.Stream{
					Leg: leg, Seed: uint64(400 + 2*i + leg), Octets: k.octets, Begin: time.Duration(leg) * 330 * time.Millisecond,
					Header: rtp.Header{SSRC: k.ssrc, SequenceNumber: k.seq, Timestamp: k.ts},
				}
				c.with(&streams[leg])
				arriving[leg], fates[leg] = streams[leg].Make()
			}
			packets := testkit.Merged(arriving[0], arriving[1])
			replayed := replayOf(t, packets)
			live, lag := w.in(t).liveOf(c.name, packets)
			t.Logf("the sender's worst lag is %v", lag)
			if lag > 500*time.Millisecond {
				t.Skipf("the machine is too busy: the sender lagged %v behind", lag)
			}
			var shift, place [2]int
			for leg, name := range []string{"caller", "callee"} {
				a, b := replayed.leg(leg), live.leg(leg)
				place[leg] = wantStream(t, name, a, &streams[leg], fates[leg])
				shift[leg] = wantStream(t, name+", live", b, &streams[leg], fates[leg]) - place[leg]
				wantShifted(t, name, a, b, shift[leg])
				qa, qb := replayed.Quality.Legs[leg], live.Quality.Legs[leg]
				t.Logf("%s: from the capture %+v, live %+v", name, qa, qb)
				if !c.want(&qa) {
					t.Errorf("%s: %+v", name, qa)
				}
				qa.JitterMS, qa.DriftPPM, qb.JitterMS, qb.DriftPPM = 0, 0, 0, 0
				if qa != qb {
					t.Errorf("%s: from the capture %+v, live %+v", name, qa, qb)
				}
				lost := 0
				for _, f := range fates[leg] {
					if f == testkit.Lost {
						lost++
					}
				}
				if qa.Lost < lost || qa.Late+qa.Foreign+qa.Ignored+qa.SSRCChanges > 0 {
					t.Errorf("%s: %+v of %d lost", name, qa, lost)
				}
			}
			began := int((streams[1].Begin - streams[0].Begin) / sample)
			for what, apart := range map[string]int{"from the capture": place[1] - place[0] - began, "live": place[1] + shift[1] - place[0] - shift[0] - began} {
				t.Logf("%s the legs are %.3f ms apart", what, float64(apart)/8)
				if math.Abs(float64(apart)) > inStep {
					t.Errorf("%s the legs are %.3f ms apart", what, float64(apart)/8)
				}
			}
		})
	}
}

// replayOf is the file that callrec makes from a capture of the packets.
func replayOf(t *testing.T, packets []testkit.Packet) (f recorded) {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	legs := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:20000"), netip.MustParseAddrPort("192.0.2.1:20004")}
	b := testkit.AppendPcap(nil, time.Now(), netip.MustParseAddr("192.0.2.9"), legs, packets)
	if err := os.WriteFile(filepath.Join(dir, "call.pcap"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, "replay", filepath.Join(dir, "call.pcap"), "--channels", "stereo")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("callrec replay: %v\n%s", err, out)
	}
	if b, err = os.ReadFile(filepath.Join(dir, "call.wav")); err != nil {
		t.Fatal(err)
	}
	if f, err = parseWAV(b); err != nil {
		t.Fatal(err)
	}
	// The record is among the tags.
	_, record, _ := bytes.Cut(b, []byte(`{"legs":`))
	if err := json.NewDecoder(bytes.NewReader(append([]byte(`{"legs":`), record...))).Decode(&f.Quality); err != nil {
		t.Fatalf("the quality record: %v", err)
	}
	return f
}

// liveOf is the file of a call to which the packets come over the network.
func (w *worker) liveOf(id string, packets []testkit.Packet) (f recorded, lag time.Duration) {
	w.t.Helper()
	call := w.announce(id, map[string]any{"format": "wav", "channels": "stereo"}, nil)
	time.Sleep(100 * time.Millisecond)
	s, err := testkit.StartSender(context.Background(), testkit.SenderConfig{
		Legs: []netip.AddrPort{call.port(w.t, "caller"), call.port(w.t, "callee")}, LegsPerSocket: 1, Schedule: testkit.Prepared(packets),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := s.Wait()
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	w.act(id, "hangup")
	return w.fetch(call.Recordings[0].ID, 15*time.Second), report.Lag
}

// wantStream checks that a leg holds every packet that came and nothing where none
// was sent, and says where packet 0 is.
func wantStream(t *testing.T, what string, got []int16, s *testkit.Stream, fates []testkit.Fate) (place int) {
	t.Helper()
	place = findPacket(got, s.Octets[:frame])
	if place < 0 {
		t.Fatalf("%s: the first packet is not there", what)
	}
	want := newChannel(len(got))
	for n, fate := range fates {
		for i := range frame {
			p := place + n*frame + i
			switch {
			case p >= len(got):
			case fate == testkit.Came:
				want.pcm[p] = expanded[s.Octets[n*frame+i]]
			case fate == testkit.Lost:
				want.pcm[p] = got[p]
			}
		}
	}
	wantSame(t, what, got, want.pcm)
	return place
}

// findPacket is where the packet is in a channel, negative if it is nowhere.
func findPacket(ch []int16, octets []byte) int {
search:
	for p := range len(ch) - len(octets) + 1 {
		for i, o := range octets {
			if ch[p+i] != expanded[o] {
				continue search
			}
		}
		return p
	}
	return -1
}

// wantShifted checks that a is the part of b that begins at shift.
func wantShifted(t *testing.T, what string, a, b []int16, shift int) {
	t.Helper()
	if shift < 0 || shift+len(a) > len(b) {
		t.Errorf("%s: %d samples from the capture, %d live, which begin %d later", what, len(a), len(b), shift)
		return
	}
	wantSame(t, fmt.Sprint(what, ", live and from the capture"), b[shift:shift+len(a)], a)
}

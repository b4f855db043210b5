package recording_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// dictation is a call with a callflow whose caller talks on while workers come and go.
type dictation struct {
	*lane
	both [2]party
	end  int // of what the file held at the kill
	back int // where the worker was back
}

// dictating announces a call with a flow.
func (w *world) dictating(flow recording.Flow, caller []byte) *dictation {
	w.t.Helper()
	d := &dictation{lane: &lane{epoch: time.Now(), want: newExpect(len(caller))}}
	spec := offeringEvents(recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "a@b"}, OtherLegCallID: "other", At: d.epoch, Flow: flow})
	info, _, err := w.m.Announce(w.t.Context(), spec)
	if err != nil {
		w.t.Fatal(err)
	}
	d.info = info
	d.both[0] = party{d.epoch, talk{from: callerFrom, ssrc: 1}, caller}
	d.both[1] = party{d.epoch, talk{from: calleeFrom, ssrc: 2}, babble(len(caller), 9, g711.MuLaw)}
	for leg, p := range d.both {
		d.want.hear(leg, 0, p.octets, g711.MuLaw)
	}
	return d
}

// bothSpeak lets both talk from one time of the call to another.
func (w *world) bothSpeak(d *dictation, from, to time.Duration) {
	w.t.Helper()
	for leg := range d.both {
		w.speak(&d.both[leg], d.info.Legs[leg].Ports.RTP, from, to)
	}
}

// restart kills the worker now, at 4 s, and has it back at 6 s.
func (w *world) restart(d *dictation) {
	w.t.Helper()
	w.sleep(time.Until(d.epoch.Add(4 * second)))
	held := w.kill(2 * second)
	d.end = int(held[d.info.Recordings[0].ID]-44) / 2
	w.resume(20000, 1)
	d.back = 6 * rate
	for leg := range d.both { // the packet under way at the start is not whole
		d.want.hush(leg, d.end, d.back+160)
	}
}

// A record_caller goes on after a restart, with everything that ends it, to the
// sample, and with what follows it. The limit counts the time away; silence is
// counted anew, because nobody knows what was said.
func TestDictationOutlivesTheWorker(t *testing.T) {
	speech := babble(20*rate, 3, g711.MuLaw)
	inBand := slices.Clone(speech)
	copy(inBand[9*rate:], dial('5', 900, 4000, 0, g711.MuLaw))
	// It says something until 2 s, and for a little while after 7 s.
	word := slices.Concat(speech[:2*rate-160], babbleOf(160, 3000), babbleOf(5*rate, 0), babbleOf(800, 3000), babbleOf(20*rate, 0))
	for _, c := range []struct {
		name   string
		limit  int
		octets []byte
		do     func(w *world, d *dictation)
		end    int
		told   string // of the end; "" is in band, to 8 ms
	}{
		{"key", 60, speech, func(w *world, d *dictation) {
			k := d.both[0].from
			k.start = w.now() - time.Since(d.epoch)
			w.pushDigit(d.info.Legs[0].Ports.RTP, k, 450, 7, 10)
			d.want.hush(0, 450*160, 460*160)
		}, 9 * rate, `digit "7" 72000`},
		{"key in band", 60, inBand, nil, 9 * rate, ""},
		{"silence", 60, word, nil, 7*rate + 800 + 5*rate, `silence "" 96800`},
		{"silence since it is back", 60, word[:2*rate], nil, 11 * rate, `silence "" 88000`},
		{"limit", 10, speech, nil, 10 * rate, `time_limit "" 80000`},
		{"stop by id", 60, speech, func(w *world, d *dictation) {
			w.sleep(3456 * ms)
			w.do("a@b", recording.Command{Action: recording.Stop, Recording: d.info.Recordings[0].ID})
		}, 6*rate + 3456*8, `stop "" 75648`},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorldOn(t, keepParts, func(w *world) {
				octets := slices.Concat(c.octets, babbleOf(20*rate-min(len(c.octets), 20*rate), 0))[:20*rate]
				d := w.dictating(readFlow(t, fmt.Sprintf(dictate, c.limit)), octets)
				w.bothSpeak(d, 0, 5*second)
				w.restart(d)
				now, _ := w.m.Info(d.info.Spec.ID)
				if r := now.Recordings; len(r) != 1 || !r[0].Caller || r[0].State != recording.Recording || r[0].ID != d.info.Recordings[0].ID {
					t.Fatalf("the call is now %+v", now)
				}
				w.bothSpeak(d, 6020*ms, 20*second)
				if c.do != nil {
					c.do(w, d)
				}
				w.sleep(time.Until(d.epoch.Add(17 * second)))
				w.do("a@b", recording.Command{Action: recording.Hangup})
				w.sleep(3 * second)
				told, end := w.dictated(d.epoch), c.end
				if c.told == "" {
					if _, err := fmt.Sscanf(told[len(told)-1], `digit "5" %d`, &end); err != nil || end < c.end-64 || end > c.end+64 {
						t.Errorf("told %q", told)
					}
				} else if len(told) == 0 || told[len(told)-1] != c.told {
					t.Errorf("told %q, want %q", told, c.told)
				}
				w.check(d.lane, end, 17*rate)
				if f := w.file(d.info.Recordings[0].ID); f.manifest.Interrupted || quality(t, f).AwayMS != float64(d.back-d.end)/8 {
					t.Errorf("interrupted %v, %+v", f.manifest.Interrupted, quality(t, f))
				}
				w.wantSpooled()
			})
		})
	}
}

// babbleOf is babbleAt in the other law.
func babbleOf(n, level int) []byte {
	if level == 0 {
		return g711.Encode(g711.MuLaw, nil, make([]int16, n))
	}
	pcm := make([]int16, n)
	g711.Decode(g711.ALaw, pcm, babbleAt(n, level))
	return g711.Encode(g711.MuLaw, nil, pcm)
}

// What ends a record_caller while no worker runs, or so shortly before that its
// end was not yet come to, lets what follows begin where the worker is back.
func TestDictationEndsWhileTheWorkerIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		limit  int
		before func(w *world, d *dictation)
		after  bool // something follows
	}{
		"limit": {5, nil, true},
		"stop": {60, func(w *world, d *dictation) {
			w.do("a@b", recording.Command{Action: recording.Stop, Recording: d.info.Recordings[0].ID})
		}, true},
		"transfer": {60, func(w *world, _ *dictation) { w.do("a@b", recording.Command{Action: recording.Transfer}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOn(t, keepParts, func(w *world) {
				d := w.dictating(readFlow(t, fmt.Sprintf(dictate, c.limit)), babble(20*rate, 3, g711.MuLaw))
				w.bothSpeak(d, 0, 5*second)
				w.sleep(4 * second)
				if c.before != nil {
					c.before(w, d)
				}
				w.restart(d)
				w.bothSpeak(d, 6020*ms, 20*second)
				one := w.file(d.info.Recordings[0].ID)
				if got := one.wav(t, rate, 1); !one.manifest.Interrupted || len(got) < d.end-160 {
					t.Errorf("interrupted %v, %d samples of %d", one.manifest.Interrupted, len(got), d.end)
				}
				now, _ := w.m.Info(d.info.Spec.ID)
				if !c.after {
					if len(now.Recordings) > 0 || len(w.dictated(d.epoch)) > 0 {
						t.Errorf("%+v, told %q", now, w.dictated(d.epoch))
					}
					return
				}
				if told, want := w.dictated(d.epoch), []string{`interrupted "" 48000`}; !slices.Equal(told, want) {
					t.Errorf("told %q, want %q", told, want)
				}
				w.kill(second) // and once more: what follows is not begun again
				w.resume(20000, 1)
				again, _ := w.m.Info(d.info.Spec.ID)
				if len(now.Recordings) != 1 || len(again.Recordings) != 1 || again.Recordings[0].ID != now.Recordings[0].ID {
					t.Fatalf("%+v, and then %+v", now, again)
				}
				w.sleep(3 * second)
				w.do("a@b", recording.Command{Action: recording.Hangup})
				two := w.file(now.Recordings[0].ID)
				if d := two.manifest.DurationMS; d < 4000 || d > 4100 || !two.manifest.Started.Equal(now.Recordings[0].Started) {
					t.Errorf("it begins at %v and has %d ms", two.manifest.Started, d)
				}
			})
		})
	}
}

// A record_caller that was over when the worker died is over: what follows it goes on,
// alone, and nothing of it is done twice. That holds from the instant at which what
// follows is on the disk, even if the record_caller's own files do not say so yet.
func TestDictationThatWasOver(t *testing.T) {
	for _, early := range []bool{false, true} {
		inWorldOn(t, keepParts, func(w *world) {
			w.undelivered = true
			d := w.dictating(readFlow(t, fmt.Sprintf(dictate, 60)), babble(20*rate, 3, g711.MuLaw))
			w.bothSpeak(d, 0, 5*second)
			k := d.both[0].from
			k.start = w.now()
			w.pushDigit(d.info.Legs[0].Ports.RTP, k, 100, 7, 10) // at 2 s
			w.sleep(2900 * ms)
			id := d.info.Recordings[0].ID
			name := func(ext string) string { return filepath.Join(w.home, id+ext) }
			was, err := os.ReadFile(name(".json"))
			if err != nil {
				t.Fatal(err)
			}
			w.sleep(300 * ms)
			before, _ := w.m.Info(d.info.Spec.ID)
			if len(before.Recordings) != 2 {
				t.Fatalf("%+v", before)
			}
			w.kill(2 * second)
			if early {
				err = os.Rename(name(".wav"), name(".wav.part"))
				if err == nil {
					err = os.WriteFile(name(".json"), was, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			w.resume(20000, 1)
			now, _ := w.m.Info(d.info.Spec.ID)
			if len(now.Recordings) != 1 || now.Recordings[0].ID != before.Recordings[1].ID {
				t.Errorf("%+v", now)
			}
			if told := w.dictated(d.epoch); len(told) != 2 {
				t.Errorf("told %q", told)
			}
			if f := w.file(id); f.manifest.Interrupted != early {
				t.Errorf("interrupted %v", f.manifest.Interrupted)
			}
		})
	}
}

// What is said and pressed while files are still read waits for them. Under a mask
// nobody is told which key it was, then as ever.
func TestKeyWhileFilesAreRead(t *testing.T) {
	for _, masked := range []bool{false, true} {
		inWorldOn(t, keepParts, func(w *world) {
			d := w.dictating(readFlow(t, fmt.Sprintf(dictate, 60)), babble(20*rate, 3, g711.MuLaw))
			w.bothSpeak(d, 0, 5*second)
			w.sleep(3 * second)
			if masked {
				w.do("a@b", recording.Command{Action: recording.Mask})
			}
			w.sleep(second)
			w.kill(2 * second)
			w.sc.Fault = func(op, _ string) error {
				if op == "truncate" {
					time.Sleep(800 * ms)
				}
				return nil
			}
			w.boot(20000, func(c *recording.Config) { c.ReportDigits = true })
			done := make(chan int)
			go func() { done <- w.m.Resume(w.t.Context()) }()
			w.sleep(ms)
			w.bothSpeak(d, 6020*ms, 20*second)
			k := d.both[0].from
			k.start = w.now() - time.Since(d.epoch)
			w.pushDigit(d.info.Legs[0].Ports.RTP, k, 315, 7, 10) // at 6.3 s
			if n := <-done; n != 1 {
				t.Fatalf("%d calls go on", n)
			}
			w.sleep(3 * second)
			want := []string{"pressed 7", `digit "7" 50400`}
			if masked {
				want = []string{`digit "" 50400`}
			}
			if told := w.dictated(d.epoch); !slices.Equal(told, want) {
				t.Errorf("masked %v: told %q, want %q", masked, told, want)
			}
		})
	}
}

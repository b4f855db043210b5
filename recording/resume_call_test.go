package recording_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// spooled are the files in the worker's folder, by what their names end in.
func (w *world) spooled() (kinds []string) {
	w.t.Helper()
	list, err := os.ReadDir(w.home)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		if _, kind, ok := strings.Cut(e.Name(), "."); ok {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// wantSpooled fails unless the folder has just these files.
func (w *world) wantSpooled(kinds ...string) {
	w.t.Helper()
	if got := w.spooled(); !slices.Equal(got, kinds) {
		w.t.Errorf("the folder has %v, want %v", got, kinds)
	}
}

// A recording that waits for the answer waits on after a restart, as often as there
// are some, and is then what it was to be: its id, its names, its target, its masks
// and its first sample. The one that runs beside it goes on.
func TestArmedRecordingOutlivesTheWorker(t *testing.T) {
	for _, running := range []bool{false, true} {
		inWorldOn(t, keepParts, func(w *world) {
			docs := []string{`{"record_on_answer":true,"media_name":"mine.wav","url":"http://h.example/rec","channels":"stereo"}`}
			if running {
				docs = append(docs, `{}`)
			}
			info := w.announce("c", docs...)
			armed, begun := info.Recordings[0], time.Now()
			p := party{begun, talk{from: callerFrom, ssrc: 1}, babble(30*rate, 5, g711.MuLaw)}
			w.speak(&p, info.Legs[0].Ports.RTP, 0, 5*second)
			w.sleep(2 * second)
			w.do("c", recording.Command{Action: recording.Mask, Recording: armed.ID})
			w.sleep(2 * second)
			var end int
			for i := range 2 {
				held := w.kill(2 * second) // at 4 s, and at 8 s
				if i == 0 && running {
					end = int(held[info.Recordings[1].ID]-44) / 2
				}
				w.resume(20000, 1)
				if i == 0 {
					w.sleep(2 * second)
				}
			}
			now, _ := w.m.Info(info.Spec.ID)
			if len(now.Recordings) != len(docs) || now.Legs[0] != info.Legs[0] || now.State != "early" {
				t.Fatalf("the call is now %+v", now)
			}
			now.Recordings[0].Created = armed.Created // without its time zone
			if r := now.Recordings[0]; r != armed || r.State != recording.Armed {
				t.Errorf("it is %+v, was %+v", r, armed)
			}
			w.speak(&p, info.Legs[0].Ports.RTP, 10020*ms, 20*second)
			w.sleep(2*second + 13*ms)
			w.do("c", recording.Command{Action: recording.Answer}) // at 12.013 s
			w.sleep(second)
			w.do("c", recording.Command{Action: recording.Unmask})
			w.sleep(3*second - 13*ms)
			w.do("c", recording.Command{Action: recording.Hangup}) // at 16 s
			want := newExpect(16 * rate)
			want.hear(0, 0, p.octets, g711.MuLaw)
			if running {
				f := w.file(info.Recordings[1].ID)
				want.hush(0, end, 10*rate+160)
				same(t, "the other", f.wav(t, rate, 1), want.mono(0, 16*rate))
			}
			f := w.file(armed.ID)
			want.hush(0, 0, 13*rate+104)
			same(t, "armed", f.wav(t, rate, 2), want.stereo(12*rate+104, 16*rate))
			m := f.manifest
			if m.Interrupted || m.MediaName != "mine.wav" || m.Destination.URL != "http://h.example/rec" || m.Destination.Name != "call_recording_c.wav" || !m.Started.Equal(begun.Add(12013*ms)) {
				t.Errorf("%+v", m)
			}
			if q := quality(t, f); q.AwayMS != 0 {
				t.Errorf("%v ms away", q.AwayMS)
			}
			w.sleep(second)
			w.wantSpooled()
		})
	}
}

// What waits and is cancelled leaves nothing behind: not before a restart, not after
// one, and not by one that comes too late or finds the ports taken.
func TestCancelledArmedRecordingLeavesNothing(t *testing.T) {
	stay := `{"record_on_answer":true,"should_follow_transfer":false}`
	command := func(c recording.Command) func(w *world) { return func(w *world) { w.do("c", c) } }
	for name, c := range map[string]struct {
		before, after func(w *world)
		first         uint16
		calls         int
		mod           func(*recording.Config)
	}{
		"stopped":           {command(recording.Command{Action: recording.Stop}), nil, 20000, 1, nil},
		"transferred":       {command(recording.Command{Action: recording.Transfer}), nil, 20000, 1, nil},
		"hung up":           {command(recording.Command{Action: recording.Hangup}), nil, 20000, 0, nil},
		"stopped after":     {nil, command(recording.Command{Action: recording.Stop}), 20000, 1, nil},
		"transferred after": {nil, command(recording.Command{Action: recording.Transfer}), 20000, 1, nil},
		"hung up after":     {nil, command(recording.Command{Action: recording.Hangup}), 20000, 1, nil},
		"no media after":    {nil, func(w *world) { w.sleep(63 * second) }, 20000, 1, func(c *recording.Config) { c.MediaTimeout = 60 * second }},
		"too late":          {nil, nil, 20000, 0, func(c *recording.Config) { c.MediaTimeout = 2 * second }},
		"no ports":          {nil, nil, 30000, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOn(t, keepParts, func(w *world) {
				info := w.announce("c", stay)
				w.wantSpooled()
				w.sleep(second)
				if c.before != nil {
					c.before(w)
				}
				if c.mod == nil {
					c.mod = func(*recording.Config) {}
				}
				w.kill(3 * second)
				w.resume(c.first, c.calls, c.mod)
				if now, known := w.m.Info(info.Spec.ID); known != (c.calls > 0) || c.before != nil && len(now.Recordings) > 0 {
					t.Errorf("known %v: %+v", known, now)
				}
				if c.after != nil {
					c.after(w)
				}
				now, known := w.m.Info(info.Spec.ID)
				if known && len(now.Recordings) > 0 && now.Recordings[0].State != recording.Cancelled {
					t.Errorf("it is %+v", now.Recordings[0])
				}
				if known && now.State != "ended" {
					w.wantSpooled()
					w.do("c", recording.Command{Action: recording.Hangup})
				}
				w.sleep(3 * second)
				w.wantSpooled()
				if len(w.files) > 0 {
					t.Errorf("delivered: %v", w.files)
				}
				w.announce("c", stay)
			})
		})
	}
}

// A call of which nothing is recorded goes on as well: one that never was, without
// ports, and one whose recording has been stopped or has reached its limit, on those
// that it had. What begins then has a name of its own.
func TestCallWithoutRecordingsOutlivesTheWorker(t *testing.T) {
	for name, c := range map[string]struct {
		docs   []string
		before func(w *world)
		plain  bool // the name of what is recorded after it
	}{
		"never recorded": {nil, nil, true},
		"stopped":        {[]string{`{}`}, func(w *world) { w.do("c", recording.Command{Action: recording.Stop}) }, false},
		"delivered": {[]string{`{}`}, func(w *world) {
			w.do("c", recording.Command{Action: recording.Stop})
			w.sleep(3 * second)
		}, false},
		"at its limit": {[]string{`{"time_limit":5}`}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOn(t, keepParts, func(w *world) {
				info := w.announce("c", c.docs...)
				if len(c.docs) == 0 {
					w.sleep(5 * second) // without a part's time
				}
				w.sleep(3 * second)
				if c.before != nil {
					c.before(w)
				}
				w.do("c", recording.Command{Action: recording.Answer})
				w.kill(3 * second)
				w.resume(20000, 1)
				now, _ := w.m.Info(info.Spec.ID)
				if now.State != "answered" || len(now.Recordings) > 0 || !slices.Equal(now.Legs, info.Legs) {
					t.Errorf("the call is now %+v", now)
				}
				if again, created, err := w.m.Announce(w.t.Context(), info.Spec); len(c.docs) == 0 && (err != nil || created) {
					t.Errorf("announced again: %+v, %v, %v", again, created, err)
				}
				if len(c.docs) > 0 && name != "delivered" {
					if f := w.file(info.Recordings[0].ID); !f.manifest.Interrupted {
						t.Error("the file does not say that it was interrupted")
					}
				}
				now = w.do("c", recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{"record_on_answer":true}`)}})
				start := time.Now()
				p := party{start, talk{from: callerFrom, ssrc: 1}, babble(4*rate, 5, g711.MuLaw)}
				w.speak(&p, now.Legs[0].Ports.RTP, 0, 4*second)
				w.sleep(3 * second)
				w.do("c", recording.Command{Action: recording.Hangup})
				f := w.file(now.Recordings[0].ID)
				want := newExpect(3 * rate)
				want.hear(0, 0, p.octets, g711.MuLaw)
				same(t, "begun after it", f.wav(t, rate, 1), want.mono(0, 3*rate))
				if got := f.manifest.Destination.Name; (got == "call_recording_c.wav") != c.plain || f.manifest.Interrupted {
					t.Errorf("it goes to %s, interrupted %v", got, f.manifest.Interrupted)
				}
				w.sleep(3 * second)
				w.wantSpooled()
			})
		})
	}
}

// After a restart a stop ends the recording that was made last, as before it.
func TestOrderOutlivesTheWorker(t *testing.T) {
	inWorldOn(t, keepParts, func(w *world) {
		docs := []string{`{}`, `{}`, `{"record_on_answer":true}`, `{}`, `{"record_on_bridge":true}`, `{}`}
		info := w.announce("c", docs...)
		w.sleep(2 * second)
		w.kill(second)
		w.resume(20000, 1)
		for i := len(docs) - 1; i >= 0; i-- {
			now := w.do("c", recording.Command{Action: recording.Stop})
			for j, r := range now.Recordings {
				if r.ID != info.Recordings[j].ID {
					t.Fatalf("recording %d is %s, was %s", j, r.ID, info.Recordings[j].ID)
				}
				if live := r.State <= recording.Masked; live != (j < i) {
					t.Errorf("after %d stops recording %d is %v", len(docs)-i, j, r.State)
				}
			}
		}
	})
}

// Memo and manifests are written one after the other, and a kill may fall between
// any two: what has begun does not wait any more, and a call that has hung up is over.
// Without its memo, or with one that makes no sense, a call goes on by what runs.
func TestMemoAndManifestsFromDifferentTimes(t *testing.T) {
	head := func(b []byte) int { return bytes.IndexByte(b, '\n') + 1 }
	for name, c := range map[string]struct {
		last  recording.Action // what the manifests know and the memo does not
		spoil func(b []byte) []byte
		calls int
		armed int
		left  []string
	}{
		"it was answered": {recording.Answer, nil, 1, 0, nil},
		"it was masked":   {recording.Mask, nil, 1, 1, nil},
		"it had hung up":  {recording.Hangup, nil, 0, 0, nil},
		"no memo":         {recording.Unmask, func([]byte) []byte { return nil }, 1, 0, nil},
		"half a memo":     {recording.Unmask, func(b []byte) []byte { return b[:head(b)+200] }, 1, 0, nil},
		"a memo of something": {recording.Unmask, func(b []byte) []byte {
			return memoLine(b[:head(b)], `{"id":"202611-0123456789abcdef0123456789abcdef","call":{"x":1}}`)
		}, 1, 0, []string{"call"}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOn(t, keepParts, func(w *world) {
				info := w.announce("c", `{}`, `{"record_on_answer":true}`)
				w.sleep(2 * second)
				was, err := os.ReadFile(filepath.Join(w.home, "calls"))
				if err != nil {
					t.Fatal(err)
				}
				w.do("c", recording.Command{Action: c.last})
				w.kill(second)
				file := filepath.Join(w.home, "calls")
				if c.spoil != nil {
					was = c.spoil(was)
				}
				if was == nil {
					err = os.Remove(file)
				} else {
					err = os.WriteFile(file, was, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				w.resume(20000, c.calls)
				now, known := w.m.Info(info.Spec.ID)
				armed := 0
				for _, r := range now.Recordings {
					if r.State == recording.Armed {
						armed++
					}
				}
				if known != (c.calls == 1) || armed != c.armed {
					t.Fatalf("%+v", now)
				}
				if known {
					if _, err := os.Stat(filepath.Join(w.home, "calls")); err != nil {
						t.Error(err)
					}
					w.do("c", recording.Command{Action: recording.Hangup})
				}
				for i, r := range now.Recordings {
					if r.ID != info.Recordings[i].ID {
						t.Errorf("recording %d is %+v", i, r)
					}
					if r.State != recording.Armed {
						w.file(r.ID)
					}
				}
				w.sleep(2 * second)
				w.wantSpooled()
				if aside, _ := filepath.Glob(filepath.Join(w.home, "quarantine", "*")); len(aside) != len(c.left) {
					t.Errorf("quarantine has %v", aside)
				}
			})
		})
	}
}

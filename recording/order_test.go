package recording_test

import (
	"errors"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// A recording that begins while another of the call runs in the other number of
// channels gets its own samples only. A call's first turn is shorter than the
// others: what a longer one has left in the shard's memory is no part of it.
func TestBeginBesideAnotherNumberOfChannels(t *testing.T) {
	for _, c := range []struct {
		running, begun string
		channels       int
	}{{`{}`, `{"channels":"stereo"}`, 2}, {`{"channels":"stereo"}`, `{}`, 1}} {
		inWorld(t, func(w *world) {
			other := w.announce("other", `{}`, `{"channels":"stereo"}`)
			w.send(other.Legs[0].Ports.RTP, talk{from: calleeFrom, start: w.now(), octets: babble(10*rate, 5, g711.MuLaw), ssrc: 5})
			w.sleep(2 * second)
			for i := range 10 {
				id := string(rune('a' + i))
				w.announce(id, c.running)
				w.sleep(173 * ms)
				info := w.do(id, recording.Command{Action: recording.Start, Start: []recording.Request{request(t, c.begun)}})
				w.sleep(2*second - 173*ms)
				w.do(id, recording.Command{Action: recording.Hangup})
				f, want := w.file(info.Recordings[1].ID), newExpect(2*rate)
				if c.channels == 2 {
					same(t, c.begun, f.wav(t, rate, 2), want.stereo(173*8, 2*rate))
				} else {
					same(t, c.begun, f.wav(t, rate, 1), want.mono(173*8, 2*rate))
				}
				w.sleep(23 * ms)
			}
		})
	}
}

// A command whose instant lies ahead may be overtaken by the hang-up. Nothing may
// then wait for an instant that never comes.
func TestHangupBeforeAnInstantAhead(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`, `{"record_on_answer":true}`)
		w.sleep(2 * second)
		ahead := time.Now().Add(second)
		w.do("c", recording.Command{Action: recording.Stop, At: ahead, Recording: info.Recordings[0].ID})
		w.do("c", recording.Command{Action: recording.Answer, At: ahead})
		info = w.do("c", recording.Command{Action: recording.Start, At: ahead, Start: []recording.Request{request(t, `{}`)}})
		w.do("c", recording.Command{Action: recording.Hangup})
		for i, want := range []int{2 * rate, 0, 0} {
			f := w.file(info.Recordings[i].ID)
			if got := len(f.wav(t, rate, 1)); got != want {
				t.Errorf("recording %d has %d samples, want %d", i, got, want)
			}
		}
		if got := w.fake.Stats().Open; got != 0 {
			t.Errorf("%d pairs are still open", got)
		}
	})
}

// Answer, bridge and start may overtake each other too.
func TestBeginningsOutOfOrder(t *testing.T) {
	const s = 2 * rate // the instant of the first of two commands; the other's is a tenth of a second later
	type step struct {
		pos int
		c   recording.Command
	}
	answer, bridge := recording.Command{Action: recording.Answer}, recording.Command{Action: recording.Bridge}
	start := func(doc string) recording.Command {
		return recording.Command{Action: recording.Start, Start: []recording.Request{request(t, doc)}}
	}
	for _, c := range []struct {
		name, doc string // doc: armed from the announcement on
		steps     []step
		begins    int
	}{
		{"bridge, then the answer before it", `{"record_on_answer":true,"record_on_bridge":true}`, []step{{s + 800, bridge}, {s, answer}}, s},
		{"answer, then the bridge before it", `{"record_on_answer":true,"record_on_bridge":true}`, []step{{s + 800, answer}, {s, bridge}}, s},
		{"answer, then one before it", `{"record_on_answer":true}`, []step{{s + 800, answer}, {s, answer}}, s},
		{"start, then the answer before it", "", []step{{s + 800, start(`{"record_on_answer":true}`)}, {s, answer}}, s + 800},
		{"answer, then the start before it", "", []step{{s + 800, answer}, {s, start(`{"record_on_answer":true}`)}}, s + 800},
		{"bridge, then the start before it", "", []step{{s + 800, bridge}, {s, start(`{"record_on_bridge":true}`)}}, s + 800},
		{"answer, then the start after it", "", []step{{s, answer}, {s + 800, start(`{"record_on_answer":true}`)}}, s + 800},
		{"not its event", `{"record_on_answer":true}`, []step{{s + 800, answer}, {s, bridge}}, s + 800},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				epoch := time.Now()
				at := func(pos int) time.Time { return epoch.Add(time.Duration(pos) * 125 * time.Microsecond) }
				docs := []string{}
				if c.doc != "" {
					docs = append(docs, c.doc)
				}
				w.announce("c", docs...)
				w.sleep(time.Until(at(s + 4000)))
				var info recording.CallInfo
				for _, step := range c.steps {
					step.c.At = at(step.pos)
					info = w.do("c", step.c)
				}
				w.sleep(time.Until(at(4 * rate)))
				w.do("c", recording.Command{Action: recording.Hangup})
				f := w.file(info.Recordings[0].ID)
				if got, want := len(f.wav(t, rate, 1)), 4*rate-c.begins; got != want {
					t.Errorf("%d samples, want %d", got, want)
				}
			})
		})
	}
}

// What ends a recording may overtake what came before it, too: a mask that is
// carried out after the stop, the limit or the hang-up still hides its words.
func TestCommandsThatAnEndHasOvertaken(t *testing.T) {
	for _, end := range []string{"stop", "hangup", "limit"} {
		t.Run(end, func(t *testing.T) {
			inWorld(t, func(w *world) {
				epoch := time.Now()
				info := w.announce("c", `{}`, `{"time_limit":5}`)
				k := talk{from: callerFrom, start: w.now(), octets: babble(6*rate, 1, g711.MuLaw), ssrc: 1}
				w.send(info.Legs[0].Ports.RTP, k)
				want := newExpect(6 * rate)
				want.hear(0, 0, k.octets, k.law)
				w.sleep(4950 * ms)
				switch end {
				case "stop":
					w.do("c", recording.Command{Action: recording.Stop, Recording: info.Recordings[1].ID})
				case "hangup":
					w.do("c", recording.Command{Action: recording.Hangup})
				case "limit":
					w.sleep(350 * ms)
				}
				w.do("c", recording.Command{Action: recording.Mask, At: epoch.Add(4500 * ms)})
				w.do("c", recording.Command{Action: recording.Unmask, At: epoch.Add(4600 * ms)})
				w.do("c", recording.Command{Action: recording.Stop, At: epoch.Add(4800 * ms)}) // the newest, as of then
				want.hush(0, 4500*8, 4600*8)
				f := w.file(info.Recordings[1].ID)
				same(t, "the newest", f.wav(t, rate, 1), want.mono(0, 4800*8))
				now, _ := w.m.Info(info.Spec.ID)
				if running := now.Recordings[0].State == recording.Recording; running != (end != "hangup") {
					t.Errorf("the older recording is %v", now.Recordings[0].State)
				}
				var missing *recording.NotFoundError
				if _, err := w.m.Do(w.t.Context(), info.Spec.ID, recording.Command{Action: recording.Mask, Recording: info.Recordings[1].ID, At: time.Now()}); !errors.As(err, &missing) {
					t.Errorf("masking after the end: %v", err)
				}
			})
		})
	}
}

// A stop does not end what was started after its instant.
func TestStopBeforeStart(t *testing.T) {
	inWorld(t, func(w *world) {
		epoch := time.Now()
		w.announce("c", `{}`)
		w.sleep(2 * second)
		w.do("c", recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{}`)}})
		info := w.do("c", recording.Command{Action: recording.Stop, At: epoch.Add(1500 * ms)})
		if a, b := info.Recordings[0].State, info.Recordings[1].State; a != recording.Finishing || b != recording.Recording {
			t.Errorf("%v and %v, want the older one to end", a, b)
		}
	})
}

// Toggle means the other of what is so at its instant.
func TestToggleOutOfOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		epoch := time.Now()
		info := w.announce("c", `{}`)
		k := talk{from: callerFrom, start: w.now(), octets: babble(5*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		w.sleep(2 * second)
		w.do("c", recording.Command{Action: recording.Mask, At: epoch.Add(1900 * ms)})
		w.do("c", recording.Command{Action: recording.Toggle, At: epoch.Add(1500 * ms)})
		w.do("c", recording.Command{Action: recording.Toggle, At: epoch.Add(2000 * ms)})
		w.sleep(second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(3 * rate)
		want.hear(0, 0, k.octets, k.law)
		want.hush(0, 1500*8, 2000*8)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 3*rate))
	})
}

// Toggle turns each recording over by itself, armed ones too: they begin as it left them.
func TestToggleArmedAndMasked(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`, `{"record_on_answer":true}`, `{"record_on_answer":true}`)
		w.do("c", recording.Command{Action: recording.Mask, Recording: info.Recordings[1].ID})
		w.sleep(second)
		w.do("c", recording.Command{Action: recording.Toggle})
		w.sleep(second)
		info = w.do("c", recording.Command{Action: recording.Answer})
		states := func(info recording.CallInfo) (out [3]recording.State) {
			for i, r := range info.Recordings {
				out[i] = r.State
			}
			return out
		}
		on, off := recording.Recording, recording.Masked
		if got, want := states(info), [3]recording.State{off, on, off}; got != want {
			t.Errorf("%v, want %v", got, want)
		}
		info = w.do("c", recording.Command{Action: recording.Toggle, Recording: info.Recordings[0].ID})
		if got, want := states(info), [3]recording.State{on, on, off}; got != want {
			t.Errorf("%v after one was toggled by its id, want %v", got, want)
		}
		if got, want := states(w.do("c", recording.Command{Action: recording.Unmask})), [3]recording.State{on, on, on}; got != want {
			t.Errorf("%v after unmask, want %v", got, want)
		}
	})
}

// Each change of a recording is told once.
func TestEventsAreToldOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("c", `{}`, `{"record_on_answer":true}`)
		w.do("c", recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{}`), request(t, `{"record_on_bridge":true}`)}})
		w.do("c", recording.Command{Action: recording.Answer})
		w.do("c", recording.Command{Action: recording.Bridge})
		w.sleep(second)
		w.do("c", recording.Command{Action: recording.Hangup})
		w.sleep(3 * second)
		told := map[string]int{}
		for _, e := range w.events {
			if e.Recording != nil {
				told[e.Recording.ID+" "+e.Name]++
			}
		}
		for what, n := range told {
			if n != 1 {
				t.Errorf("%s: told %d times", what, n)
			}
		}
		if s := w.m.Stats(); s.Entered[recording.Recording] != 4 || s.Entered[recording.Armed] != 2 {
			t.Errorf("counted as %v", s.Entered)
		}
	})
}

// Of two commands with one instant the later one is in force, and a recording that
// is started long after its call hears what is said then, under a name of its own.
func TestStartedLate(t *testing.T) {
	inWorld(t, func(w *world) {
		epoch := time.Now()
		w.announce("c")
		w.sleep(3*second + 33*ms)
		info := w.do("c", recording.Command{Action: recording.Start, At: time.Now().Add(-995 * ms), Start: []recording.Request{request(t, `{"time_limit":5}`)}})
		k := talk{from: callerFrom, start: w.now() + 100*ms, octets: babble(6*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		want := newExpect(12 * rate)
		want.hear(0, 3133*8, k.octets, k.law)
		w.sleep(2 * second)
		for _, a := range []recording.Action{recording.Mask, recording.Unmask} {
			w.do("c", recording.Command{Action: a, At: epoch.Add(4500 * ms)})
		}
		w.sleep(6 * second)
		one := w.file(info.Recordings[0].ID)
		same(t, "mix", one.wav(t, rate, 1), want.mono(2038*8, 7038*8))
		info = w.do("c", recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{}`)}})
		w.sleep(second)
		w.do("c", recording.Command{Action: recording.Hangup})
		if two := w.file(info.Recordings[1].ID); two.manifest.Destination.Name == one.manifest.Destination.Name {
			t.Errorf("both go to %s", two.manifest.Destination.Name)
		}
	})
}

package recording_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// A minute of two parties, over networks from perfect to poor, must give the sum
// of their decoded octets at the places where they were sent: no sample differs.
func TestFileIsTheMixOfBothLegs(t *testing.T) {
	const n = 60 * rate
	for _, network := range []string{"perfect", "poor"} {
		t.Run(network, func(t *testing.T) {
			inWorld(t, func(w *world) {
				info := w.announce("c", `{}`, `{"channels":"stereo"}`)
				a := talk{from: callerFrom, start: w.now() + 123*ms + 456*time.Microsecond, octets: babble(n, 1, g711.MuLaw), ssrc: 1, seq: 65500, ts: 1<<32 - 9000}
				b := talk{from: calleeFrom, start: w.now() + 1234*ms, law: g711.ALaw, octets: babble(n, 2, g711.ALaw), ssrc: 1, seq: 32700, ts: 1<<31 - 9000}
				if network == "poor" {
					for i, k := range []*talk{&a, &b} {
						r := rand.New(rand.NewPCG(9, uint64(i)))
						k.delay = func(i int) time.Duration {
							if i == 7 {
								return 0 // the one early packet
							}
							d := time.Duration(r.Int64N(int64(200 * ms)))
							if r.IntN(5) == 0 {
								d += time.Duration(r.Int64N(int64(300 * ms)))
							}
							return d
						}
						k.twice = func(int) bool { return r.IntN(20) == 0 }
					}
				}
				epoch := w.now()
				w.send(info.Legs[0].Ports.RTP, a)
				w.send(info.Legs[1].Ports.RTP, b)
				w.sleep(62 * second)
				w.do("c", recording.Command{Action: recording.Hangup})
				want := newExpect(62 * rate)
				want.hear(0, int((a.start-epoch)/(125*time.Microsecond)), a.octets, a.law)
				want.hear(1, int((b.start-epoch)/(125*time.Microsecond)), b.octets, b.law)
				mono, stereo := w.file(info.Recordings[0].ID), w.file(info.Recordings[1].ID)
				same(t, "mono", mono.wav(t, rate, 1), want.mono(0, 62*rate))
				same(t, "stereo", stereo.wav(t, rate, 2), want.stereo(0, 62*rate))
			})
		})
	}
}

// The length of the file is the time recorded, whatever the legs do.
func TestLengthWithoutMedia(t *testing.T) {
	for _, c := range []struct {
		name  string
		speak [2]bool
	}{{"both silent", [2]bool{}}, {"one silent", [2]bool{true, false}}} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				info := w.announce("c", `{}`)
				want := newExpect(7 * rate)
				for leg, speaks := range c.speak {
					if speaks {
						k := talk{from: callerFrom, start: w.now() + second, octets: babble(rate, 1, g711.MuLaw), ssrc: 1}
						w.send(info.Legs[leg].Ports.RTP, k)
						want.hear(leg, rate, k.octets, k.law)
					}
				}
				w.sleep(6*second + 543*ms + 210*time.Microsecond)
				w.do("c", recording.Command{Action: recording.Hangup})
				f := w.file(info.Recordings[0].ID)
				same(t, "mix", f.wav(t, rate, 1), want.mono(0, 6*rate+543*8+2)) // 210 µs are nearer to two samples than to one
				if got := f.manifest.DurationMS; got != 6543 {
					t.Errorf("duration_ms %d", got)
				}
			})
		})
	}
}

// A running call must not feel its limit: the file ends at it, to the sample.
func TestTimeLimit(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{"time_limit":5}`, `{}`)
		w.sleep(8 * second)
		f := w.file(info.Recordings[0].ID)
		if got := len(f.wav(t, rate, 1)); got != 5*rate {
			t.Errorf("%d samples, want %d", got, 5*rate)
		}
		now, ok := w.m.Info(info.Spec.ID)
		if !ok || now.State == "ended" || now.Recordings[1].State != recording.Recording {
			t.Errorf("the call did not go on: %+v", now)
		}
		w.do("c", recording.Command{Action: recording.Hangup})
		f = w.file(info.Recordings[1].ID)
		if got := len(f.wav(t, rate, 1)); got < 8*rate {
			t.Errorf("the other recording has %d samples, want at least %d", got, 8*rate)
		}
	})
}

// record_min_sec is measured on the file: one sample less and there is none.
func TestRecordMinSec(t *testing.T) {
	for _, c := range []struct {
		length time.Duration
		kept   bool
	}{{3*second - 125*time.Microsecond, false}, {3 * second, true}, {2500 * ms, false}, {3500 * ms, true}} {
		inWorld(t, func(w *world) {
			info := w.announce("c", `{"record_min_sec":3}`)
			time.Sleep(c.length)
			w.do("c", recording.Command{Action: recording.Hangup})
			w.sleep(3 * second)
			w.mu.Lock()
			f, kept := w.files[info.Recordings[0].ID]
			w.mu.Unlock()
			if kept != c.kept {
				t.Fatalf("%v: kept %v, want %v", c.length, kept, c.kept)
			}
			now, _ := w.m.Info(info.Spec.ID)
			state := recording.Discarded
			if kept {
				state = recording.Delivered
				if got := len(f.wav(t, rate, 1)); got != int(c.length*rate/second) {
					t.Errorf("%v: %d samples", c.length, got)
				}
			}
			if got := now.Recordings[0].State; got != state {
				t.Errorf("%v: state %v, want %v", c.length, got, state)
			}
		})
	}
}

// Each command acts at the sample of its instant, however late it is done.
func TestCommandsActAtTheirInstant(t *testing.T) {
	const start = 10 * rate
	inWorld(t, func(w *world) {
		epoch := time.Now()
		at := func(pos int) time.Time { return epoch.Add(time.Duration(pos) * 125 * time.Microsecond) }
		info := w.announce("c", `{"record_on_answer":true}`, `{"record_on_bridge":true}`, `{"record_on_answer":true,"record_on_bridge":true}`)
		want := newExpect(30 * rate)
		for leg, from := range []int{100, 200} {
			k := talk{from: callerFrom, start: w.now() + time.Duration(from)*ms, octets: babble(29*rate, uint64(leg), g711.MuLaw), ssrc: 1}
			w.send(info.Legs[leg].Ports.RTP, k)
			want.hear(leg, from*8, k.octets, k.law)
		}
		for _, r := range info.Recordings {
			if r.State != recording.Armed {
				t.Fatalf("state %v before the answer", r.State)
			}
		}
		run := func(pos, delay int, c recording.Command) {
			t.Helper()
			c.At = at(pos)
			w.sleep(time.Until(at(pos)) + time.Duration(delay)*ms)
			w.do("c", c)
		}
		run(start, 333, recording.Command{Action: recording.Answer, Leg: recording.Caller})
		run(start+8001, 0, recording.Command{Action: recording.Bridge})
		id := info.Recordings[0].ID
		run(start+20003, 700, recording.Command{Action: recording.Mask, Recording: id})
		run(start+28007, 500, recording.Command{Action: recording.Unmask, Recording: id})
		run(start+40009, 100, recording.Command{Action: recording.Mask})
		run(start+48011, 0, recording.Command{Action: recording.Unmask})
		run(start+70001, 900, recording.Command{Action: recording.Stop, Recording: id})
		run(start+80005, 20, recording.Command{Action: recording.Hangup})
		mask := func(from, to int) { want.hush(0, from, to); want.hush(1, from, to) }
		mask(start+40009, start+48011)
		f := w.file(info.Recordings[1].ID)
		same(t, "on bridge", f.wav(t, rate, 1), want.mono(start+8001, start+80005))
		f = w.file(info.Recordings[2].ID)
		same(t, "on either", f.wav(t, rate, 1), want.mono(start, start+80005))
		mask(start+20003, start+28007)
		f = w.file(id)
		same(t, "on answer", f.wav(t, rate, 1), want.mono(start, start+70001))
	})
}

// Commands that overtake each other still act in the order of their instants.
func TestCommandsOutOfOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		epoch := time.Now()
		info := w.announce("c", `{}`)
		k := talk{from: callerFrom, start: w.now(), octets: babble(5*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		w.sleep(2 * second)
		w.do("c", recording.Command{Action: recording.Unmask, At: epoch.Add(1900 * ms)})
		w.do("c", recording.Command{Action: recording.Mask, At: epoch.Add(1500 * ms)})
		if got := w.do("c", recording.Command{Action: recording.Answer}).Recordings[0].State; got != recording.Recording {
			t.Errorf("state %v after an unmask with the later instant", got)
		}
		w.sleep(time.Until(epoch.Add(4 * second)))
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(4 * rate)
		want.hear(0, 0, k.octets, k.law)
		want.hush(0, 1500*8, 1900*8)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 4*rate))
	})
}

// An answer that was announced counts; a call that ends early leaves nothing.
func TestAnsweredBeforehandAndNever(t *testing.T) {
	inWorld(t, func(w *world) {
		spec := recording.CallSpec{
			ID: recording.CallID{Account: "acc", Call: "answered"}, At: time.Now(), Answered: true,
			Start: []recording.Request{request(t, `{"record_on_answer":true}`)},
		}
		info, _, err := w.m.Announce(w.t.Context(), spec)
		if err != nil || info.Recordings[0].State != recording.Recording || info.State != "answered" {
			t.Errorf("announced as answered: %+v, %v", info, err)
		}
		w.announce("never", `{"record_on_answer":true}`)
		w.sleep(2 * second)
		if got := w.do("never", recording.Command{Action: recording.Hangup}).Recordings[0]; got.State != recording.Cancelled {
			t.Errorf("hung up before the answer: %+v", got)
		}
		// Masked while armed, it must start masked.
		w.announce("masked", `{"record_on_answer":true}`)
		w.do("masked", recording.Command{Action: recording.Mask})
		if got := w.do("masked", recording.Command{Action: recording.Answer}).Recordings[0]; got.State != recording.Masked {
			t.Errorf("masked while armed: %+v", got)
		}
	})
}

// Stop ends the newest recording, or the one that is named, and only that.
func TestStopChoosesOne(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("c", `{}`, `{"media_name":"second"}`, `{}`)
		states := func(info recording.CallInfo) (out [3]recording.State) {
			for i, r := range info.Recordings {
				out[i] = r.State
			}
			return out
		}
		on, off := recording.Recording, recording.Finishing
		if got := states(w.do("c", recording.Command{Action: recording.Stop})); got != [3]recording.State{on, on, off} {
			t.Errorf("after stop: %v", got)
		}
		if got := states(w.do("c", recording.Command{Action: recording.Stop, MediaName: "second"})); got[1] != off || got[0] != on {
			t.Errorf("after stop by media name: %v", got)
		}
		var missing *recording.NotFoundError
		if _, err := w.m.Do(w.t.Context(), recording.CallID{Account: "acc", Call: "c"}, recording.Command{Action: recording.Stop, Recording: "nobody", At: time.Now()}); !errors.As(err, &missing) {
			t.Errorf("stopping a recording that is not there: %v", err)
		}
		// The newest that is left, and a new one that starts after a stop.
		info := w.do("c", recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{}`)}})
		if len(info.Recordings) != 4 || info.Recordings[3].State != on {
			t.Errorf("after start: %+v", info.Recordings)
		}
	})
}

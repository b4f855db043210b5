package recording_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/policy"
	"callrec/recording"
)

// readFlow reads a callflow as a door does.
func readFlow(t *testing.T, doc string) recording.Flow {
	t.Helper()
	schemas, err := policy.LoadSchemas(nil)
	if err != nil {
		t.Fatal(err)
	}
	var node any
	if err := json.Unmarshal([]byte(doc), &node); err != nil {
		t.Fatal(err)
	}
	first, _ := schemas.Flow(node, "flow")
	flow, err := recording.NewFlow(first, recording.Defaults{}, "main", "1002@acme.example", "")
	if err != nil {
		t.Fatal(err)
	}
	return flow
}

const (
	// dictate is a record_caller that a recording of both legs follows.
	dictate = `{"module":"record_caller","data":{"format":"wav","url":"http://h.example/rec/","time_limit":%d},"children":{"_":` + whole + `}}`
	whole   = `{"module":"record_call","data":{"action":"start","format":"wav"}}`
)

// dial is a key as a telephone sends it in band, with noise under it: amplitudes are
// those of one tone and of the noise's deviation, in steps of 16-bit PCM.
func dial(key byte, n int, amplitude, noise float64, law g711.Law) []byte {
	rng := rand.New(rand.NewPCG(uint64(key), 4))
	at := strings.IndexByte("123A456B789C*0#D", key)
	low, high := []float64{697, 770, 852, 941}[at/4], []float64{1209, 1336, 1477, 1633}[at%4]
	pcm := make([]int16, n)
	for i := range pcm {
		w := 2 * math.Pi * float64(i) / rate
		pcm[i] = int16(amplitude*(math.Sin(low*w)+math.Sin(high*w)) + noise*rng.NormFloat64())
	}
	return g711.Encode(law, nil, pcm)
}

// dictated are the events of record_callers that ended: what, which key, when.
func (w *world) dictated(epoch time.Time) (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		switch e.Name {
		case "caller_recorded":
			out = append(out, fmt.Sprintf("%s %q %d", e.Detail, e.Digit, e.At.Sub(epoch)/(125*time.Microsecond)))
		case "digit":
			out = append(out, "pressed "+e.Digit)
		}
	}
	return out
}

// lane is a call whose caller and callee talk from its beginning on.
type lane struct {
	epoch  time.Time
	info   recording.CallInfo
	caller talk
	want   *expect
}

// offeringEvents tells the legs' payload types with telephone-event.
func offeringEvents(spec recording.CallSpec) recording.CallSpec {
	types := map[uint8]recording.Payload{0: recording.PayloadPCMU, 8: recording.PayloadPCMA, 101: recording.PayloadEvents}
	spec.Legs = []recording.LegSpec{{Leg: recording.Caller, Payloads: types}, {Leg: recording.Callee, Payloads: types}}
	return spec
}

// open announces a call with a flow; both legs begin to talk at once, the caller
// with what is given.
func (w *world) open(flow recording.Flow, octets []byte, law g711.Law, drop func(int) bool) *lane {
	w.t.Helper()
	l := &lane{epoch: time.Now(), want: newExpect(len(octets) + 10*rate)}
	spec := offeringEvents(recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "a@b"}, OtherLegCallID: "other", At: l.epoch, Flow: flow})
	info, _, err := w.m.Announce(w.t.Context(), spec)
	if err != nil {
		w.t.Fatal(err)
	}
	l.info = info
	l.caller = talk{from: callerFrom, start: w.now(), law: law, octets: octets, ssrc: 1, drop: drop}
	callee := talk{from: calleeFrom, start: w.now(), octets: babble(len(octets), 9, g711.MuLaw), ssrc: 2}
	w.send(info.Legs[0].Ports.RTP, l.caller)
	w.send(info.Legs[1].Ports.RTP, callee)
	l.want.hear(0, 0, octets, law)
	l.want.hear(1, 0, callee.octets, callee.law)
	return l
}

// check compares the record_caller and the recording after it with what was said:
// the one is the caller alone up to end, the other both from there to hangup.
func (w *world) check(l *lane, end, hangup int) {
	w.t.Helper()
	info, _ := w.m.Info(l.info.Spec.ID)
	if len(info.Recordings) != 2 {
		w.t.Fatalf("%d recordings", len(info.Recordings))
	}
	one, two := w.file(info.Recordings[0].ID), w.file(info.Recordings[1].ID)
	same(w.t, "the caller", one.wav(w.t, rate, 1), l.want.legs[0][:end])
	same(w.t, "what follows", two.wav(w.t, rate, 1), l.want.mono(end, hangup))
	if d := one.manifest.Destination; !d.Plain || d.Name != "a%40b.wav" || d.URL != "http://h.example/rec/" {
		w.t.Errorf("the caller goes to %+v", d)
	}
	if d := two.manifest.Destination; d.Plain || d.Name != "call_recording_a%40b.wav" {
		w.t.Errorf("what follows goes to %+v", d)
	}
	if !info.Recordings[0].Caller || info.Recordings[1].Caller || info.Recordings[0].Origin != "callflow : main" {
		w.t.Errorf("recordings %+v", info.Recordings)
	}
}

// A record_caller ends at the first of its ends, to the sample, and what follows
// it begins at that sample.
func TestDictationEnds(t *testing.T) {
	speech := babble(12*rate, 3, g711.ALaw)
	const lastWord = 3*rate + 480 // where it ends
	word := slices.Concat(speech[:lastWord-800], babbleAt(800, 3000))
	for _, c := range []struct {
		name   string
		limit  int
		octets []byte
		do     func(w *world, l *lane)
		end    int
		told   []string
	}{
		{"key", 60, speech, func(w *world, l *lane) {
			w.pushDigit(l.info.Legs[0].Ports.RTP, l.caller, 200, 7, 10)
			l.want.hush(0, 200*160, 210*160)
		}, 200 * 160, []string{"pressed 7", `digit "7" 32000`}},
		{"silence", 60, word, nil, lastWord + 5*rate, []string{`silence "" 64480`}},
		{"noise of a line", 60, slices.Concat(word, babbleAt(9*rate, 300)), nil, lastWord + 5*rate, []string{`silence "" 64480`}},
		{"limit", 6, speech, nil, 6 * rate, []string{`time_limit "" 48000`}},
		{"stop by id", 60, speech, func(w *world, l *lane) {
			w.sleep(3456 * ms)
			w.do("a@b", recording.Command{Action: recording.Stop, Recording: l.info.Recordings[0].ID})
		}, 3456 * 8, []string{`stop "" 27648`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				l := w.open(readFlow(t, fmt.Sprintf(dictate, c.limit)), c.octets, g711.ALaw, nil)
				if c.do != nil {
					c.do(w, l)
				}
				w.sleep(time.Until(l.epoch.Add(11 * second)))
				w.do("a@b", recording.Command{Action: recording.Hangup})
				w.sleep(3 * second)
				if told := w.dictated(l.epoch); !slices.Equal(told, c.told) {
					t.Errorf("told %q, want %q", told, c.told)
				}
				w.check(l, c.end, 11*rate)
			})
		})
	}
}

// A key that comes later than the hold ends the recording where it is read by then.
func TestDictationEndsByALateKey(t *testing.T) {
	inWorld(t, func(w *world) {
		l := w.open(readFlow(t, fmt.Sprintf(dictate, 60)), babble(9*rate, 3, g711.ALaw), g711.ALaw, nil)
		late := l.caller
		late.start += 1900 * ms
		w.pushDigit(l.info.Legs[0].Ports.RTP, late, 200, 11, 10)
		w.sleep(9 * second)
		w.do("a@b", recording.Command{Action: recording.Hangup})
		w.sleep(3 * second)
		end, told := 0, w.dictated(l.epoch)
		if len(told) != 2 || told[0] != "pressed #" {
			w.t.Fatalf("told %q", told)
		}
		if _, err := fmt.Sscanf(told[1], `digit "#" %d`, &end); err != nil || end <= 200*160 || end > 200*160+2*rate {
			w.t.Fatalf("told %q", told)
		}
		w.check(l, end, 9*rate)
	})
}

// babbleAt is n octets of noise of one level.
func babbleAt(n, level int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(r.IntN(2*level) - level)
	}
	return g711.Encode(g711.ALaw, nil, pcm)
}

// A key in band is found wherever it lies, in both laws and with noise: at its
// beginning to 8 ms, and before anything at its place is written.
func TestDictationEndsByKeyInBand(t *testing.T) {
	for i := range 24 {
		law := g711.Law(i % 2)
		at := 2*rate + i*173
		octets := babble(5*rate, 3, law)
		key := "0123456789*#"[i/2]
		copy(octets[at:], dial(key, 900, 4000, []float64{0, 150, 300}[i%3], law))
		inWorld(t, func(w *world) {
			l := w.open(readFlow(t, fmt.Sprintf(dictate, 60)), octets, law, nil)
			w.sleep(5 * second)
			w.do("a@b", recording.Command{Action: recording.Hangup})
			w.sleep(3 * second)
			told := w.dictated(l.epoch)
			end := 0
			if len(told) != 2 || told[0] != "pressed "+string(key) {
				w.t.Fatalf("key %c at %d: told %q", key, at, told)
			}
			if _, err := fmt.Sscanf(told[1], `digit "`+string(key)+`" %d`, &end); err != nil || end < at-64 || end > at+64 {
				t.Errorf("key %c at %d: told %q", key, at, told)
			}
			w.check(l, end, 5*rate)
			now, _ := w.m.Info(l.info.Spec.ID)
			if n := now.Recordings[1].Quality.Legs[0].Digits; n != 1 {
				t.Errorf("%d keys counted", n)
			}
		})
	}
}

// A hang-up ends the caller's recording and the callflow with it: there is nothing
// more to record.
func TestDictationEndsWithTheCall(t *testing.T) {
	for _, length := range []time.Duration{0, 1234 * ms, 4 * second} {
		inWorld(t, func(w *world) {
			l := w.open(readFlow(t, fmt.Sprintf(dictate, 60)), babble(2*rate, 3, g711.MuLaw), g711.MuLaw, nil)
			w.sleep(length)
			w.do("a@b", recording.Command{Action: recording.Hangup})
			w.sleep(3 * second)
			info, _ := w.m.Info(l.info.Spec.ID)
			n := int(length / (125 * time.Microsecond))
			if want := []string{fmt.Sprintf(`hangup "" %d`, n)}; len(info.Recordings) != 1 || !slices.Equal(w.dictated(l.epoch), want) {
				t.Errorf("%d recordings, told %q, want %q", len(info.Recordings), w.dictated(l.epoch), want)
			}
			f := w.file(info.Recordings[0].ID)
			same(t, "the caller", f.wav(t, rate, 1), l.want.legs[0][:n])
			if r := info.Recordings[0]; r.State != recording.Delivered || r.Reason != "hangup" {
				t.Errorf("recording %+v", r)
			}
		})
	}
}

// What is said to the whole call within the hold after a key, and told before the
// key's place is read, counts for what follows the key: no masked word is kept.
func TestWhatAFlowCatchesUpWith(t *testing.T) {
	inWorld(t, func(w *world) {
		l := w.open(readFlow(t, fmt.Sprintf(dictate, 60)), babble(8*rate, 3, g711.MuLaw), g711.MuLaw, nil)
		w.pushDigit(l.info.Legs[0].Ports.RTP, l.caller, 200, 7, 10) // 4 s
		at := func(d time.Duration, a recording.Action) {
			w.sleep(time.Until(l.epoch.Add(d)))
			w.do("a@b", recording.Command{Action: a})
		}
		at(4100*ms, recording.Mask)
		at(4200*ms, recording.Toggle)
		at(4300*ms, recording.Toggle)
		at(4600*ms, recording.Unmask)
		at(4700*ms, recording.Hangup)
		w.sleep(3 * second)
		l.want.hush(0, 200*160, 210*160)
		for leg := range 2 {
			l.want.hush(leg, 4100*8, 4200*8)
			l.want.hush(leg, 4300*8, 4600*8)
		}
		w.check(l, 200*160, 4700*8)
		if told, want := w.dictated(l.epoch), []string{"pressed 7", `digit "7" 32000`}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// Under a mask a key ends the recording but is not told of, and the mask stays
// over what follows until somebody takes it off.
func TestDictationUnderAMask(t *testing.T) {
	for _, inBand := range []bool{false, true} {
		inWorld(t, func(w *world) {
			octets := babble(6*rate, 3, g711.MuLaw)
			if inBand {
				copy(octets[200*160:], dial('7', 800, 4000, 0, g711.MuLaw))
			}
			l := w.open(readFlow(t, fmt.Sprintf(dictate, 60)), octets, g711.MuLaw, nil)
			if !inBand {
				w.pushDigit(l.info.Legs[0].Ports.RTP, l.caller, 200, 7, 10)
			}
			w.sleep(3 * second)
			w.do("a@b", recording.Command{Action: recording.Mask})
			w.sleep(2 * second)
			w.do("a@b", recording.Command{Action: recording.Unmask})
			w.sleep(second)
			w.do("a@b", recording.Command{Action: recording.Hangup})
			w.sleep(3 * second)
			told := w.dictated(l.epoch)
			end := 0
			if len(told) != 1 {
				w.t.Fatalf("in band %v: told %q", inBand, told)
			}
			if _, err := fmt.Sscanf(told[0], `digit "" %d`, &end); err != nil || end < 200*160-64 || end > 200*160+64 {
				t.Errorf("in band %v: told %q", inBand, told)
			}
			for leg := range 2 {
				l.want.hush(leg, 3*rate, 5*rate)
			}
			w.check(l, end, 6*rate)
		})
	}
}

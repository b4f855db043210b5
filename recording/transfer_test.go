package recording_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// A transfer ends at its instant what should not follow it, cancels what waits and
// should not, and leaves the rest alone; what it starts begins there.
func TestTransfer(t *testing.T) {
	for _, leg := range []recording.Leg{recording.Caller, recording.Callee} {
		inWorld(t, func(w *world) {
			epoch := time.Now()
			info := w.announce("c", `{}`, `{"should_follow_transfer":true}`, `{"should_follow_transfer":false}`, `{"should_follow_transfer":false,"record_on_answer":true}`, `{"record_on_answer":true}`)
			k := talk{from: callerFrom, start: w.now(), octets: babble(7*rate, 1, g711.MuLaw), ssrc: 1}
			w.send(info.Legs[0].Ports.RTP, k)
			want := newExpect(7 * rate)
			want.hear(0, 0, k.octets, k.law)
			w.sleep(3*second + 400*ms)
			info = w.do("c", recording.Command{
				Action: recording.Transfer, Leg: leg, At: epoch.Add(3 * second), CallID: "new", Party: recording.Party{UserID: "U9"},
				Start: []recording.Request{{Spec: request(t, `{"should_follow_transfer":false}`).Spec, Origin: "test", Leg: leg}},
			})
			if r := info.Recordings; r[2].Reason != "transfer" || r[3].State != recording.Cancelled || r[3].Reason != "transfer" {
				t.Errorf("%v: recordings %+v", leg, r)
			}
			w.sleep(2*second - 400*ms)
			info = w.do("c", recording.Command{Action: recording.Answer})
			w.sleep(second)
			w.do("c", recording.Command{Action: recording.Hangup})
			for i, span := range map[int][2]int{0: {0, 6}, 1: {0, 6}, 2: {0, 3}, 4: {5, 6}, 5: {3, 6}} {
				f := w.file(info.Recordings[i].ID)
				same(t, info.Recordings[i].ID, f.wav(t, rate, 1), want.mono(span[0]*rate, span[1]*rate))
				id, owner := "c", ""
				if i == 5 {
					id, owner = "new", "U9"
				}
				if got := field(f, "call_id") + " " + field(f, "owner_id"); got != id+" "+owner || f.manifest.CallID != id {
					t.Errorf("%v: recording %d is of %s, want %s %s", leg, i, got, id, owner)
				}
			}
			if s := info.Spec; s.ID.Call != "c" || s.Parties[leg].UserID != "U9" || leg == recording.Callee && s.OtherLegCallID != "new" {
				t.Errorf("%v: the call is %+v", leg, s)
			}
		})
	}
}

// A transfer takes the call out of its callflow: a record_caller ends there and
// nothing follows it. What follows one that had ended before, though that was not
// known yet, ends at the transfer unless it follows.
func TestTransferOutOfACallflow(t *testing.T) {
	for _, digit := range []bool{false, true} {
		inWorld(t, func(w *world) {
			stay := `{"module":"record_call","data":{"action":"start","format":"wav","should_follow_transfer":false}`
			l := w.open(readFlow(t, chainOf(dictats, stay, starts, dictats, starts)), babble(8*rate, 3, g711.MuLaw), g711.MuLaw, nil)
			if digit {
				w.pushDigit(l.info.Legs[0].Ports.RTP, l.caller, 200, 7, 10)
			}
			w.sleep(4500 * ms)
			w.do("a@b", recording.Command{Action: recording.Transfer, Leg: recording.Caller})
			w.sleep(second + 500*ms)
			w.do("a@b", recording.Command{Action: recording.Hangup})
			w.sleep(3 * second)
			info, _ := w.m.Info(l.info.Spec.ID)
			var lengths []time.Duration
			for _, r := range info.Recordings {
				lengths = append(lengths, r.Length)
			}
			want, told := []time.Duration{4500 * ms}, []string{`transfer "" 36000`}
			if digit {
				want = []time.Duration{4 * second, 500 * ms, 2 * second, 500 * ms}
				told = []string{"pressed 7", `digit "7" 32000`, `transfer "" 36000`}
			}
			if got := w.dictated(l.epoch); !slices.Equal(lengths, want) || !slices.Equal(got, told) {
				t.Errorf("digit %v: lengths %v, told %q; want %v, %q", digit, lengths, got, want, told)
			}
		})
	}
}

// A recording of the callee's leg waits for that leg's answer, which a bridge
// implies, and has that leg's call id and user.
func TestRecordingOfTheCallee(t *testing.T) {
	for _, by := range []recording.Command{{Action: recording.Answer, Leg: recording.Callee}, {Action: recording.Bridge}} {
		inWorld(t, func(w *world) {
			r := request(t, `{"record_on_answer":true}`)
			r.Leg = recording.Callee
			spec := recording.CallSpec{
				ID: recording.CallID{Account: "acc", Call: "a"}, OtherLegCallID: "b", At: time.Now(),
				Parties: [2]recording.Party{{UserID: "U1"}, {UserID: "U2"}}, Start: []recording.Request{r, request(t, `{"record_on_answer":true}`)},
			}
			if _, _, err := w.m.Announce(w.t.Context(), spec); err != nil {
				w.t.Fatal(err)
			}
			info := w.do("a", recording.Command{Action: recording.Answer})
			if len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], `wait for {"action":"answer","leg":"callee"}`) {
				t.Errorf("the answer warns %q", info.Warnings)
			}
			if a, b := info.Recordings[0].State, info.Recordings[1].State; a != recording.Armed || b != recording.Recording {
				t.Errorf("after the caller's answer the callee's is %v, the caller's %v", a, b)
			}
			w.sleep(2 * second)
			if info := w.do("a", by); len(info.Warnings) > 0 {
				t.Errorf("the callee's answer warns %q", info.Warnings)
			}
			w.sleep(second)
			w.do("a", recording.Command{Action: recording.Hangup})
			for i, want := range []struct {
				id, user string
				length   int
			}{{"b", "U2", rate}, {"a", "U1", 3 * rate}} {
				f := w.file(info.Recordings[i].ID)
				if n := len(f.wav(t, rate, 1)); n != want.length {
					t.Errorf("recording %d has %d samples, want %d", i, n, want.length)
				}
				if m := f.manifest; m.CallID != want.id || m.Destination.Name != "call_recording_"+want.id+".wav" || field(f, "call_id") != want.id ||
					!strings.HasSuffix(field(f, "cdr_id"), "-"+want.id) || field(f, "owner_id") != want.user {
					t.Errorf("recording %d: %s, %s, %v", i, m.CallID, m.Destination.Name, m.Meta)
				}
				e, err := recording.Recall(&f.manifest)
				if err != nil || e.Call != spec.ID || e.Recording.CallID != want.id || e.Recording.Owner != want.user {
					t.Errorf("recording %d recalled: %v, call %v, %+v", i, err, e.Call, e.Recording)
				}
			}
		})
	}
}

// field is what a receiver is told of a recording.
func field(f file, key string) string {
	for _, m := range f.manifest.Meta {
		if m.Key == key {
			return m.Value
		}
	}
	return ""
}

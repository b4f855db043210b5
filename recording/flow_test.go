package recording_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/policy"
	"callrec/recording"
)

// chainOf is a callflow of nodes, each the child of the one before.
func chainOf(nodes ...string) string {
	flow := nodes[len(nodes)-1] + "}"
	for i := len(nodes) - 2; i >= 0; i-- {
		flow = nodes[i] + `,"children":{"_":` + flow + `}}`
	}
	return flow
}

const (
	starts  = `{"module":"record_call","data":{"action":"start","format":"wav"}`
	stops   = `{"module":"record_call","data":{"action":"stop"}`
	dictats = `{"module":"record_caller","data":{"format":"wav"}`
	menu    = `{"module":"menu","data":{}`
)

func TestFlowIsReadNodeByNode(t *testing.T) {
	flow := readFlow(t, chainOf(menu, starts, stops, dictats, menu, `{"module":"record_call","data":{"action":"stop","media_name":"m"}`, dictats, starts))
	var got []string
	var tell func(f recording.Flow, depth string)
	tell = func(f recording.Flow, depth string) {
		for _, n := range f {
			short := depth + fmt.Sprint(strings.Count(n.Path, "_"))
			if n.Start == nil {
				got = append(got, short+" stop "+n.MediaName)
				continue
			}
			got = append(got, fmt.Sprint(short, " start ", n.Start.CallerOnly, " ", n.Start.Origin))
			tell(n.Start.Then, depth+">")
		}
	}
	tell(flow, "")
	want := []string{"1 start false callflow : main", "2 stop ", "3 start true callflow : main", ">5 stop m", ">6 start true callflow : main", ">>7 start false callflow : main"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	b, err := json.Marshal(flow)
	if err != nil {
		t.Fatal(err)
	}
	var again recording.Flow
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, flow) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestFlowNamesEveryFault(t *testing.T) {
	schemas, err := policy.LoadSchemas(nil)
	if err != nil {
		t.Fatal(err)
	}
	long := make([]string, 18)
	for i := range long {
		long[i] = `{"module":"record_caller","data":{}`
	}
	long[1] = `{"module":"record_call","data":{"action":"start","format":"ogg"}`
	long[3] = `{"module":"record_caller","data":{"time_limit":1}`
	var node any
	if err := json.Unmarshal([]byte(chainOf(long...)), &node); err != nil {
		t.Fatal(err)
	}
	first, _ := schemas.Flow(node, "flow")
	sound, err := recording.NewFlow(first, recording.Defaults{}, "", "", "U1")
	var problems policy.Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("%v", err)
	}
	for i, want := range []string{"flow.children._.data.format", "flow.children._.children._.children._.data.time_limit", "flow" + strings.Repeat(".children._", 16)} {
		if problems[i].Path != want {
			t.Errorf("%s, want %s", problems[i].Path, want)
		}
	}
	n := 0
	for f := sound; len(f) == 1; f = f[0].Start.Then {
		n++
		if f[0].Start.Owner != "U1" {
			t.Errorf("node %s is owned by %q", f[0].Path, f[0].Start.Owner)
		}
	}
	if n != 14 { // of 16
		t.Errorf("%d nodes are sound, want 14", n)
	}
	if f, err := recording.NewFlow(nil, recording.Defaults{}, "", "", ""); f != nil || err != nil {
		t.Errorf("no flow is %v, %v", f, err)
	}
}

// A flow runs at its instant: what it starts begins there, what it stops ends
// there, and a stop that finds nothing is told of.
func TestFlowOfALiveCall(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("c", `{}`)
		w.sleep(second)
		named := `{"module":"record_call","data":{"action":"start","format":"wav","media_name":"m"}`
		other := `{"module":"record_call","data":{"action":"stop","media_name":"nobody"}`
		info := w.do("c", recording.Command{Action: recording.RunFlow, Flow: readFlow(t, chainOf(named, menu, other, starts, stops))})
		if want := []string{"flow.children._.children._"}; !slices.Equal(info.Missed, want) {
			t.Errorf("missed %q, want %q", info.Missed, want)
		}
		if now, _ := w.m.Info(info.Spec.ID); now.Missed != nil {
			t.Errorf("the picture tells of one answer: %q", now.Missed)
		}
		var states []recording.State
		for _, r := range info.Recordings {
			states = append(states, r.State)
		}
		if want := []recording.State{recording.Recording, recording.Recording, recording.Finishing}; !slices.Equal(states, want) {
			w.t.Fatalf("%v, want %v", states, want)
		}
		w.sleep(2 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		for i, want := range []int{3 * rate, 2 * rate, 0} {
			f := w.file(info.Recordings[i].ID)
			if got := len(f.wav(t, rate, 1)); got != want {
				t.Errorf("recording %d has %d samples, want %d", i, got, want)
			}
		}
		missing := recording.Command{Action: recording.RunFlow, At: time.Now(), Flow: readFlow(t, chainOf(starts))}
		var gone *recording.NotFoundError
		if _, err := w.m.Do(w.t.Context(), info.Spec.ID, missing); !errors.As(err, &gone) {
			t.Errorf("a flow after the hang-up: %v", err)
		}
	})
}

// A stop without a name does not end what a callflow waits for, a stop that
// follows it ends the newest recording there, and an announcement with a flow is
// the same only with that flow.
func TestStopsAroundADictation(t *testing.T) {
	inWorld(t, func(w *world) {
		l := w.open(readFlow(t, chainOf(starts, dictats, stops)), babble(6*rate, 3, g711.MuLaw), g711.MuLaw, nil)
		again := offeringEvents(recording.CallSpec{ID: l.info.Spec.ID, OtherLegCallID: "other", At: time.Now(), Flow: readFlow(t, chainOf(starts, dictats, stops))})
		if _, created, err := w.m.Announce(w.t.Context(), again); created || err != nil {
			t.Errorf("announced again: created %v, %v", created, err)
		}
		again.DecidedFlow = readFlow(t, chainOf(stops))
		if info, created, err := w.m.Announce(w.t.Context(), again); created || err != nil || info.Missed != nil || info.Recordings[0].State != recording.Recording {
			t.Errorf("announced again when the stored flow has changed: created %v, %v, %+v", created, err, info)
		}
		again.Flow = readFlow(t, chainOf(starts, dictats, starts))
		var conflict *recording.ConflictError
		if _, _, err := w.m.Announce(w.t.Context(), again); !errors.As(err, &conflict) {
			t.Errorf("announced with another flow: %v", err)
		}
		w.pushDigit(l.info.Legs[0].Ports.RTP, l.caller, 200, 7, 10)
		w.sleep(6 * second)
		info := w.do("a@b", recording.Command{Action: recording.Start, Start: []recording.Request{{Spec: request(t, `{}`).Spec, CallerOnly: true}}})
		if _, err := w.m.Do(w.t.Context(), info.Spec.ID, recording.Command{Action: recording.Stop, At: time.Now()}); err == nil {
			t.Error("a stop without a name ended a record_caller")
		}
		l.want.hush(0, 200*160, 210*160)
		f := w.file(info.Recordings[0].ID)
		same(t, "stopped by the flow", f.wav(t, rate, 1), l.want.mono(0, 200*160))
	})
}

// One press ends one record_caller, in whatever forms it comes: held down long, in
// band, and out of band after a gateway has let some of it through.
func TestOnePressEndsOneDictation(t *testing.T) {
	for _, c := range []struct {
		name    string
		inBand  int // samples of the tone
		packets int // of events after them
	}{{"in band", 12000, 0}, {"out of band", 0, 60}, {"both", 480, 40}} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				octets := babble(9*rate, 3, g711.MuLaw)
				copy(octets[200*160:], dial('5', c.inBand, 4000, 100, g711.MuLaw))
				copy(octets[350*160:], dial('5', 800, 4000, 100, g711.MuLaw))
				from := 200 + c.inBand/160
				l := w.open(readFlow(t, chainOf(dictats, dictats, dictats)), octets, g711.MuLaw, func(i int) bool { return i >= from && i < from+c.packets })
				if c.packets > 0 {
					w.pushDigit(l.info.Legs[0].Ports.RTP, l.caller, from, 5, c.packets)
				}
				w.sleep(9 * second)
				w.do("a@b", recording.Command{Action: recording.Hangup})
				w.sleep(3 * second)
				var got []string
				ends := []int{0}
				for _, told := range w.dictated(l.epoch) {
					var reason, digit string
					var at int
					if _, err := fmt.Sscanf(told, "%s %q %d", &reason, &digit, &at); err == nil {
						got = append(got, reason+digit)
						ends = append(ends, at)
					}
				}
				if want := []string{"digit5", "digit5", "hangup"}; !slices.Equal(got, want) {
					w.t.Fatalf("told %q", w.dictated(l.epoch))
				}
				if c.packets > 0 {
					l.want.hush(0, from*160, (from+c.packets)*160)
				}
				for i, place := range []int{200 * 160, 350 * 160, 9 * rate} {
					if off := ends[i+1] - place; off < -64 || off > 64 {
						t.Errorf("part %d ends at %d, want %d", i, ends[i+1], place)
					}
				}
				info, _ := w.m.Info(l.info.Spec.ID)
				names := map[string]bool{}
				for i, r := range info.Recordings {
					f := w.file(r.ID)
					same(t, fmt.Sprint("part ", i), f.wav(t, rate, 1), l.want.legs[0][ends[i]:ends[i+1]])
					names[f.manifest.Destination.Name] = true
				}
				if len(names) != 3 || !names["a%40b.wav"] {
					t.Errorf("names %v", names)
				}
			})
		})
	}
}

// A key that is down when a record_caller begins was pressed for something else.
func TestAKeyPressedBeforeEndsNothing(t *testing.T) {
	for _, inBand := range []bool{false, true} {
		inWorld(t, func(w *world) {
			octets := babble(6*rate, 3, g711.MuLaw)
			if inBand {
				copy(octets[98*160:], dial('5', 30*160, 4000, 0, g711.MuLaw))
			}
			l := w.open(readFlow(t, chainOf(starts)), octets, g711.MuLaw, nil)
			if !inBand {
				w.pushDigit(l.info.Legs[0].Ports.RTP, l.caller, 98, 5, 30)
			}
			w.sleep(2100 * ms) // packet 105
			w.do("a@b", recording.Command{Action: recording.RunFlow, Flow: readFlow(t, chainOf(dictats))})
			w.sleep(3 * second)
			w.do("a@b", recording.Command{Action: recording.Hangup})
			w.sleep(3 * second)
			if told, want := w.dictated(l.epoch), []string{`hangup "" 40800`}; !slices.Equal(told, want) {
				t.Errorf("in band %v: told %q, want %q", inBand, told, want)
			}
		})
	}
}

// That is so too when nobody has listened to the leg before, wherever between two
// turns the recording begins.
func TestAKeyPressedBeforeEndsNothingUnheard(t *testing.T) {
	octets := babble(4*rate, 3, g711.MuLaw)
	copy(octets[80*160:], dial('5', 40*160, 4000, 0, g711.MuLaw))
	for i := range 10 {
		inWorld(t, func(w *world) {
			armed := `{"module":"record_call","data":{"action":"start","format":"wav","record_on_bridge":true}`
			l := w.open(readFlow(t, chainOf(armed)), octets, g711.MuLaw, nil)
			w.sleep(2*second + time.Duration(i)*20*ms)
			w.do("a@b", recording.Command{Action: recording.RunFlow, Flow: readFlow(t, chainOf(dictats))})
			w.sleep(time.Until(l.epoch.Add(4 * second)))
			w.do("a@b", recording.Command{Action: recording.Hangup})
			w.sleep(3 * second)
			if told, want := w.dictated(l.epoch), []string{`hangup "" 32000`}; !slices.Equal(told, want) {
				t.Errorf("%d ms after another: told %q, want %q", 20*i, told, want)
			}
		})
	}
}

// A call that ends for want of media ends like one that hangs up.
func TestDictationOfACallThatIsGivenUp(t *testing.T) {
	inWorld(t, func(w *world) {
		l := w.open(readFlow(t, fmt.Sprintf(dictate, 60)), babble(rate, 3, g711.MuLaw), g711.MuLaw, nil)
		w.sleep(9 * second)
		told := w.dictated(l.epoch)
		if info, _ := w.m.Info(l.info.Spec.ID); len(told) != 1 || !strings.HasPrefix(told[0], `hangup "" `) || len(info.Recordings) != 1 {
			t.Errorf("told %q, %d recordings", told, len(info.Recordings))
		}
	}, func(c *recording.Config) { c.MediaTimeout = 2 * second })
}

// Without media there is silence, and a flow goes on.
func TestDictationWithoutMedia(t *testing.T) {
	inWorld(t, func(w *world) {
		epoch := time.Now()
		spec := recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "c"}, At: epoch, Legs: []recording.LegSpec{{Leg: recording.Callee}}, Flow: readFlow(t, chainOf(dictats, dictats))}
		info, _, err := w.m.Announce(w.t.Context(), spec)
		if err != nil {
			w.t.Fatal(err)
		}
		w.sleep(12 * second)
		if told, want := w.dictated(epoch), []string{`silence "" 40000`, `silence "" 80000`}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		f := w.file(info.Recordings[0].ID)
		if n := len(f.wav(t, rate, 1)); n != 5*rate {
			t.Errorf("%d samples", n)
		}
	})
}

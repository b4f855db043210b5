package recording_test

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"callrec/capture/capturetest"
	"callrec/codec/g711"
	"callrec/recording"
)

// update tells the call c something of its legs.
func (w *world) update(offer string, legs ...recording.LegSpec) recording.CallInfo {
	w.t.Helper()
	return w.do("c", recording.Command{Action: recording.Update, Change: recording.Change{Offer: offer, Legs: legs}})
}

// A new source may speak at once, the old one not any more; what the old one had
// sent stays, to the packet that came just before. Ports stay.
func TestUpdateLetsANewSourceIn(t *testing.T) {
	for name, change := range map[string]recording.LegSpec{
		"by source":         {Leg: recording.Caller, Source: calleeFrom},
		"by SDP":            offered(recording.Caller, calleeFrom),
		"by address alone":  {Leg: recording.Caller, Source: netip.MustParseAddrPort("192.0.2.8:0")},
		"of a leg from SDP": {Leg: recording.Caller, Source: netip.MustParseAddrPort("192.0.2.8:7")},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				first := recording.LegSpec{Leg: recording.Caller}
				if name == "of a leg from SDP" {
					first = offered(recording.Caller, callerFrom)
				}
				info := w.announceLegs("c", first)
				port := info.Legs[0].Ports.RTP
				start := w.now()
				from := change.Source
				if from.Port() == 0 {
					from = netip.AddrPortFrom(from.Addr(), 4711)
				}
				old := talk{from: callerFrom, start: start, octets: babble(6*rate, 1, g711.MuLaw), ssrc: 1}
				w.send(port, old)
				const switched = 2990 * ms // unaligned with packets and turns
				next := talk{from: from, start: start + switched + 5*ms, octets: babble(3*rate, 2, g711.ALaw), law: g711.ALaw, ssrc: 2, ts: 4711}
				w.send(port, next)
				w.sleep(switched)
				after := w.update("", change)
				if after.Legs[0].Ports != info.Legs[0].Ports || after.Spec.Legs[0].Source != change.Source {
					t.Errorf("after the update: %+v", after)
				}
				w.sleep(4 * second)
				w.do("c", recording.Command{Action: recording.Hangup})
				n := int((switched + 4*second) * rate / second)
				want := newExpect(n)
				want.hear(0, int((switched+5*ms)*rate/second), next.octets, next.law)
				want.hear(0, 0, old.octets[:150*160], old.law) // packets 0 to 149 came by 2.98 s; where both are, the first stays
				f := w.file(info.Recordings[0].ID)
				same(t, "mix", f.wav(t, rate, 1), want.mono(0, n))
			})
		})
	}
}

// A hold changes who is told what, and nothing that comes: RTP that is sent all the
// same is recorded, and so is the resume. Payload types of the new offer are known
// at once, and those of before go on.
func TestUpdateHoldsAndResumes(t *testing.T) {
	inWorld(t, func(w *world) {
		leg := offered(recording.Caller, callerFrom)
		info := w.announceLegs("c", leg)
		port := info.Legs[0].Ports.RTP
		k := talk{from: callerFrom, start: w.now(), octets: babble(8*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(port, k)
		w.sleep(2 * second)
		w.fake.Sent()
		held := recording.LegSpec{Leg: recording.Caller, Payloads: map[uint8]recording.Payload{8: recording.PayloadPCMA}, NoReports: true}
		after := w.update("v=0 held", held)
		if after.Spec.Legs[0].Source != callerFrom || after.Spec.Offer != "v=0 held" || after.Revision != 1 || len(after.Legs) != 1 {
			t.Errorf("held: %+v", after)
		}
		w.sleep(second)
		if after = w.update("v=0 held"); after.Revision != 1 {
			t.Errorf("the same again is revision %d", after.Revision)
		}
		w.sleep(20 * second)
		if got := w.fake.Sent(); len(got) != 0 {
			t.Errorf("%d reports to who wants none", len(got))
		}
		leg.Source = netip.AddrPort{} // the same as before
		if after = w.update("v=0", leg); after.Revision != 2 || !reflect.DeepEqual(after.Spec.Legs, []recording.LegSpec{offered(recording.Caller, callerFrom)}) {
			t.Errorf("resumed: %+v", after)
		}
		w.sleep(10 * second)
		if got := w.fake.Sent(); len(got) == 0 {
			t.Error("no reports after the resume")
		}
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(33 * rate)
		want.hear(0, 0, k.octets, k.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 33*rate))
	})
}

// A leg that the call had not gets ports and is recorded from there on; when there
// are none, nothing at all has changed.
func TestUpdateAddsALeg(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announceLegs("c", recording.LegSpec{Leg: recording.Caller})
		w.announceLegs("other", recording.LegSpec{Leg: recording.Caller})
		w.sleep(second)
		_, err := w.m.Do(w.t.Context(), info.Spec.ID, recording.Command{Action: recording.Update, At: time.Now(), Change: recording.Change{
			Offer: "v=0", Legs: []recording.LegSpec{{Leg: recording.Caller, Label: "new"}, {Leg: recording.Callee}},
		}})
		var full *recording.RefusedError
		if now, _ := w.m.Info(info.Spec.ID); !errors.As(err, &full) || len(now.Legs) != 1 || now.Spec.Offer != "" || now.Legs[0].Label != "" {
			t.Errorf("without ports: %v, %+v", err, now)
		}
		w.do("other", recording.Command{Action: recording.Hangup})
		w.sleep(2 * second) // its ports come back
		after := w.update("v=0", recording.LegSpec{Leg: recording.Callee, Label: "b"})
		if len(after.Legs) != 2 || after.Legs[1].Ports.RTP == 0 || after.Legs[1].Label != "b" || after.Spec.Legs[0].Label != "" || after.Legs[0] != info.Legs[0] {
			t.Fatalf("with ports: %+v", after)
		}
		k := talk{from: calleeFrom, start: w.now(), octets: babble(2*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(after.Legs[1].Ports.RTP, k)
		w.sleep(3 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(6 * rate)
		want.hear(1, 3*rate, k.octets, k.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 6*rate))
		if open := w.fake.Stats().Open; open != 0 {
			t.Errorf("%d pairs are still open", open)
		}
	}, func(c *recording.Config) { c.Sets[0].(*capturetest.Fake).Limit = 2 })
}

// The announcement of before is still the same announcement after an update, and a
// different one is still a conflict: only an update changes a live call.
func TestAnnouncedAgainAfterAnUpdate(t *testing.T) {
	inWorld(t, func(w *world) {
		spec := recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "c"}, At: time.Now(), Legs: []recording.LegSpec{{Leg: recording.Caller, Source: callerFrom}}}
		if _, _, err := w.m.Announce(w.t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		w.update("", recording.LegSpec{Leg: recording.Caller, Source: calleeFrom})
		spec.At = time.Now()
		info, created, err := w.m.Announce(w.t.Context(), spec)
		if err != nil || created || info.Spec.Legs[0].Source != calleeFrom {
			t.Errorf("announced again: %+v, %v, %v", info.Spec, created, err)
		}
		spec.Legs = []recording.LegSpec{{Leg: recording.Caller, Source: calleeFrom}}
		var conflict *recording.ConflictError
		if _, _, err := w.m.Announce(w.t.Context(), spec); !errors.As(err, &conflict) {
			t.Errorf("announced with the new source: %v", err)
		}
		// Recordings that come later open ports for the legs as they are now.
		info = w.do("c", recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{}`)}})
		k := talk{from: calleeFrom, start: w.now(), octets: babble(rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		w.sleep(2 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(2 * rate)
		want.hear(0, 0, k.octets, k.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 2*rate))
	})
}

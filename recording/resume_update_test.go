package recording_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// A call goes on with its legs as updates have left them, and is still the call
// that was announced, whatever documents say by now. Its recordings keep their owner.
func TestUpdatesOutliveTheWorker(t *testing.T) {
	inWorldOn(t, keepParts, func(w *world) {
		asked := request(t, `{}`)
		asked.Owner = "u1"
		spec := recording.CallSpec{
			ID: recording.CallID{Account: "acc", Call: "c"}, At: time.Now(), Offer: "first",
			Legs: []recording.LegSpec{offered(recording.Caller, callerFrom)}, Decided: []recording.Request{asked},
		}
		first, _, err := w.m.Announce(w.t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		id, begun := first.Recordings[0].ID, time.Now()
		p := party{begun, talk{from: calleeFrom, ssrc: 1}, babble(20*rate, 5, g711.MuLaw)}
		w.sleep(second)
		before := w.update("second", offered(recording.Caller, calleeFrom))
		w.speak(&p, first.Legs[0].Ports.RTP, second+20*ms, 5*second)
		w.sleep(4 * second)
		held := w.kill(2 * second)
		w.resume(20000, 1)
		p.from.ssrc = 2 // the latch is new: whoever was announced last may speak
		w.speak(&p, first.Legs[0].Ports.RTP, 7020*ms, 12*second)
		after, _ := w.m.Info(spec.ID)
		if !reflect.DeepEqual(after.Legs, before.Legs) || !reflect.DeepEqual(after.Spec.Legs, before.Spec.Legs) ||
			after.Spec.Offer != "second" || after.Revision != before.Revision || after.Interaction != before.Interaction {
			t.Errorf("after the restart: %+v\nbefore it: %+v", after, before)
		}
		if r := after.Recordings[0]; r.Owner != "u1" || !r.Created.Equal(before.Recordings[0].Created) {
			t.Errorf("owner %q, made at %v, want %v", r.Owner, r.Created, before.Recordings[0].Created)
		}
		again := spec
		again.At, again.Decided = time.Now(), nil
		if info, created, err := w.m.Announce(w.t.Context(), again); err != nil || created || info.Recordings[0].ID != id {
			t.Errorf("announced again: %+v, %v, %v", info, created, err)
		}
		again.Offer = "second"
		var conflict *recording.ConflictError
		if _, _, err := w.m.Announce(w.t.Context(), again); !errors.As(err, &conflict) {
			t.Errorf("announced as it is by now: %v", err)
		}
		more := w.update("third", offered(recording.Callee, callerFrom))
		if len(more.Legs) != 2 || more.Legs[1].Ports.RTP == 0 || more.Revision <= before.Revision {
			t.Errorf("a leg that is new after the restart: %+v", more)
		}
		w.sleep(4 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		f := w.file(id)
		n, end := 11*rate, int(held[id]-44)/2
		want := newExpect(n)
		want.hear(0, rate+160, p.octets[rate+160:], g711.MuLaw)
		want.hush(0, end, 7*rate+160)
		same(t, "updated", f.wav(t, rate, 1), want.mono(0, n))
		if e, err := recording.Recall(&f.manifest); err != nil || e.Recording.Owner != "u1" || e.Interaction != first.Interaction {
			t.Errorf("recalled: %+v, %v", e, err)
		}
	})
}

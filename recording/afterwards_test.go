package recording_test

import (
	"slices"
	"testing"

	"callrec/recording"
)

// What the deliverers say of a recording moves it and is told, while its call is
// known and after; what makes no sense changes nothing.
func TestOutcomesAreTold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.undelivered = true
		info := w.announce("c", `{}`)
		id, call := info.Recordings[0].ID, info.Spec.ID
		w.sleep(2 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		w.sleep(5 * second)
		for _, known := range []bool{true, false} {
			if !known {
				w.sleep(2 * 60 * second)
			}
			if _, ok := w.m.Info(call); ok != known {
				t.Fatalf("the call is known: %v, want %v", ok, known)
			}
			w.mu.Lock()
			w.events = nil
			w.mu.Unlock()
			before := w.m.Stats().Entered
			for _, step := range []struct {
				do    func()
				state recording.State
				why   string
			}{
				{func() { w.m.Parked(call, id, "it answered 404") }, recording.Parked, "it answered 404"},
				{func() { w.m.Retried(call, id) }, recording.Spooled, "retried"},
				{func() { w.m.Parked(call, id, "it answered 405") }, recording.Parked, "it answered 405"},
				{func() { w.m.Retried(call, id) }, recording.Spooled, "retried"},
			} {
				step.do()
				w.sleep(ms)
				e := w.events[len(w.events)-1]
				if e.Name != step.state.String() || e.Call != call || e.Detail != step.why || e.Recording == nil || e.Recording.ID != id ||
					e.Recording.State != step.state || e.Recording.Reason != step.why {
					t.Fatalf("known %v: %+v, want %v because %q", known, e, step.state, step.why)
				}
				if now, ok := w.m.Info(call); ok && now.Recordings[0].State != step.state {
					t.Errorf("the call says %v, want %v", now.Recordings[0].State, step.state)
				}
			}
			if got := w.m.Stats().Entered; len(w.events) != 4 || got[recording.Parked] != before[recording.Parked]+2 || got[recording.Spooled] != before[recording.Spooled]+2 {
				t.Errorf("known %v: %d events, entered %v after %v", known, len(w.events), got, before)
			}
			if known {
				w.m.Retried(call, id) // it is on its way already
				w.sleep(ms)
				if len(w.events) != 4 {
					t.Errorf("a retry of what is not parked is told: %+v", w.events[4:])
				}
			}
		}
		w.m.Spooled(id) // no call is told with it, so nobody could be told
		w.m.Delivered(call, id)
		w.sleep(ms)
		if e := w.events[len(w.events)-1]; len(w.events) != 5 || e.Name != "delivered" || e.Detail != "" {
			t.Errorf("%+v", w.events)
		}
		names := []string{}
		for _, e := range w.events {
			names = append(names, e.Name)
		}
		if !slices.Equal(names, []string{"parked", "spooled", "parked", "spooled", "delivered"}) {
			t.Errorf("%v", names)
		}
	})
}

package recording_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/codec/g711"
	"callrec/recording"
	"callrec/upload/spool"
)

// A Manager that is stepped makes the file that one of its own goroutines makes,
// however long the steps are; nothing happens between them.
func TestStepsOfAnyLength(t *testing.T) {
	epoch := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	octets := babble(4*rate, 1, g711.MuLaw)
	want := newExpect(5 * rate)
	want.hear(0, rate, octets, g711.MuLaw)
	want.hush(0, 2*rate, 3*rate)
	for _, step := range []time.Duration{ms, 7 * ms, 200 * ms, second, time.Minute} {
		w := &world{t: t, files: map[string]file{}}
		sp, err := spool.Open(spool.Config{Dir: t.TempDir(), Repair: recording.Repair, OnReady: w.take})
		if err != nil {
			t.Fatal(err)
		}
		w.fake = capturetest.NewFake(20000, recording.Slots)
		w.m, err = recording.NewStepped(recording.Config{
			Sets: []capture.Set{w.fake}, Spool: sp, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			OnEvent: func(e recording.Event) { w.events = append(w.events, e) },
		}, epoch)
		if err != nil {
			t.Fatal(err)
		}
		id := recording.CallID{Account: "acc", Call: "c"}
		info, _, err := w.m.Announce(t.Context(), recording.CallSpec{ID: id, At: epoch, Start: []recording.Request{request(t, `{}`)}})
		if err != nil {
			t.Fatal(err)
		}
		w.send(info.Legs[0].Ports.RTP, talk{from: callerFrom, start: second, octets: octets, ssrc: 1})
		now := time.Duration(0)
		until := func(to time.Duration) {
			for now < to {
				now = min(now+step, to)
				w.m.Step(now)
			}
		}
		for _, c := range []recording.Command{
			{Action: recording.Mask, At: epoch.Add(2 * second)}, {Action: recording.Unmask, At: epoch.Add(3 * second)}, {Action: recording.Hangup, At: epoch.Add(5 * second)},
		} {
			until(c.At.Sub(epoch))
			w.do("c", c)
		}
		until(6500 * ms)
		if n := w.m.Stats().Calls; n != 0 {
			t.Errorf("steps of %v: %d calls are left", step, n)
		}
		if err := sp.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.m.Step(now) // what the spool has said meanwhile
		f := w.files[info.Recordings[0].ID]
		same(t, step.String(), f.wav(t, rate, 1), want.mono(0, 5*rate))
		if f.manifest.ID != info.Recordings[0].ID || f.manifest.ID[:6] != "202605" || !f.manifest.Started.Equal(epoch) {
			t.Errorf("%s, begun at %v", f.manifest.ID, f.manifest.Started)
		}
		last := w.events[len(w.events)-1]
		if last.Name != "delivered" || !last.At.Equal(epoch.Add(6500*ms)) {
			t.Errorf("steps of %v end with %s at %v", step, last.Name, last.At)
		}
		w.m.Close()
		if err := sp.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

func TestStepsAreOfOneShard(t *testing.T) {
	sets := []capture.Set{capturetest.NewFake(20000, recording.Slots), capturetest.NewFake(30000, recording.Slots)}
	if _, err := recording.NewStepped(recording.Config{Sets: sets, Spool: &spool.Spool{}}, time.Time{}); err == nil {
		t.Error("two sets were taken")
	}
}

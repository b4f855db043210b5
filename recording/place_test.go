package recording_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/recording"
)

// A shard that has no ports, though it has no calls either, does not cost the
// worker a call that another shard can take.
func TestAnotherShardHasPorts(t *testing.T) {
	other := capturetest.NewFake(30000, recording.Slots)
	inWorld(t, func(w *world) {
		for _, id := range []string{"one", "two"} {
			if info := w.announce(id, `{}`); info.Legs[0].Ports.RTP < 30000 {
				t.Errorf("%s is at %+v", id, info.Legs)
			}
			w.do(id, recording.Command{Action: recording.Mask}) // commands find it there
		}
		_, _, err := w.m.Announce(w.t.Context(), recording.CallSpec{
			ID: recording.CallID{Account: "acc", Call: "three"}, At: time.Now(), Start: []recording.Request{request(t, `{}`)},
		})
		var refused *recording.RefusedError
		var full *capture.NoPortsError
		if !errors.As(err, &refused) || !errors.As(err, &full) || full.Open < 4 || !strings.Contains(err.Error(), "--rtp-ports") {
			t.Errorf("refused with %v", err)
		}
		for _, id := range []string{"one", "two"} {
			w.do(id, recording.Command{Action: recording.Hangup})
		}
		w.sleep(3 * second)
		if stats := w.m.Stats(); stats.Calls != 0 || other.Stats().Open != 0 || w.fake.Stats().Open != 0 {
			t.Errorf("left: %+v", stats)
		}
	}, func(c *recording.Config) {
		c.Sets[0].(*capturetest.Fake).Limit, other.Limit = 1, 4 // a call takes two pairs
		c.Sets = append(c.Sets, other)
	})
}

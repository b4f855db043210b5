package recording_test

import (
	"testing"
	"time"

	"callrec/recording"
)

// Who hangs up twice is told of the call as it ended, as long as it is known.
func TestSecondHangup(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("c", `{}`)
		w.sleep(2 * second)
		first := w.do("c", recording.Command{Action: recording.Hangup})
		for _, wait := range []time.Duration{0, 500 * ms, 30 * second} {
			w.sleep(wait)
			again := w.do("c", recording.Command{Action: recording.Hangup})
			if again.State != "ended" || again.Recordings[0].ID != first.Recordings[0].ID || again.Recordings[0].Length != 2*second {
				t.Errorf("after %v: %+v", wait, again)
			}
		}
		ended := 0
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, e := range w.events {
			if e.Name == "ended" {
				ended++
			}
		}
		if ended != 1 {
			t.Errorf("%d events tell of the end", ended)
		}
	})
}

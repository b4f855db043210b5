package recording_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"callrec/recording"
)

// An account that is refused is refused alone; a disk that has no room for further
// recordings gets none, neither those asked for nor those armed, and what runs
// goes on.
func TestRefusals(t *testing.T) {
	var full atomic.Bool
	inWorld(t, func(w *world) {
		other := recording.CallSpec{ID: recording.CallID{Account: "over quota", Call: "c"}, At: time.Now()}
		var refused *recording.RefusedError
		if _, _, err := w.m.Announce(w.t.Context(), other); !errors.As(err, &refused) || refused.RetryAfter == 0 || refused.Reason != "7 of 5 MB" {
			t.Errorf("over its quota: %v", err)
		}
		info := w.announce("c", `{}`, `{"record_on_answer":true}`)
		w.sleep(2 * second)
		full.Store(true)
		start := recording.Command{Action: recording.Start, At: time.Now(), Start: []recording.Request{request(t, `{}`)}}
		if _, err := w.m.Do(w.t.Context(), info.Spec.ID, start); !errors.As(err, &refused) || refused.RetryAfter == 0 || refused.Reason != "1 of 2 MB" {
			t.Errorf("started on a full disk: %v", err)
		}
		now := w.do("c", recording.Command{Action: recording.Answer})
		if now.Recordings[0].State != recording.Recording || now.Recordings[1].State != recording.Failed || now.Recordings[1].Reason != "1 of 2 MB" {
			t.Errorf("after the answer: %+v", now.Recordings)
		}
		full.Store(false)
		now = w.do("c", start)
		w.sleep(2 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		f, third := w.file(info.Recordings[0].ID), w.file(now.Recordings[2].ID)
		if n := len(f.wav(t, rate, 1)); n != 4*rate {
			t.Errorf("the one that ran has %d samples", n)
		}
		if n := len(third.wav(t, rate, 1)); n == 0 {
			t.Error("the one that was started later has no samples")
		}
	}, func(c *recording.Config) {
		c.Admit = func(account string) error {
			if account == "over quota" {
				return errors.New("7 of 5 MB")
			}
			return nil
		}
		c.Begin = func(string) error {
			if full.Load() {
				return errors.New("1 of 2 MB")
			}
			return nil
		}
	})
}

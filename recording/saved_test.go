package recording_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callrec/recording"
	"callrec/upload/spool"
)

// A mask is answered once the disk has it: a worker that is killed at that very
// moment goes on masked.
func TestAnswerToAMaskOutlivesAKill(t *testing.T) {
	const slow = 300 * ms
	disk := func(c *spool.Config) {
		c.KeepParts = true
		c.Fault = func(op, _ string) error {
			if op == "rename" { // which is when the disk has it
				time.Sleep(slow)
			}
			return nil
		}
	}
	inWorldOn(t, disk, func(w *world) {
		w.announce("c", `{}`)
		w.sleep(3 * second)
		before := w.now()
		info := w.do("c", recording.Command{Action: recording.Mask})
		if took := w.now() - before; took < slow || len(info.Warnings) > 0 {
			t.Errorf("the answer came after %v, the disk takes %v; warnings %q", took, slow, info.Warnings)
		}
		w.kill(second)
		w.resume(20000, 1)
		now, _ := w.m.Info(info.Spec.ID)
		if got := now.Recordings[0].State; got != recording.Masked {
			t.Errorf("after the kill it is %v", got)
		}
		w.do("c", recording.Command{Action: recording.Hangup})
	})
}

// When the disk cannot take it for a second, the answer says so.
func TestAnswerSaysThatTheDiskIsBehind(t *testing.T) {
	var stuck atomic.Bool
	disk := func(c *spool.Config) {
		c.Fault = func(string, string) error {
			if stuck.Load() {
				time.Sleep(5 * second)
			}
			return nil
		}
	}
	inWorldOn(t, disk, func(w *world) {
		w.announce("c", `{}`)
		w.sleep(second)
		stuck.Store(true)
		before := w.now()
		info := w.do("c", recording.Command{Action: recording.Mask})
		if took := w.now() - before; took != second || len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], "the disk has not taken it") {
			t.Errorf("the answer came after %v with the warnings %q", took, info.Warnings)
		}
		if now, _ := w.m.Info(info.Spec.ID); now.Warnings != nil {
			t.Errorf("the picture has the warnings %q of one answer", now.Warnings)
		}
		stuck.Store(false)
		w.sleep(30 * second)
	})
}

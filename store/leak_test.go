package store

import (
	"fmt"
	"runtime"
	"testing"
)

// What the watch shows costs no goroutine that stays: a worker sees some changes for
// each recording, for months.
func TestChangesLeaveNoGoroutines(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		w := newWatcher()
		s := open(Config{seen: w.seen})
		change := func(n int) {
			for i := range n {
				upsert(t, s, Recording{Account: "acc", ID: fmt.Sprintf("202611-%d", i), State: "spooled", At: noon, Created: noon, Doc: doc(`1`)})
			}
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.wait(t, s.recordings)
		}
		change(1)
		before := runtime.NumGoroutine()
		change(500)
		if now := runtime.NumGoroutine(); now > before+50 {
			t.Errorf("%d goroutines before 500 changes, %d after", before, now)
		}
	})
}

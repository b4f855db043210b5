package spool

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// With SyncEvery everything that a running part has handed over is synced within
// that time, the longest a power cut may cost; a sync that fails is done again,
// and a slow one holds nobody up. What has nothing new is not synced.
func TestSyncEvery(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var unsynced, worst time.Duration // since when, how long at most
		syncs, fail := 0, true
		start := time.Now()
		s, _ := openTest(t, dir, func(c *Config) {
			c.SyncEvery = 5 * time.Second
			c.Fault = func(op, _ string) error {
				switch op {
				case "write":
					mu.Lock()
					if unsynced == 0 {
						unsynced = time.Since(start)
					}
					mu.Unlock()
				case "syncfs":
					begun := time.Since(start)
					time.Sleep(time.Second)
					mu.Lock()
					defer mu.Unlock()
					syncs++
					if fail {
						fail = false
						return errNoSpace
					}
					if unsynced > 0 && unsynced <= begun {
						worst = max(worst, time.Since(start)-unsynced)
						unsynced = 0
					}
				}
				return nil
			}
		})
		p := create(t, s, 1)
		for range 100 {
			write(t, p, audio(6400))
			p.Flush()
			time.Sleep(400 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		mu.Lock()
		if unsynced != 0 || worst > 11*time.Second || worst < time.Second {
			t.Errorf("%v was not synced, %v waited for it at most", unsynced, worst)
		}
		before := syncs
		mu.Unlock()
		if st := s.Stats(); st.SyncFaults != 1 {
			t.Errorf("%+v", st)
		}
		time.Sleep(time.Minute)
		if syncs != before {
			t.Errorf("%d syncs with nothing to sync", syncs-before)
		}
		p.Commit(header(640_000), manifest(1))
		closeTest(t, s)
	})
}

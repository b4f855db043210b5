package upload_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"callrec/upload"
	"callrec/upload/spool"
)

// Two operators who send everything again at the same time: each recording goes
// out once, is told of before it does, and one that cannot be read stands in no
// other's way.
func TestRedriveAllTwiceAtOnce(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		const n = 600
		refuse := true
		f := &fake{answer: func(upload.Object, int) error {
			if refuse {
				return upload.Fail(upload.Permanent, "no such bucket")
			}
			return nil
		}}
		var mu sync.Mutex
		told := map[string]int{}
		r := start(t, dir, f, func(c *upload.Config) {
			outcome := c.OnOutcome
			c.OnRedrive = func(r spool.Ready) {
				mu.Lock()
				defer mu.Unlock()
				told[r.ID()]++
			}
			c.OnOutcome = func(o upload.Outcome) {
				mu.Lock()
				if o.Delivered && told[o.ID] != 1 {
					t.Errorf("%s is delivered after %d redrives", o.ID, told[o.ID])
				}
				mu.Unlock()
				outcome(o)
			}
		})
		many(t, r, n, "")
		time.Sleep(time.Hour)
		if list := upload.ListParked(r.Spool, "", n+1); len(list) != n || list[0].Class != "permanent" || list[0].LastError != "no such bucket" || list[0].Tries != 1 {
			t.Fatalf("%d parked, %+v", len(list), list[:1])
		}
		refuse = false
		before := len(r.outcomes())
		if err := os.WriteFile(filepath.Join(dir, recID(300)+".json"), []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := make(chan int, 2)
		for range 2 {
			go func() {
				n, err := r.q.RedriveAll(context.Background(), r.Spool)
				if err != nil && !strings.Contains(err.Error(), recID(300)) {
					t.Error(err)
				}
				sum <- n
			}()
		}
		got := <-sum + <-sum
		time.Sleep(time.Minute)
		if outs := r.outcomes(); got != n-1 || len(outs)-before != n-1 || len(told) != n-1 {
			t.Errorf("%d redriven, %d delivered, %d told", got, len(outs)-before, len(told))
		}
		done, cancel := context.WithCancel(context.Background())
		cancel()
		if n, err := r.q.RedriveAll(done, r.Spool); n != 0 || err != nil {
			t.Errorf("after its time: %d, %v", n, err)
		}
		if st := r.Spool.Stats(); st.Parked != 1 || st.Ready != 0 {
			t.Errorf("%+v", st)
		}
		r.stop(t, context.Background())
	})
}

package upload_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callrec/upload"
	"callrec/upload/spool"
)

// many records n recordings, the newest first, all for one url.
func many(t *testing.T, r *rig, n int, url string) {
	t.Helper()
	for i := range n {
		record(t, r.Spool, n-i, url, []byte{1})
		if i%200 == 0 { // few files open at a time
			if err := r.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestOutage: a receiver is down for a day with 10,000 recordings waiting for
// it. While it is, it costs a probe now and then; when it is back, they go out
// in the order of their age.
func TestOutage(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		const url = "https://down.example/rec"
		up := time.Now().Add(24 * time.Hour)
		mostDown := 0
		f := &fake{}
		f.answer = func(upload.Object, int) error {
			if time.Now().Before(up) {
				f.mu.Lock()
				mostDown = max(mostDown, f.at)
				f.mu.Unlock()
				return errDown
			}
			time.Sleep(50 * time.Millisecond)
			return nil
		}
		r := start(t, dir, f, nil)
		many(t, r, n, url)
		time.Sleep(time.Minute)
		goroutines := runtime.NumGoroutine()
		time.Sleep(23*time.Hour + 58*time.Minute)
		tries := len(f.calls())
		// 1 s, 2 s, …, 10 min and then every 10 min of a day, and the first few.
		if tries > 24*6+30 || mostDown > 1 {
			t.Errorf("the receiver that was down saw %d tries in a day, %d at once", tries, mostDown)
		}
		if st := r.q.Stats(); st.Waiting != n || st.Down != 1 || st.Destinations != 1 {
			t.Errorf("while it is down: %+v", st)
		}
		if g := runtime.NumGoroutine(); g > goroutines {
			t.Errorf("%d goroutines, had %d", g, goroutines)
		}
		time.Sleep(30 * time.Minute)
		if st := r.q.Stats(); st.Delivered != int64(n) || st.Waiting+st.Active+st.Destinations != 0 {
			t.Errorf("half an hour after it is back: %+v", st)
		}
		if f.most > 8 {
			t.Errorf("%d connections at once", f.most)
		}
		inOrder(t, f.order[tries:], n)
		r.stop(t, context.Background())
	})
}

// inOrder checks that deliveries went out by age, but for the probes that found
// the receiver again, and for what goes out at the same time.
func inOrder(t *testing.T, order []string, n int) {
	t.Helper()
	early := 0
	seen := map[string]bool{}
	for i, id := range order {
		var age int
		if _, err := fmt.Sscanf(id, "202611-%x", &age); err != nil || seen[id] {
			t.Fatalf("%s is no recording, or delivered twice", id)
		}
		seen[id] = true
		if d := age - 1 - i; d > 8 || d < -9 {
			early++
		}
	}
	if len(seen) != n || early > 1 {
		t.Errorf("%d of %d delivered, %d out of order", len(seen), n, early)
	}
}

// TestOneDeadReceiverHoldsUpNoOther, nor does an account with very many of them.
func TestOneDeadReceiverHoldsUpNoOther(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(o upload.Object, _ int) error {
			if strings.Contains(o.Destination.URL, "dead") {
				time.Sleep(time.Hour) // takes all the time it gets
				return errDown
			}
			time.Sleep(time.Second)
			return nil
		}}
		r := start(t, dir, f, func(c *upload.Config) { c.Workers = 8; c.Idle = 2 * time.Hour })
		for i := range 100 {
			record(t, r.Spool, i, fmt.Sprintf("http://dead%d.example/", i), []byte{1})
		}
		time.Sleep(time.Second)
		if st := r.q.Stats(); st.Active != 4 {
			t.Errorf("an account's dead receivers hold %d of 8 workers, want half", st.Active)
		}
		for i := range 30 {
			m := manifest(200+i, "http://u:p@Alive.example:80/x?y")
			m.Account = "other"
			recordAs(t, r.Spool, m)
		}
		record(t, r.Spool, 300, "", nil) // the default target, same account
		time.Sleep(20 * time.Second)
		if outs := r.outcomes(); len(outs) != 31 {
			t.Errorf("%d of 31 delivered beside the dead", len(outs))
		}
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.stop(t, grace)
	})
}

// Receivers of several accounts that take a body and then stand still hold workers
// for as long as they are let: another account's recordings go out beside them.
func TestStallingAccountsStarveNobody(t *testing.T) {
	for _, stalling := range []int{2, 9} {
		dir := memDir(t)
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answer: func(o upload.Object, _ int) error {
				if strings.Contains(o.Destination.URL, "stall") {
					time.Sleep(time.Hour)
					return errDown
				}
				time.Sleep(time.Second)
				return nil
			}}
			r := start(t, dir, f, func(c *upload.Config) { c.Idle = 2 * time.Hour })
			for i := range 20 * stalling {
				m := manifest(i, fmt.Sprintf("http://stall%d.example/", i))
				m.Account = fmt.Sprint("stalling-", i/20)
				recordAs(t, r.Spool, m, 1)
			}
			time.Sleep(time.Second)
			const n = 5
			for i := range n {
				m := manifest(900+i, "http://alive.example/")
				m.Account = "other"
				recordAs(t, r.Spool, m, 1)
			}
			time.Sleep(20 * time.Second)
			if st := r.q.Stats(); st.Delivered != n {
				t.Errorf("beside %d accounts that stall, which hold %d workers, %d of %d were delivered", stalling, st.Active, st.Delivered, n)
			}
			// When the stalling ones are given up, those of them that wait have their turn.
			time.Sleep(48 * time.Hour)
			f.mu.Lock()
			if tried := len(f.tries); tried != 20*stalling+n {
				t.Errorf("%d of %d were tried", tried, 20*stalling+n)
			}
			f.mu.Unlock()
			grace, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			r.stop(t, grace)
		})
	}
}

func TestOneRecordingThatAReceiverChokesOnHoldsUpNoOther(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		poison := []string{recID(1), recID(2), recID(3), recID(4)} // the oldest
		f := &fake{answer: func(o upload.Object, _ int) error {
			if slices.Contains(poison, o.ID) {
				return errDown
			}
			return nil
		}}
		r := start(t, dir, f, nil)
		for i := 1; i <= 4; i++ {
			record(t, r.Spool, i, "http://h.example/", nil)
		}
		time.Sleep(5 * time.Hour)
		if st := r.q.Stats(); st.Down != 1 {
			t.Errorf("four that fail: %+v", st)
		}
		for i := range 50 {
			record(t, r.Spool, 100+i, "http://h.example/", nil)
		}
		time.Sleep(16 * time.Minute) // the longest wait for a probe
		if outs := r.outcomes(); len(outs) != 50 {
			t.Errorf("%d of 50 delivered beside the four that fail", len(outs))
		}
		r.stop(t, context.Background())
	})
}

func TestARetryAfterPausesTheDestination(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		f := &fake{answer: func(upload.Object, int) error {
			if time.Since(begin) < time.Hour {
				return &upload.Error{RetryAfter: time.Hour, Err: errDown}
			}
			return nil
		}}
		r := start(t, dir, f, nil)
		many(t, r, 20, "http://busy.example/")
		time.Sleep(59 * time.Minute)
		if n := len(f.calls()); n != 1 {
			t.Errorf("%d tries within the hour that it asked for, want 1", n)
		}
		time.Sleep(2 * time.Minute)
		if outs := r.outcomes(); len(outs) != 20 {
			t.Errorf("%d of 20 delivered after it", len(outs))
		}
		r.stop(t, context.Background())
	})
}

// TestParkedAreRedriven: what was never delivered within the time is parked, also
// what no probe ever took; it is listed, survives a restart, and goes out when
// the operator says so.
func TestParkedAreRedriven(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		const n = 300
		failure := errors.New("no route")
		f := &fake{answer: func(upload.Object, int) error { return failure }}
		r := start(t, dir, f, func(c *upload.Config) { c.Keep = 10 * time.Hour })
		many(t, r, n, "https://u:secret@gone.example/in?key=secret")
		time.Sleep(11 * time.Hour)
		if outs := r.outcomes(); len(outs) != n || outs[0].Err == nil || outs[n-1].Err == nil {
			t.Fatalf("%d of %d parked", len(outs), n)
		}
		if tries := len(f.calls()); tries > 90 {
			t.Errorf("%d tries for %d recordings", tries, n)
		}
		r.stop(t, context.Background())

		failure = nil
		r = start(t, dir, f, nil)
		var ids []string
		for after := ""; ; {
			list := upload.ListParked(r.Spool, after, 128)
			if len(list) == 0 {
				break
			}
			for _, p := range list {
				ids, after = append(ids, p.ID), p.ID
				if p.URL != "https://redacted@gone.example/in?redacted" || !strings.Contains(p.Reason, "within 10h0m0s: no route") || p.Account != "acme" || p.Class != "retry" || p.LastError == "" || p.Size != 1 || p.Started.IsZero() {
					t.Fatalf("%+v", p)
				}
			}
		}
		if len(ids) != n || !slices.IsSorted(ids) {
			t.Fatalf("%d listed", len(ids))
		}
		if err := r.q.Redrive(r.Spool, ids[7]); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if outs := r.outcomes(); len(outs) != 1 || outs[0].ID != ids[7] || !outs[0].Delivered || outs[0].Tries != 1 {
			t.Errorf("redriven: %+v", outs)
		}
		for _, id := range []string{ids[7], "nonsense", "../x"} {
			if err := r.q.Redrive(r.Spool, id); !errors.Is(err, spool.ErrNotParked) {
				t.Errorf("redrive %q: %v", id, err)
			}
		}
		if got, err := r.q.RedriveAll(t.Context(), r.Spool); got != n-1 || err != nil {
			t.Errorf("redrove %d, %v", got, err)
		}
		time.Sleep(time.Second)
		if st := r.Spool.Stats(); len(r.outcomes()) != n || st != (spool.Stats{}) {
			t.Errorf("%d delivered, %+v", len(r.outcomes()), st)
		}
		r.stop(t, context.Background())
	})
}

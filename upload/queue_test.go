package upload_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callrec/upload"
	"callrec/upload/spool"
)

func TestDelivered(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		var got upload.Object
		f := &fake{answer: func(o upload.Object, _ int) error { got = o; return nil }}
		var log bytes.Buffer
		r := start(t, dir, f, func(cfg *upload.Config) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		record(t, r.Spool, 1, "https://u:secret@h.example/rec?key=secret", []byte("audio"))
		synctest.Wait()
		if want := "account=acme call=call-1 recording=" + recID(1) + " url=https://redacted@h.example/rec?redacted tries=1\n"; !strings.HasSuffix(log.String(), want) {
			t.Errorf("it logs %q, want %q", log.String(), want)
		}
		outs := r.outcomes()
		if len(outs) != 1 || !outs[0].Delivered || outs[0].Tries != 1 || outs[0].ID != recID(1) || outs[0].URL != "https://redacted@h.example/rec?redacted" {
			t.Errorf("outcomes %+v", outs)
		}
		if r.Spool.Stats() != (spool.Stats{}) || r.Holds("acme", "call-1") {
			t.Errorf("the spool still holds %+v", r.Spool.Stats())
		}
		if st := r.q.Stats(); st.Delivered != 1 || st.Waiting+st.Active != 0 {
			t.Errorf("%+v", st)
		}
		var side map[string]any
		if err := json.Unmarshal(got.Sidecar, &side); err != nil || side["id"] != recID(1) || side["from"] != "1001" || side["duration_ms"] != 7.0 ||
			side["call_id"] != "call-1" || side["account_id"] != "acme" || side["size"] != 5.0 || side["quality"] == nil {
			t.Errorf("sidecar %s (%v)", got.Sidecar, err)
		}
		if strings.Contains(string(got.Sidecar), "secret") {
			t.Errorf("sidecar shows credentials: %s", got.Sidecar)
		}
		r.stop(t, context.Background())
	})
}

func TestWaitsGrowAndAreCapped(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(_ upload.Object, try int) error {
			if try <= 14 {
				return errDown
			}
			return nil
		}}
		r := start(t, dir, f, nil)
		record(t, r.Spool, 1, "", nil)
		time.Sleep(24 * time.Hour)
		w := f.waits()
		want := time.Second
		for i, d := range w {
			if d != want {
				t.Errorf("wait %d is %v, want %v", i, d, want)
			}
			want = min(2*want, 10*time.Minute)
		}
		if outs := r.outcomes(); len(w) != 14 || len(outs) != 1 || !outs[0].Delivered || outs[0].Tries != 15 {
			t.Errorf("%d waits, outcomes %+v", len(w), outs)
		}
		r.stop(t, context.Background())
	})
}

func TestEndsByClass(t *testing.T) {
	for name, c := range map[string]struct {
		err      error
		sleep    time.Duration
		min, max int // tries
		after    time.Duration
	}{
		"permanent":   {upload.Fail(upload.Permanent, "no such method"), time.Minute, 1, 1, 0},
		"slow":        {upload.Fail(upload.Slow, "it answered 404"), 30 * time.Hour, 24, 26, 24 * time.Hour},
		"down":        {errDown, 200 * time.Hour, 168 * 6, 168*6 + 20, 168 * time.Hour},
		"retry after": {&upload.Error{RetryAfter: 2 * time.Hour, Err: errDown}, 200 * time.Hour, 85, 86, 168 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			dir := memDir(t)
			synctest.Test(t, func(t *testing.T) {
				f := &fake{answer: func(upload.Object, int) error { return c.err }}
				r := start(t, dir, f, nil)
				record(t, r.Spool, 1, "", nil)
				time.Sleep(c.sleep)
				outs := r.outcomes()
				if len(outs) != 1 || outs[0].Delivered || !errors.Is(outs[0].Err, c.err) || outs[0].Tries < c.min || outs[0].Tries > c.max {
					t.Fatalf("outcomes %+v, want one parked after %d to %d tries", outs, c.min, c.max)
				}
				tried := f.calls()
				if d := tried[len(tried)-1].Sub(tried[0]); d < c.after || d > c.after+3*time.Hour {
					t.Errorf("parked after %v, want %v", d, c.after)
				}
				if st := r.Spool.Stats(); st.Parked != 1 || st.Ready != 0 {
					t.Errorf("%+v", st)
				}
				r.stop(t, context.Background())
				// A restart leaves it parked.
				r = start(t, dir, f, nil)
				time.Sleep(time.Hour)
				if st := r.Spool.Stats(); st.Parked != 1 || len(r.outcomes()) != 0 {
					t.Errorf("after a restart: %+v", st)
				}
				r.stop(t, context.Background())
			})
		})
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(_ upload.Object, try int) error {
			if try == 1 {
				return &upload.Error{RetryAfter: 90 * time.Second, Err: errDown}
			}
			return nil
		}}
		r := start(t, dir, f, nil)
		record(t, r.Spool, 1, "", nil)
		time.Sleep(time.Hour)
		if w := f.waits(); !slices.Equal(w, []time.Duration{90 * time.Second}) {
			t.Errorf("waits %v", w)
		}
		r.stop(t, context.Background())
	})
}

// A target may wish for a day, not for longer: a mistake of its clock must not hold
// recordings back for weeks.
func TestRetryAfterIsKeptForADayAtMost(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(_ upload.Object, try int) error {
			if try == 1 {
				return &upload.Error{RetryAfter: 240 * time.Hour, Err: errDown}
			}
			return nil
		}}
		r := start(t, dir, f, nil)
		record(t, r.Spool, 1, "", nil)
		time.Sleep(100 * time.Hour)
		if w := f.waits(); !slices.Equal(w, []time.Duration{24 * time.Hour}) {
			t.Errorf("waits %v", w)
		}
		r.stop(t, context.Background())
	})
}

func TestBookkeepingSurvivesARestart(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(upload.Object, int) error { return errDown }}
		r := start(t, dir, f, nil)
		record(t, r.Spool, 1, "", nil)
		time.Sleep(100 * time.Hour)
		tries := len(f.calls())
		r.stop(t, context.Background())
		time.Sleep(100 * time.Hour) // the worker is down; its time is over, but it tries once more
		r = start(t, dir, f, nil)
		time.Sleep(time.Hour)
		if outs := r.outcomes(); len(outs) != 1 || outs[0].Delivered || outs[0].Tries != tries+1 || len(f.calls()) != tries+1 {
			t.Errorf("after %d tries: %+v, %d more", tries, outs, len(f.calls()))
		}
		r.stop(t, context.Background())
	})
}

func TestOutageOldestFirst(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		const n = 50
		up := time.Now().Add(24 * time.Hour)
		f := &fake{answer: func(upload.Object, int) error {
			if time.Now().Before(up) {
				return errDown
			}
			time.Sleep(10 * time.Millisecond)
			return nil
		}}
		r := start(t, dir, f, func(c *upload.Config) { c.Workers = 4; c.Rand = func() float64 { return 0.5 } })
		for i := range n {
			record(t, r.Spool, n-i, "", []byte{1})
		}
		time.Sleep(25 * time.Hour)
		if outs := r.outcomes(); len(outs) != n || f.most > 4 {
			t.Errorf("%d of %d delivered, %d at once", len(outs), n, f.most)
		}
		r.stop(t, context.Background())
	})
}

func TestDueGoOldestFirst(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := &fake{answer: func(o upload.Object, _ int) error { <-gate; return nil }}
		r := start(t, dir, f, func(c *upload.Config) { c.Workers = 1 })
		record(t, r.Spool, 100, "", nil)
		synctest.Wait() // the one worker is busy
		for _, n := range []int{5, 3, 9, 1, 7} {
			record(t, r.Spool, n, "", nil)
		}
		synctest.Wait()
		close(gate)
		synctest.Wait()
		var want []string
		for _, n := range []int{100, 1, 3, 5, 7, 9} {
			want = append(want, recID(n))
		}
		if !slices.Equal(f.order, want) {
			t.Errorf("order %v", f.order)
		}
		r.stop(t, context.Background())
	})
}

func TestCloseGivesGraceAndKeepsTheRest(t *testing.T) {
	dir := memDir(t)
	synctest.Test(t, func(t *testing.T) {
		stuck := &ctxTarget{slow: 59 * time.Second} // not the idle time: both at one instant is a draw
		r := start(t, dir, stuck, func(c *upload.Config) { c.Workers = 2 })
		for n := range 5 {
			record(t, r.Spool, n, "", nil)
		}
		grace, cancel := context.WithTimeout(context.Background(), 90*time.Second)
		defer cancel()
		begin := time.Now()
		r.stop(t, grace)
		if d := time.Since(begin); d != 90*time.Second || len(r.outcomes()) != 1 { // a destination not known yet gets one at a time
			t.Errorf("closed after %v, %d delivered", d, len(r.outcomes()))
		}
		r = start(t, dir, &fake{}, nil)
		synctest.Wait()
		outs := r.outcomes()
		if len(outs) != 4 {
			t.Errorf("%d delivered after the restart", len(outs))
		}
		for _, o := range outs {
			if o.Tries != 1 {
				t.Errorf("our own end was counted as the target's failure: %+v", o)
			}
		}
		r.stop(t, context.Background())
	})
}

// ctxTarget takes its time, and gives up when told.
type ctxTarget struct{ slow time.Duration }

func (c *ctxTarget) Put(ctx context.Context, _ upload.Object) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(c.slow):
		return nil
	}
}

func TestRouter(t *testing.T) {
	def, web := &fake{}, &fake{}
	r := upload.Router{Default: def, HTTP: web}
	for url, want := range map[string]*fake{"": def, "http://h/": web, "https://h/": web} {
		before := want.at + len(want.order)
		if err := r.Put(t.Context(), upload.Object{Destination: upload.Destination{URL: url}}); err != nil || len(want.order) != before+1 {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, url := range []string{"ftp://u:secret@h/", "s3://bucket/x", "nonsense", "HTTP://h"} {
		err := r.Put(t.Context(), upload.Object{Destination: upload.Destination{URL: url}})
		if upload.ClassOf(err) != upload.Permanent || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := (upload.Router{}).Put(t.Context(), upload.Object{}); upload.ClassOf(err) != upload.Permanent {
		t.Errorf("no default target: %v", err)
	}
}

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callrec/control"
	"callrec/internal/testkit"
	"callrec/internal/testkit/natstest"
	"callrec/store"
)

// NATS is away for so long that the index's queue is full when recordings end. When it
// is back, the index hears of them without a restart, and nothing is left of receipts.
func TestIndexHearsWhatItHadNoRoomFor(t *testing.T) {
	testkit.CheckLeaks(t)
	nats := natstest.Start(t)
	s := openShop(t, func(c *workerConfig) { c.nats, c.uploadKeep = nats.URL(), time.Millisecond })
	s.ask(201, "PUT", "accounts", `{"id":"acme","name":"Acme"}`)
	nats.Stop()
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not within a minute: %s", what)
			}
		}
	}
	until("the worker knows that NATS is away", func() bool { return !s.store.Stats().Connected })
	for n, size := 0, store.MaxDocument-2; size > 0; n++ {
		err := s.store.Upsert(control.Recording{
			Account: "other", ID: fmt.Sprintf("202611-%032x", n), State: "delivered", At: time.Now(), Created: time.Now(),
			Doc: []byte(`"` + strings.Repeat("x", size) + `"`),
		})
		var full *store.FullError
		switch {
		case errors.As(err, &full):
			size /= 2
		case err != nil:
			t.Fatal(err)
		}
	}
	ids := map[string]string{}
	for state, to := range map[string]string{"delivered": s.to + "/in/", "parked": s.to + "/down/"} {
		call := s.ask(201, "PUT", "accounts/acme/channels", fmt.Sprintf(`{"call_id":"%s","flow":{"module":"record_call","data":{"action":"start","format":"wav","url":"%s"}}}`, state, to))
		ids[state] = call["recordings"].([]any)[0].(map[string]any)["id"].(string)
		s.ask(200, "POST", "accounts/acme/channels/"+state, `{"action":"hangup"}`)
	}
	until("one is delivered, one parked", func() bool { q := s.queue.Stats(); return q.Delivered == 1 && q.Parked == 1 })
	if !s.behind.Load() {
		t.Fatal("the index had room for them")
	}
	nats.Start()
	for want, id := range ids {
		until("the index knows what is "+want, func() bool {
			r, err := s.store.Recording(t.Context(), "acme", id)
			return err == nil && r.State == want
		})
	}
	until("no receipt is left", func() bool { here, _, err := s.spool.Traces(); return err == nil && len(here) == 1 })
	s.close()
}

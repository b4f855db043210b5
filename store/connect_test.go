package store

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"callrec/internal/testkit"
	"callrec/internal/testkit/natstest"
)

// A store that was made while NATS is away takes what it is told, and writes it when it
// is connected.
func TestConnectedLater(t *testing.T) {
	testkit.CheckLeaks(t)
	out := natstest.Start(t)
	out.Stop()
	s, err := New(Config{URL: out.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	upsert(t, s, Recording{Account: "acc", ID: "202611-1", CallID: "c", State: "spooled", At: noon, Created: noon, Doc: doc(`{}`)})
	s.Tell("acc", "c", text("told before"))
	if !s.Used("acc", "d") {
		t.Error("a name is given out before the index is known")
	}
	if mine, err := s.Claim(t.Context(), "n", "a"); mine || !errors.Is(err, ErrUnavailable) {
		t.Errorf("a claim: %v, %v", mine, err)
	}
	if st := s.Stats(); st.Connected || st.Queued != 1 {
		t.Errorf("%+v", st)
	}
	for range 2 {
		if err := s.Connect(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("connected to nobody: %v", err)
		}
	}
	out.Start()
	sub := subscribe(t, out.URL(), "callrec.events.>")
	for range 2 { // the second changes nothing
		if err := s.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	hears(t, sub, "callrec.events.acc.Yw told before")
	flushTest(t, s)
	<-s.Loaded()
	if !s.Used("acc", "c") || s.Used("acc", "d") {
		t.Error("the names that are used are not known")
	}
	if mine, err := s.Claim(t.Context(), "n", "a"); !mine || err != nil {
		t.Errorf("a claim: %v, %v", mine, err)
	}
	closeTest(t, s)
	s = openTest(t, Config{URL: out.URL()})
	if r, err := s.Recording(t.Context(), "acc", "202611-1"); err != nil || r.State != "spooled" {
		t.Errorf("%+v, %v", r, err)
	}
}

// What only the operator can mend is not called away: a worker ends with it at once.
func TestNotAwayButWrong(t *testing.T) {
	testkit.CheckLeaks(t)
	for says, change := range map[string]func(*server.Options){
		"authorization": func(o *server.Options) { o.Username, o.Password = "worker", "secret" },
		"jetstream":     func(o *server.Options) { o.JetStream = false },
	} {
		out := natstest.Start(t, change)
		s, err := New(Config{URL: out.URL()})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Connect(t.Context()); err == nil || errors.Is(err, ErrUnavailable) || !strings.Contains(strings.ToLower(err.Error()), says) {
			t.Errorf("%s: %v", says, err)
		}
		s.close()
	}
}

// A cluster that was just started knows of a bucket that nobody leads yet, and says
// nothing about it. Whoever waits a minute for that answer waits in vain, so connecting
// ends much sooner, and can be tried again.
func TestBucketNobodyLeads(t *testing.T) {
	if os.Getenv("CALLREC_LONG") != "1" {
		t.Skip("an answer is waited for for 5 s: CALLREC_LONG=1")
	}
	testkit.CheckLeaks(t)
	out := natstest.Start(t, func(o *server.Options) { o.JetStream = false })
	c, err := nats.Connect(out.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Subscribe("$JS.API.INFO", func(m *nats.Msg) { _ = m.Respond([]byte(`{"api":{"level":1}}`)) }); err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 8)
	if _, err := c.Subscribe("$JS.API.STREAM.INFO.>", func(*nats.Msg) { asked <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{URL: out.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Connect(ctx); !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("%v, and the time is up: %v", err, ctx.Err() != nil)
	}
	<-asked // of the bucket, not of something before
}

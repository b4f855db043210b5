package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"callrec/internal/testkit"
	"callrec/internal/testkit/natstest"
)

func text(s string) func() []byte { return func() []byte { return []byte(s) } }

// subscribe hears everything under a subject from a connection of its own.
func subscribe(t testing.TB, url, subject string, opts ...nats.Option) *nats.Subscription {
	t.Helper()
	conn, err := nats.Connect(url, append(opts, nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	sub, err := conn.SubscribeSync(subject)
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// hear waits for the next message.
func hear(t testing.TB, sub *nats.Subscription) string {
	t.Helper()
	m, err := sub.NextMsgWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m.Subject + " " + string(m.Data)
}

func TestEventSubjects(t *testing.T) {
	for want, c := range map[string][2]string{
		"callrec.events.acme.YWJjMTIzQDEwLjAuMC4x":          {"acme", "abc123@10.0.0.1"},
		"callrec.events.A-b_9.Pz8_Pj4-":                     {"A-b_9", "???>>>"},
		"callrec.events.=YS5i.Pg":                           {"a.b", ">"},
		"callrec.events.=Kg.Kg":                             {"*", "*"},
		"callrec.events.=.=":                                {"", ""},
		"callrec.events.=PWE.AA":                            {"=a", "\x00"},
		"callrec.events." + strings.Repeat("a", 64) + ".YQ": {strings.Repeat("a", 64), "a"},
	} {
		if got, err := eventSubject(c[0], c[1]); got != want || err != nil {
			t.Errorf("%q: %s, %v, want %s", c, got, err, want)
		}
	}
	for _, c := range [][2]string{{strings.Repeat("a", 256), "a"}, {"a", strings.Repeat("a", 256)}} {
		if got, err := eventSubject(c[0], c[1]); err == nil {
			t.Errorf("an id of 256 bytes is in %s", got)
		}
	}
}

// Whatever the ids are, the subject is a literal of four tokens that reads back as
// exactly them.
func FuzzEventSubject(f *testing.F) {
	for _, s := range []string{"", "acme", "a.b", "*", ">", "=", "=YQ", "a b\r\nPUB x 0", "\xff", strings.Repeat("ab", 60)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, account, call string) {
		subject, err := eventSubject(account, call)
		if err != nil {
			if len(account) <= 255 && len(call) <= 255 {
				t.Fatal(err)
			}
			return
		}
		tokens := strings.Split(subject, ".")
		if len(tokens) != 4 || slices.Contains(tokens, "") || strings.ContainsAny(subject, "*> \t\r\n\x00") || len(subject) > 1000 {
			t.Fatalf("%q", subject)
		}
		back := tokens[2]
		if rest, encoded := strings.CutPrefix(back, "="); encoded {
			b, err := base64.RawURLEncoding.DecodeString(rest)
			if err != nil {
				t.Fatal(err)
			}
			back = string(b)
		}
		id, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(tokens[3], "="))
		if err != nil || back != account || string(id) != call {
			t.Errorf("%s is of account %q, call %q, %v", subject, back, id, err)
		}
	})
}

// Who tells never waits: while the connection blocks, the newest events take the
// places of the oldest, and those are counted.
func TestEventsAreBoundedWhileNATSBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		thawed := make(chan struct{})
		var logged bytes.Buffer
		e := newEvents(func(_ string, body []byte) error {
			<-thawed
			got = append(got, string(body))
			return nil
		}, slog.New(slog.NewTextHandler(&logged, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.run(ctx)
		}()
		e.tell(told{"acme", "c", text("first")})
		synctest.Wait() // that one is in the connection's hands
		const more = 5000
		for i := range more {
			e.tell(told{"acme", "c", text(fmt.Sprint(i))})
		}
		if n := e.lost.Load(); n != more-eventsWaiting {
			t.Errorf("%d are counted, want %d", n, more-eventsWaiting)
		}
		close(thawed)
		synctest.Wait()
		if len(got) != eventsWaiting+1 || got[0] != "first" || got[1] != fmt.Sprint(more-eventsWaiting) || got[eventsWaiting] != fmt.Sprint(more-1) {
			t.Errorf("%d are published, %.80q", len(got), got)
		}
		if text := logged.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, fmt.Sprintf("events=%d", more-eventsWaiting)) {
			t.Errorf("the log says %s", text)
		}
		cancel()
		<-done
	})
}

// While NATS is away events wait, in order, and what does not fit is logged once a
// minute at most. What it refuses is not tried again.
func TestEventsWaitForNATS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		var logged bytes.Buffer
		back := time.Now().Add(150 * time.Second)
		e := newEvents(func(_ string, body []byte) error {
			switch {
			case time.Now().Before(back):
				return nats.ErrReconnectBufExceeded
			case string(body) == "long":
				return nats.ErrMaxPayload
			}
			got = append(got, string(body))
			return nil
		}, slog.New(slog.NewTextHandler(&logged, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go e.run(ctx)
		for _, s := range []string{"a", "long", "b"} {
			e.tell(told{"acme", "c", text(s)})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(got) != 0 || e.lost.Load() != 0 {
			t.Errorf("%q, %d lost", got, e.lost.Load())
		}
		for range 2 * eventsWaiting {
			e.tell(told{"acme", "c", text("x")})
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		if n := strings.Count(logged.String(), "NATS is away"); n != 2 {
			t.Errorf("the loss of 82 s is logged %d times, want 2: %s", n, logged.String())
		}
		e.tell(told{"acme", strings.Repeat("c", 256), text("nowhere")})
		for _, s := range []string{"long", "last"} {
			e.tell(told{"acme", "c", text(s)})
		}
		before := e.lost.Load()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := e.lost.Load() - before; n != 2 {
			t.Errorf("%d are refused, want 2", n)
		}
		if got[0] != "a" || got[len(got)-1] != "last" {
			t.Errorf("%d: %s … %s", len(got), got[0], got[len(got)-1])
		}
	})
}

// Events reach those who subscribe to their account or call, of all workers, and
// nobody else; what is told before Close arrives.
func TestEventsReachSubscribers(t *testing.T) {
	testkit.CheckLeaks(t)
	url := natstest.Start(t).URL()
	account, call := subscribe(t, url, "callrec.events.acme.*"), subscribe(t, url, "callrec.events.*.eA")
	a, b := openTest(t, Config{URL: url}), openTest(t, Config{URL: url})
	a.Tell("acme", "x", text("1"))
	a.Tell("other", "x", text("2"))
	a.Tell("acme.*", "y", text("3"))
	a.Tell("acme", "y", text("4"))
	closeTest(t, a)
	hears(t, account, "callrec.events.acme.eA 1", "callrec.events.acme.eQ 4")
	b.Tell("acme", "z", text("5")) // later: nothing puts what two workers tell in order
	closeTest(t, b)
	hears(t, account, "callrec.events.acme.eg 5")
	hears(t, call, "callrec.events.acme.eA 1", "callrec.events.other.eA 2")
	for _, sub := range []*nats.Subscription{account, call} {
		if n, _, _ := sub.Pending(); n != 0 {
			t.Errorf("%s: %d more", sub.Subject, n)
		}
	}
}

// When Close has returned, the server has what was told: a socket that is closed with
// something left to read may throw away what the other side has not read yet.
func TestCloseWaitsUntilNATSHasTheEvents(t *testing.T) {
	testkit.CheckLeaks(t)
	url := natstest.Start(t).URL()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sub, err := conn.SubscribeSync("callrec.events.>")
	if err != nil {
		t.Fatal(err)
	}
	const each = 500
	for round := range 20 {
		s := openTest(t, Config{URL: url})
		for range each {
			s.Tell("acme", "x", text("{}"))
		}
		closeTest(t, s)
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		if n, _, _ := sub.Pending(); n != each*(round+1) {
			t.Fatalf("round %d: %d events, want %d", round, n, each*(round+1))
		}
	}
}

// hears wants these to be what a subscriber is told next.
func hears(t *testing.T, sub *nats.Subscription, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := hear(t, sub); got != w {
			t.Errorf("%s: %s, want %s", sub.Subject, got, w)
		}
	}
}

// The embedded server has no subscribers, so nothing is even put together.
func TestEmbeddedServerPublishesNothing(t *testing.T) {
	testkit.CheckLeaks(t)
	s := openTest(t, Config{Dir: t.TempDir()})
	sub := subscribe(t, "", "callrec.events.>", nats.InProcessServer(s.server))
	s.Tell("acme", "x", func() []byte { t.Error("an event is put together"); return nil })
	closeTest(t, s)
	if n, _, _ := sub.Pending(); n != 0 {
		t.Errorf("%d events", n)
	}
}

// A server that is restarted gets what was told meanwhile.
func TestEventsOutliveNATS(t *testing.T) {
	testkit.CheckLeaks(t)
	out := natstest.Start(t)
	s := openTest(t, Config{URL: out.URL()})
	out.Stop()
	for s.Stats().Connected {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, _ = s.recordings.stream.Info(ctx)
		cancel()
	}
	for i := range 100 {
		s.Tell("acme", "x", text(fmt.Sprint(i)))
	}
	out.Start()
	sub := subscribe(t, out.URL(), "callrec.events.>")
	// The store may have been faster than the subscription: only the order is sure.
	s.Tell("acme", "x", text("100"))
	last := -1
	for last < 100 {
		var n int
		if _, err := fmt.Sscanf(hear(t, sub), "callrec.events.acme.eA %d", &n); err != nil || n <= last {
			t.Fatalf("%d after %d, %v", n, last, err)
		}
		last = n
	}
	if n := s.Stats().EventsLost; n != 0 {
		t.Errorf("%d are lost", n)
	}
}

// A worker that may not publish says so, once, and counts.
func TestEventsThatAreForbidden(t *testing.T) {
	testkit.CheckLeaks(t)
	out := natstest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "worker", Password: "secret", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{"callrec.events.>"}},
		}}}
	})
	var logged bytes.Buffer
	s := openTest(t, Config{URL: strings.Replace(out.URL(), "//", "//worker:secret@", 1), Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	const all = 50
	for range all {
		s.Tell("acme", "x", text("{}"))
	}
	// The server's word comes some time after; whoever has none has to ask.
	for s.Stats().EventsLost < all {
		if _, err := s.Put(t.Context(), user("acme", "1"), 0, doc(`1`)); err != nil && !isConflict(err) {
			t.Fatal(err)
		}
	}
	s.Tell("acme", "x", text("{}"))
	closeTest(t, s)
	text := logged.String()
	if n := strings.Count(text, "\n"); n != 1 || !strings.Contains(text, "must be allowed to publish to callrec.events.>") || strings.Contains(text, "secret") {
		t.Errorf("the log says, in %d lines: %s", n, text)
	}
}

var errAny = errors.New("any")

func TestOtherErrorsAreNotEvents(t *testing.T) {
	e := newEvents(nil, slog.New(slog.DiscardHandler))
	for _, err := range []error{
		errAny,
		fmt.Errorf("%w: Permissions Violation for Publish to %q", nats.ErrPermissionViolation, "$KV.callrec_documents.x"),
	} {
		if e.refused(err) {
			t.Errorf("%v is taken for one of an event", err)
		}
	}
}

// A server that takes the connection and reads nothing holds nobody up who must not
// wait; the client finds out, and goes on when it is back.
func TestNATSFreezes(t *testing.T) {
	testkit.CheckLeaks(t)
	out := natstest.Start(t)
	v := testkit.StartValve(t, out.Addr())
	s := openTest(t, Config{URL: "nats://" + v.Addr()})
	sub := subscribe(t, out.URL(), "callrec.events.acme.eA")
	s.Tell("acme", "x", text("before"))
	if got := hear(t, sub); got != "callrec.events.acme.eA before" {
		t.Error(got)
	}
	v.Freeze()
	large := text(strings.Repeat("x", 4<<10)) // more than the sockets hold
	for range 3 * eventsWaiting {
		s.Tell("acme", "y", large)
	}
	upsert(t, s, Recording{Account: "acme", ID: "202611-1", State: "failed", At: noon, Created: noon, Doc: doc(`{}`)})
	if s.Stats().EventsLost == 0 {
		t.Error("nothing is lost, though nothing was read")
	}
	for s.Stats().Connected { // until a write has taken too long
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := s.Put(ctx, user("acme", "1"), 0, doc(`1`)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a change: %v", err)
		}
		cancel()
	}
	v.Thaw()
	s.Tell("acme", "x", text("after"))
	if got := hear(t, sub); got != "callrec.events.acme.eA after" {
		t.Error(got)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	closeTest(t, s)
}

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"callrec/internal/testkit"
	"callrec/internal/testkit/natstest"
)

// Two stores on one server: what one writes, the other has in force as soon as
// its watch has shown it.
func TestStoresSeeEachOther(t *testing.T) {
	testkit.CheckLeaks(t)
	url := natstest.Start(t).URL()
	seen := newWatcher()
	a, b := openTest(t, Config{URL: url}), openTest(t, Config{URL: url, seen: seen.seen})
	<-b.Loaded()
	ctx := t.Context()
	secret := fillAccount(t, a, "acc")
	everything := func() {
		t.Helper()
		for _, bucket := range []*bucket{a.documents, a.tokens, a.recordings} {
			seen.wait(t, bucket)
		}
	}
	everything()
	if page, _ := b.List("acc", "users", "", 0); len(page) != 5 {
		t.Errorf("documents: %s", ids(page))
	}
	tok, ok := b.Authenticate(secret)
	if !ok {
		t.Error("a token is not known")
	}
	if page, _, err := b.Recordings(ctx, Query{Account: "acc", N: 5}); len(page) != 1 || err != nil {
		t.Errorf("recordings: %+v, %v", page, err)
	}
	d, err := b.Put(ctx, user("acc", "1"), 0, doc(`"b's"`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Put(ctx, user("acc", "1"), d.Revision-1, doc(`"a's"`)); !isConflict(err) {
		t.Errorf("a change from a stale revision: %v", err)
	}
	if err := a.Delete(ctx, user("acc", "2"), 0); err != nil {
		t.Fatal(err)
	}
	if err := a.RevokeToken(ctx, "acc", tok.ID); err != nil {
		t.Fatal(err)
	}
	everything()
	if got, err := b.Get(user("acc", "1")); err != nil || got.Revision != d.Revision {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = b.Get(user("acc", "2"))
	wantNotFound(t, err)
	if _, ok := b.Authenticate(secret); ok {
		t.Error("a revoked token opens")
	}
	// A late state from the other worker changes nothing; a later one does.
	for _, r := range []Recording{{State: "delivered", At: noon}, {State: "spooled", At: noon.Add(time.Hour)}} {
		r.Account, r.ID, r.Doc, r.Created = "acc", "202611-1", doc(`{}`), noon
		from := b
		if r.State == "spooled" {
			from = a
		}
		upsert(t, from, r)
		if err := from.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := a.Recording(ctx, "acc", "202611-1"); err != nil || r.State != "delivered" {
		t.Errorf("%+v, %v", r, err)
	}
	everything() // what is purged now is shown to nobody
	if err := a.Delete(ctx, AccountRef("acc"), 0); err != nil {
		t.Fatal(err)
	}
	everything()
	wantNothingUnder(t, b, "acc", secret)
}

// A worker that has not heard yet what another did to the same recordings writes late
// news of them, while its watch hears of it: the later state stays.
func TestTwoWritersNeverPutAStateBack(t *testing.T) {
	testkit.CheckLeaks(t)
	url := natstest.Start(t).URL()
	early, late := openTest(t, Config{URL: url}), openTest(t, Config{URL: url})
	const rounds, each = 30, 100
	for round := range rounds {
		tell := func(s *Store, state string) {
			for n := range each {
				upsert(t, s, Recording{Account: "acc", ID: fmt.Sprint("202611-", round, "-", n), State: state, At: noon, Created: noon, Doc: doc(`{}`)})
			}
			flushTest(t, s)
		}
		tell(early, "delivered")
		tell(late, "spooled")
		for n := range each {
			c, err := early.recordings.last(t.Context(), key("acc", fmt.Sprint("202611-", round, "-", n)))
			if err != nil || c == nil {
				t.Fatal(n, err)
			}
			if r, _ := parseRecording(c); r.State != "delivered" {
				t.Errorf("round %d: %d is %s at revision %d", round, n, r.State, c.rev)
			}
		}
	}
}

// While NATS is away reading goes on, changes fail, and the newest state of each
// recording waits. When it is back, what waited is written, and what was removed
// without a word is gone.
func TestNATSGoesAway(t *testing.T) {
	testkit.CheckLeaks(t)
	out := natstest.Start(t)
	seen := newWatcher()
	s := openTest(t, Config{URL: out.URL(), seen: seen.seen})
	secret := fillAccount(t, s, "acc")
	out.Stop()
	for s.Stats().Connected {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, _ = s.recordings.stream.Info(ctx)
		cancel()
	}
	if _, err := s.Get(user("acc", "1")); err != nil {
		t.Errorf("reading: %v", err)
	}
	if _, ok := s.Authenticate(secret); !ok {
		t.Error("a token does not open")
	}
	if _, err := s.Put(t.Context(), user("acc", "1"), 0, doc(`1`)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a change: %v", err)
	}
	for i, state := range []string{"armed", "recording", "spooled", "delivered", "recording"} {
		for n := range 300 {
			upsert(t, s, Recording{Account: "acc", ID: fmt.Sprint("202611-", n), State: state, At: noon, Created: noon, Doc: doc(`%d`, i)})
		}
	}
	for s.Stats().Queued > 300 { // a state that a try was made of while a newer one came is soon given up
		runtime.Gosched()
	}
	if st := s.Stats(); st.Queued != 300 || st.QueuedBytes > 300*(queuedExtra+10) {
		t.Errorf("%+v, want the newest of 300", st)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Flush(ctx); err == nil || !strings.HasPrefix(err.Error(), "300 recordings") {
		t.Errorf("flushed to nowhere: %v", err)
	}
	before := s.feeds[0]
	out.Start()
	// Somebody removes a document in a way no watch shows.
	other := openTest(t, Config{URL: out.URL()})
	if err := other.documents.stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	create(t, other, user("acc", "new"), doc(`1`))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		if r, err := s.Recording(t.Context(), "acc", fmt.Sprint("202611-", n)); err != nil || r.State != "delivered" || string(r.Doc) != "3" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	before.reread()
	seen.wait(t, other.documents)
	create(t, s, user("acc", "newer"), doc(`1`))
	for {
		if page, _ := s.List("acc", "users", "", 0); ids(page) == "new newer" {
			break
		}
		create(t, other, user("acc", "x"), doc(`1`)) // passes the watch, so that it is not waited for in vain
		if err := other.Delete(t.Context(), user("acc", "x"), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// What waits for NATS is bounded; recordings that wait already are still taken.
func TestTheQueueIsBounded(t *testing.T) {
	q := newQueue()
	r := func(id int, state string) *Recording {
		return &Recording{Account: "acc", ID: fmt.Sprint(id), State: state, At: noon, Doc: doc(`"%s"`, strings.Repeat("x", 100_000))}
	}
	n := 0
	var full *FullError
	for ; ; n++ {
		if err := q.push(r(n, "armed")); errors.As(err, &full) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if q.bytes > maxQueued || n < 600 {
		t.Errorf("%d recordings, %d bytes", n, q.bytes)
	}
	if err := q.push(r(0, "delivered")); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for done := 0; done < n; {
		batch := q.take(ctx, 100)
		for _, r := range batch {
			if r.ID == "0" && r.State != "delivered" {
				t.Errorf("%s", r.State)
			}
			q.done(r, false)
		}
		done += len(batch)
	}
	if q.bytes != 0 || len(q.newest)+len(q.flying) != 0 {
		t.Errorf("%d bytes, %d, %d left", q.bytes, len(q.newest), len(q.flying))
	}
	// A write that fails goes back, unless something newer came meanwhile; old news
	// of what is being written is no news.
	_ = q.push(r(1, "spooled"))
	flying := q.take(ctx, 1)[0]
	_ = q.push(r(1, "armed"))
	if len(q.newest) != 0 {
		t.Error("old news waits")
	}
	q.done(flying, true)
	flying = q.take(ctx, 1)[0]
	_ = q.push(r(1, "delivered"))
	q.done(flying, true)
	if got := q.take(ctx, 10); len(got) != 1 || got[0].State != "delivered" {
		t.Errorf("%d", len(got))
	} else {
		q.done(got[0], false)
	}
	cancel()
	if q.take(ctx, 1) != nil || q.bytes != 0 {
		t.Error(q.bytes)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	testkit.CheckLeaks(t)
	dir := t.TempDir()
	s := openTest(t, Config{Dir: dir})
	for _, c := range []struct {
		cfg  Config
		says string
	}{
		{Config{Dir: dir}, fmt.Sprintf("another worker (pid %d) holds %s; stop that one", os.Getpid(), filepath.Join(dir, "lock"))},
		{Config{}, "--nats"},
		{Config{URL: "nats://user:hush@127.0.0.1:1"}, "cannot reach NATS at nats://user:xxxxx@127.0.0.1:1"},
		{Config{Dir: t.TempDir(), MaxRecordings: -1}, "-1 recordings"},
	} {
		s, err := New(c.cfg)
		if err == nil {
			err = s.Connect(t.Context())
			defer s.close()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.says)
		}
	}
	closeTest(t, s)
	if err := s.Upsert(Recording{Account: "a", ID: "b", State: "armed", Doc: doc(`{}`)}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
}

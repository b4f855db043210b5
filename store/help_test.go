package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/internal/testkit"
	"callrec/internal/testkit/natstest"
)

// onBoth runs a test on an embedded and on an outside server. open opens the same
// store again and again.
func onBoth(t *testing.T, test func(t *testing.T, open func(Config) *Store)) {
	t.Run("embedded", func(t *testing.T) {
		testkit.CheckLeaks(t)
		dir := filepath.Join(t.TempDir(), "nats")
		test(t, func(c Config) *Store {
			c.Dir = dir
			return openTest(t, c)
		})
	})
	t.Run("outside", func(t *testing.T) {
		testkit.CheckLeaks(t)
		url := natstest.Start(t).URL()
		test(t, func(c Config) *Store {
			c.URL = url
			return openTest(t, c)
		})
	})
}

// openTest opens a store that is closed with the test at the latest.
func openTest(t testing.TB, c Config) *Store {
	t.Helper()
	s := newTest(t, c)
	if err := s.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// newTest makes a store that is not connected, and closed with the test at the latest.
func newTest(t testing.TB, c Config) *Store {
	t.Helper()
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	return s
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func closeTest(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// watcher waits until a store's watch has shown what another has written.
type watcher struct {
	mu   sync.Mutex
	cond *sync.Cond
	rev  map[string]uint64
}

func newWatcher() *watcher {
	w := &watcher{rev: map[string]uint64{}}
	w.cond = sync.NewCond(&w.mu)
	return w
}

func (w *watcher) seen(b *bucket, rev uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rev[b.name] = max(rev, w.rev[b.name])
	w.cond.Broadcast()
}

// wait waits for all that is in a bucket now. What was removed from it before the watch
// could show it never comes, so nothing may purge a bucket that is not waited for first.
func (w *watcher) wait(t testing.TB, b *bucket) {
	t.Helper()
	info, err := b.stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	late := false
	defer time.AfterFunc(time.Minute, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		late = true
		w.cond.Broadcast()
	}).Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.rev[b.name] < info.State.LastSeq {
		if late {
			t.Fatalf("the watch of %s has shown revision %d, and in a minute not %d", b.name, w.rev[b.name], info.State.LastSeq)
		}
		w.cond.Wait()
	}
}

func doc(format string, args ...any) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(format, args...))
}

func user(account, id string) Ref { return Ref{account, "users", id} }

func create(t testing.TB, s *Store, ref Ref, data json.RawMessage) *Document {
	t.Helper()
	d, err := s.Create(context.Background(), ref, data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func wantConflict(t testing.TB, err error, have uint64) {
	t.Helper()
	var c *ConflictError
	if !errors.As(err, &c) || c.Have != have {
		t.Errorf("got %v, want a conflict with revision %d", err, have)
	}
}

func wantNotFound(t testing.TB, err error) {
	t.Helper()
	if !isNotFound(err) {
		t.Errorf("got %v, want not found", err)
	}
}

func ids(docs []*Document) string {
	var out []string
	for _, d := range docs {
		out = append(out, d.ID)
	}
	return strings.Join(out, " ")
}

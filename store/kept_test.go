package store

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"callrec/internal/testkit/natstest"
)

// Whoever waits until the index has something hears of it once, after that: of a
// state that was written, that a later one has overtaken, that is no news, and of what
// nobody wants any more. While the index cannot be written, nobody hears anything.
func TestKeptIsToldOnceItIsTrue(t *testing.T) {
	out := natstest.Start(t)
	s := openTest(t, Config{URL: out.URL()})
	<-s.Loaded()
	rec := func(account string, n int, state string, at int) Recording {
		return Recording{Account: account, ID: fmt.Sprint("202611-", n), State: state, At: noon.Add(time.Duration(at) * time.Second), Created: noon, Doc: doc(`{}`)}
	}
	told := make([]atomic.Int32, 7)
	tell := func(n int, r Recording, want string) {
		t.Helper()
		if err := s.UpsertThen(r, func() {
			told[n].Add(1)
			if want == "" {
				return
			}
			if c, err := s.recordings.last(t.Context(), key(r.Account, r.ID)); err != nil || c == nil {
				t.Errorf("%d is told too early: %v", n, err)
			} else if got, ok := parseRecording(c); !ok || got.State != want {
				t.Errorf("%d is told when the index has %+v, want %s", n, got, want)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	wantTold := func(when string, want ...int32) {
		t.Helper()
		for n := range want {
			if got := told[n].Load(); got != want[n] {
				t.Errorf("%s: %d was told %d times, want %d", when, n, got, want[n])
			}
		}
	}
	upsert(t, s, rec("acc", 5, "spooled", 1))
	flushTest(t, s)
	tell(0, rec("acc", 0, "delivered", 1), "delivered")
	flushTest(t, s)
	wantTold("written", 1)
	tell(1, rec("acc", 0, "spooled", 2), "delivered")
	wantTold("no news", 1, 1)

	out.Stop()
	for s.Stats().Connected {
		_, _ = s.recordings.stream.Info(t.Context())
	}
	tell(2, rec("acc", 1, "spooled", 1), "delivered")
	tell(3, rec("acc", 1, "delivered", 2), "delivered")
	tell(4, rec("acc", 1, "parked", 1), "delivered")
	tell(5, rec("gone", 2, "delivered", 1), "")
	tell(6, rec("acc", 5, "delivered", 2), "")
	wantTold("NATS is away", 1, 1, 0, 0, 0, 0, 0)
	for told[5].Load() == 0 { // while a try is made of it, it is not in the queue
		s.queue.drop("gone")
		runtime.Gosched()
	}
	wantTold("its account is gone", 1, 1, 0, 0, 0, 1, 0)
	for told[6].Load() == 0 {
		s.queue.forget("acc", "202611-5")
		runtime.Gosched()
	}
	wantTold("it was deleted", 1, 1, 0, 0, 0, 1, 1)
	out.Start()
	flushTest(t, s)
	wantTold("NATS is back", 1, 1, 1, 1, 1, 1, 1)
	if st := s.Stats(); st.Queued != 0 || st.QueuedBytes != 0 {
		t.Errorf("%+v", st)
	}
}

func flushTest(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A recording that is parked is spooled again when the operator says so, and news of
// before that changes nothing.
func TestParkedAndBack(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		step := func(state string, at int, want string) {
			t.Helper()
			upsert(t, s, Recording{Account: "acc", ID: "202611-1", State: state, At: noon.Add(time.Duration(at) * time.Second), Created: noon, Doc: doc(`{}`)})
			if at%2 == 0 {
				flushTest(t, s)
			}
			if r, err := s.Recording(t.Context(), "acc", "202611-1"); err != nil || r.State != want {
				t.Errorf("%s at %d: %+v, %v, want %s", state, at, r, err, want)
			}
		}
		for _, c := range []struct {
			state string
			at    int
			want  string
		}{
			{"spooled", 0, "spooled"},
			{"parked", 2, "parked"},
			{"spooled", 1, "parked"},
			{"spooled", 4, "spooled"},
			{"parked", 3, "spooled"},
			{"parked", 5, "parked"},
			{"spooled", 7, "spooled"},
			{"delivered", 6, "delivered"},
			{"parked", 9, "delivered"},
			{"spooled", 9, "delivered"},
		} {
			step(c.state, c.at, c.want)
		}
	})
}

// What has no end yet is pending, of all accounts.
func TestPending(t *testing.T) {
	s := openTest(t, Config{Dir: t.TempDir()})
	for i, state := range []string{"armed", "finishing", "spooled", "parked", "delivered", "discarded", "cancelled", "failed"} {
		upsert(t, s, Recording{Account: fmt.Sprint("acc-", i%3), ID: fmt.Sprint("202611-", i), State: state, At: noon, Created: noon, Doc: doc(`{}`)})
	}
	flushTest(t, s)
	<-s.Loaded()
	got := map[string]string{}
	for _, r := range s.Pending() {
		got[r.Account+"/"+r.ID] = r.State
	}
	want := map[string]string{"acc-0/202611-0": "armed", "acc-1/202611-1": "finishing", "acc-2/202611-2": "spooled", "acc-0/202611-3": "parked"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("pending are %v, want %v", got, want)
	}
}

package store

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func upsert(t testing.TB, s *Store, r Recording) {
	t.Helper()
	if err := s.Upsert(r); err != nil {
		t.Fatal(err)
	}
}

// noon is when the recordings of these tests are made.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// What is told late, twice and out of order ends as the newest state, whatever
// was written in between, and through restarts.
func TestStatesNeverGoBack(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		states := []string{"armed", "recording", "masked", "recording", "finishing", "spooled", "parked", "delivered"}
		want := map[string]Recording{}
		rng := rand.New(rand.NewPCG(1, 2))
		for round := range 6 {
			for range 200 {
				i := rng.IntN(len(states))
				r := Recording{
					Account: "acc", ID: fmt.Sprintf("202611-%d", rng.IntN(40)), State: states[i],
					At: noon.Add(time.Duration(i) * time.Second), Created: noon, Doc: doc(`%d`, rng.IntN(1000)),
				}
				upsert(t, s, r)
				if old, ok := want[r.ID]; !ok || newer(r.State, r.At, old.State, old.At) {
					want[r.ID] = r
				}
				if rng.IntN(20) == 0 {
					if err := s.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := s.Recording(t.Context(), "acc", r.ID); err != nil || got.State != want[r.ID].State || string(got.Doc) != string(want[r.ID].Doc) {
					t.Fatalf("read at once: %+v, %v, want %+v", got, err, want[r.ID])
				}
			}
			if round%2 == 1 {
				closeTest(t, s)
				s = open(Config{})
			}
			for id, w := range want {
				if got, err := s.Recording(t.Context(), "acc", id); err != nil || got.State != w.State || string(got.Doc) != string(w.Doc) || !got.At.Equal(w.At) {
					t.Errorf("round %d: %+v, %v, want %+v", round, got, err, w)
				}
			}
		}
	})
}

func TestDeletedRecordingsStayDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		r := Recording{Account: "acc", ID: "202611-1", CallID: "c", State: "spooled", Created: noon, Doc: doc(`{}`)}
		wantNotFound(t, s.DeleteRecording(t.Context(), "acc", r.ID))
		upsert(t, s, r)
		if err := s.DeleteRecording(t.Context(), "acc", r.ID); err != nil {
			t.Fatal(err)
		}
		r.State = "delivered"
		for range 2 {
			upsert(t, s, r)
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := s.Recording(t.Context(), "acc", r.ID)
			wantNotFound(t, err)
			<-s.Loaded()
			if page, _, err := s.Recordings(t.Context(), Query{Account: "acc", N: 5}); len(page) != 0 || err != nil {
				t.Errorf("%+v, %v", page, err)
			}
			if err := s.trim(t.Context()); err != nil {
				t.Error(err)
			}
			if !s.Used("acc", "c") {
				t.Error("the name of a deleted recording is free again")
			}
			closeTest(t, s)
			s = open(Config{})
		}
	})
}

func TestRecordingsAreListedLikeASortedTable(t *testing.T) {
	s := openTest(t, Config{Dir: t.TempDir()})
	rng := rand.New(rand.NewPCG(3, 4))
	var table []Recording
	for i := range 900 {
		r := Recording{
			Account: "acc", ID: fmt.Sprintf("202611-%04d", i), State: []string{"armed", "delivered"}[rng.IntN(2)],
			Owner: fmt.Sprint(rng.IntN(3)), CallID: fmt.Sprint(rng.IntN(30)), Object: "o",
			Created: noon.Add(time.Duration(rng.IntN(500)) * time.Second), Doc: doc(`%d`, rng.IntN(10)),
		}
		table = append(table, r)
		upsert(t, s, r)
		upsert(t, s, Recording{Account: "other", ID: r.ID, State: "armed", Created: noon, Doc: doc(`{}`)})
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-s.Loaded()
	five := func(r *Recording) bool { return string(r.Doc) == "5" }
	for _, q := range []Query{
		{N: 50},
		{N: 7, Ascending: true},
		{N: 1000},
		{N: 20, Owner: "1"},
		{N: 3, CallID: "17"},
		{N: 10, Match: five},
		{N: 500, Match: five, Ascending: true},
		{N: 10, State: "armed", From: noon.Add(100 * time.Second), To: noon.Add(200 * time.Second)},
		{N: 5, From: noon.Add(time.Hour)},
		{N: 5, Owner: "nobody"},
	} {
		q.Account = "acc"
		var want, got []string
		slices.SortFunc(table, func(a, b Recording) int {
			c := cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
			if !q.Ascending {
				c = -c
			}
			return c
		})
		for _, r := range table {
			if (q.Owner == "" || r.Owner == q.Owner) && (q.CallID == "" || r.CallID == q.CallID) && (q.State == "" || r.State == q.State) &&
				(q.From.IsZero() || !r.Created.Before(q.From)) && (q.To.IsZero() || !r.Created.After(q.To)) && (q.Match == nil || q.Match(&r)) {
				want = append(want, r.ID)
			}
		}
		for {
			page, next, err := s.Recordings(t.Context(), q)
			if err != nil || len(page) > q.N || (next != "" && len(page) < q.N) {
				t.Fatalf("%+v: %d, %q, %v", q, len(page), next, err)
			}
			for _, r := range page {
				got = append(got, r.ID)
			}
			if q.After = next; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: got %d, want %d", q, len(got), len(want))
		}
	}
	if _, _, err := s.Recordings(t.Context(), Query{Account: "acc", N: 5, After: "!"}); !errors.Is(err, ErrStartKey) {
		t.Error(err)
	}
	if _, _, err := s.Recordings(t.Context(), Query{Account: "acc"}); err == nil {
		t.Error("a page of none was made")
	}
}

func TestNamesOfCallsAreKnownAfterARestart(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		<-s.Loaded()
		if s.Used("acc", "c") {
			t.Error("used before there was one")
		}
		upsert(t, s, Recording{Account: "acc", ID: "202611-1", CallID: "c", State: "armed", Created: noon, Doc: doc(`{}`)})
		for range 2 {
			<-s.Loaded()
			if !s.Used("acc", "c") || s.Used("acc", "d") || s.Used("other", "c") {
				t.Error(s.Used("acc", "c"), s.Used("acc", "d"), s.Used("other", "c"))
			}
			closeTest(t, s)
			s = open(Config{})
		}
	})
	s := &Store{index: newIndex(), feeds: []*feed{2: {ready: make(chan struct{})}}}
	if !s.Used("acc", "c") {
		t.Error("a name is given out before the index is known")
	}
}

func TestTheIndexKeepsTheNewest(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{MaxRecordings: 10})
		<-s.Loaded()
		for i := range 30 {
			upsert(t, s, Recording{
				Account: "acc", ID: fmt.Sprintf("202611-%02d", i), CallID: fmt.Sprint(i), State: "delivered",
				Created: noon.Add(time.Duration(i) * time.Second), Doc: doc(`{}`),
			})
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		page, _, err := s.Recordings(t.Context(), Query{Account: "acc", N: 100})
		if err != nil || len(page) != 10 || page[0].ID != "202611-29" || page[9].ID != "202611-20" {
			t.Errorf("%d, %v", len(page), err)
		}
		if err := s.trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, _ := s.index.recs.load("acc"); n != 10 {
			t.Errorf("%d in memory, want 10", n)
		}
		if s.Used("acc", "19") || !s.Used("acc", "20") {
			t.Error("names are to be known as long as recordings")
		}
		closeTest(t, s)
		s = open(Config{MaxRecordings: 5}) // the bound may change
		<-s.Loaded()
		if page, _, err := s.Recordings(t.Context(), Query{Account: "acc", N: 100}); err != nil || len(page) != 5 {
			t.Errorf("%d, %v", len(page), err)
		}
	})
}

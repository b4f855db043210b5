package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"callrec/internal/testkit/natstest"
)

func TestDocumentsAreReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{Compile: func(ref Ref, d json.RawMessage) any { return ref.ID + string(d) }})
		ctx, ref := t.Context(), user("acc", "u1")
		if _, err := s.Get(ref); !isNotFound(err) {
			t.Error(err)
		}
		first := create(t, s, ref, doc(`{"a":1}`))
		if got, err := s.Get(ref); err != nil || got.Revision != first.Revision || string(got.Data) != `{"a":1}` || got.Revision == 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if got := s.Compiled(ref); got != `u1{"a":1}` {
			t.Errorf("compiled: %v", got)
		}
		_, err := s.Create(ctx, ref, doc(`{}`))
		wantConflict(t, err, first.Revision)
		second, err := s.Put(ctx, ref, first.Revision, doc(`{"a":2}`))
		if err != nil || second.Revision <= first.Revision || s.Compiled(ref) != `u1{"a":2}` {
			t.Errorf("%+v, %v, %v", second, err, s.Compiled(ref))
		}
		_, err = s.Put(ctx, ref, first.Revision, doc(`{"a":3}`))
		wantConflict(t, err, second.Revision)
		wantConflict(t, s.Delete(ctx, ref, first.Revision), second.Revision)
		_, err = s.Put(ctx, user("acc", "none"), 7, doc(`{}`))
		wantNotFound(t, err)
		if err := s.Delete(ctx, ref, second.Revision); err != nil {
			t.Error(err)
		}
		if s.Compiled(ref) != nil {
			t.Error("a deleted document is still compiled")
		}
		wantNotFound(t, s.Delete(ctx, ref, 0))
		_, err = s.Put(ctx, ref, second.Revision, doc(`{}`))
		wantNotFound(t, err)
		third := create(t, s, ref, doc(`{"a":4}`)) // over the marker
		if d, err := s.Put(ctx, ref, 0, doc(`{"a":5}`)); err != nil || d.Revision <= third.Revision {
			t.Errorf("%+v, %v", d, err)
		}
		closeTest(t, s)
		s = open(Config{})
		if d, err := s.Get(ref); err != nil || string(d.Data) != `{"a":5}` {
			t.Errorf("after a restart: %+v, %v", d, err)
		}
		for _, bad := range []Ref{{"", "users", "x"}, {"a", "", "x"}, {"a", "users", ""}, {"a", Accounts, "b"}, {"a", "users", strings.Repeat("x", 256)}, {"a", "users", "\xff"}} {
			if _, err := s.Create(ctx, bad, doc(`{}`)); err == nil {
				t.Errorf("%q was stored", bad)
			}
		}
		if _, err := s.Create(ctx, user("a", "b"), doc(`{`)); err == nil {
			t.Error("what is no JSON was stored")
		}
		var full *FullError
		if _, err := s.Create(ctx, user("a", "b"), doc(`"%s"`, bytes.Repeat([]byte("x"), MaxDocument))); !errors.As(err, &full) {
			t.Errorf("a document too large: %v", err)
		}
	})
}

func TestListsGoOnWhereTheyStopped(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		for i := range 25 {
			create(t, s, user("acc", fmt.Sprintf("u%02d", (i*7)%25)), doc(`%d`, i))
			create(t, s, Ref{"acc", "devices", fmt.Sprint(i)}, doc(`%d`, i))
			create(t, s, AccountRef(fmt.Sprintf("a%02d", i)), doc(`%d`, i))
		}
		var got []string
		for after, n := "", 0; ; n++ {
			page, next := s.List("acc", "users", after, 10)
			got = append(got, strings.Fields(ids(page))...)
			if n == 0 { // what is made or deleted meanwhile moves nothing else
				create(t, s, user("acc", "u000"), doc(`0`))
				if err := s.Delete(t.Context(), user("acc", "u09"), 0); err != nil {
					t.Fatal(err)
				}
			}
			if after = next; next == "" {
				break
			}
		}
		if len(got) != 25 || !slices.IsSorted(got) {
			t.Errorf("%q", got)
		}
		if page, next := s.List("acc", "users", "u24", 10); len(page) != 0 || next != "" {
			t.Errorf("%v, %q", ids(page), next)
		}
		if page, next := s.ListAccounts("a03", 3); ids(page) != "a04 a05 a06" || next != "a06" {
			t.Errorf("%v, %q", ids(page), next)
		}
		if page, next := s.ListAccounts("", 0); len(page) != 25 || next != "" {
			t.Errorf("%v, %q", ids(page), next)
		}
	})
}

// Many writers on two stores count up one document: each success counts once.
func TestRacingWritersLoseNothing(t *testing.T) {
	url := natstest.Start(t).URL()
	stores := []*Store{openTest(t, Config{URL: url}), openTest(t, Config{URL: url})}
	ref := user("acc", "counter")
	create(t, stores[0], ref, doc(`0`))
	var done sync.WaitGroup
	const writers, each = 8, 20
	for w := range writers {
		s := stores[w%2]
		done.Go(func() {
			for n := 0; n < each; {
				d, err := s.Get(ref)
				if isNotFound(err) {
					continue // not here yet
				}
				var v int
				if err := json.Unmarshal(d.Data, &v); err != nil {
					t.Error(err)
					return
				}
				_, err = s.Put(context.Background(), ref, d.Revision, doc(`%d`, v+1))
				switch {
				case err == nil:
					n++
				case !isConflict(err):
					t.Error(err)
					return
				}
			}
		})
	}
	done.Wait()
	for i, s := range stores {
		c, err := s.documents.last(t.Context(), key(ref.Account, ref.Kind, ref.ID))
		if err != nil || string(c.data) != fmt.Sprint(writers*each) {
			t.Errorf("store %d: %s, %v, want %d", i, c.data, err, writers*each)
		}
	}
}

var strangeIDs = []string{
	".", "..", "*", ">", "a.b", "a.*", "a.>", " ", "\x00", "\r\n", "/", "../../etc/passwd", "_", "$KV", "%2E", "a b",
	"名前", strings.Repeat("*", 255), strings.Repeat("é", 127), "A", "a",
}

func TestIDsAreNoPathsOrWildcards(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		ctx := t.Context()
		for i, a := range strangeIDs {
			create(t, s, AccountRef(a), doc(`%d`, i))
			for j, id := range strangeIDs {
				create(t, s, user(a, id), doc(`[%d,%d]`, i, j))
			}
			if _, _, err := s.CreateToken(ctx, ScopeAccount, a, a); err != nil {
				t.Error(err)
			}
			upsert(t, s, Recording{Account: a, ID: a, State: "armed", CallID: a, Owner: a, Doc: doc(`%d`, i)})
		}
		closeTest(t, s)
		s = open(Config{})
		<-s.Loaded()
		check := func(from int) {
			t.Helper()
			for i, a := range strangeIDs {
				page, _ := s.List(a, "users", "", 0)
				tokens, _ := s.Tokens(a, "", 0)
				r, err := s.Recording(ctx, a, a)
				if i < from {
					if len(page)+len(tokens) != 0 || !isNotFound(err) {
						t.Errorf("%q is deleted: %d documents, %d tokens, %v", a, len(page), len(tokens), err)
					}
					continue
				}
				if len(page) != len(strangeIDs) || len(tokens) != 1 || err != nil || string(r.Doc) != fmt.Sprint(i) {
					t.Errorf("%q: %d documents, %d tokens, %+v, %v", a, len(page), len(tokens), r, err)
				}
				for j, id := range strangeIDs {
					if d, err := s.Get(user(a, id)); err != nil || string(d.Data) != fmt.Sprintf(`[%d,%d]`, i, j) {
						t.Errorf("%q %q: %v, %v", a, id, d, err)
					}
				}
			}
		}
		check(0)
		for i, a := range strangeIDs { // deleting one touches no other
			if err := s.Delete(ctx, AccountRef(a), 0); err != nil {
				t.Fatal(err)
			}
			if i%7 == 0 {
				check(i + 1)
			}
		}
	})
}

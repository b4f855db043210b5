package store

import (
	"fmt"
	"testing"
	"time"
)

func fillAccount(t *testing.T, s *Store, account string) (secret string) {
	t.Helper()
	create(t, s, AccountRef(account), doc(`{}`))
	for i := range 5 {
		create(t, s, user(account, fmt.Sprint(i)), doc(`%d`, i))
	}
	secret, _, err := s.CreateToken(t.Context(), ScopeAccount, account, "its own")
	if err != nil {
		t.Fatal(err)
	}
	upsert(t, s, Recording{Account: account, ID: "202611-1", State: "armed", Created: time.Now(), Doc: doc(`{}`)})
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return secret
}

func wantNothingUnder(t *testing.T, s *Store, account, secret string) {
	t.Helper()
	if _, err := s.Get(AccountRef(account)); !isNotFound(err) {
		t.Errorf("the account is still there: %v", err)
	}
	if page, _ := s.List(account, "users", "", 0); len(page) != 0 {
		t.Errorf("users are still there: %s", ids(page))
	}
	if _, ok := s.Authenticate(secret); ok {
		t.Error("its token still opens")
	}
	if page, _, err := s.Recordings(t.Context(), Query{Account: account, N: 10}); len(page) != 0 || err != nil {
		t.Errorf("its recordings are still listed: %v, %v", page, err)
	}
}

func TestDeletingAnAccountDeletesWhatIsUnderIt(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		gone, kept := fillAccount(t, s, "gone"), fillAccount(t, s, "kept")
		if err := s.Delete(t.Context(), AccountRef("gone"), 1<<40); !isConflict(err) {
			t.Errorf("at a wrong revision: %v", err)
		}
		if err := s.Delete(t.Context(), AccountRef("gone"), 0); err != nil {
			t.Fatal(err)
		}
		wantNothingUnder(t, s, "gone", gone)
		wantNotFound(t, s.Delete(t.Context(), AccountRef("gone"), 0))
		closeTest(t, s)
		s = open(Config{})
		<-s.Loaded()
		wantNothingUnder(t, s, "gone", gone)
		if page, _ := s.List("kept", "users", "", 0); len(page) != 5 {
			t.Errorf("of another account: %s", ids(page))
		}
		if tok, ok := s.Authenticate(kept); !ok || tok.Account != "kept" {
			t.Errorf("another account's token: %+v, %v", tok, ok)
		}
		fillAccount(t, s, "gone") // the name is free again
		if page, _ := s.List("gone", "users", "", 0); len(page) != 5 {
			t.Errorf("made again: %s", ids(page))
		}
	})
}

// A crash between an account's marker and the purge leaves documents in the
// bucket that nobody sees, not even when the account is made again.
func TestHalfADeletionIsAWholeOne(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		fillAccount(t, s, "acc")
		if _, err := s.documents.mark(t.Context(), key("acc", Accounts, "acc"), anyRevision, 0); err != nil {
			t.Fatal(err)
		}
		closeTest(t, s)
		s = open(Config{})
		if page, _ := s.List("acc", "users", "", 0); len(page) != 0 {
			t.Errorf("back: %s", ids(page))
		}
		if _, err := s.Put(t.Context(), AccountRef("acc"), 0, doc(`{}`)); err != nil {
			t.Fatal(err)
		}
		closeTest(t, s)
		s = open(Config{})
		if page, _ := s.List("acc", "users", "", 0); len(page) != 0 {
			t.Errorf("back with the account: %s", ids(page))
		}
	})
}

package store

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		ctx := t.Context()
		secrets := map[string]Token{}
		for _, want := range []Token{
			{Scope: ScopeAdmin, Name: "root"},
			{Scope: ScopeCalls, Name: "sbc"},
			{Scope: ScopeAccount, Account: "a", Name: "one"},
			{Scope: ScopeAccount, Account: "a"},
			{Scope: ScopeAccount, Account: "b"},
		} {
			secret, got, err := s.CreateToken(ctx, want.Scope, want.Account, want.Name)
			if err != nil || len(secret) != 43 || got.ID == "" || got.Scope != want.Scope || got.Account != want.Account || got.Name != want.Name || got.Created.IsZero() {
				t.Fatalf("%q: %+v, %v", secret, got, err)
			}
			secrets[secret] = got
		}
		for _, bad := range []Token{{Scope: ScopeAdmin, Account: "a"}, {Scope: ScopeCalls, Account: "a"}, {Scope: ScopeAccount}, {Scope: "root"}, {}} {
			if _, _, err := s.CreateToken(ctx, bad.Scope, bad.Account, ""); err == nil {
				t.Errorf("%+v was made", bad)
			}
		}
		check := func() {
			t.Helper()
			for secret, want := range secrets {
				if got, ok := s.Authenticate(secret); !ok || got != want {
					t.Errorf("%+v, %v, want %+v", got, ok, want)
				}
				if _, ok := s.Authenticate(secret[:42]); ok {
					t.Error("part of a secret opens")
				}
			}
			if _, ok := s.Authenticate(""); ok {
				t.Error("nothing opens")
			}
		}
		check()
		closeTest(t, s)
		s = open(Config{})
		check()
		if page, next := s.Tokens("a", "", 1); len(page) != 1 || next != page[0].ID {
			t.Errorf("%+v, %q", page, next)
		} else if page, next = s.Tokens("a", next, 1); len(page) != 1 || next != "" {
			t.Errorf("%+v, %q", page, next)
		}
		if page, _ := s.Tokens("", "", 0); len(page) != 2 {
			t.Errorf("%+v", page)
		}
		for secret, tok := range secrets {
			if tok.Account == "a" {
				wantNotFound(t, s.RevokeToken(ctx, "b", tok.ID))
				wantNotFound(t, s.RevokeToken(ctx, "", tok.ID))
				if err := s.RevokeToken(ctx, tok.Account, tok.ID); err != nil {
					t.Error(err)
				}
				if _, ok := s.Authenticate(secret); ok {
					t.Error("a revoked token opens")
				}
				delete(secrets, secret)
			}
		}
		closeTest(t, s)
		s = open(Config{})
		check()
		if page, _ := s.Tokens("a", "", 0); len(page) != 0 {
			t.Errorf("revoked, and back: %+v", page)
		}
	})
}

// Neither the log nor a file holds a secret.
func TestSecretsAreNotKept(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	s := openTest(t, Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	secret, tok, err := s.CreateToken(t.Context(), ScopeAdmin, "", "root")
	if err != nil {
		t.Fatal(err)
	}
	closeTest(t, s)
	found := false
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s holds the secret", path)
		}
		found = found || bytes.Contains(b, []byte(tok.ID))
		return err
	})
	if err != nil || !found {
		t.Errorf("no file holds the token: %v", err)
	}
	if strings.Contains(log.String(), secret) {
		t.Error("the log holds the secret")
	}
}

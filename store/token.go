package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Scope is what a token may do.
type Scope string

// The scopes.
const (
	ScopeAdmin   Scope = "admin"   // everything
	ScopeCalls   Scope = "calls"   // announce and control calls of every account; read no recording
	ScopeAccount Scope = "account" // everything within its account
)

// maxTokens bounds the tokens of one account, and those of none.
const maxTokens = 1000

// secretLen is 256 bits as base64url.
const secretLen = 43

// noAccount is the first part of the keys of tokens that are of no account. No
// encoded id has one character.
const noAccount = "_"

// Token is what may be known of a token; the secret is not kept.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"`
	Scope   Scope     `json:"scope"`
	Account string    `json:"account,omitempty"` // of ScopeAccount only
	Created time.Time `json:"created"`
}

// tokenEntry is a token as stored. The hash is a plain SHA-256: a secret of 256
// random bits cannot be guessed, so there is nothing for a slow hash to slow down.
type tokenEntry struct {
	Token
	SHA256 []byte `json:"sha256"`
}

// tokenBook finds tokens by their secrets.
type tokenBook struct {
	replica *replica[string, *tokenEntry] // by account ("" is none) and id

	mu     sync.RWMutex
	byHash map[[sha256.Size]byte]*tokenEntry
}

func newTokenBook() *tokenBook {
	b := &tokenBook{replica: newReplica[string, *tokenEntry](), byHash: map[[sha256.Size]byte]*tokenEntry{}}
	b.replica.changed = func(old, now **tokenEntry) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if old != nil && b.byHash[[sha256.Size]byte((*old).SHA256)] == *old {
			delete(b.byHash, [sha256.Size]byte((*old).SHA256))
		}
		if now != nil {
			b.byHash[[sha256.Size]byte((*now).SHA256)] = *now
		}
	}
	return b
}

// apply takes a change in that the watch shows.
func (b *tokenBook) apply(c change, gen uint32) {
	account, n := "", 2
	k, none := strings.CutPrefix(c.key, noAccount+".")
	if none {
		n = 1
	}
	parts, ok := parseKey(k, n)
	if !ok {
		return // somebody else's
	}
	if !none {
		account = parts[0]
	}
	id := parts[n-1]
	if c.gone {
		b.replica.remove(account, id, c.rev, gen, true)
		return
	}
	if b.replica.known(account, id, c.rev, gen) {
		return
	}
	var e tokenEntry
	if json.Unmarshal(c.data, &e) != nil || len(e.SHA256) != sha256.Size || e.ID != id || e.Account != account || !e.Scope.valid(account) {
		b.replica.remove(account, id, c.rev, gen, true) // nothing that opens a door
		return
	}
	b.replica.set(account, id, c.rev, gen, &e)
}

// valid reports whether a token of an account ("" is none) may have the scope.
func (s Scope) valid(account string) bool {
	switch s {
	case ScopeAdmin, ScopeCalls:
		return account == ""
	case ScopeAccount:
		return account != ""
	}
	return false
}

func tokenKey(account, id string) string {
	if account == "" {
		return noAccount + "." + key(id)
	}
	return key(account, id)
}

// CreateToken makes a token of a scope, for an account if the scope is that. The
// secret (43 characters of base64url) is returned here and never again.
func (s *Store) CreateToken(ctx context.Context, scope Scope, account, name string) (secret string, t Token, err error) {
	switch {
	case !scope.valid(account):
		return "", t, fmt.Errorf("a token of scope %q cannot be for account %q: scope %s wants an account, %s and %s want none", scope, account, ScopeAccount, ScopeAdmin, ScopeCalls)
	case account != "":
		if err := checkIDs("account", account); err != nil {
			return "", t, err
		}
	}
	if len(name) > maxID {
		return "", t, fmt.Errorf("the name of a token has %d bytes, want at most %d", len(name), maxID)
	}
	name = strings.ToValidUTF8(name, "\uFFFD")
	if n, _ := s.secret.replica.load(account); n >= maxTokens {
		return "", t, &FullError{fmt.Sprintf("there are %d tokens already; revoke some", n)}
	}
	var random [32]byte
	var id [8]byte
	_, _ = rand.Read(random[:]) // never fails since Go 1.24
	_, _ = rand.Read(id[:])
	secret = base64.RawURLEncoding.EncodeToString(random[:])
	hash := sha256.Sum256([]byte(secret))
	e := &tokenEntry{
		Token:  Token{ID: hex.EncodeToString(id[:]), Name: name, Scope: scope, Account: account, Created: time.Now().UTC().Truncate(time.Second)},
		SHA256: hash[:],
	}
	data, err := json.Marshal(e)
	if err != nil {
		return "", t, err
	}
	rev, err := s.tokens.put(ctx, s.tokens.message(tokenKey(account, e.ID), data), 0)
	if err != nil {
		return "", t, unavailable("store a token", err)
	}
	s.secret.replica.set(account, e.ID, rev, 0, e)
	return secret, e.Token, nil
}

// Authenticate finds the token whose secret this is. It does no I/O. The look-up
// is by hash, and nobody can choose a hash's first bits without the hash; the
// whole of it is compared in constant time all the same.
func (s *Store) Authenticate(secret string) (Token, bool) {
	var b [secretLen]byte
	if len(secret) != len(b) {
		return Token{}, false
	}
	copy(b[:], secret)
	hash := sha256.Sum256(b[:])
	s.secret.mu.RLock()
	e := s.secret.byHash[hash]
	s.secret.mu.RUnlock()
	if e == nil || subtle.ConstantTimeCompare(e.SHA256, hash[:]) != 1 {
		return Token{}, false
	}
	return e.Token, true
}

// Tokens lists up to n tokens (0: all) of an account, or with "" those of none,
// by id, after the id given; next is where to go on, "" at the end.
func (s *Store) Tokens(account, after string, n int) (page []Token, next string) {
	s.secret.replica.each(account, func(id string, e *tokenEntry) bool {
		if id > after {
			page = append(page, e.Token)
		}
		return true
	})
	slices.SortFunc(page, func(a, b Token) int { return strings.Compare(a.ID, b.ID) })
	if n <= 0 || len(page) <= n {
		return page, ""
	}
	return page[:n], page[n-1].ID
}

// RevokeToken ends a token of an account, or with "" one of none. It is refused
// here when this returns, and everywhere a moment later.
func (s *Store) RevokeToken(ctx context.Context, account, id string) error {
	if _, _, ok := s.secret.replica.get(account, id); !ok {
		return &NotFoundError{"token", id}
	}
	rev, err := s.tokens.mark(ctx, tokenKey(account, id), anyRevision, forgetRemoved)
	if err != nil {
		return unavailable("revoke a token", err)
	}
	s.secret.replica.remove(account, id, rev, 0, false)
	return nil
}

func isNotFound(err error) bool {
	var e *NotFoundError
	return errors.As(err, &e)
}

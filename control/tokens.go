package control

import (
	"context"
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

// Token is what may be known of a token; the secret is not kept.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"`
	Scope   Scope     `json:"scope"`
	Account string    `json:"account,omitempty"` // of ScopeAccount only
	Created time.Time `json:"created"`
}

// Tokens keeps tokens, by the hashes of their secrets. The account "" is that of
// tokens which are of none.
type Tokens interface {
	// CreateToken returns the secret here and never again.
	CreateToken(ctx context.Context, scope Scope, account, name string) (secret string, t Token, err error)
	// Authenticate finds the token with a secret. It does no I/O, and its time says
	// nothing about the secrets there are.
	Authenticate(secret string) (Token, bool)
	// Tokens lists as Documents.List does.
	Tokens(account, after string, n int) (page []Token, next string)
	RevokeToken(ctx context.Context, account, id string) error
}

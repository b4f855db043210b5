package control

import (
	"context"

	"callrec/store"
)

// Scope is what a token may do.
type Scope = store.Scope

// Token is what may be known of a token; its secret is not kept.
type Token = store.Token

// The scopes of tokens.
const (
	ScopeAdmin   = store.ScopeAdmin   // everything
	ScopeCalls   = store.ScopeCalls   // announce and control calls of every account; read no recording
	ScopeAccount = store.ScopeAccount // everything within its account
)

// Tokens is what a door needs of *store.Store to keep tokens. The account "" is
// that of tokens which are of none.
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

package control

import (
	"context"
	"encoding/json"

	"callrec/policy"
	"callrec/store"
)

// The kinds of documents. An account's own document has the account's id.
const (
	Accounts  = store.Accounts
	Users     = "users"
	Devices   = "devices"
	Callflows = "callflows"
)

// MaxDocument is what one may have, in bytes of JSON.
const MaxDocument = store.MaxDocument

// Ref names a document; the store says what it and the next four are.
type Ref = store.Ref

// Document is one revision of a document.
type Document = store.Document

// NotFoundError says that there is no such document, token or recording.
type NotFoundError = store.NotFoundError

// ConflictError says that a document is there already, or was changed meanwhile.
type ConflictError = store.ConflictError

// FullError says that something has reached its bound.
type FullError = store.FullError

// ErrUnavailable is why something was not stored or not found out.
var ErrUnavailable = store.ErrUnavailable

// AccountRef names the document of an account itself.
func AccountRef(account string) Ref { return store.AccountRef(account) }

// Documents is what a door needs of *store.Store to keep documents; see there.
type Documents interface {
	Get(ref Ref) (*Document, error)
	// Compiled is what Compile made of a document; nil when there is none.
	Compiled(ref Ref) any
	// List is up to n documents (0: all) by id, after the id given; next is where
	// to go on, empty at the end.
	List(account, kind, after string, n int) (page []*Document, next string)
	ListAccounts(after string, n int) (page []*Document, next string)
	Create(ctx context.Context, ref Ref, data json.RawMessage) (*Document, error)
	Put(ctx context.Context, ref Ref, rev uint64, data json.RawMessage) (*Document, error)
	// Delete of an account's document removes everything under it, too.
	Delete(ctx context.Context, ref Ref, rev uint64) error
}

// singular is what one document of a kind is called.
func singular(kind string) string {
	switch kind {
	case Accounts, Users, Devices, Callflows:
		return kind[:len(kind)-1]
	}
	return kind
}

// Callflow is a compiled callflow document. It never changes.
type Callflow struct {
	Name string
	Flow any // its first node, as policy.Schemas.Flow reads it
}

// Compile makes of a document what announcements need of it: *policy.Account,
// *policy.Endpoint or *Callflow; nil when that cannot be. The store calls it once
// for each change, so that a call costs no JSON work.
func Compile(ref Ref, doc json.RawMessage) any {
	switch ref.Kind {
	case Accounts:
		if a, err := policy.CompileAccount(doc); err == nil {
			return a
		}
	case Users, Devices:
		if e, err := policy.CompileEndpoint(doc); err == nil {
			return e
		}
	case Callflows:
		v, err := policy.Decode(doc)
		if m, ok := v.(map[string]any); ok && err == nil {
			name, _ := m["name"].(string)
			return &Callflow{name, m["flow"]}
		}
	}
	return nil
}

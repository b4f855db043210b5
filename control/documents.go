package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"callrec/policy"
)

// The kinds of documents. An account's own document has the account's id.
const (
	Accounts  = "accounts"
	Users     = "users"
	Devices   = "devices"
	Callflows = "callflows"
)

// Ref names a document: the account it belongs to, its kind and its id.
type Ref struct{ Account, Kind, ID string }

// AccountRef names the document of an account itself.
func AccountRef(account string) Ref { return Ref{account, Accounts, account} }

// Document is one revision of a document. Nobody may change it.
type Document struct {
	Ref
	Revision uint64 // grows with every change
	Modified time.Time
	Data     json.RawMessage
	Compiled any // what Compile made of Data
}

// Documents keeps the documents of accounts and of what is under them. Get, List
// and Compiled do no I/O. A change that finds the document at another revision
// fails with a *ConflictError; rev 0 is whatever is there. What is missing is a
// *NotFoundError, what reaches a bound a *FullError, and ErrUnavailable is a store
// that does not answer.
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

// ErrUnavailable is why something was not stored or not found out.
var ErrUnavailable = errors.New("the document store does not answer")

// NotFoundError says that there is no such document, token or recording.
type NotFoundError struct {
	What string // "users", "token", "recording"
	ID   string
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("there is no %s %q", singular(e.What), e.ID)
}

// ConflictError says that a document is there already, or was changed meanwhile.
type ConflictError struct {
	Ref  Ref
	Want uint64 // the revision the caller named; 0: it was to be new
	Have uint64
}

func (e *ConflictError) Error() string {
	if e.Want == 0 {
		return fmt.Sprintf("%s %q exists already", singular(e.Ref.Kind), e.Ref.ID)
	}
	return fmt.Sprintf("%s %q was changed meanwhile", singular(e.Ref.Kind), e.Ref.ID)
}

// FullError says that something has reached its bound.
type FullError struct{ Reason string }

func (e *FullError) Error() string { return e.Reason }

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

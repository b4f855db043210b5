package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// Recording is one recording as the index knows it. Everything but Doc is what it
// is listed and searched by; Doc is the document that the API shows.
type Recording struct {
	Account string
	ID      string
	Owner   string    // the user whose recording it is; may be empty
	CallID  string    // may be empty
	Object  string    // the name it has at the target; may be empty
	Created time.Time // what lists are ordered by, to the millisecond
	State   string    // one of the states of recording.State, by name
	At      time.Time // when it entered the state
	Doc     json.RawMessage
}

// Query selects recordings of an account.
type Query struct {
	Account  string
	Owner    string    // of this user only; empty: of all
	CallID   string    // of this call only; empty: of all
	State    string    // in this state only; empty: in all
	From, To time.Time // created in this range, inclusive; zero: open

	// Match, when set, is asked of each that passes the rest until the page is full.
	Match func(*Recording) bool

	Ascending bool   // oldest first; newest first otherwise
	After     string // where to go on: what Recordings returned as next
	N         int    // at most so many; at least 1
}

// ErrStartKey says that Query.After is not what Recordings returned.
var ErrStartKey = errors.New("the start key is none that was given out")

// Index finds recordings.
type Index interface {
	Recordings(ctx context.Context, q Query) (page []*Recording, next string, err error)
	Recording(ctx context.Context, account, id string) (*Recording, error)
	DeleteRecording(ctx context.Context, account, id string) error
}

// Audio gives the files of recordings back: from the spool, or from a target that
// can.
type Audio interface {
	// Open fails with fs.ErrNotExist when nothing holds the file, and with
	// errors.ErrUnsupported when what holds it gives nothing back.
	Open(ctx context.Context, r *Recording) (io.ReadSeekCloser, error)
	// Remove removes what is held of the file and ends its delivery; nil when there
	// is nothing. errors.ErrUnsupported: it lies where nothing can be removed.
	Remove(ctx context.Context, r *Recording) error
}

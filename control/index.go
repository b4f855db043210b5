package control

import (
	"context"
	"io"

	"callrec/store"
)

// Recording is one recording as the index knows it.
type Recording = store.Recording

// Query selects recordings of an account.
type Query = store.Query

// ErrStartKey says that Query.After is not what Recordings returned.
var ErrStartKey = store.ErrStartKey

// Index is what a door needs of *store.Store to find recordings.
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

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnavailable is why a change was not confirmed, or a recording's document not
// read: NATS is away, slow, or refuses. A change may have been made all the same.
var ErrUnavailable = errors.New("the document store does not answer")

// NotFoundError says that there is no such document, token or recording.
type NotFoundError struct {
	What string // "users", "token", "recording": the kind
	ID   string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no %s %q", e.What, e.ID) }

// ConflictError says that a document is not at the revision it was to be changed
// from: somebody else was faster. Read it again and decide anew.
type ConflictError struct {
	Ref  Ref
	Want uint64 // the revision the caller named; 0: it was to be new
	Have uint64 // the revision there is, as far as this store knows; 0: none
}

func (e *ConflictError) Error() string {
	if e.Want == 0 {
		return fmt.Sprintf("%s %q exists already, at revision %d", e.Ref.Kind, e.Ref.ID, e.Have)
	}
	return fmt.Sprintf("%s %q is not at revision %d but at %d", e.Ref.Kind, e.Ref.ID, e.Want, e.Have)
}

// FullError says that something has reached its bound.
type FullError struct{ Reason string }

func (e *FullError) Error() string { return e.Reason }

// The codes of JetStream's answers that mean something here (errors.json of the
// server); the client names most of them.
const (
	codeStoreFailed      = 10077 // "maximum bytes exceeded" among others
	codeWrongLastSeq     = jetstream.JSErrCodeStreamWrongLastSequence
	codeWrongLastSeqRaft = jetstream.JSErrCodeStreamWrongLastSequenceConstant
)

// wrongRevision reports whether a change was refused for its revision.
func wrongRevision(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == codeWrongLastSeq || api.ErrorCode == codeWrongLastSeqRaft)
}

// opening words an error of [Store.Connect]. [ErrUnavailable] is of what may change by
// itself: nobody answers, or the servers have not agreed yet who leads.
func opening(what string, err error) error {
	var api *jetstream.APIError
	var network net.Error
	passing := errors.As(err, &network) || errors.As(err, &api) && api.Code == http.StatusServiceUnavailable
	for _, e := range []error{nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionClosed, context.DeadlineExceeded, io.EOF} {
		passing = passing || errors.Is(err, e)
	}
	if !passing || errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}

// unavailable words an error of NATS.
func unavailable(what string, err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == codeStoreFailed {
		return &FullError{Reason: fmt.Sprintf("cannot %s: the store has no room left: %s", what, api.Description)}
	}
	return fmt.Errorf("cannot %s: %w: %w", what, ErrUnavailable, err)
}

package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"callrec/upload/spool"
)

// Destination is the spool's; targets need not import it.
type Destination = spool.Destination

// Field is the spool's as well.
type Field = spool.Field

// Redact takes credentials and query out of a URL: see spool.Redact.
func Redact(url string) string { return spool.Redact(url) }

// Escape percent-encodes a value as receivers know it: see spool.Escape.
func Escape(s string) string { return spool.Escape(s) }

// Object is one recording on its way to a target.
type Object struct {
	ID, Account, CallID string
	Name                string // the object's name, escaped; ID and Ext are safer where names are ours to choose
	Ext                 string
	MediaName           string
	ContentType         string
	Size                int64
	SHA256              [32]byte
	Started             time.Time
	Destination         Destination
	Meta                []Field
	Sidecar             []byte // JSON to stand beside the audio where a target keeps files; no credentials

	// Open opens the audio from its start; it may be called again, to rewind.
	Open func() (io.ReadSeekCloser, error)
}

// Target takes recordings. Put is one try: it returns nil only when the target
// has confirmed every byte, may be called again with the same Object, also after
// a success that nobody heard of, and then changes nothing. Its error has a
// class (Error); one without is Retry. Every Target passes upload/targettest.
type Target interface {
	Put(ctx context.Context, o Object) error
}

// Class decides what becomes of a recording after a failed try.
type Class uint8

// The classes; the zero value is the one that gives nothing up.
const (
	Retry     Class = iota // try again soon, with growing waits
	Slow                   // try again hourly for a day, then park
	Permanent              // park
)

func (c Class) String() string {
	switch c {
	case Retry:
		return "retry"
	case Slow:
		return "slow"
	case Permanent:
		return "permanent"
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Error is a failed try. Its text never holds credentials.
type Error struct {
	Class      Class
	RetryAfter time.Duration // the target's wish; 0 is none
	Err        error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf is the class of a failed try; what has none is worth another one.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Retry
}

// Fail makes an Error of a class.
func Fail(c Class, format string, args ...any) error {
	return &Error{Class: c, Err: fmt.Errorf(format, args...)}
}

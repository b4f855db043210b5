package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

var errIdle = errors.New("no progress")

// Watch makes tries end in which nothing moves for idle, and only those: a large
// file on a slow line takes as long as it takes. What moves are the bytes that t
// reads of the recording; while t is busy with others it says so by Moved.
func Watch(t Target, idle time.Duration) Target { return &watched{t, idle} }

type watched struct {
	target Target
	idle   time.Duration
}

type movedKey struct{}

// Moved tells the watch over a try, if there is one, that there is progress.
func Moved(ctx context.Context) {
	if moved, ok := ctx.Value(movedKey{}).(func()); ok {
		moved()
	}
}

// Put hands o on, under watch.
func (w *watched) Put(ctx context.Context, o Object) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dog := time.AfterFunc(w.idle, func() { cancel(fmt.Errorf("%w for %v", errIdle, w.idle)) })
	defer dog.Stop()
	moved := func() { dog.Reset(w.idle) }
	ctx = context.WithValue(ctx, movedKey{}, moved)
	open := o.Open
	o.Open = func() (io.ReadSeekCloser, error) {
		f, err := open()
		if err != nil {
			return nil, err
		}
		if at, ok := f.(io.ReaderAt); ok {
			return movingAt{moving{f, moved}, at}, nil
		}
		return moving{f, moved}, nil
	}
	err := w.target.Put(ctx, o)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errIdle) && !errors.Is(err, errIdle) {
		return Fail(Retry, "%w: %w", cause, err)
	}
	return err
}

// moving is a recording that tells when it is read.
type moving struct {
	io.ReadSeekCloser
	moved func()
}

func (m moving) Read(p []byte) (int, error) {
	n, err := m.ReadSeekCloser.Read(p)
	if n > 0 {
		m.moved()
	}
	return n, err
}

// movingAt keeps that a file can be read at any place.
type movingAt struct {
	moving
	at io.ReaderAt
}

func (m movingAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.at.ReadAt(p, off)
	if n > 0 {
		m.moved()
	}
	return n, err
}

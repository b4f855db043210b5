package httpput

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"callrec/upload"
)

// body opens an object's audio, as often as the transport wants to send it, and
// remembers how that went. The transport reads it from a goroutine of its own.
type body struct {
	object upload.Object
	sent   atomic.Int64 // of the newest reader
	err    atomic.Pointer[error]
}

func (b *body) open() (io.ReadCloser, error) {
	f, err := b.object.Open()
	if err != nil {
		return nil, err
	}
	b.sent.Store(0)
	return &reader{f: f, b: b}, nil
}

// failure is why reading the audio failed, if it did; not the network's fault.
func (b *body) failure() error {
	if p := b.err.Load(); p != nil {
		return *p
	}
	return nil
}

type reader struct {
	f io.ReadSeekCloser
	b *body
	n int64
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.f.Read(p)
	r.n += int64(n)
	r.b.sent.Store(r.n)
	if errors.Is(err, io.EOF) && r.n < r.b.object.Size {
		err = fmt.Errorf("it has %d bytes, should have %d", r.n, r.b.object.Size)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.b.err.Store(&err)
	}
	return n, err
}

func (r *reader) Close() error { return r.f.Close() }

// Package targettest is the suite that every upload.Target passes. A target's
// own test calls Run with a way to make one and to look at what it keeps; tests
// of its special habits stand beside that.
package targettest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"callrec/upload"
)

// Subject is a Target under test.
type Subject struct {
	Target upload.Target

	// Destination is where its objects are sent; Name is the suite's to set.
	Destination upload.Destination

	// Stored is what the target now keeps of o; nil without an error is nothing.
	Stored func(o upload.Object) ([]byte, error)

	// Close ends everything behind the target; it may be nil.
	Close func()
}

// Run runs the suite; it calls open once for each part.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, Subject)
	}{
		{"put", func(t *testing.T, s Subject) { s.puts(t, s.object(1, pattern(12_345))) }},
		{"same put again", again},
		{"zero length", func(t *testing.T, s Subject) { s.puts(t, s.object(2, nil)) }},
		{"5 MB", func(t *testing.T, s Subject) { s.puts(t, s.object(3, pattern(5<<20))) }},
		{"odd names", oddNames},
		{"cancelled", cancelled},
		{"reader fails", readerFails},
		{"file is shorter than promised", short},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			s := open(t)
			c.f(t, s)
			if s.Close != nil {
				s.Close()
			}
			noLeak(t, before)
		})
	}
}

// Object makes an object whose audio is data.
func Object(n int, d upload.Destination, data []byte) upload.Object {
	o := upload.Object{
		ID: fmt.Sprintf("202611-%032x", n), Account: "acme", CallID: "abc123@10.0.0.1", Ext: "wav",
		MediaName: "media", ContentType: "audio/x-wav", Size: int64(len(data)), SHA256: sha256.Sum256(data),
		Started: time.Date(2026, 11, 23, 10, 0, n, 0, time.UTC),
		Meta:    []upload.Field{{Key: "from", Value: "1001@acme.example"}, {Key: "owner_id"}},
		Sidecar: []byte("{}\n"),
		Open: func() (io.ReadSeekCloser, error) {
			return readCloser{bytes.NewReader(data)}, nil
		},
	}
	o.Name = fmt.Sprintf("call_recording_abc123%%4010.0.0.1_%s.wav", o.ID)
	d.Name = o.Name
	o.Destination = d
	return o
}

func (s Subject) object(n int, data []byte) upload.Object { return Object(n, s.Destination, data) }

// puts checks that o arrives as it is.
func (s Subject) puts(t *testing.T, o upload.Object) {
	t.Helper()
	if err := s.Target.Put(t.Context(), o); err != nil {
		t.Fatalf("put: %v", err)
	}
	s.holds(t, o)
}

func (s Subject) holds(t *testing.T, o upload.Object) {
	t.Helper()
	got, err := s.Stored(o)
	if err != nil {
		t.Fatalf("stored: %v", err)
	}
	if int64(len(got)) != o.Size || sha256.Sum256(got) != o.SHA256 {
		t.Fatalf("stored %d bytes that are not the %d sent", len(got), o.Size)
	}
}

func again(t *testing.T, s Subject) {
	o := s.object(1, pattern(70_000))
	for range 3 {
		s.puts(t, o)
	}
}

// oddNames holds what a name may be. No receiver takes a NUL, and few a name of
// more than 255 bytes; those are for the doors to refuse.
func oddNames(t *testing.T, s Subject) {
	for i, odd := range []string{
		"../../etc/passwd", "a/b", `a\b`, ".", "..", "", " ", "x\ny", "ünï cödé ☎", "a?b#c%d", "\xff\xfe", strings.Repeat("long", 30),
	} {
		o := s.object(100+i, pattern(100+i))
		o.Account, o.CallID, o.MediaName = odd, odd, odd
		o.Meta = append(o.Meta, upload.Field{Key: "odd", Value: odd})
		o.Name = fmt.Sprintf("call_recording_%s_%d.wav", upload.Escape(odd), i)
		o.Destination.Name = o.Name
		if err := s.Target.Put(t.Context(), o); err != nil {
			t.Errorf("put with %.40q: %v", odd, err)
			continue
		}
		s.holds(t, o)
	}
}

func cancelled(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	o := s.object(4, pattern(1<<20))
	open := o.Open
	o.Open = func() (io.ReadSeekCloser, error) {
		f, err := open()
		return &tripwire{ReadSeekCloser: f, after: 100_000, trip: func() error { cancel(); return nil }}, err
	}
	err := s.Target.Put(ctx, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("put under a context that ends: %v, want context.Canceled", err)
	}
	o.Open = open
	s.puts(t, o) // and it can be tried again
}

func readerFails(t *testing.T, s Subject) {
	o := s.object(5, pattern(1<<20))
	open := o.Open
	broken := errors.New("the disk is broken")
	o.Open = func() (io.ReadSeekCloser, error) {
		f, err := open()
		return &tripwire{ReadSeekCloser: f, after: 100_000, trip: func() error { return broken }}, err
	}
	s.refuses(t, o, broken)
	o.Open = func() (io.ReadSeekCloser, error) { return nil, broken }
	s.refuses(t, o, broken)
	o.Open = open
	s.puts(t, o)
}

func short(t *testing.T, s Subject) {
	o := s.object(6, pattern(1000))
	o.Open = func() (io.ReadSeekCloser, error) { return readCloser{bytes.NewReader(pattern(999))}, nil }
	s.refuses(t, o, nil)
}

// refuses checks that o fails, to be tried again, and leaves nothing that looks
// whole.
func (s Subject) refuses(t *testing.T, o upload.Object, cause error) {
	t.Helper()
	err := s.Target.Put(t.Context(), o)
	if err == nil || upload.ClassOf(err) != upload.Retry {
		t.Fatalf("put: %v (%v), want an error of class retry", err, upload.ClassOf(err))
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("put: %v, does not say that %v", err, cause)
	}
	if got, err := s.Stored(o); err != nil || got != nil {
		t.Errorf("a failed put left %d bytes (%v)", len(got), err)
	}
}

// tripwire calls trip before the first read past after bytes.
type tripwire struct {
	io.ReadSeekCloser
	n, after int
	trip     func() error
}

func (r *tripwire) Read(p []byte) (int, error) {
	if r.n >= r.after {
		if err := r.trip(); err != nil {
			return 0, err
		}
	}
	n, err := r.ReadSeekCloser.Read(p[:min(len(p), 16<<10)])
	r.n += n
	return n, err
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// pattern makes bytes that differ from offset to offset.
func pattern(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// noLeak waits for goroutines to end, which those of closed connections do soon.
func noLeak(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 64<<10)
	t.Errorf("%d goroutines, had %d:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

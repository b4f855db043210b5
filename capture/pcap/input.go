package pcap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// input is the file, and how far it has been read.
type input struct {
	r   *bufio.Reader
	at  int64  // bytes taken
	buf []byte // of the newest take
}

// atEnd reports whether nothing is left.
func (in *input) atEnd() (bool, error) {
	switch _, err := in.r.Peek(1); {
	case err == nil:
		return false, nil
	case errors.Is(err, io.EOF):
		return true, nil
	default:
		return false, err
	}
}

// take returns the next n bytes, at most maxFrame; they are valid until the next
// take. what and from name the thing that they are of, and where it begins.
func (in *input) take(n int, what string, from int64) ([]byte, error) {
	if cap(in.buf) < n {
		in.buf = make([]byte, n)
	}
	b := in.buf[:n]
	got, err := io.ReadFull(in.r, b)
	in.at += int64(got)
	return b, in.ended(err, what, from)
}

// skip passes n bytes over.
func (in *input) skip(n int64, what string, from int64) error {
	for n > 0 {
		got, err := in.r.Discard(int(min(n, 1<<20)))
		in.at += int64(got)
		n -= int64(got)
		if err != nil {
			return in.ended(err, what, from)
		}
	}
	return nil
}

// ended words an end of the file that comes too early.
func (in *input) ended(err error, what string, from int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FileError{from, fmt.Sprintf("the file ends at byte %d, within %s", in.at, what)}
	}
	return err
}

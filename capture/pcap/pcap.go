// Package pcap owns the reading of capture files: pcap and pcapng, the link types
// that telephony is captured on, and IP up to whole UDP datagrams. The replay
// package calls it.
//
// What a file says of its own lengths is not believed: memory grows with what is
// really there and stays within the bounds named here, and nothing in a file makes
// the Reader panic. Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
package pcap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// maxFrame is the longest captured frame taken, in bytes: the largest snapshot
// length of the usual tools. A longer one is the sign of a damaged file.
const maxFrame = 256 << 10

// Datagram is one UDP datagram as it was captured.
type Datagram struct {
	At        time.Time // of its last fragment
	Src, Dst  netip.AddrPort
	Data      []byte // the payload; valid until the next call of Next
	Truncated bool   // the capture kept less of it than was sent
}

// Stats counts frames by what became of them.
type Stats struct {
	Frames    uint64    // with a time
	Datagrams uint64    // returned by Next
	Truncated uint64    // of these, cut by the capture's snapshot length
	Other     uint64    // frames that hold no UDP over IP
	Malformed uint64    // frames that contradict themselves, or are too short for their headers
	Fragments uint64    // frames with a part of a datagram
	Abandoned uint64    // datagrams whose other fragments are not there, or overlap
	Untimed   uint64    // frames without a time (simple packet blocks)
	Links     []uint32  // link types met that cannot be read
	First     time.Time // of the earliest frame
	Last      time.Time // of the latest
}

// FileError is a fault of the file: nothing behind it can be read.
type FileError struct {
	Offset int64 // of the header or block that is at fault, in bytes
	What   string
}

func (e *FileError) Error() string {
	return fmt.Sprintf("the capture is damaged at byte %d: %s", e.Offset, e.What)
}

// ErrFormat says that the file is no capture.
var ErrFormat = errors.New("neither pcap nor pcapng")

// frame is one captured frame.
type frame struct {
	at   time.Time
	link uint32
	data []byte // valid until the next frame
	sent int    // its length on the wire

	untimed bool // at, and all else, is not there
}

// format reads the frames of a file. The error is io.EOF at the end.
type format interface {
	next(f *frame) error
}

// Reader reads the UDP datagrams of one capture, in the order they are in.
type Reader struct {
	file  format
	parts fragments
	stats Stats
}

// NewReader reads the beginning of a capture.
func NewReader(r io.Reader) (*Reader, error) {
	in := &input{r: bufio.NewReaderSize(r, 64<<10)}
	magic, err := in.r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(magic) < 4 {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrFormat, len(magic))
	}
	rd := &Reader{}
	switch binary.BigEndian.Uint32(magic) {
	case magicMicro, magicNano, swappedMicro, swappedNano:
		rd.file, err = newClassic(in)
	case blockSection: // the same in both byte orders
		rd.file = &ng{in: in}
	default:
		if magic[0] == 0x1f && magic[1] == 0x8b {
			return nil, fmt.Errorf("%w, but gzip: unpack it first", ErrFormat)
		}
		return nil, fmt.Errorf("%w: it begins with % x", ErrFormat, magic)
	}
	if err != nil {
		return nil, err
	}
	return rd, nil
}

// Next returns the next datagram. The error is io.EOF at the end of the file, a
// *FileError where it is damaged, else the underlying reader's.
func (r *Reader) Next() (Datagram, error) {
	for {
		var f frame
		if err := r.file.next(&f); err != nil {
			return Datagram{}, err
		}
		if f.untimed {
			r.stats.Untimed++
			continue
		}
		r.seen(f.at)
		if d, ok := r.datagram(&f); ok {
			r.stats.Datagrams++
			if d.Truncated {
				r.stats.Truncated++
			}
			return d, nil
		}
	}
}

// Stats is what has been seen so far.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Abandoned += r.parts.abandoned + uint64(len(r.parts.open))
	return s
}

func (r *Reader) seen(at time.Time) {
	if r.stats.Frames == 0 || at.Before(r.stats.First) {
		r.stats.First = at
	}
	if at.After(r.stats.Last) {
		r.stats.Last = at
	}
	r.stats.Frames++
}

// datagram takes a frame apart. It reports false when the frame completes none.
func (r *Reader) datagram(f *frame) (d Datagram, ok bool) {
	var p packet
	b, v := unwrap(f.link, f.data)
	if v == sound {
		p, v = parseIP(b, f.sent > len(f.data))
	}
	if v == fragment {
		r.stats.Fragments++
		p, v = r.parts.add(&p, f.at)
	}
	if v == sound {
		d, v = udp(&p)
	}
	switch v {
	case unknownLink:
		r.link(f.link)
		r.stats.Other++
	case malformed:
		r.stats.Malformed++
	case other:
		r.stats.Other++
	case sound, fragment:
	}
	d.At = f.at
	return d, v == sound
}

// mostLinks bounds the list of link types that cannot be read.
const mostLinks = 8

func (r *Reader) link(link uint32) {
	for _, l := range r.stats.Links {
		if l == link {
			return
		}
	}
	if len(r.stats.Links) < mostLinks {
		r.stats.Links = append(r.stats.Links, link)
	}
}

package pcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// How a pcap file begins, read as big-endian: with a fraction of a second in
// microseconds or nanoseconds, written in either byte order.
const (
	magicMicro   = 0xa1b2c3d4
	magicNano    = 0xa1b23c4d
	swappedMicro = 0xd4c3b2a1
	swappedNano  = 0x4d3cb2a1
)

// classic is a pcap file.
type classic struct {
	in    *input
	order binary.ByteOrder
	unit  time.Duration // of the fraction of a second
	link  uint32
}

func newClassic(in *input) (*classic, error) {
	h, err := in.take(24, "the header", 0)
	if err != nil {
		return nil, err
	}
	c := &classic{in: in, order: binary.BigEndian, unit: time.Microsecond}
	magic := c.order.Uint32(h)
	if magic == swappedMicro || magic == swappedNano {
		c.order = binary.LittleEndian
	}
	if magic == magicNano || magic == swappedNano {
		c.unit = time.Nanosecond
	}
	if major, minor := c.order.Uint16(h[4:]), c.order.Uint16(h[6:]); major != 2 || minor < 3 || minor > 4 {
		return nil, &FileError{4, fmt.Sprintf("version %d.%d; only 2.4 is known", major, minor)}
	}
	c.link = c.order.Uint32(h[20:]) & 0xffff // above are the length of the frame check sequence, and flags
	return c, nil
}

func (c *classic) next(f *frame) error {
	if end, err := c.in.atEnd(); end || err != nil {
		if end {
			err = io.EOF
		}
		return err
	}
	at := c.in.at
	h, err := c.in.take(16, "the header of a frame", at)
	if err != nil {
		return err
	}
	sec, frac := c.order.Uint32(h), time.Duration(c.order.Uint32(h[4:]))*c.unit
	kept, sent := c.order.Uint32(h[8:]), c.order.Uint32(h[12:])
	switch {
	case kept > maxFrame:
		return &FileError{at, fmt.Sprintf("a frame of %d bytes; at most %d are captured of one", kept, maxFrame)}
	case frac >= time.Second:
		return &FileError{at, fmt.Sprintf("a frame with %v of a second", frac)}
	case sent < kept:
		return &FileError{at, fmt.Sprintf("%d bytes were captured of a frame of %d", kept, sent)}
	}
	f.at, f.link, f.sent = time.Unix(int64(sec), int64(frac)).UTC(), c.link, int(sent)
	f.data, err = c.in.take(int(kept), "a frame", at)
	return err
}

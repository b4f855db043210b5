package pcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"time"
)

// Blocks of a pcapng file.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete, and still met
	blockSimple    = 3
	blockEnhanced  = 6
)

// Options of an interface, and how many interfaces a section may have.
const (
	optEnd        = 0
	optResolution = 9
	optOffset     = 14
	mostPorts     = 4096
)

// byteOrderMagic is at the beginning of a section, in its byte order.
const byteOrderMagic = 0x1a2b3c4d

// ng is a pcapng file.
type ng struct {
	in    *input
	order binary.ByteOrder
	ports []port // the interfaces of the section
}

// port is an interface that was captured on.
type port struct {
	link   uint32
	unit   uint64 // ticks a second
	offset int64  // seconds, to be added
}

// block is one block while it is being read.
type block struct {
	at    int64 // where it begins
	kind  uint32
	total uint32 // its length, with both headers
	left  int64  // bytes of its body that are not read
}

func (g *ng) next(f *frame) error {
	for {
		if end, err := g.in.atEnd(); end || err != nil {
			if end {
				err = io.EOF
			}
			return err
		}
		b, err := g.begin()
		if err != nil {
			return err
		}
		found := false
		switch b.kind {
		case blockInterface:
			err = g.addPort(b)
		case blockEnhanced, blockPacket:
			found, err = true, g.packet(b, f)
		case blockSimple:
			found, *f = true, frame{untimed: true}
		}
		if err == nil {
			err = g.end(b)
		}
		if err != nil || found {
			return err
		}
	}
}

// begin reads the header of a block, and with that of a section the byte order.
func (g *ng) begin() (*block, error) {
	b := &block{at: g.in.at}
	h, err := g.in.take(8, "the header of a block", b.at)
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(h) != blockSection {
		if g.order == nil {
			return nil, &FileError{b.at, "a block outside a section"}
		}
		b.kind, b.total = g.order.Uint32(h), g.order.Uint32(h[4:])
		return b, g.sized(b, 0)
	}
	b.kind = blockSection
	length := [4]byte(h[4:])
	if h, err = g.in.take(4, "the header of a section", b.at); err != nil {
		return nil, err
	}
	switch {
	case binary.LittleEndian.Uint32(h) == byteOrderMagic:
		g.order = binary.LittleEndian
	case binary.BigEndian.Uint32(h) == byteOrderMagic:
		g.order = binary.BigEndian
	default:
		return nil, &FileError{b.at, fmt.Sprintf("a section whose byte order is % x", h)}
	}
	b.total = g.order.Uint32(length[:])
	if err := g.sized(b, 16); err != nil {
		return nil, err
	}
	b.left -= 4
	if h, err = g.body(b, 4, "the header of a section"); err != nil {
		return nil, err
	}
	if major, minor := g.order.Uint16(h), g.order.Uint16(h[2:]); major != 1 {
		return nil, &FileError{b.at, fmt.Sprintf("a section of version %d.%d; only 1.x is known", major, minor)}
	}
	g.ports = g.ports[:0]
	return b, nil
}

// sized checks the length of a block whose body has at least so many bytes.
func (g *ng) sized(b *block, least uint32) error {
	if b.total < 12+least || b.total%4 != 0 {
		return &FileError{b.at, fmt.Sprintf("a block of type %d that says it has %d bytes", b.kind, b.total)}
	}
	b.left = int64(b.total) - 12
	return nil
}

// body takes the next n bytes of the block.
func (g *ng) body(b *block, n int, what string) ([]byte, error) {
	if int64(n) > b.left {
		return nil, &FileError{b.at, fmt.Sprintf("a block of %d bytes is too short for %s", b.total, what)}
	}
	b.left -= int64(n)
	return g.in.take(n, what, b.at)
}

// end passes over what is left of a block and compares its second length.
func (g *ng) end(b *block) error {
	if err := g.in.skip(b.left, "a block", b.at); err != nil {
		return err
	}
	// The frame just read lies in the input's buffer: the length must not.
	var t [4]byte
	n, err := io.ReadFull(g.in.r, t[:])
	g.in.at += int64(n)
	if err != nil {
		return g.in.ended(err, "a block", b.at)
	}
	if again := g.order.Uint32(t[:]); again != b.total {
		return &FileError{b.at, fmt.Sprintf("a block of %d bytes whose end says %d", b.total, again)}
	}
	return nil
}

// addPort reads an interface description.
func (g *ng) addPort(b *block) error {
	const what = "an interface"
	if len(g.ports) == mostPorts {
		return &FileError{b.at, fmt.Sprintf("more than %d interfaces", mostPorts)}
	}
	h, err := g.body(b, 8, what)
	if err != nil {
		return err
	}
	p := port{link: uint32(g.order.Uint16(h)), unit: 1e6}
	for b.left >= 4 {
		if h, err = g.body(b, 4, what); err != nil {
			return err
		}
		code, length := g.order.Uint16(h), int(g.order.Uint16(h[2:]))
		if code == optEnd {
			break
		}
		if h, err = g.body(b, (length+3)&^3, "an option of "+what); err != nil {
			return err
		}
		switch {
		case code == optResolution && length == 1:
			if p.unit = resolution(h[0]); p.unit == 0 {
				return &FileError{b.at, fmt.Sprintf("an interface with a clock of resolution %#x", h[0])}
			}
		case code == optOffset && length == 8:
			p.offset = int64(g.order.Uint64(h))
		}
	}
	g.ports = append(g.ports, p)
	return nil
}

// resolution is how many ticks a second has: a power of ten, or with the top bit
// of two; 0 when they do not fit.
func resolution(b byte) uint64 {
	n := b & 0x7f
	if b&0x80 != 0 {
		if n > 63 {
			return 0
		}
		return 1 << n
	}
	if n > 19 {
		return 0
	}
	unit := uint64(1)
	for range n {
		unit *= 10
	}
	return unit
}

// when is the time of so many ticks.
func (p *port) when(ticks uint64) time.Time {
	hi, lo := bits.Mul64(ticks%p.unit, 1e9)
	ns, _ := bits.Div64(hi, lo, p.unit) // less than 1e9
	return time.Unix(int64(ticks/p.unit)+p.offset, int64(ns)).UTC()
}

// packet reads a packet block up to its options.
func (g *ng) packet(b *block, f *frame) error {
	h, err := g.body(b, 20, "a packet's header")
	if err != nil {
		return err
	}
	id := g.order.Uint32(h)
	if b.kind == blockPacket {
		id = uint32(g.order.Uint16(h)) // and a count of drops
	}
	if int64(id) >= int64(len(g.ports)) {
		return &FileError{b.at, fmt.Sprintf("a packet of interface %d, where there are %d", id, len(g.ports))}
	}
	p := &g.ports[id]
	ticks := uint64(g.order.Uint32(h[4:]))<<32 | uint64(g.order.Uint32(h[8:]))
	kept, sent := g.order.Uint32(h[12:]), g.order.Uint32(h[16:])
	switch {
	case kept > maxFrame:
		return &FileError{b.at, fmt.Sprintf("a frame of %d bytes; at most %d are captured of one", kept, maxFrame)}
	case int64(kept) > b.left:
		return &FileError{b.at, fmt.Sprintf("a frame of %d bytes in a block of %d", kept, b.total)}
	}
	f.at, f.link, f.sent = p.when(ticks), p.link, int(max(sent, kept))
	f.data, err = g.body(b, int(kept), "a frame")
	return err
}

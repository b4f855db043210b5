package pcap

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// The files that the tests read are written here, byte by byte: nothing of it is
// shared with what reads them.

var (
	le = binary.LittleEndian
	be = binary.BigEndian

	src4 = netip.MustParseAddrPort("192.0.2.7:30010")
	dst4 = netip.MustParseAddrPort("198.51.100.9:20000")
	src6 = netip.MustParseAddrPort("[2001:db8::7]:30010")
	dst6 = netip.MustParseAddrPort("[2001:db8::9]:20000")

	when = time.Date(2026, 5, 6, 7, 8, 9, 123456789, time.UTC)
)

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func u16(o binary.AppendByteOrder, v int) []byte    { return o.AppendUint16(nil, uint16(v)) }
func u32(o binary.AppendByteOrder, v uint32) []byte { return o.AppendUint32(nil, v) }

// datagramOf is a UDP header and a payload.
func datagramOf(src, dst netip.AddrPort, payload string) []byte {
	return cat(u16(be, int(src.Port())), u16(be, int(dst.Port())), u16(be, 8+len(payload)), []byte{0, 0}, []byte(payload))
}

// ipv4 is a packet, or with a flags word not 0 a fragment.
func ipv4(proto byte, id, flags int, options, payload []byte) []byte {
	head := 20 + len(options)
	s, d := src4.Addr().As4(), dst4.Addr().As4()
	return cat([]byte{0x40 | byte(head/4), 0xb8}, u16(be, head+len(payload)), u16(be, id), u16(be, flags),
		[]byte{64, proto, 0, 0}, s[:], d[:], options, payload)
}

func ipv6(next byte, payload []byte) []byte {
	s, d := src6.Addr().As16(), dst6.Addr().As16()
	return cat([]byte{0x60, 0, 0, 0}, u16(be, len(payload)), []byte{next, 64}, s[:], d[:], payload)
}

func plain4(payload string) []byte { return ipv4(17, 1, 0x4000, nil, datagramOf(src4, dst4, payload)) }
func plain6(payload string) []byte { return ipv6(17, datagramOf(src6, dst6, payload)) }

// ether is a frame of an EtherType, with VLAN tags before it.
func ether(kind int, payload []byte, tags ...int) []byte {
	f := bytes.Repeat([]byte{0xaa}, 12)
	for _, t := range tags {
		f = cat(f, u16(be, t), []byte{0x20, 5})
	}
	return cat(f, u16(be, kind), payload)
}

// order writes both ways.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// record is one frame of a pcap file: cut to cut bytes, if that is not 0.
func record(o order, at time.Time, unit time.Duration, f []byte, cut int) []byte {
	kept := f
	if cut > 0 {
		kept = f[:cut]
	}
	return cat(u32(o, uint32(at.Unix())), u32(o, uint32(at.Nanosecond()/int(unit))), u32(o, uint32(len(kept))), u32(o, uint32(len(f))), kept)
}

func fileHeader(o order, magic, link uint32) []byte {
	return cat(u32(o, magic), u16(o, 2), u16(o, 4), make([]byte, 8), u32(o, 65535), u32(o, link))
}

// file is a pcap file of one frame a millisecond.
func file(link uint32, frames ...[]byte) []byte {
	b := fileHeader(le, magicMicro, link)
	for i, f := range frames {
		b = cat(b, record(le, when.Add(time.Duration(i)*time.Millisecond), time.Microsecond, f, 0))
	}
	return b
}

// blockOf is a pcapng block.
func blockOf(o order, kind uint32, parts ...[]byte) []byte {
	body := cat(parts...)
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := u32(o, uint32(12+len(body)))
	return cat(u32(o, kind), n, body, n)
}

func section(o order) []byte {
	return blockOf(o, blockSection, u32(o, byteOrderMagic), u16(o, 1), u16(o, 0), bytes.Repeat([]byte{0xff}, 8),
		u16(o, 4), u16(o, 5), []byte("tests\x00\x00\x00"), make([]byte, 4))
}

func iface(o order, link int, options ...[]byte) []byte {
	return blockOf(o, blockInterface, u16(o, link), u16(o, 0), u32(o, 0), cat(options...))
}

func option(o order, code int, value []byte) []byte {
	return cat(u16(o, code), u16(o, len(value)), value, make([]byte, (4-len(value)%4)%4))
}

func enhanced(o order, id uint32, ticks uint64, f []byte, cut int) []byte {
	kept := f
	if cut > 0 {
		kept = f[:cut]
	}
	padded := cat(kept, make([]byte, (4-len(kept)%4)%4))
	return blockOf(o, blockEnhanced, u32(o, id), u32(o, uint32(ticks>>32)), u32(o, uint32(ticks)), u32(o, uint32(len(kept))), u32(o, uint32(len(f))),
		padded, option(o, 2, []byte{0, 0, 0, 1}), make([]byte, 4))
}

// got is what a reader made of a file.
type got struct {
	all   []Datagram
	stats Stats
	err   error // nil at the end of the file
}

func readAll(b []byte) (g got) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		g.err = err
		return g
	}
	for {
		d, err := r.Next()
		if err != nil {
			g.stats = r.Stats()
			if err.Error() != "EOF" {
				g.err = err
			}
			return g
		}
		d.Data = bytes.Clone(d.Data)
		g.all = append(g.all, d)
	}
}

// payloads fails unless the file held datagrams of these payloads, and nothing else
// was said.
func payloads(t *testing.T, b []byte, want ...string) got {
	t.Helper()
	g := readAll(b)
	if g.err != nil {
		t.Errorf("%v", g.err)
	}
	if len(g.all) != len(want) {
		t.Fatalf("%d datagrams, want %d; %+v", len(g.all), len(want), g.stats)
	}
	for i, d := range g.all {
		if string(d.Data) != want[i] || d.Truncated {
			t.Errorf("datagram %d holds %q (truncated %v), want %q", i, d.Data, d.Truncated, want[i])
		}
	}
	return g
}

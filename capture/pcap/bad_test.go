package pcap

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// Damaged files give what can be read of them, and an error that names the byte.
func TestBadFiles(t *testing.T) {
	good := record(le, when, time.Microsecond, plain4("x"), 0) // 45 bytes
	head := fileHeader(le, magicMicro, 101)                    // 24
	rec := func(sec, frac, kept, sent uint32) []byte {
		return cat(u32(le, sec), u32(le, frac), u32(le, kept), u32(le, sent))
	}
	sec, port := section(le), iface(le, 101)
	one := enhanced(le, 0, 1, plain4("x"), 0)
	ng := func(b ...[]byte) []byte { return cat(sec, port, one, cat(b...)) }
	at := int64(len(ng()))
	raw := func(kind, total uint32, rest ...[]byte) []byte {
		return cat(u32(le, kind), u32(le, total), cat(rest...))
	}
	epb := func(id, kept, sent uint32) []byte {
		return blockOf(le, blockEnhanced, u32(le, id), make([]byte, 8), u32(le, kept), u32(le, sent), make([]byte, 32))
	}
	bigSection := section(be)
	bigSection[7] = 13
	wrongEnd := bytes.Clone(one)
	wrongEnd[len(wrongEnd)-4]++
	many := ng()
	for range mostPorts {
		many = cat(many, port)
	}
	for _, c := range []struct {
		name   string
		b      []byte
		offset int64 // -1: the error is not of the file's contents
		says   string
		reads  int
	}{
		{"empty", nil, -1, "has 0 bytes", 0},
		{"three bytes", []byte{0xd4, 0xc3, 0xb2}, -1, "has 3 bytes", 0},
		{"text", []byte("not a capture at all"), -1, "begins with 6e 6f 74 20", 0},
		{"gzip", []byte{0x1f, 0x8b, 8, 0, 0, 0}, -1, "unpack it first", 0},
		{"snoop", []byte("snoop\x00\x00\x00\x00\x00\x00\x02"), -1, "neither pcap nor pcapng", 0},
		{"modified pcap", cat(u32(le, 0xa1b2cd34), head[4:], good), -1, "neither pcap nor pcapng", 0},
		{"pcap, only its magic", head[:4], 0, "ends at byte 4, within the header", 0},
		{"pcap, half a header", head[:23], 0, "ends at byte 23, within the header", 0},
		{"pcap, version 1", cat(head[:4], []byte{1, 0, 4, 0}, head[8:]), 4, "version 1.4", 0},
		{"pcap, version 2.5", cat(head[:4], []byte{2, 0, 5, 0}, head[8:]), 4, "version 2.5", 0},
		{"pcap, half a record header", cat(head, good, good[:9]), 24 + 45, "within the header of a frame", 1},
		{"pcap, one byte more", cat(head, good, []byte{0}), 24 + 45, "ends at byte 70", 1},
		{"pcap, half a frame", cat(head, good, good[:30]), 24 + 45, "ends at byte 99, within a frame", 1},
		{"pcap, no frame", cat(head, good, good[:16]), 24 + 45, "within a frame", 1},
		{"pcap, a frame of 4 GB", cat(head, good, rec(1, 1, 0xffffffff, 0xffffffff)), 24 + 45, "a frame of 4294967295 bytes", 1},
		{"pcap, a frame of 256 KB and one", cat(head, good, rec(1, 1, maxFrame+1, maxFrame+1), make([]byte, maxFrame+1)), 24 + 45, "at most 262144", 1},
		{"pcap, a million microseconds", cat(head, good, rec(1, 1e6, 1, 1), []byte{0}), 24 + 45, "with 1s of a second", 1},
		{"pcap, microseconds without end", cat(head, good, rec(1, 0xffffffff, 1, 1), []byte{0}), 24 + 45, "of a second", 1},
		{"pcap, more captured than sent", cat(head, good, rec(1, 1, 9, 8), make([]byte, 9)), 24 + 45, "9 bytes were captured of a frame of 8", 1},
		{"pcapng, only its magic", sec[:4], 0, "the header of a block", 0},
		{"pcapng, no byte order", sec[:8], 0, "the header of a section", 0},
		{"pcapng, a false byte order", cat(sec[:8], u32(le, 0x01020304), sec[12:]), 0, "byte order is 04 03 02 01", 0},
		{"pcapng, half a section", sec[:20], 0, "ends at byte 20, within a block", 0},
		{"pcapng, a section too short", raw(blockSection, 24, u32(le, byteOrderMagic), make([]byte, 12)), 0, "says it has 24 bytes", 0},
		{"pcapng, a section of 13 bytes", bigSection, 0, "a block of type 168627466 that says it has", 0},
		{"pcapng, version 2", cat(sec[:12], u16(le, 2), sec[14:]), 0, "version 2.0", 0},
		{"pcapng, a block of no bytes", ng(raw(5, 0, make([]byte, 20))), at, "a block of type 5 that says it has 0 bytes", 1},
		{"pcapng, a block of 8 bytes", ng(raw(5, 8)), at, "says it has 8 bytes", 1},
		{"pcapng, a block of 30 bytes", ng(raw(5, 30, make([]byte, 30))), at, "says it has 30 bytes", 1},
		{"pcapng, a block of 4 GB", ng(raw(5, 0xfffffffc, make([]byte, 100))), at, "within a block", 1},
		{"pcapng, half a block's header", ng(sec[:5]), at, "within the header of a block", 1},
		{"pcapng, half a frame", ng(one[:40]), at, "within a frame", 1},
		{"pcapng, no second length", ng(one[:len(one)-4]), at, "within a block", 1},
		{"pcapng, lengths that differ", ng(wrongEnd), at, "whose end says", 1},
		{"pcapng, a packet before an interface", cat(sec, one), int64(len(sec)), "interface 0, where there are 0", 0},
		{"pcapng, an interface that is not there", ng(epb(1, 8, 8)), at, "interface 1, where there are 1", 1},
		{"pcapng, interface 4 billion", ng(epb(0xffffffff, 8, 8)), at, "interface 4294967295", 1},
		{"pcapng, interfaces end with their section", ng(sec, one), at + int64(len(sec)), "interface 0, where there are 0", 1},
		{"pcapng, a frame longer than its block", ng(epb(0, 33, 33)), at, "a frame of 33 bytes in a block of 64", 1},
		{"pcapng, a frame of 4 GB", ng(epb(0, 0xffffffff, 0xffffffff)), at, "a frame of 4294967295 bytes", 1},
		{"pcapng, a packet block without its header", ng(blockOf(le, blockEnhanced, make([]byte, 16))), at, "too short for a packet's header", 1},
		{"pcapng, an interface of 4 bytes", ng(blockOf(le, blockInterface, make([]byte, 4))), at, "too short for an interface", 1},
		{"pcapng, an option longer than its block", ng(blockOf(le, blockInterface, make([]byte, 8), u16(le, 2), u16(le, 5))), at, "too short for an option", 1},
		{"pcapng, an option of 64 KB", ng(blockOf(le, blockInterface, make([]byte, 8), u16(le, 2), u16(le, 65535))), at, "too short for an option", 1},
		{"pcapng, a clock of 10^-20", ng(iface(le, 101, option(le, 9, []byte{20}))), at, "resolution 0x14", 1},
		{"pcapng, a clock of 2^-64", ng(iface(le, 101, option(le, 9, []byte{0x80 | 64}))), at, "resolution 0xc0", 1},
		{"pcapng, interfaces without end", many, int64(len(many) - len(port)), "more than 4096 interfaces", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := readAll(c.b)
			if len(g.all) != c.reads {
				t.Errorf("%d datagrams, want %d", len(g.all), c.reads)
			}
			if g.err == nil || !strings.Contains(g.err.Error(), c.says) {
				t.Fatalf("%v, want it to say %q", g.err, c.says)
			}
			var damage *FileError
			if is := errors.As(g.err, &damage); is != (c.offset >= 0) || (is && damage.Offset != c.offset) {
				t.Errorf("%v; want byte %d", g.err, c.offset)
			}
			if c.offset < 0 && !errors.Is(g.err, ErrFormat) {
				t.Errorf("%v is no ErrFormat", g.err)
			}
		})
	}
}

// Frames that make no sense are counted, and the rest of the file is read.
func TestBadFrames(t *testing.T) {
	udp := datagramOf(src4, dst4, "x")
	short := func(b []byte, at, value int) []byte {
		b = bytes.Clone(b)
		b[at] = byte(value)
		return b
	}
	tags := make([]int, mostTags)
	for i := range tags {
		tags[i] = 0x8100
	}
	deep := udp
	for range mostHeaders {
		deep = cat([]byte{60, 0}, make([]byte, 6), deep)
	}
	for _, c := range []struct {
		name  string
		link  uint32
		frame []byte
	}{
		{"no bytes, ethernet", 1, nil},
		{"13 bytes, ethernet", 1, make([]byte, 13)},
		{"15 bytes, linux cooked", 113, make([]byte, 15)},
		{"19 bytes, linux cooked 2", 276, make([]byte, 19)},
		{"4 bytes, null", 0, make([]byte, 4)},
		{"no bytes, raw", 101, nil},
		{"half a VLAN tag", 1, ether(0x8100, []byte{0})},
		{"VLAN tags without end", 1, ether(0x0800, plain4("x"), tags...)},
		{"an IPv4 header of 19 bytes", 101, plain4("x")[:19]},
		{"an IPv4 header said to have 16 bytes", 101, short(plain4("x"), 0, 0x44)},
		{"IPv4 options that are not there", 101, short(plain4("x"), 0, 0x4f)},
		{"IPv4 of 10 bytes", 101, short(plain4("x"), 3, 10)},
		{"IPv4 longer than its frame", 101, short(plain4("x"), 3, 200)},
		{"an IPv6 header of 39 bytes", 101, plain6("x")[:39]},
		{"IPv6 longer than its frame", 101, short(plain6("x"), 5, 200)},
		{"an IPv6 extension header of 4 bytes", 101, ipv6(60, make([]byte, 4))},
		{"an IPv6 extension header longer than its packet", 101, ipv6(60, cat([]byte{17, 9}, make([]byte, 6), udp))},
		{"IPv6 extension headers without end", 101, ipv6(60, deep)},
		{"a UDP header of 7 bytes", 101, ipv4(17, 1, 0, nil, udp[:7])},
		{"UDP of 7 bytes", 101, ipv4(17, 1, 0, nil, short(udp, 5, 7))},
		{"UDP longer than its packet", 101, ipv4(17, 1, 0, nil, short(udp, 5, 10))},
	} {
		t.Run(c.name, func(t *testing.T) {
			var good []byte
			switch c.link {
			case 1:
				good = ether(0x0800, plain4("good"))
			case 0:
				good = cat(u32(le, 2), plain4("good"))
			case 113:
				good = cat(make([]byte, 14), u16(be, 0x0800), plain4("good"))
			case 276:
				good = cat(u16(be, 0x0800), make([]byte, 18), plain4("good"))
			default:
				good = plain4("good")
			}
			g := payloads(t, file(c.link, c.frame, good), "good")
			if g.stats.Malformed != 1 {
				t.Errorf("%+v", g.stats)
			}
		})
	}
}

func FuzzReader(f *testing.F) {
	long := strings.Repeat("abcdefgh", 400)
	f.Add(file(1, ether(0x0800, plain4("x"), 0x8100), ether(0x86dd, plain6("x"))))
	f.Add(file(276, cat(u16(be, 0x8100), make([]byte, 18), u16(be, 5), u16(be, 0x0800), plain4("x"))))
	f.Add(file(101, parts(true, 3, 1480, long)...))
	f.Add(file(113, cat(make([]byte, 14), u16(be, 0x0800), parts(false, 3, 1480, long)[0])))
	f.Add(file(0, cat(u32(le, 30), ipv6(60, cat([]byte{17, 0}, make([]byte, 6), datagramOf(src6, dst6, "x"))))))
	f.Add(cat(section(be), iface(be, 101, option(be, 9, []byte{0x9e}), option(be, 14, make([]byte, 8))), enhanced(be, 0, 1<<40, plain4("x"), 0),
		blockOf(be, blockSimple, u32(be, 29), plain4("x"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		for n := 0; ; n++ {
			d, err := r.Next()
			if err != nil {
				var damage *FileError
				if errors.As(err, &damage) && (damage.Offset < 0 || damage.Offset > int64(len(b))) {
					t.Errorf("%v, in a file of %d bytes", err, len(b))
				}
				break
			}
			if n > len(b)/16 {
				t.Fatalf("more than %d datagrams in %d bytes", n, len(b))
			}
			if len(d.Data) > 65535 || !d.Src.IsValid() || !d.Dst.IsValid() {
				t.Errorf("%d bytes from %v to %v", len(d.Data), d.Src, d.Dst)
			}
		}
		s := r.Stats()
		if s.Datagrams+s.Other+s.Malformed > s.Frames || len(r.parts.open) > mostOpen {
			t.Errorf("%+v, %d datagrams wait", s, len(r.parts.open))
		}
	})
}

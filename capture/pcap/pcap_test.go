package pcap

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestEveryLinkType(t *testing.T) {
	sll := cat(u16(be, 0), u16(be, 1), u16(be, 6), make([]byte, 8))
	sll2 := func(kind int) []byte { return cat(u16(be, kind), make([]byte, 18)) }
	for _, c := range []struct {
		name  string
		link  uint32
		frame []byte
	}{
		{"ethernet", 1, ether(0x0800, plain4("x"))},
		{"ethernet, padded to its least length", 1, cat(ether(0x0800, plain4("x")), make([]byte, 17))},
		{"ethernet, 802.1Q", 1, ether(0x0800, plain4("x"), 0x8100)},
		{"ethernet, 802.1ad and 802.1Q", 1, ether(0x0800, plain4("x"), 0x88a8, 0x8100)},
		{"ethernet, three tags", 1, ether(0x0800, plain4("x"), 0x9100, 0x8100, 0x8100)},
		{"ethernet with the length of its check sequence in the link type", 0x54000001, cat(ether(0x0800, plain4("x")), make([]byte, 4))},
		{"linux cooked", 113, cat(sll, u16(be, 0x0800), plain4("x"))},
		{"linux cooked, tagged", 113, cat(sll, u16(be, 0x8100), u16(be, 5), u16(be, 0x0800), plain4("x"))},
		{"linux cooked 2", 276, cat(sll2(0x0800), plain4("x"))},
		{"linux cooked 2, tagged", 276, cat(sll2(0x8100), u16(be, 5), u16(be, 0x0800), plain4("x"))},
		{"raw", 101, plain4("x")},
		{"raw, OpenBSD's number", 14, plain4("x")},
		{"raw, BSD's number", 12, plain4("x")},
		{"raw IPv4", 228, plain4("x")},
		{"null, little-endian", 0, cat(u32(le, 2), plain4("x"))},
		{"null, big-endian", 0, cat(u32(be, 2), plain4("x"))},
		{"loop", 108, cat(u32(be, 2), plain4("x"))},
		{"options", 101, ipv4(17, 1, 0, []byte{1, 1, 1, 0}, datagramOf(src4, dst4, "x"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := payloads(t, file(c.link, c.frame), "x")
			if g.all[0].Src != src4 || g.all[0].Dst != dst4 {
				t.Errorf("from %v to %v", g.all[0].Src, g.all[0].Dst)
			}
		})
	}
	udp := datagramOf(src6, dst6, "x")
	for _, c := range []struct {
		name  string
		link  uint32
		frame []byte
	}{
		{"ethernet", 1, ether(0x86dd, plain6("x"), 0x8100)},
		{"raw", 101, plain6("x")},
		{"raw IPv6", 229, plain6("x")},
		{"null, macOS", 0, cat(u32(le, 30), plain6("x"))},
		{"null, FreeBSD", 0, cat(u32(le, 28), plain6("x"))},
		{"hop-by-hop options", 101, ipv6(0, cat([]byte{17, 0, 1, 4, 0, 0, 0, 0}, udp))},
		{"routing and long destination options", 101, ipv6(43, cat([]byte{60, 0}, make([]byte, 6), []byte{17, 1}, make([]byte, 14), udp))},
		{"authentication", 101, ipv6(51, cat([]byte{17, 4}, make([]byte, 22), udp))},
		{"fragment that is all of it", 101, ipv6(44, cat([]byte{17, 0, 0, 0, 1, 2, 3, 4}, udp))},
	} {
		t.Run("IPv6 "+c.name, func(t *testing.T) {
			g := payloads(t, file(c.link, c.frame), "x")
			if g.all[0].Src != src6 || g.all[0].Dst != dst6 {
				t.Errorf("from %v to %v", g.all[0].Src, g.all[0].Dst)
			}
		})
	}
}

func TestTimesOfPcap(t *testing.T) {
	for _, c := range []struct {
		name  string
		order order
		magic uint32
		unit  time.Duration
	}{
		{"little-endian, microseconds", le, 0xa1b2c3d4, time.Microsecond},
		{"big-endian, microseconds", be, 0xa1b2c3d4, time.Microsecond},
		{"little-endian, nanoseconds", le, 0xa1b23c4d, time.Nanosecond},
		{"big-endian, nanoseconds", be, 0xa1b23c4d, time.Nanosecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := cat(fileHeader(c.order, c.magic, 101), record(c.order, when, c.unit, plain4("x"), 0))
			if at := payloads(t, b, "x").all[0].At; !at.Equal(when.Truncate(c.unit)) {
				t.Errorf("at %v, want %v", at, when.Truncate(c.unit))
			}
		})
	}
}

// Interfaces have clocks of their own, and sections byte orders.
func TestSectionsAndInterfaces(t *testing.T) {
	quarter := time.Unix(100, 750_000_000).UTC()
	var b []byte
	var want []string
	for i, o := range []order{le, be} {
		b = cat(b, section(o),
			iface(o, 1),
			iface(o, 101, option(o, 2, []byte("eth1")), option(o, 9, []byte{9}), make([]byte, 4)),
			iface(o, 228, option(o, 9, []byte{0x80 | 30}), option(o, 14, cat(u32(o, 0), u32(o, 0))[:8]), make([]byte, 4)),
			iface(o, 101, option(o, 9, []byte{0x80 | 10}), option(o, 14, o.AppendUint64(nil, 40)), make([]byte, 4)),
			iface(o, 101, option(o, 9, []byte{0}), option(o, 14, o.AppendUint64(nil, 0xffffffffffffffff)), make([]byte, 4)),
			blockOf(o, 5, make([]byte, 12)), blockOf(o, 0xbad, []byte("of the future")),
			enhanced(o, 0, 100_750_000, ether(0x0800, plain4("us"), 0x8100), 0),
			enhanced(o, 1, 100_750_000_000, plain4("nss"), 0),
			enhanced(o, 2, 100<<30+3<<28, plain4("2^-30"), 0),
			enhanced(o, 3, 60<<10+3<<8, plain4("2^-10, +40 s"), 0),
			enhanced(o, 4, 102, plain4("s, -1 s"), 0),
			blockOf(o, blockPacket, u16(o, 0), u16(o, 7), u32(o, 0), u32(o, 100_750_000), u32(o, uint32(len(ether(0x0800, plain4("old"))))),
				u32(o, uint32(len(ether(0x0800, plain4("old"))))), ether(0x0800, plain4("old"))))
		if i == 0 {
			b = cat(b, blockOf(o, blockSimple, u32(o, 29), ether(0x0800, plain4("no time"))))
		}
		want = append(want, "us", "nss", "2^-30", "2^-10, +40 s", "s, -1 s", "old")
	}
	g := payloads(t, b, want...)
	for i, d := range g.all {
		if want := quarter; i%6 == 4 {
			if want = time.Unix(101, 0); !d.At.Equal(want) {
				t.Errorf("%q is at %v, want %v", d.Data, d.At, want)
			}
		} else if !d.At.Equal(want) {
			t.Errorf("%q is at %v, want %v", d.Data, d.At, want)
		}
	}
	if g.stats.Untimed != 1 || g.stats.Frames != 12 {
		t.Errorf("%+v", g.stats)
	}
}

// What a snapshot length has cut off is flagged; what was too short to be sent is
// malformed.
func TestTruncation(t *testing.T) {
	f := ether(0x0800, plain4("0123456789"))
	b := fileHeader(le, magicMicro, 1)
	for _, cut := range []int{0, len(f) - 4, 14 + 28, 14 + 27, 14 + 20, 20, 9} {
		b = cat(b, record(le, when, time.Microsecond, f, cut))
	}
	b = cat(b, record(le, when, time.Microsecond, f[:len(f)-4], 0))
	g := readAll(b)
	if g.err != nil || len(g.all) != 3 {
		t.Fatalf("%d datagrams, %v", len(g.all), g.err)
	}
	for i, want := range []string{"0123456789", "012345", ""} {
		if d := g.all[i]; string(d.Data) != want || d.Truncated != (i > 0) {
			t.Errorf("%d: %q, truncated %v", i, d.Data, d.Truncated)
		}
	}
	if g.stats.Malformed != 5 || g.stats.Truncated != 2 {
		t.Errorf("%+v", g.stats)
	}
	e := enhancedFile(enhanced(le, 0, 1, plain6("0123456789"), 50))
	if g := readAll(e); len(g.all) != 1 || !g.all[0].Truncated || string(g.all[0].Data) != "01" {
		t.Errorf("%+v", g)
	}
}

func enhancedFile(blocks ...[]byte) []byte {
	return cat(section(le), iface(le, 101), cat(blocks...))
}

func TestWhatIsNoUDPIsCounted(t *testing.T) {
	g := payloads(t, file(1, ether(0x0806, make([]byte, 28)), ether(0x0800, ipv4(6, 1, 0, nil, make([]byte, 20))), ether(0x0800, plain4("x")),
		ether(0x86dd, ipv6(58, make([]byte, 8))), ether(40, make([]byte, 40))), "x")
	if g.stats.Other != 4 || g.stats.Frames != 5 || g.stats.Malformed != 0 {
		t.Errorf("%+v", g.stats)
	}
	g = payloads(t, file(147, plain4("x"), plain4("x")))
	if !slices.Equal(g.stats.Links, []uint32{147}) {
		t.Errorf("%+v", g.stats)
	}
	g = payloads(t, file(101, plain4("a"), plain4("b"), plain4("c")), "a", "b", "c")
	if want := when.Truncate(time.Microsecond); !g.stats.First.Equal(want) || !g.stats.Last.Equal(want.Add(2*time.Millisecond)) {
		t.Errorf("from %v to %v", g.stats.First, g.stats.Last)
	}
}

// parts cuts a datagram into fragments of so many bytes, as IPv4 or IPv6.
func parts(v6 bool, id, size int, payload string) (out [][]byte) {
	d := datagramOf(src4, dst4, payload)
	for at := 0; at < len(d); at += size {
		piece, more := d[at:min(at+size, len(d))], 0
		if at+size < len(d) {
			more = 1
		}
		if v6 {
			out = append(out, ipv6(44, cat([]byte{17, 0}, u16(be, at|more), u32(be, uint32(id)), piece)))
		} else {
			out = append(out, ipv4(17, id, at/8|more<<13, nil, piece))
		}
	}
	return out
}

func TestFragments(t *testing.T) {
	long := string(bytes.Repeat([]byte("abcdefghijklm"), 300))
	for _, v6 := range []bool{false, true} {
		p := parts(v6, 7, 1480, long)
		backwards := slices.Clone(p)
		slices.Reverse(backwards)
		payloads(t, file(101, p...), long)
		payloads(t, file(101, backwards...), long)
		g := payloads(t, file(101, p[0], p[1], p[0], p[1], p[2]), long) // captured twice
		if g.stats.Fragments != 5 || g.stats.Abandoned != 0 {
			t.Errorf("%+v", g.stats)
		}
		other := parts(v6, 8, 1480, long[1:])
		payloads(t, file(101, p[0], other[1], p[1], other[0], other[2], p[2]), long[1:], long)
		g = payloads(t, file(101, p[0], p[2]))
		if g.stats.Abandoned != 1 || g.stats.Other != 0 {
			t.Errorf("a part is missing: %+v", g.stats)
		}
		// Parts that say different things of one place.
		bad := parts(v6, 7, 1480, "X"+long[1:])
		g = payloads(t, file(101, p[0], bad[0], p[1], p[2]))
		if g.stats.Abandoned != 2 { // the first, and what came after it
			t.Errorf("overlapping: %+v", g.stats)
		}
		small := parts(v6, 7, 8, long) // more parts than anybody sends
		if g = readAll(file(101, small...)); len(g.all) != 0 {
			t.Errorf("%d parts were put together", len(small))
		}
	}
}

// Fragments that never become whole take bounded memory.
func TestFragmentsAreBounded(t *testing.T) {
	var s fragments
	for i := range 10 * mostOpen {
		p := packet{src: netip.IPv4Unspecified(), dst: netip.IPv4Unspecified(), proto: 17, id: uint32(i), more: true, payload: make([]byte, 1480)}
		s.add(&p, when)
	}
	if len(s.open) != mostOpen || s.abandoned != 9*mostOpen {
		t.Errorf("%d wait, %d were abandoned", len(s.open), s.abandoned)
	}
	// An id that comes round again is another datagram.
	p := packet{proto: 17, more: true, payload: make([]byte, 8)}
	q := packet{proto: 17, offset: 8, payload: make([]byte, 8)}
	s = fragments{}
	s.add(&p, when)
	if _, v := s.add(&q, when.Add(longestGap+1)); v != fragment {
		t.Error("parts a minute apart were put together")
	}
}

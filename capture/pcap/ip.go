package pcap

import (
	"encoding/binary"
	"net/netip"
)

// Protocols, and the extension headers of IPv6 that may come before one.
const (
	protoHopByHop = 0
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoAuth     = 51
	protoOptions  = 60
	protoMobility = 135
)

// mostHeaders bounds the extension headers of a packet.
const mostHeaders = 16

// packet is an IP packet without its headers, or a fragment of one.
type packet struct {
	src, dst netip.Addr
	proto    uint8
	payload  []byte
	cut      bool // the capture has less than was sent

	// Of a fragment.
	id     uint32
	offset int // of payload in the datagram
	more   bool
}

// parseIP reads the headers of an IP packet; cut says that the capture has not all
// of the frame. Checksums are not looked at: those of the machine that captures are
// often filled in after it has.
func parseIP(b []byte, cut bool) (packet, verdict) {
	if len(b) == 0 {
		return packet{}, malformed
	}
	switch b[0] >> 4 {
	case 4:
		return parseIPv4(b, cut)
	case 6:
		return parseIPv6(b, cut)
	}
	return packet{}, other
}

func parseIPv4(b []byte, cut bool) (p packet, v verdict) {
	if len(b) < 20 {
		return p, malformed
	}
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = len(b) // left to the network card by the machine that captured
	}
	if header < 20 || total < header || len(b) < header {
		return p, malformed
	}
	if b, p.cut, v = upTo(b, total, cut); v != sound {
		return p, v
	}
	p.src, p.dst, p.proto = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:])), b[9]
	p.payload = b[header:]
	flags := binary.BigEndian.Uint16(b[6:])
	p.id, p.offset, p.more = uint32(binary.BigEndian.Uint16(b[4:])), int(flags&0x1fff)*8, flags&0x2000 != 0
	if p.offset > 0 || p.more {
		return p, fragment
	}
	return p, sound
}

// upTo cuts off what follows a packet of total bytes in its frame.
func upTo(b []byte, total int, cut bool) ([]byte, bool, verdict) {
	if total <= len(b) {
		return b[:total], false, sound
	}
	if !cut {
		return nil, false, malformed
	}
	return b, true, sound
}

func parseIPv6(b []byte, cut bool) (p packet, v verdict) {
	if len(b) < 40 {
		return p, malformed
	}
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total == 40 {
		total = len(b)
	}
	if b, p.cut, v = upTo(b, total, cut); v != sound {
		return p, v
	}
	p.src, p.dst, p.proto = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:])), b[6]
	p.payload = b[40:]
	for range mostHeaders {
		if !p.extended() {
			return p, sound
		}
		if len(p.payload) < 8 {
			return p, malformed
		}
		if p.proto == protoFragment {
			return p.fragmented()
		}
		size := 8 * (1 + int(p.payload[1]))
		if p.proto == protoAuth {
			size = 4 * (2 + int(p.payload[1]))
		}
		if size > len(p.payload) {
			return p, malformed
		}
		p.proto, p.payload = p.payload[0], p.payload[size:]
	}
	return p, malformed
}

// extended reports whether an extension header comes next.
func (p *packet) extended() bool {
	switch p.proto {
	case protoHopByHop, protoRouting, protoFragment, protoAuth, protoOptions, protoMobility:
		return true
	}
	return false
}

// fragmented reads a fragment header. Extension headers behind it are part of what
// is fragmented; UDP has none there in practice.
func (p *packet) fragmented() (packet, verdict) {
	h := p.payload
	at := binary.BigEndian.Uint16(h[2:])
	p.proto, p.payload = h[0], h[8:]
	p.id, p.offset, p.more = binary.BigEndian.Uint32(h[4:]), int(at&^7), at&1 != 0
	if p.offset == 0 && !p.more {
		return *p, sound // all of it in one
	}
	return *p, fragment
}

// udp reads a UDP header.
func udp(p *packet) (Datagram, verdict) {
	b := p.payload
	if p.proto != protoUDP {
		return Datagram{}, other
	}
	if len(b) < 8 {
		return Datagram{}, malformed
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length == 0 {
		length = len(b)
	}
	if length < 8 || (length > len(b) && !p.cut) {
		return Datagram{}, malformed
	}
	d := Datagram{
		Src: netip.AddrPortFrom(p.src.Unmap(), binary.BigEndian.Uint16(b)),
		Dst: netip.AddrPortFrom(p.dst.Unmap(), binary.BigEndian.Uint16(b[2:])),
	}
	d.Truncated = length > len(b)
	d.Data = b[8:min(length, len(b))]
	return d, sound
}

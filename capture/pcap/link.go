package pcap

import "encoding/binary"

// Link types: https://www.tcpdump.org/linktypes.html. The raw ones have numbers
// that differed between systems when files were first written.
const (
	linkNull     = 0
	linkEthernet = 1
	linkRaw12    = 12
	linkRaw14    = 14
	linkRaw      = 101
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

// EtherTypes.
const (
	etherIPv4  = 0x0800
	etherIPv6  = 0x86dd
	etherVLAN  = 0x8100
	etherQinQ  = 0x88a8
	etherOldQQ = 0x9100
)

// mostTags bounds the stacked VLAN tags of a frame.
const mostTags = 8

// verdict is what a layer of a frame turned out to be.
type verdict uint8

const (
	sound       verdict = iota // what was sought
	fragment                   // a part of it
	other                      // something else
	unknownLink                // on a link whose frames cannot be read
	malformed
)

// unwrap returns the IP packet in a frame.
func unwrap(link uint32, b []byte) ([]byte, verdict) {
	switch link {
	case linkEthernet:
		if len(b) < 14 {
			return nil, malformed
		}
		return tagged(b[12:])
	case linkSLL:
		if len(b) < 16 {
			return nil, malformed
		}
		return tagged(b[14:])
	case linkSLL2:
		if len(b) < 20 {
			return nil, malformed
		}
		return tagged(append(b[:2:2], b[20:]...)) // as in the others: type, then packet
	case linkRaw, linkRaw12, linkRaw14, linkIPv4, linkIPv6:
		if len(b) == 0 {
			return nil, malformed
		}
		return b, sound
	case linkNull, linkLoop:
		// The address family is in the byte order of the machine, and IPv6 has
		// another number on each system: the packet itself tells as well.
		if len(b) < 5 {
			return nil, malformed
		}
		if b[0] != 0 && b[3] != 0 {
			return nil, other
		}
		return b[4:], sound
	}
	return nil, unknownLink
}

// tagged is what follows the addresses of an Ethernet frame: tags, the EtherType,
// and the packet.
func tagged(b []byte) ([]byte, verdict) {
	for range mostTags {
		if len(b) < 2 {
			return nil, malformed
		}
		kind := binary.BigEndian.Uint16(b)
		if kind != etherVLAN && kind != etherQinQ && kind != etherOldQQ {
			return typed(kind, b[2:])
		}
		if len(b) < 6 {
			return nil, malformed
		}
		b = b[4:]
	}
	return nil, malformed
}

func typed(kind uint16, b []byte) ([]byte, verdict) {
	if kind == etherIPv4 || kind == etherIPv6 {
		return b, sound
	}
	return nil, other
}

package testkit

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// AppendPcap appends a capture of the packets: a pcap file with nanoseconds and raw
// IPv4 (draft-ietf-opsawg-pcap), checksums right or, of UDP, absent. legs are where each
// Packet.Leg goes; it comes from the same port of from.
func AppendPcap(dst []byte, begin time.Time, from netip.Addr, legs []netip.AddrPort, packets []Packet) []byte {
	le, be := binary.LittleEndian, binary.BigEndian
	const magic, snap, rawIP = 0xa1b23c4d, 65535, 101
	dst = le.AppendUint32(dst, magic)
	dst = le.AppendUint16(le.AppendUint16(dst, 2), 4)
	for _, v := range []uint32{0, 0, snap, rawIP} {
		dst = le.AppendUint32(dst, v)
	}
	for _, p := range packets {
		const ip, udp = 20, 8
		to, at, size := legs[p.Leg], begin.Add(p.Due), ip+udp+len(p.Data)
		for _, v := range []uint32{uint32(at.Unix()), uint32(at.Nanosecond()), uint32(size), uint32(size)} {
			dst = le.AppendUint32(dst, v)
		}
		head := len(dst)
		dst = append(dst, 0x45, 0)
		dst = be.AppendUint16(dst, uint16(size))
		dst = append(dst, 0, 0, 0x40, 0, 64, 17, 0, 0)
		dst = append(append(dst, from.AsSlice()...), to.Addr().AsSlice()...)
		be.PutUint16(dst[head+10:], ^sum16(dst[head:]))
		for _, v := range []int{int(to.Port()), int(to.Port()), udp + len(p.Data), 0} {
			dst = be.AppendUint16(dst, uint16(v))
		}
		dst = append(dst, p.Data...)
	}
	return dst
}

// sum16 is the ones' complement sum of an IPv4 header (RFC 1071).
func sum16(b []byte) uint16 {
	sum := uint32(0)
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

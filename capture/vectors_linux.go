//go:build linux && !portable

package capture

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// vectors are the headers of recvmmsg for the slab of a Batch, one a buffer.
type vectors struct {
	msgs     []unix.Mmsghdr
	iovs     []unix.Iovec
	names    []unix.RawSockaddrInet6 // large enough for both families
	controls []control
}

// control receives one SO_TIMESTAMPNS message.
type control struct {
	hdr  unix.Cmsghdr
	time unix.Timespec
}

func newVectors(slab []byte) vectors {
	n := len(slab) / BufferSize
	v := vectors{
		msgs: make([]unix.Mmsghdr, n), iovs: make([]unix.Iovec, n),
		names: make([]unix.RawSockaddrInet6, n), controls: make([]control, n),
	}
	for i := range n {
		v.iovs[i].Base = &slab[i*BufferSize]
		v.iovs[i].SetLen(BufferSize)
		v.msgs[i].Hdr.Iov = &v.iovs[i]
		v.msgs[i].Hdr.SetIovlen(1)
	}
	return v
}

// prepare resets what the kernel wrote into n headers from first on.
func (v *vectors) prepare(first, n int, opts options) []unix.Mmsghdr {
	msgs := v.msgs[first : first+n]
	for i := range msgs {
		h := &msgs[i].Hdr
		h.Name, h.Namelen = nil, 0
		h.Control = nil
		h.SetControllen(0)
		if opts.sources {
			h.Name = (*byte)(unsafe.Pointer(&v.names[first+i]))
			h.Namelen = unix.SizeofSockaddrInet6
		}
		if opts.stamps {
			h.Control = (*byte)(unsafe.Pointer(&v.controls[first+i]))
			h.SetControllen(int(unsafe.Sizeof(control{})))
		}
	}
	return msgs
}

// source reads the i-th sender's address, of which the kernel wrote size bytes.
func (v *vectors) source(i int, size uint32) netip.AddrPort {
	name := &v.names[i]
	switch {
	case size == unix.SizeofSockaddrInet4 && name.Family == unix.AF_INET:
		in4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(in4.Addr), bigEndian(&in4.Port))
	case size == unix.SizeofSockaddrInet6 && name.Family == unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), bigEndian(&name.Port))
	}
	return netip.AddrPort{}
}

// bigEndian reads a port as the kernel leaves it: in network byte order.
func bigEndian(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}

func putBigEndian(to *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(to))[:], port)
}

// stamp reads the i-th receive time in nanoseconds since 1970, 0 if there is none.
func (v *vectors) stamp(i, size int) int64 {
	c := &v.controls[i]
	if size < int(unsafe.Sizeof(control{})) || c.hdr.Level != unix.SOL_SOCKET || c.hdr.Type != unix.SO_TIMESTAMPNS {
		return 0
	}
	return c.time.Nano()
}

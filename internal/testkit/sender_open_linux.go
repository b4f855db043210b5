package testkit

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// open binds the source sockets and prepares the headers.
func (s *Sender) open() error {
	src := s.cfg.Source
	is4 := s.cfg.Legs[0].Addr().Is4()
	if !src.IsValid() {
		if src = netip.IPv6Loopback(); is4 {
			src = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	for range (len(s.cfg.Legs) + s.cfg.LegsPerSocket - 1) / s.cfg.LegsPerSocket {
		if err := s.bind(src); err != nil {
			return fmt.Errorf("source port at %v: %w", src, err)
		}
	}
	s.targets = make([]unix.RawSockaddrInet6, len(s.cfg.Legs))
	for i, to := range s.cfg.Legs {
		if to.Addr().Is4() != is4 {
			return fmt.Errorf("leg %d goes to %v, leg 0 to %v: one sender has one family", i, to, s.cfg.Legs[0])
		}
		s.size = target(&s.targets[i], to)
	}
	for i := range s.msgs {
		h := &s.msgs[i].Hdr
		s.iovs[i].Base = &s.slab[i][0]
		h.Iov, h.Namelen = &s.iovs[i], s.size
		h.SetIovlen(1)
	}
	return nil
}

// bind opens one source socket at a port of the kernel's choice.
func (s *Sender) bind(src netip.Addr) error {
	family, at := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: src.As16()})
	if src.Is4() {
		family, at = unix.AF_INET, &unix.SockaddrInet4{Addr: src.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s.fds = append(s.fds, fd)
	if err := unix.Bind(fd, at); err != nil {
		return err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	switch b := bound.(type) {
	case *unix.SockaddrInet4:
		s.sources = append(s.sources, netip.AddrPortFrom(netip.AddrFrom4(b.Addr), uint16(b.Port)))
	case *unix.SockaddrInet6:
		s.sources = append(s.sources, netip.AddrPortFrom(netip.AddrFrom16(b.Addr), uint16(b.Port)))
	default:
		return net.UnknownNetworkError(fmt.Sprintf("%T", bound))
	}
	return nil
}

// target writes to as the kernel reads it and returns its size.
func target(raw *unix.RawSockaddrInet6, to netip.AddrPort) uint32 {
	if to.Addr().Is4() {
		in4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		in4.Family, in4.Addr = unix.AF_INET, to.Addr().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&in4.Port))[:], to.Port())
		return unix.SizeofSockaddrInet4
	}
	raw.Family, raw.Addr = unix.AF_INET6, to.Addr().As16()
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&raw.Port))[:], to.Port())
	return unix.SizeofSockaddrInet6
}

func (s *Sender) close() {
	for _, fd := range s.fds {
		_ = unix.Close(fd)
	}
}

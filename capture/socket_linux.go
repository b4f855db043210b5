//go:build linux && !portable

package capture

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a non-blocking UDP socket that the Go poller does not know of.
type socket int

// listen opens a socket at addr.
func listen(addr netip.AddrPort, opts options) (socket, error) {
	family := unix.AF_INET
	if addr.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return -1, err
	}
	if err := prepare(fd, addr, opts); err != nil {
		_ = unix.Close(fd) // the first error is the one to report
		return -1, err
	}
	return socket(fd), nil
}

func prepare(fd int, addr netip.AddrPort, opts options) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queue); err != nil {
		return err
	}
	if opts.stamps {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
			return err
		}
	}
	if addr.Addr().Is4() {
		return unix.Bind(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
		return err
	}
	return unix.Bind(fd, &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()})
}

// stamper opens a socket that receives nothing but keeps the kernel stamping.
// It begins some time after the first socket asks and ends with the last; in
// between, a datagram is stamped only when it is read.
func stamper(opts options) (socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil || !opts.stamps {
		return socket(fd), err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		_ = unix.Close(fd) // the first error is the one to report
		return -1, err
	}
	return socket(fd), nil
}

// close gives the port back. What the kernel could say is of no use to us.
func (s socket) close() { _ = unix.Close(int(s)) }

// drops is how many datagrams the kernel threw away, since the socket was opened.
func (s socket) drops() uint32 {
	const dropsAt = 8 // SK_MEMINFO_DROPS
	var info [dropsAt + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(s), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return info[dropsAt]
}

// fileLimit is how many files this process may have open.
func fileLimit() uint64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return l.Cur
}

// send sends one datagram, or none. to is of the socket's family.
func (s socket) send(to netip.AddrPort, data []byte) error {
	var in4 unix.RawSockaddrInet4
	var in6 unix.RawSockaddrInet6
	name, size := unsafe.Pointer(&in4), unsafe.Sizeof(in4)
	if to.Addr().Is4() {
		in4.Family, in4.Addr = unix.AF_INET, to.Addr().As4()
		putBigEndian(&in4.Port, to.Port())
	} else {
		in6.Family, in6.Addr = unix.AF_INET6, to.Addr().As16()
		putBigEndian(&in6.Port, to.Port())
		name, size = unsafe.Pointer(&in6), unsafe.Sizeof(in6)
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(name), size)
	if errno != 0 {
		return errno
	}
	return nil
}

// receive appends up to n datagrams to b, which has room for them, with the
// kernel's stamp (nanoseconds since 1970) as At. Fewer than n: it is empty.
func (s socket) receive(b *Batch, n int, opts options) (int, error) {
	first := len(b.Datagrams)
	msgs := b.vec.prepare(first, n, opts)
	for try := 0; ; try++ {
		got, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s), uintptr(unsafe.Pointer(&msgs[0])),
			uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			n = int(got)
			break
		}
		if errno == unix.EAGAIN {
			return 0, nil
		}
		if try == 2 { // EINTR, and a pending ICMP error is reported once
			return 0, errno
		}
	}
	b.Datagrams = b.Datagrams[:first+n]
	for i := range n {
		m := &msgs[i]
		buf := b.buffer(first + i)
		b.Datagrams[first+i] = Datagram{
			From:      b.vec.source(first+i, m.Hdr.Namelen),
			At:        time.Duration(b.vec.stamp(first+i, int(m.Hdr.Controllen))),
			Truncated: m.Hdr.Flags&unix.MSG_TRUNC != 0,
			Data:      buf[:m.Len:m.Len],
		}
	}
	return n, nil
}

//go:build !linux || portable

package capture

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// socket is a UDP socket of the standard library: it works everywhere, costs
// more, and knows no receive time, so what it reads arrived now. The build tag
// "portable" uses it on Linux too.
type socket struct{ conn *net.UDPConn }

// patience is how long a read of an empty socket takes. A deadline that has
// passed would not even look.
const patience = 50 * time.Microsecond

type vectors struct{}

func newVectors([]byte) vectors { return vectors{} }

func listen(addr netip.AddrPort, _ options) (socket, error) {
	network := "udp4"
	if addr.Addr().Is6() {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err == nil {
		_ = conn.SetReadBuffer(queue) // less does for all but junk
	}
	return socket{conn}, err
}

// stamper has nothing to do: there are no stamps.
func stamper(options) (socket, error) { return socket{}, nil }

func (s socket) close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

func (s socket) drops() uint32 { return 0 }

func fileLimit() uint64 { return 0 }

// send sends one datagram, or none: a full queue is not waited for longer than an
// empty one.
func (s socket) send(to netip.AddrPort, data []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := s.conn.WriteToUDPAddrPort(data, to)
	return err
}

// receive appends up to n datagrams to b, with no time.
func (s socket) receive(b *Batch, n int, opts options) (int, error) {
	var longer [BufferSize + 1]byte // its last byte tells what was cut
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	for i := range n {
		size, from, err := s.conn.ReadFromUDPAddrPort(longer[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return i, nil
		}
		if err != nil {
			return i, err
		}
		d := Datagram{Data: longer[:size]}
		if opts.sources {
			d.From = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		}
		b.Add(d)
	}
	return n, nil
}

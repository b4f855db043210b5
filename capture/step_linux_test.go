//go:build linux && !portable

package capture

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestClockStep lets the wall clock step while datagrams wait in the socket:
// those from before and from after the step all keep their arrival times.
func TestClockStep(t *testing.T) {
	lo := netip.MustParseAddr("127.0.0.1")
	for _, step := range []time.Duration{2 * time.Second, -2 * time.Second} {
		s, p := loopbackSet(t, lo)
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(lo, p.RTP)))
		if err != nil {
			t.Fatal(err)
		}
		awaitStamps(t, s, c)
		epoch := time.Now()
		start := Instant{Wall: epoch.UnixNano()}
		var stepped bool
		now := func() Instant {
			i := Instant{Mono: time.Since(epoch)}
			i.Wall = start.Wall + int64(i.Mono)
			if stepped {
				i.Wall += int64(step)
			}
			return i
		}
		// Of the system's clock only the true arrival is taken: a datagram
		// marked 1 was sent after the step, and its stamp has it in it.
		var truth []time.Duration
		s.restamp = func(stamp int64, data []byte) int64 {
			truth = append(truth, time.Duration(stamp-start.Wall))
			return stamp + int64(data[0])*int64(step)
		}
		send := func(mark byte, n int) {
			for range n {
				if _, err := c.Write([]byte{mark}); err != nil {
					t.Fatal(err)
				}
			}
		}
		b := NewBatch(64)
		read := func(slot int) {
			if _, err := s.Read(b, slot, now()); err != nil {
				t.Fatal(err)
			}
		}
		read(0)
		send(0, 10)
		read(1)
		send(0, 10)
		stepped = true
		send(1, 10)
		read(1)
		send(1, 10)
		read(0)
		if len(b.Datagrams) != 40 {
			t.Fatalf("%d datagrams of 40", len(b.Datagrams))
		}
		for i, d := range b.Datagrams {
			if d.At != truth[i] {
				t.Errorf("step %v: datagram %d arrived at %v, converted to %v", step, i, truth[i], d.At)
			}
		}
		_ = c.Close()
	}
}

// TestLateSweep: a sweep that was kept waiting for long after its Instant still
// tells when datagrams arrived, and not that they did at the Instant.
func TestLateSweep(t *testing.T) {
	lo := netip.MustParseAddr("127.0.0.1")
	s, p := loopbackSet(t, lo)
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(lo, p.RTP)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	awaitStamps(t, s, c)
	clock := NewClock()
	s.cfg.Clock = clock.Now
	late := func(by time.Duration) Instant {
		i := clock.Now()
		return Instant{Mono: i.Mono - by, Wall: i.Wall - int64(by)}
	}
	b := NewBatch(64)
	for _, by := range []time.Duration{0, 99 * time.Millisecond, 300 * time.Millisecond, 5 * time.Second} {
		if _, err := s.Read(b, 0, late(2*by)); err != nil {
			t.Fatal(err)
		}
		from := clock.Now().Mono
		for range 3 {
			if _, err := c.Write([]byte{0}); err != nil {
				t.Fatal(err)
			}
		}
		to := clock.Now().Mono
		if _, err := s.Read(b, 0, late(by)); err != nil {
			t.Fatal(err)
		}
		if len(b.Datagrams) != 3 {
			t.Fatalf("%d datagrams of 3", len(b.Datagrams))
		}
		const apart = time.Millisecond // of a pair of clocks that are read one after the other
		for _, d := range b.Datagrams {
			if d.At < from-apart || d.At > to+apart {
				t.Errorf("%v late: arrived at %v, sent between %v and %v", by, d.At, from, to)
			}
		}
	}
}

// awaitStamps waits until the kernel stamps what arrives, and not what is read.
func awaitStamps(t *testing.T, s *sockets, c *net.UDPConn) {
	t.Helper()
	b := NewBatch(16)
	for range 2000 {
		if _, err := c.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		before := time.Now().UnixNano()
		b.Reset()
		n, err := s.slots[0].pairs[0].rtp.sock.receive(b, burst, s.opts)
		if err != nil {
			t.Fatal(err)
		}
		if n == 1 && int64(b.Datagrams[0].At) <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the kernel does not stamp what arrives")
}

// TestFileLimit: the error names the limit and how to raise it.
func TestFileLimit(t *testing.T) {
	s, _ := loopbackSet(t, netip.MustParseAddr("127.0.0.1"))
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 1 // files that are open stay so
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Skip(err)
	}
	_, err := s.Open(2, 0, netip.Addr{})
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var full *FileLimitError
	if !errors.As(err, &full) || full.Limit != 1 || full.Pairs != 1 || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("error %v", err)
	}
	if st := s.Stats(); st.Open != 1 || st.Free != st.Pairs-1 {
		t.Errorf("a pair is lost: %+v", st)
	}
}

// TestKernelDrops: what overflowed a receive buffer is counted.
func TestKernelDrops(t *testing.T) {
	lo := netip.MustParseAddr("127.0.0.1")
	s, p := loopbackSet(t, lo)
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(lo, p.RTP)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	const sent = 5000
	for range sent {
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	b := NewBatch(64)
	for empty := false; !empty; {
		if _, err := s.Read(b, 0, Instant{Mono: 1}); err != nil {
			t.Fatal(err)
		}
		empty = len(b.Datagrams) == 0
	}
	if err := s.Drop(1, 1); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Datagrams+st.KernelDrops != sent || st.KernelDrops == 0 {
		t.Errorf("sent %d: %+v", sent, st)
	}
}

// loopbackSet makes a Set with tag 1 open in slot 0.
func loopbackSet(t *testing.T, addr netip.Addr) (*sockets, Ports) {
	t.Helper()
	s, err := newSockets(SocketsConfig{Addrs: []netip.Addr{addr}, FirstPort: 30000, LastPort: 31999}, options{stamps: true, sources: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p, err := s.Open(1, 0, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

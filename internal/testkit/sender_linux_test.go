package testkit

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"
)

func listenAt(t *testing.T, addr string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// TestSender: every packet arrives at its leg, in order, from the leg's source,
// not before it is due.
func TestSender(t *testing.T) {
	CheckLeaks(t)
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		const legs, packets = 5, 20
		var conns [legs]*net.UDPConn
		cfg := SenderConfig{LegsPerSocket: 2, CPU: 1}
		for i := range conns {
			conn, at := listenAt(t, addr)
			conns[i], cfg.Legs = conn, append(cfg.Legs, at)
		}
		var buf [4]byte // one for all: the sender has to copy
		cfg.Schedule = Even(legs, packets, 2*time.Millisecond, func(leg, n int) []byte {
			binary.BigEndian.PutUint32(buf[:], uint32(leg*1000+n))
			return buf[:]
		})
		s, err := StartSender(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for leg, conn := range conns {
			for n := range packets {
				var got [16]byte
				size, from, err := conn.ReadFromUDPAddrPort(got[:])
				if err != nil || size != 4 || binary.BigEndian.Uint32(got[:]) != uint32(leg*1000+n) || from != s.Source(leg) {
					t.Fatalf("leg %d packet %d: %x from %v, %v; source is %v", leg, n, got[:size], from, err, s.Source(leg))
				}
				if due := time.Duration(n) * 2 * time.Millisecond; time.Since(s.Start()) < due {
					t.Fatalf("leg %d packet %d came before %v", leg, n, due)
				}
			}
		}
		r, err := s.Wait()
		if err != nil || r.Packets != legs*packets || len(r.Least) != legs {
			t.Errorf("report %+v, %v", r, err)
		}
		for leg, least := range r.Least {
			if least <= 0 || least > r.Wall {
				t.Errorf("the most punctual packet of leg %d was %v late", leg, least)
			}
		}
		if s.Source(0) != s.Source(1) || s.Source(1) == s.Source(2) {
			t.Error("two legs at a time share a source port")
		}
	}
}

// TestSenderStops: the end of its context ends it.
func TestSenderStops(t *testing.T) {
	CheckLeaks(t)
	_, to := listenAt(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(context.Background())
	s, err := StartSender(ctx, SenderConfig{
		Legs:     []netip.AddrPort{to},
		Schedule: Even(1, 1<<30, time.Millisecond, func(int, int) []byte { return []byte{0} }),
	})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := s.Wait(); err != nil {
		t.Error(err)
	}
}

// BenchmarkSender: 2,000 legs, 100,000 packets/s for a second, and how much of
// a core that takes, the kernel's delivery included.
func BenchmarkSender(b *testing.B) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	cfg := SenderConfig{}
	for range 2000 {
		cfg.Legs = append(cfg.Legs, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	var packet [172]byte
	var r SendReport
	for b.Loop() {
		cfg.Schedule = Even(len(cfg.Legs), 50, 20*time.Millisecond, func(int, int) []byte { return packet[:] })
		s, err := StartSender(context.Background(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		if r, err = s.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(r.Packets)/r.Wall.Seconds(), "pkt/s")
	b.ReportMetric(100*r.CPU.Seconds()/r.Wall.Seconds(), "%core")
	b.ReportMetric(float64(r.CPU.Nanoseconds())/float64(r.Packets), "ns/pkt")
	b.ReportMetric(r.Lag.Seconds()*1000, "lag-ms")
}

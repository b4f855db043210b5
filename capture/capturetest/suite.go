// Package capturetest owns what every capture.Set is held to: the suite TestSet,
// which sends real datagrams over loopback, and Fake, a Set in memory for tests
// on synthetic time. Tests of capture and of its callers use it.
package capturetest

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"callrec/capture"
)

var (
	v4 = netip.MustParseAddr("127.0.0.1")
	v6 = netip.MustParseAddr("::1")
)

// TestSet runs the suite. newSet makes a Set of the given configuration, which
// has loopback addresses and few ports; the suite closes it.
func TestSet(t *testing.T, newSet func(t *testing.T, cfg capture.SocketsConfig) capture.Set) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"Receives", receives},
		{"Families", families},
		{"Truncates", truncates},
		{"Rests", rests},
		{"RestsLonger", restsLonger},
		{"ReusesInOrder", reusesInOrder},
		{"SkipsTaken", skipsTaken},
		{"NoPorts", noPorts},
		{"Reopens", reopens},
		{"ReopensNothingElse", reopensNothingElse},
		{"SharesFloodedSlot", sharesFloodedSlot},
		{"SmallBatch", smallBatch},
		{"DropInSweep", dropInSweep},
		{"SlotsApart", slotsApart},
		{"Sends", sends},
		{"WrongUse", wrongUse},
		{"Closes", closes},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, newRig(t, newSet))
		})
	}
}

// TestAllocations checks that a Read makes no garbage; a Set that is to run
// under load passes it too.
func TestAllocations(t *testing.T, newSet func(t *testing.T, cfg capture.SocketsConfig) capture.Set) {
	allocations(t, newRig(t, newSet))
}

// FreePorts finds n consecutive ports, of which the first is even, that nobody
// uses on loopback now. They are below those the kernel gives out.
func FreePorts(t testing.TB, n int) uint16 {
	t.Helper()
	for range 100 {
		first := uint16(10000+rand.IntN(20000)) &^ 1
		if portsFree(first, n) {
			return first
		}
	}
	t.Fatalf("no %d consecutive ports are free", n)
	return 0
}

func portsFree(first uint16, n int) bool {
	for _, addr := range []netip.Addr{v4, v6} {
		for i := range n {
			c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, first+uint16(i))))
			if err != nil {
				return false
			}
			_ = c.Close()
		}
	}
	return true
}

// newRig prepares a test of one Set, whose files are counted.
func newRig(t *testing.T, newSet func(t *testing.T, cfg capture.SocketsConfig) capture.Set) *rig {
	t.Helper()
	before := openFiles()
	r := &rig{t: t, clock: capture.NewClock(), batch: capture.NewBatch(64)}
	first := FreePorts(t, 8)
	r.cfg = capture.SocketsConfig{Addrs: []netip.Addr{v4, v6}, FirstPort: first, LastPort: first + 7, Slots: 4}
	r.make = func() {
		set := newSet(t, r.cfg)
		r.set = set
		t.Cleanup(func() {
			if err := set.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	// Cleanups run last in, first out: this one after all others.
	t.Cleanup(func() {
		if after := openFiles(); after > before {
			t.Errorf("%d open files, %d before the test", after, before)
		}
	})
	return r
}

// rig is one Set under test. Its time is the real one, moved ahead by skip.
type rig struct {
	t     *testing.T
	cfg   capture.SocketsConfig
	make  func() // makes set from cfg
	set   capture.Set
	batch *capture.Batch
	clock capture.Clock
	skip  time.Duration
}

func (r *rig) now() capture.Instant {
	now := r.clock.Now()
	now.Mono, now.Wall = now.Mono+r.skip, now.Wall+int64(r.skip)
	return now
}

func (r *rig) open(tag capture.Tag, slot int, want netip.Addr) capture.Ports {
	r.t.Helper()
	p, err := r.set.Open(tag, slot, want)
	if err != nil {
		r.t.Fatalf("Open(%d, %d, %v): %v", tag, slot, want, err)
	}
	return p
}

func (r *rig) drop(tag capture.Tag) {
	r.t.Helper()
	if err := r.set.Drop(tag, r.now().Mono); err != nil {
		r.t.Fatalf("Drop(%d): %v", tag, err)
	}
}

// sweep reads the whole slot once and copies what came.
func (r *rig) sweep(slot int) (got []capture.Datagram) {
	r.t.Helper()
	for more := true; more; {
		var err error
		if more, err = r.set.Read(r.batch, slot, r.now()); err != nil {
			r.t.Fatalf("Read: %v", err)
		}
		for _, d := range r.batch.Datagrams {
			d.Data = append([]byte(nil), d.Data...)
			got = append(got, d)
		}
	}
	return got
}

// receive sweeps until n datagrams have come, or 2 s have passed.
func (r *rig) receive(slot, n int) (got []capture.Datagram) {
	r.t.Helper()
	for deadline := time.Now().Add(2 * time.Second); len(got) < n; {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d datagrams came of %d, and no more for 2 s", len(got), n)
		}
		got = append(got, r.sweep(slot)...)
	}
	return got
}

// sender is a socket of the other side.
func (r *rig) sender(addr netip.Addr) *net.UDPConn {
	r.t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *rig) send(from *net.UDPConn, to netip.Addr, port uint16, data []byte) {
	r.t.Helper()
	if _, err := from.WriteToUDPAddrPort(data, netip.AddrPortFrom(to, port)); err != nil {
		r.t.Fatalf("send %d bytes to %v port %d: %v", len(data), to, port, err)
	}
}

func (r *rig) stats(free, open, resting int) {
	r.t.Helper()
	if s := r.set.Stats(); s.Free != free || s.Open != open || s.Resting != resting {
		r.t.Fatalf("%d pairs free, %d open, %d resting; want %d, %d, %d", s.Free, s.Open, s.Resting, free, open, resting)
	}
}

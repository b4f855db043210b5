//go:build linux && !portable

package capture

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"callrec/internal/testkit"
)

// BenchmarkSweep measures the receiver's processor time for a packet: 2,000 legs
// of 172-byte packets in 40 slots, each slot read with what 200 ms bring. The
// sender fills the queues in between, so that only the reads are counted; with
// "smooth" it runs beside the reads, 100,000 packets/s spread evenly, a slot
// each 5 ms.
func BenchmarkSweep(b *testing.B) {
	for _, opts := range []options{
		{}, {sources: true}, {stamps: true}, {stamps: true, sources: true},
	} {
		name := fmt.Sprintf("stamps=%v/sources=%v/", opts.stamps, opts.sources)
		for _, queued := range []int{10, 20} {
			b.Run(fmt.Sprintf("%squeued=%d", name, queued), func(b *testing.B) { benchQueued(b, opts, queued) })
		}
		b.Run(name+"smooth", func(b *testing.B) { benchSmooth(b, opts) })
	}
}

const benchLegs = 2000

// benchSet opens all legs, leg i in slot i mod 40.
func benchSet(b *testing.B, opts options) (*sockets, []netip.AddrPort) {
	b.Helper()
	s, err := newSockets(SocketsConfig{
		Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, FirstPort: 20000, LastPort: 29999,
	}, opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	var legs []netip.AddrPort
	for i := range benchLegs {
		p, err := s.Open(Tag(i), i%s.cfg.Slots, netip.Addr{})
		if err != nil {
			b.Fatal(err)
		}
		legs = append(legs, netip.AddrPortFrom(p.Addr, p.RTP))
	}
	return s, legs
}

// sweepSlot reads one slot to its end and returns how many datagrams came.
func sweepSlot(b *testing.B, s *sockets, batch *Batch, slot int, now Instant) (n int) {
	for more := true; more; n += len(batch.Datagrams) {
		var err error
		if more, err = s.Read(batch, slot, now); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

func threadTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &u) // cannot fail for the calling thread
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func startSender(b *testing.B, legs []netip.AddrPort, packets int, ptime time.Duration) *testkit.Sender {
	b.Helper()
	var packet [172]byte
	s, err := testkit.StartSender(context.Background(), testkit.SenderConfig{
		Legs: legs, CPU: 1, Schedule: testkit.Even(len(legs), packets, ptime, func(int, int) []byte { return packet[:] }),
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func benchQueued(b *testing.B, opts options, queued int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, legs := benchSet(b, opts)
	batch, clock := NewBatch(512), NewClock()
	var used time.Duration
	packets := 0
	for b.Loop() {
		if _, err := startSender(b, legs, queued, 0).Wait(); err != nil {
			b.Fatal(err)
		}
		before := threadTime()
		for slot := range s.cfg.Slots {
			packets += sweepSlot(b, s, batch, slot, clock.Now())
		}
		used += threadTime() - before
	}
	if want := b.N * benchLegs * queued; packets != want {
		b.Errorf("%d packets of %d", packets, want)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(used.Nanoseconds())/float64(packets), "ns/pkt")
}

func benchSmooth(b *testing.B, opts options) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, legs := benchSet(b, opts)
	batch, clock := NewBatch(512), NewClock()
	const each = 100 // packets of a leg: 2 s
	var used, lag time.Duration
	packets := 0
	for b.Loop() {
		sender := startSender(b, legs, each, 20*time.Millisecond)
		before, start := threadTime(), time.Now()
		for step, left := 0, s.cfg.Slots; left > 0; step++ {
			time.Sleep(time.Until(start.Add(time.Duration(step) * 5 * time.Millisecond)))
			packets += sweepSlot(b, s, batch, step%s.cfg.Slots, clock.Now())
			select {
			case <-sender.Done(): // one more round
				left--
			default:
			}
		}
		used += threadTime() - before
		report, err := sender.Wait()
		if err != nil {
			b.Fatal(err)
		}
		lag = max(lag, report.Lag)
	}
	if want := b.N * benchLegs * each; packets != want {
		b.Errorf("%d packets of %d, %d dropped by the kernel; the sender's lag was %v", packets, want, s.Stats().KernelDrops, lag)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(used.Nanoseconds())/float64(packets), "ns/pkt")
	b.ReportMetric(lag.Seconds()*1000, "sender-lag-ms")
}

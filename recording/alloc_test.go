package recording

import (
	"context"
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"callrec/capture"
	"callrec/policy"
	"callrec/upload/spool"
)

// readySet is a Set in memory: every round of 200 ms, 10 packets have arrived at
// each of its ports. It makes them in place and allocates nothing.
type readySet struct {
	open    []capture.Tag
	packet  [12 + 160]byte
	from    netip.AddrPort
	next    int // packet of the round
	sent    int
	arrived time.Duration // of the first packet of the round
}

const perRound = int(roundEvery / (20 * time.Millisecond))

func (r *readySet) Open(tag capture.Tag, _ int, _ netip.Addr) (capture.Ports, error) {
	r.open = append(r.open, tag)
	return capture.Ports{Addr: r.from.Addr(), RTP: 2 * uint16(tag), RTCP: 2*uint16(tag) + 1}, nil
}

func (r *readySet) Read(b *capture.Batch, _ int, _ capture.Instant) (more bool, err error) {
	b.Reset()
	for ; r.next < perRound*len(r.open); r.next++ {
		n := r.sent + r.next/len(r.open)
		tag := r.open[r.next%len(r.open)]
		binary.BigEndian.PutUint16(r.packet[2:], uint16(n))
		binary.BigEndian.PutUint32(r.packet[4:], uint32(n*160))
		binary.BigEndian.PutUint32(r.packet[8:], uint32(tag))
		at := r.arrived + time.Duration(r.next/len(r.open))*20*time.Millisecond
		if !b.Add(capture.Datagram{Tag: tag, From: r.from, At: at, Data: r.packet[:]}) {
			return true, nil
		}
	}
	return false, nil
}

// round has the next 200 ms arrive.
func (r *readySet) round() {
	if r.next > 0 {
		r.sent += perRound
		r.arrived += roundEvery
	}
	r.next = 0
}

func (*readySet) Send(capture.Tag, bool, netip.AddrPort, []byte) error { return nil }
func (*readySet) Drop(capture.Tag, time.Duration) error                { return nil }
func (*readySet) Stats() capture.Stats                                 { return capture.Stats{} }
func (*readySet) Close() error                                         { return nil }
func (*readySet) Reopen(capture.Tag, int, capture.Ports) error         { return nil }

// rig is a shard without its goroutine, on time that a test makes, with calls of
// two talking legs and one recording each.
type rig struct {
	spool *spool.Spool
	set   *readySet
	shard *shard
	calls []*call
	parts int // recordings of all calls
	turns int
	now   time.Duration
}

func newRig(t testing.TB, calls int, settings policy.Settings) *rig {
	t.Helper()
	sp, err := spool.Open(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sp.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r := &rig{spool: sp, set: &readySet{from: netip.MustParseAddrPort("127.0.0.1:4000")}}
	r.set.packet[0] = 0x80
	for i := range r.set.packet[12:] {
		r.set.packet[12+i] = byte(i * 37)
	}
	m, err := New(Config{
		Sets: []capture.Set{&readySet{}}, Spool: sp, Clock: capture.NewClock(),
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	spec, err := NewSpec(settings, Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	r.shard = newShard(m, r.set)
	for range calls {
		c := &call{epochWall: time.Now(), spec: CallSpec{
			ID: CallID{Account: "acc", Call: m.newInteraction()}, Start: []Request{{Spec: spec}},
			Legs: []LegSpec{{Leg: Caller}, {Leg: Callee}},
		}}
		if _, err := r.shard.begin(c); err != nil {
			t.Fatal(err)
		}
		r.calls = append(r.calls, c)
		r.parts++
	}
	return r
}

// turn is one round of all calls: 200 ms.
func (r *rig) turn() {
	r.set.round()
	r.now += roundEvery
	r.shard.sweep(0, capture.Instant{Mono: r.now, Wall: int64(r.now)})
	r.turns++
	for _, c := range r.calls {
		r.shard.tick(c, r.now, r.turns%flushEvery == 0)
	}
}

// catchUp lets the spool write what was handed to it. The test's time runs a
// thousand times faster than the disk's.
func (r *rig) catchUp() {
	for r.spool.Stats().BytesQueued > int64(r.parts)*(16<<10) {
		runtime.Gosched()
	}
}

// A call in steady state takes no memory, whatever arrives for it: none for its
// packets, none for its ticks. The spool's writer runs beside and is counted with
// it: a chunk that the pool has lost, to the collector or on purpose under the
// race detector, is a new one then, so that one allocation in five ticks passes.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	const turns = 100
	for _, channels := range []string{"mono", "stereo"} {
		r := newRig(t, 1, policy.Settings{Format: "wav", Channels: channels})
		run := func() {
			for range turns {
				r.turn()
				r.catchUp()
			}
		}
		run() // the hold, the rings, the first chunks
		if n := testing.AllocsPerRun(10, run); n > turns/5 {
			t.Errorf("%s: %v allocations in %d turns of %d packets", channels, n, turns, 2*perRound)
		}
		l := r.calls[0].legs[Callee]
		if s := l.buffer.Stats(); s.Packets != uint64(r.set.sent+perRound) || s.Lost+s.Late+s.Foreign+s.Overrun != 0 || l.counts.rtp != s.Packets {
			t.Errorf("%s: of %d packets: %+v, %+v", channels, r.set.sent, s, l.counts)
		}
		if c := r.calls[0]; c.fixed < 8000*220 || c.tracks[0].lost != 0 {
			t.Errorf("%s: %d samples are fixed, %d lost", channels, c.fixed, c.tracks[0].lost)
		}
	}
}

// BenchmarkTurn is a shard's own work on calls that are recorded as WAV: all but
// the kernel's part. The spool's writer runs beside and is not in it.
func BenchmarkTurn(b *testing.B) {
	r := newRig(b, 12, policy.Settings{Format: "wav"}) // a slot of a worker with 500 calls a shard
	for range 20 {
		r.turn()
	}
	b.ReportAllocs()
	for b.Loop() {
		r.turn()
		b.StopTimer()
		r.catchUp()
		b.StartTimer()
	}
	callSeconds := float64(b.N) * float64(len(r.calls)) * roundEvery.Seconds()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/callSeconds, "µs/call-s")
}

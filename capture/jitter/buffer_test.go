package jitter

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
	"callrec/codec/g711"
)

const ms = time.Millisecond

// boundaries are where sequence numbers and timestamps go wrong, if they do.
var boundaries = []uint32{0, 1, 32767, 32768, 65534, 65535, 1<<31 - 800, 1<<32 - 1, 1<<32 - 800}

// Reordering, duplicates and jitter below the hold must change nothing: not one
// octet may differ from the plain oracle's timeline, from every boundary.
func TestNetworkChangesNothing(t *testing.T) {
	pool := NewPool(hold)
	for _, at := range boundaries {
		for seed := range uint64(8) {
			t.Run(fmt.Sprintf("from %d seed %d", at, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(at), seed))
				ptime := []time.Duration{5 * ms, 10 * ms, 20 * ms, 30 * ms, 60 * ms, 120 * ms}[r.IntN(6)]
				n := int(8 * time.Second / ptime)
				packets := speak(n, time.Duration(r.Int64N(int64(time.Second))), ptime, 7, at, uint16(at))
				exact := r.IntN(int(200 * ms / ptime))
				for i := range packets {
					if i == exact {
						continue
					}
					d := time.Duration(r.Int64N(int64(200 * ms)))
					if r.IntN(5) == 0 {
						d += time.Duration(r.Int64N(int64(500 * ms)))
					}
					packets[i].at += d
				}
				for range n / 20 { // 5 % duplicates
					p := packets[r.IntN(n)]
					p.at += time.Duration(r.Int64N(int64(300 * ms)))
					packets = append(packets, p)
				}
				got, stats := run(packets, 10*time.Second, pool)
				want := oracle(packets, int64(at), 10*time.Second)
				if i := firstDifference(got, want); i >= 0 {
					t.Fatalf("position %d: got %d, want %d (%+v)", i, got[i], want[i], stats)
				}
				if stats.Lost != 0 || stats.Late != 0 || stats.Foreign != 0 || stats.Restarts != 0 {
					t.Errorf("a stream without loss is counted as %+v", stats)
				}
				if stats.Duplicate != uint64(n/20) {
					t.Errorf("%d duplicates counted, %d sent", stats.Duplicate, n/20)
				}
			})
		}
	}
}

// A stream whose packets come less and less delayed moves back as its anchor is
// found; that may never cut off its beginning, wherever it falls between two turns.
func TestBeginningIsNeverCutOff(t *testing.T) {
	pool := NewPool(hold)
	for start := range clock.Samples(tick) {
		packets := speak(80, 100*ms+time.Duration(start)*clock.Sample, 20*ms, 7, 5000, 1)
		for i := range packets {
			packets[i].at += 4*ms - time.Duration(i)*50*time.Microsecond
		}
		got, stats := run(packets, 2*time.Second, pool)
		if n := placed(got); n != 80*160 {
			t.Fatalf("start %d: %d octets placed, want %d (%+v)", start, n, 80*160, stats)
		}
	}
}

// placed counts the positions that a packet brought.
func placed(timeline []int) (n int) {
	for _, o := range timeline {
		if o >= 0 {
			n++
		}
	}
	return n
}

// scenario is one thing that networks and senders do, and what must come of it:
// the position of each packet's first octet, by index; missing where it is lost.
type scenario struct {
	name    string
	packets []packet
	want    map[int]int64
	check   func(Stats) error
}

func at(d time.Duration) int64 { return clock.Samples(d) }

func scenarios() []scenario {
	base := func() []packet { return speak(200, 100*ms, 20*ms, 7, 1000, 10) }
	var out []scenario
	add := func(name string, packets []packet, want map[int]int64, check func(Stats) error) {
		out = append(out, scenario{name, packets, want, check})
	}

	p := base()
	for i := 100; i < 200; i++ { // silent for 3 s, sequence goes on, timestamp jumps
		p[i].at += 3 * time.Second
		p[i].ts += 24000
	}
	add("discontinuous transmission", p, map[int]int64{0: at(100 * ms), 99: at(2080 * ms), 100: at(5100 * ms), 199: at(7080 * ms)},
		func(s Stats) error { return want(s.Restarts == 0 && s.Lost == 0, s) })

	p = base()
	for i := 100; i < 200; i++ { // held: 76 numbers lost
		p[i].at += 1500 * ms
		p[i].ts += 12000
		p[i].seq += 75
	}
	add("inactive for 1.5 s", p, map[int]int64{99: at(2080 * ms), 100: at(3600 * ms)},
		func(s Stats) error { return want(s.Restarts == 0 && s.Lost == 75, s) })

	p = base()
	for i := 100; i < 200; i++ { // another source at the same port
		p[i].ssrc = 99
		p[i].ts += 12345678
		p[i].seq += 30000
	}
	add("new SSRC at once", p, map[int]int64{99: at(2080 * ms), 100: at(2100 * ms), 199: at(4080 * ms)},
		func(s Stats) error { return want(s.Restarts == 1 && s.Lost == 0 && s.Foreign == 0, s) })

	p = base()
	for i := 100; i < 200; i++ { // the sender started again with the same SSRC
		p[i].ts -= 500000
		p[i].seq += 20000
	}
	add("restart with the same SSRC", p, map[int]int64{99: at(2080 * ms), 100: at(2100 * ms), 199: at(4080 * ms)},
		func(s Stats) error { return want(s.Restarts == 1, s) })

	p = base()
	for i := 100; i < 200; i++ { // the sender's clock stood still while it was on hold
		p[i].at += 10 * time.Second
	}
	add("timestamps go on after a pause", p, map[int]int64{99: at(2080 * ms), 100: at(12100 * ms), 199: at(14080 * ms)},
		func(s Stats) error { return want(s.Restarts == 1 && s.Late == 0, s) })

	p = base()
	for i := 100; i < 200; i++ { // 1 hour forward, no time passed
		p[i].ts += 8000 * 3600
	}
	add("timestamp jump that arrival contradicts", p, map[int]int64{100: at(2100 * ms), 150: at(3100 * ms)},
		func(s Stats) error { return want(s.Restarts == 1, s) })

	p = base()
	for i := 100; i < 175; i++ { // the network holds 1.5 s back and then sends all
		p[i].at = p[175].at
	}
	add("network stall longer than the hold", p, map[int]int64{99: at(2080 * ms), 174: at(3580 * ms), 175: at(3600 * ms), 199: at(4080 * ms)},
		func(s Stats) error { return want(s.Restarts == 0 && s.Late > 0 && s.Late < 40, s) })

	p = base()
	stray := speak(1, 1500*ms, 20*ms, 666, 4, 4)
	add("one stray SSRC", append(p, stray...), map[int]int64{0: at(100 * ms), 199: at(4080 * ms), 200: missing},
		func(s Stats) error { return want(s.Restarts == 0 && s.Foreign == 1, s) })

	p = base()
	other := speak(200, 110*ms, 20*ms, 666, 77777, 4)
	add("two SSRCs side by side", append(p, other...), map[int]int64{0: at(100 * ms), 199: at(4080 * ms), 200: missing, 399: missing},
		func(s Stats) error { return want(s.Foreign > 50, s) })

	p = base()
	for i := 3; i < 200; i++ { // early media from another source, three packets long
		p[i].ssrc = 8
		p[i].ts += 999
	}
	add("SSRC change within the first hold", p, map[int]int64{0: at(100 * ms), 2: at(140 * ms), 3: at(160 * ms), 199: at(4080 * ms)},
		func(s Stats) error { return want(s.Restarts == 1 && s.Foreign == 0, s) })

	p = base()
	for i := range p {
		p[i].law = g711.Law(i / 100)
	}
	add("law changes in mid-call", p, map[int]int64{99: at(2080 * ms), 100: at(2100 * ms)},
		func(s Stats) error { return want(s.Restarts == 0, s) })

	p = base()
	p[60].at += 1300 * ms
	add("one packet later than the hold", p, map[int]int64{59: at(1280 * ms), 60: missing, 61: at(1320 * ms)},
		func(s Stats) error { return want(s.Late == 1 && s.Restarts == 0, s) })

	p = base()
	for i := 100; i < 200; i++ { // a gateway that begins to count anew, on the same clock
		p[i].seq -= 90
	}
	add("sequence numbers restart, timestamps go on", p, map[int]int64{99: at(2080 * ms), 100: at(2100 * ms), 150: at(3100 * ms), 199: at(4080 * ms)},
		func(s Stats) error { return want(s.Restarts == 0 && s.Duplicate == 0, s) })

	p = base()
	p[0].at += 700 * ms
	add("the first packet comes last", p, map[int]int64{0: at(100 * ms), 1: at(120 * ms)},
		func(s Stats) error { return want(s.Late == 0, s) })
	return out
}

func want(ok bool, s Stats) error {
	if ok {
		return nil
	}
	return fmt.Errorf("counted as %+v", s)
}

func TestScenarios(t *testing.T) {
	pool := NewPool(hold)
	for _, c := range scenarios() {
		t.Run(c.name, func(t *testing.T) {
			got, stats := run(c.packets, 16*time.Second, pool)
			if err := c.check(stats); err != nil {
				t.Error(err)
			}
			for i, pos := range c.want {
				p := c.packets[i]
				if pos == missing {
					continue // found below: nothing of it may be in the timeline
				}
				for j, o := range p.payload {
					if want := int(o) + 256*int(p.law); got[pos+int64(j)] != want {
						t.Fatalf("packet %d: octet %d at position %d is %d, want %d", i, j, pos+int64(j), got[pos+int64(j)], want)
					}
				}
			}
			if n, sent := placed(got), len(c.packets)*len(c.packets[0].payload); n > sent {
				t.Errorf("%d octets placed, %d sent", n, sent)
			}
		})
	}
}

// Nothing may be placed later than Early after its arrival, or before what was
// fixed, and nothing may panic or allocate, whatever the packets say.
func TestHostilePacketsStayInBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	pool := NewPool(hold)
	b := New(pool, 0)
	blk := NewBlock(1600)
	var now time.Duration
	payload := make([]byte, 2000)
	step := func() {
		now += time.Duration(r.Int64N(int64(5 * ms)))
		h := rtp.Header{SSRC: r.Uint32N(4), Timestamp: r.Uint32(), SequenceNumber: uint16(r.Uint32())}
		if r.IntN(2) == 0 {
			h.Timestamp = uint32(clock.Samples(now)) + r.Uint32N(40000) - 20000
		}
		b.Push(&h, payload[:r.IntN(len(payload))], g711.Law(r.IntN(2)), now)
		if r.IntN(30) == 0 {
			for b.Read(blk, clock.Samples(now-hold)) {
			}
		}
	}
	for range 20000 {
		step()
	}
	if n := testing.AllocsPerRun(20000, step); n != 0 {
		t.Errorf("%v allocations for each hostile packet", n)
	}
	if n := len(pool.nurseries); n > candidates {
		t.Errorf("%d nurseries for one leg", n)
	}
}

func TestPushAndReadAllocateNothing(t *testing.T) {
	pool := NewPool(hold)
	b := New(pool, 0)
	blk := NewBlock(1600)
	h := rtp.Header{SSRC: 1}
	payload := make([]byte, 160)
	var now time.Duration
	second := func() {
		for range 50 {
			h.Timestamp += 160
			h.SequenceNumber++
			now += 20 * ms
			b.Push(&h, payload, g711.MuLaw, now)
		}
		for b.Read(blk, clock.Samples(now-hold)) {
		}
	}
	second()
	second()
	if n := testing.AllocsPerRun(100, second); n != 0 {
		t.Errorf("%v allocations for each second", n)
	}
	b.Close()
	if len(pool.rings) != 1 || len(pool.nurseries) != 1 {
		t.Errorf("closing gave back %d rings and %d nurseries, want one of each", len(pool.rings), len(pool.nurseries))
	}
}

// A packet without audio uses up a sequence number of its stream; that is no loss.
func TestNotedPacketsAreNotLost(t *testing.T) {
	b := New(NewPool(hold), 0)
	blk := NewBlock(80000)
	for i, p := range speak(200, 0, 20*ms, 1, 0, 65500) {
		h := rtp.Header{SSRC: 1, Timestamp: p.ts, SequenceNumber: p.seq}
		if i > 100 && i%3 == 0 {
			b.Note(&h, p.at)
		} else if i%50 != 49 {
			b.Push(&h, p.payload, p.law, p.at)
		}
		b.Read(blk, at(p.at-hold))
	}
	b.Note(&rtp.Header{SSRC: 2, SequenceNumber: 30000}, 0) // of another stream
	if s := b.Stats(); s.Lost != 3 || s.Duplicate != 0 {
		t.Errorf("counted as %+v, want 3 lost", s)
	}
}

// A payload larger than any is refused, whatever the hold; it once recursed
// without end.
func TestPayloadBeyondAllBounds(t *testing.T) {
	for _, hold := range []time.Duration{20 * ms, time.Second, 10 * time.Second} {
		b := New(NewPool(hold), 0)
		for i := range 3 {
			h := rtp.Header{SSRC: 1, Timestamp: 1<<30 + uint32(i)*160, SequenceNumber: uint16(i)}
			if v := b.Push(&h, make([]byte, 1<<16), g711.MuLaw, time.Duration(i)*20*ms); v != Overrun {
				t.Errorf("hold %v: verdict %v, want %v", hold, v, Overrun)
			}
		}
		if s := b.Stats(); s.Packets != 3 || s.Overrun != 3 {
			t.Errorf("hold %v: counted as %+v", hold, s)
		}
	}
}

func TestSkipForgets(t *testing.T) {
	b := New(NewPool(hold), 0)
	for _, p := range speak(100, 0, 20*ms, 1, 0, 0) {
		b.Push(&rtp.Header{SSRC: 1, Timestamp: p.ts, SequenceNumber: p.seq}, p.payload, p.law, p.at)
	}
	b.Skip(8000)
	blk := NewBlock(8000)
	b.Read(blk, 16000)
	want := oracle(speak(100, 0, 20*ms, 1, 0, 0), 0, 2*time.Second)[8000:]
	if i := firstDifference(flatten(nil, blk), want); i >= 0 {
		t.Errorf("after Skip the timeline differs at %d", i)
	}
}

package jitter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
)

// A gap must stay a gap of its own length, and be told from silence.
func TestLossLeavesAGapInItsPlace(t *testing.T) {
	packets := speak(200, 100*ms, 20*ms, 7, 5000, 65500)
	lossy := slices.Concat(packets[:50], packets[53:120], packets[121:])
	got, stats := run(lossy, 5*time.Second, NewPool(hold))
	want := oracle(lossy, 5000, 5*time.Second)
	mark(want, 800+50*160, 800+53*160)
	mark(want, 800+120*160, 800+121*160)
	if i := firstDifference(got, want); i >= 0 {
		t.Errorf("differs at %d", i)
	}
	if stats.Lost != 4 {
		t.Errorf("%d lost, want 4", stats.Lost)
	}
}

func mark(timeline []int, from, to int) {
	for i := from; i < to; i++ {
		timeline[i] = lost
	}
}

// Pauses, losses and a network that reorders, each packet below the hold: what was
// lost is told from what was never sent, whatever the order and whichever packet
// sizes, from every boundary. Where a packet is lost beside a pause nobody can
// tell, and either answer will do.
func TestLossIsToldFromPauses(t *testing.T) {
	pool := NewPool(hold)
	for _, from := range boundaries {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("from %d seed %d", from, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(from), seed))
				size := []int{40, 80, 160, 240, 480, 960}[r.IntN(6)]
				var sent []packet
				var dropped []bool
				ts, seq, at := from, uint16(from), 200*ms
				for at < 8*time.Second {
					pause := len(sent) > 0 && r.IntN(20) == 0
					if pause {
						n := size * (1 + r.IntN(4000/size))
						ts += uint32(n)
						at += time.Duration(n) * clock.Sample
					}
					p := speak(1, at, time.Duration(size)*clock.Sample, 7, ts, seq)[0]
					if seed%2 == 1 && len(sent) > 5 { // anything but an even size
						p.payload = p.payload[:max(40, r.IntN(size+1))]
					}
					sent = append(sent, p)
					dropped = append(dropped, len(sent) > 10 && r.IntN(25) == 0)
					ts += uint32(len(p.payload))
					at += time.Duration(len(p.payload)) * clock.Sample
					seq++
				}
				var come []packet
				want := oracle(sent, int64(from), 12*time.Second)
				base := 1600 - int(sent[0].at/clock.Sample)
				for i, p := range sent {
					if dropped[i] {
						pos := base + int(p.at/clock.Sample)
						mark(want, pos, pos+len(p.payload))
						continue
					}
					if i > 0 {
						p.at += time.Duration(r.Int64N(int64(700 * ms)))
					}
					come = append(come, p)
				}
				blur(want)
				got, stats := run(come, 12*time.Second, pool)
				for i := range want {
					if got[i] != want[i] && (want[i] != either || got[i] >= 0) {
						t.Fatalf("position %d: got %d, want %d; packets of %d (%+v)", i, got[i], want[i], size, stats)
					}
				}
			})
		}
	}
}

// either marks a position that may be called missing or lost.
const either = -3

// blur turns the gaps that hold both a pause and a loss into either.
func blur(timeline []int) {
	for from := 0; from < len(timeline); from++ {
		to, kinds := from, map[int]bool{}
		for to < len(timeline) && timeline[to] < 0 {
			kinds[timeline[to]] = true
			to++
		}
		for i := from; i < to && len(kinds) > 1; i++ {
			timeline[i] = either
		}
		from = to
	}
}

// A digit's span is silent, whether its stream sends audio beside it or not, and
// however its packets are reordered; what comes after is heard.
func TestDigitsAreKeptOut(t *testing.T) {
	for _, beside := range []bool{false, true} {
		b := New(NewPool(hold), 0)
		packets := speak(120, 0, 20*ms, 7, 5000, 65500)
		seq := uint16(65500)
		for i, p := range packets {
			if i >= 100 && i < 110 {
				n := int64(i - 99)
				if i == 104 {
					n = 5
				}
				h := rtp.Header{SSRC: 7, Timestamp: packets[100].ts, SequenceNumber: seq}
				seq++
				pos, ok := b.Note(&h, p.at)
				if !ok || pos != 100*160 {
					t.Fatalf("digit at %d (%v), want %d", pos, ok, 100*160)
				}
				b.Hush(pos, pos+n*160)
				if !beside {
					continue
				}
			}
			h := rtp.Header{SSRC: 7, Timestamp: p.ts, SequenceNumber: seq}
			seq++
			b.Push(&h, p.payload, p.law, p.at)
		}
		var got []int
		blk := NewBlock(700) // so that the span lies across blocks
		for b.Read(blk, 19200) {
			got = flatten(got, blk)
		}
		for i, o := range got {
			if digit := i >= 100*160 && i < 110*160; (o == missing) != digit || o == lost {
				t.Fatalf("beside %v: position %d is %d", beside, i, o)
			}
		}
		if s := b.Stats(); s.Lost != 0 {
			t.Errorf("%d lost, want 0", s.Lost)
		}
	}
}

// Many spans, and a packet of a stream that is not heard: bounded, and harmless.
func TestManySpans(t *testing.T) {
	b := New(NewPool(hold), 0)
	h := rtp.Header{SSRC: 9}
	if _, ok := b.Note(&h, 0); ok {
		t.Error("a packet of a stream that nobody has heard has a position")
	}
	for i, p := range speak(100, 0, 20*ms, 7, 5000, 0) {
		b.Push(&rtp.Header{SSRC: 7, Timestamp: p.ts, SequenceNumber: uint16(i)}, p.payload, p.law, p.at)
	}
	blk := NewBlock(16000)
	b.Read(blk, 8000)
	for i := range uint32(1000) {
		b.Hush(9000+int64(i), 9000+2*int64(i))
	}
	b.Read(blk, 16000)
	n := 0
	for _, s := range blk.Spans {
		n += s.Len
	}
	if n != len(blk.Octets) {
		t.Errorf("spans of %d octets in a block of %d", n, len(blk.Octets))
	}
}

// The oldest numbers are of no use: a gap between numbers that far apart is not
// looked into.
func TestUnseenIsBounded(t *testing.T) {
	var s sequence
	s.add(0)
	s.add(2)
	s.add(5)
	for _, c := range []struct {
		from, to uint16
		want     int64
	}{{0, 2, 1}, {2, 5, 2}, {0, 5, 3}, {5, 0, 0}, {5, 5, 0}, {0, 1, 0}} {
		if got := s.unseen(c.from, c.to); got != c.want {
			t.Errorf("between %d and %d: %d unseen, want %d", c.from, c.to, got, c.want)
		}
	}
	s.add(30000)
	if got := s.unseen(5, 30000); got != 0 {
		t.Errorf("%d unseen, beyond what is remembered", got)
	}
}

// With the longest hold and short packets, too, what is lost is told from silence,
// and what comes late within the hold is neither lost nor another stream.
func TestLossWithTheLongestHold(t *testing.T) {
	for _, ptime := range []time.Duration{5 * ms, 10 * ms, 20 * ms} {
		t.Run(ptime.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			size := int(clock.Samples(ptime))
			n := int(25 * time.Second / ptime)
			packets := speak(n, 100*ms, ptime, 7, 5000, 65500)
			var come []packet
			want := oracle(packets, 5000, 40*time.Second)
			dropped := uint64(0)
			for i, p := range packets {
				if i > 100 && i < n-100 && i%100 == 50 {
					mark(want, 800+i*size, min(800+(i+1)*size, len(want)))
					dropped++
					continue
				}
				if i > 100 && r.IntN(4) == 0 {
					p.at += time.Duration(r.Int64N(int64(9500 * ms)))
				}
				come = append(come, p)
			}
			got, stats := run(come, 40*time.Second, NewPool(10*time.Second))
			if i := firstDifference(got, want); i >= 0 {
				t.Errorf("differs at %d: got %d, want %d", i, got[i], want[i])
			}
			if stats.Lost != dropped || stats.Restarts != 0 || stats.Duplicate != 0 {
				t.Errorf("%+v; want %d lost", stats, dropped)
			}
		})
	}
}

// Before a stream nothing of it was lost, even where its numbers go on from those of
// the stream that ends there, with a few left out.
func TestGapBetweenStreamsIsSilent(t *testing.T) {
	first := speak(100, 100*ms, 20*ms, 7, 5000, 200)
	second := speak(100, 100*ms+105*20*ms, 20*ms, 8, 70000, 305)
	got, _ := run(slices.Concat(first, second), 5*time.Second, NewPool(hold))
	want := oracle(first, 5000, 5*time.Second)
	for i, o := range oracle(second, 70000, 5*time.Second) {
		if o != missing {
			want[i] = o
		}
	}
	if i := firstDifference(got, want); i >= 0 {
		t.Errorf("differs at %d: got %d, want %d", i, got[i], want[i])
	}
}

// What was skipped was not heard, so the rest of a gap that begins there is silent.
func TestSkipIntoAGap(t *testing.T) {
	b := New(NewPool(hold), 0)
	for i, p := range speak(100, 0, 20*ms, 1, 0, 0) {
		if i < 50 || i >= 53 {
			b.Push(&rtp.Header{SSRC: 1, Timestamp: p.ts, SequenceNumber: p.seq}, p.payload, p.law, p.at)
		}
	}
	blk := NewBlock(8000)
	b.Read(blk, 4000)
	b.Skip(51 * 160)
	b.Read(blk, 60*160)
	if s := blk.Spans[0]; s != (Span{2 * 160, Silent}) {
		t.Errorf("the rest of the gap is %+v", s)
	}
}

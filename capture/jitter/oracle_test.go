package jitter

import (
	"slices"
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
	"callrec/codec/g711"
)

const (
	hold = time.Second
	tick = 200 * time.Millisecond
)

// packet is one datagram of a test's stream.
type packet struct {
	at      time.Duration // arrival
	ssrc    uint32
	ts      uint32
	seq     uint16
	law     g711.Law
	payload []byte
}

// missing marks a position that no packet brought, lost one whose packet did not
// come. Octets are 0..255.
const (
	missing = -1
	lost    = -2
)

// run pushes packets as they arrive and reads every tick, one hold behind, until
// end; it returns every position as octet + 256×law, or missing.
func run(packets []packet, end time.Duration, pool *Pool) ([]int, Stats) {
	packets = slices.Clone(packets)
	slices.SortStableFunc(packets, func(a, b packet) int { return int(a.at - b.at) })
	b := New(pool, 0)
	blk := NewBlock(int(clock.Samples(tick)))
	var out []int
	for now := tick; ; now += tick {
		for len(packets) > 0 && packets[0].at <= now {
			p := packets[0]
			h := header(p)
			b.Push(&h, p.payload, p.law, p.at)
			packets = packets[1:]
		}
		upTo := clock.Samples(now - pool.hold)
		for b.Read(blk, upTo) {
			if blk.Pos != int64(len(out)) {
				panic("stretch does not join the one before")
			}
			out = flatten(out, blk)
		}
		if now >= end+pool.hold {
			break
		}
	}
	stats := b.Stats()
	b.Close()
	return out[:clock.Samples(end)], stats
}

func header(p packet) rtp.Header {
	return rtp.Header{Version: 2, SSRC: p.ssrc, Timestamp: p.ts, SequenceNumber: p.seq}
}

func flatten(out []int, blk *Block) []int {
	i := 0
	for _, s := range blk.Spans {
		for range s.Len {
			switch s.Kind {
			case Silent:
				out = append(out, missing)
			case Lost:
				out = append(out, lost)
			case MuLaw:
				out = append(out, int(blk.Octets[i]))
			case ALaw:
				out = append(out, 256+int(blk.Octets[i]))
			}
			i++
		}
	}
	if i != len(blk.Octets) {
		panic("spans do not add up")
	}
	return out
}

// oracle lays one stream on a timeline in the plainest way: the least delayed
// packet gives the place of all, each octet is written where it belongs.
func oracle(packets []packet, first int64, end time.Duration) []int {
	out := make([]int, clock.Samples(end))
	for i := range out {
		out[i] = missing
	}
	best := time.Duration(1 << 62)
	for _, p := range packets {
		best = min(best, p.at-time.Duration(int64(p.ts-uint32(first)))*clock.Sample)
	}
	for _, p := range packets {
		pos := clock.Samples(best) + int64(p.ts-uint32(first))
		for i, o := range p.payload {
			if at := pos + int64(i); at >= 0 && at < int64(len(out)) && out[at] == missing {
				out[at] = int(o) + 256*int(p.law)
			}
		}
	}
	return out
}

// speak makes n packets of ptime from start, with payloads that tell every
// octet apart from its neighbours.
func speak(n int, start, ptime time.Duration, ssrc, ts uint32, seq uint16) []packet {
	size := int(clock.Samples(ptime))
	out := make([]packet, n)
	for i := range out {
		payload := make([]byte, size)
		for j := range payload {
			k := i*size + j
			payload[j] = byte(k ^ k>>8 ^ k>>16*31)
		}
		out[i] = packet{
			at: start + time.Duration(i)*ptime, ssrc: ssrc, ts: ts + uint32(i*size), seq: seq + uint16(i), payload: payload,
		}
	}
	return out
}

// firstDifference returns the first position where two timelines differ, or -1.
func firstDifference(a, b []int) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}

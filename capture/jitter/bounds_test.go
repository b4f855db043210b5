package jitter

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
	"callrec/codec/g711"
)

// Whatever a sender writes into its headers, no sample is placed further ahead than
// Early beyond its packet's arrival, nor where the ring has been read already: there
// it would come out again, a ring later.
func TestNothingIsPlacedOutOfBounds(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		pool := NewPool(hold)
		b := New(pool, 0)
		lean := int64(seed%3) * 400
		b.Lean(lean)
		blk := NewBlock(1600)
		type sent struct {
			at   time.Duration
			size int64
		}
		var all [256]sent // by octet: the newest packets, and more than a ring holds
		ssrc, seq, ts := uint32(1), uint16(r.Uint32()), r.Uint32()
		n, heard := 0, 0
		for now := tick; now < 40*time.Second; now += tick {
			at := now - tick
			for range r.IntN(14) {
				at += time.Duration(r.Int64N(int64(16 * time.Millisecond)))
				size := 160
				switch r.IntN(60) {
				case 0:
					ts = r.Uint32()
				case 1:
					seq = uint16(r.Uint32())
				case 2:
					ssrc = uint32(r.IntN(4))
				case 3:
					ts += uint32(r.IntN(24000)) - 12000
				case 4:
					size = r.IntN(maxPayload + 10)
				case 5:
					at = max(0, now-time.Duration(r.Int64N(int64(2*hold)))) // the network had it
				}
				payload := make([]byte, size)
				for i := range payload {
					payload[i] = byte(n)
				}
				all[n%256] = sent{at, int64(size)}
				n++
				b.Push(&rtp.Header{SSRC: ssrc, SequenceNumber: seq, Timestamp: ts}, payload, g711.Law(r.IntN(2)), at)
				seq++
				ts += 160
			}
			for b.Read(blk, clock.Samples(now-hold)+lean) {
				i := 0
				for _, s := range blk.Spans {
					for range s.Len {
						if s.Kind.Audio() {
							heard++
							p, pos := all[blk.Octets[i]], blk.Pos+int64(i)
							if pos-p.size >= clock.Samples(p.at+Early)+lean {
								t.Fatalf("seed %d: at %d, of a packet of %d octets that came at %d", seed, pos, p.size, clock.Samples(p.at))
							}
						}
						i++
					}
				}
			}
		}
		if heard < clock.Rate {
			t.Errorf("seed %d: only %d samples were heard", seed, heard)
		}
	}
}

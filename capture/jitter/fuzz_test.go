package jitter

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
	"callrec/codec/g711"
)

// FuzzPush drives a buffer with whatever packets the bytes spell out; the checks
// are those of run: no panic, stretches join, spans add up.
func FuzzPush(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Add([]byte{255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 1, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		var packets []packet
		var now time.Duration
		for len(in) >= 9 && len(packets) < 2000 {
			now += time.Duration(in[0]) * ms
			packets = append(packets, packet{
				at: now, ssrc: uint32(in[1] & 3), law: g711.Law(in[1] >> 7),
				ts:  uint32(in[2])<<24 | uint32(in[3])<<16 | uint32(in[4])<<8 | uint32(in[5]),
				seq: uint16(in[6])<<8 | uint16(in[7]), payload: make([]byte, int(in[8])*8),
			})
			in = in[9:]
		}
		run(packets, now+ms, NewPool(hold))
	})
}

func BenchmarkPushRead(b *testing.B) {
	buf := New(NewPool(hold), 0)
	blk := NewBlock(1600)
	h := rtp.Header{SSRC: 1}
	payload := make([]byte, 160)
	var now time.Duration
	for b.Loop() {
		for range 10 {
			h.Timestamp += 160
			h.SequenceNumber++
			now += 20 * ms
			buf.Push(&h, payload, g711.MuLaw, now)
		}
		for buf.Read(blk, clock.Samples(now-hold)) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10, "ns/packet")
	b.ReportMetric(0, "ns/op")
}

package recording

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"callrec/capture"
	"callrec/policy"
)

// A flood of good RTP costs a leg no memory beyond what a leg has: neither streams
// that are new with every packet, nor one that is everywhere at once, nor digits.
func TestFloodOfStreamsIsBounded(t *testing.T) {
	const flood = 5000 // packets a turn
	for _, c := range []struct {
		name string
		pts  []byte
		ssrc uint32 // bits of it that vary
	}{
		{"another SSRC in each packet", []byte{0, 8}, ^uint32(0)},
		{"a few SSRCs", []byte{0, 8}, 3},
		{"one SSRC, everywhere", []byte{0, 8}, 0},
		{"digits and noise among it", []byte{0, 8, 13, 101}, 1},
	} {
		r := newRig(t, 2, policy.Settings{Format: "wav"})
		rnd := rand.New(rand.NewPCG(1, 4))
		l := r.calls[0].legs[Caller]
		l.payloads[101] = PayloadEvents
		packet := append([]byte{0x80}, make([]byte, 11+160)...)
		d := capture.Datagram{Tag: l.tag, From: r.set.from}
		turn := func() {
			r.turn()
			for i := range flood {
				packet[1] = c.pts[rnd.IntN(len(c.pts))]
				binary.BigEndian.PutUint16(packet[2:], uint16(rnd.Uint32()))
				binary.BigEndian.PutUint32(packet[4:], rnd.Uint32())
				binary.BigEndian.PutUint32(packet[8:], uint32(l.tag)+rnd.Uint32()&c.ssrc)
				d.At, d.Data = r.now+time.Duration(i)*roundEvery/flood, packet[:12+rnd.IntN(161)]
				l.receive(&d, &r.shard.gate)
			}
			r.catchUp()
		}
		for range 20 {
			turn()
		}
		if n := testing.AllocsPerRun(10, turn); n > 2 { // one of the spool's, now and then
			t.Errorf("%s: %v allocations in a turn of %d packets", c.name, n, flood)
		}
		if got := r.calls[0].fixed; got != r.calls[1].fixed || got < 8000*4 {
			t.Errorf("%s: %d samples are fixed, and %d of the neighbour", c.name, got, r.calls[1].fixed)
		}
	}
}

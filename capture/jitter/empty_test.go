package jitter

import (
	"testing"

	"github.com/pion/rtp"
)

// An empty packet is nobody's audio: whatever its timestamp says, it begins no
// stream and is not late, and its number is not lost.
func TestEmptyPackets(t *testing.T) {
	b := New(NewPool(hold), 0)
	blk := NewBlock(1600)
	seq := uint16(0)
	push := func(p packet, payload []byte) {
		h := rtp.Header{SSRC: 7, SequenceNumber: seq, Timestamp: p.ts}
		if v := b.Push(&h, payload, p.law, p.at); v != Accepted && v != Waiting {
			t.Fatalf("packet %d: verdict %d", seq, v)
		}
		seq++
	}
	for i, p := range speak(400, 0, 20*ms, 7, 5000, 0) {
		if i < 200 || i >= 300 {
			push(p, p.payload)
		}
		p.ts -= uint32(i) * 100
		push(p, nil)
		for b.Read(blk, int64(i*160-8000)) {
		}
	}
	if s := b.Stats(); s.Lost+s.Late+s.Restarts+s.Foreign+s.Reordered != 0 || s.Packets != 700 {
		t.Errorf("counted %+v", s)
	}
}

package jitter

import (
	"testing"

	"github.com/pion/rtp"
)

// Comfort noise and digits of a stream whose place is not yet known count as those
// of a known one do: their numbers are not lost, and the digit is kept out.
func TestDigitsOfAYoungStream(t *testing.T) {
	for _, digit := range []bool{false, true} {
		b := New(NewPool(hold), 0)
		seq := uint16(65530)
		for i, p := range speak(60, 0, 20*ms, 7, 1<<32-1000, 0) {
			h := rtp.Header{SSRC: 7, Timestamp: p.ts, SequenceNumber: seq}
			if i >= 10 && i < 14 { // in place of audio
				if digit {
					h.Timestamp -= uint32(i-10) * 160
					b.Digit(&h, int64(i-9)*160)
				} else {
					b.Note(&h)
				}
				seq++
				continue
			}
			b.Push(&h, p.payload, p.law, p.at)
			seq++
			if digit && i >= 20 && i < 24 { // beside it
				h.SequenceNumber, h.Timestamp = seq, p.ts-uint32(i-20)*160
				b.Digit(&h, int64(i-19)*160)
				seq++
			}
		}
		blk := NewBlock(9600)
		b.Read(blk, 9600)
		for i, o := range flatten(nil, blk) {
			quiet := i >= 10*160 && i < 14*160 || digit && i >= 20*160 && i < 24*160
			if (o == missing) != quiet || o == lost {
				t.Fatalf("digit %v: position %d is %d", digit, i, o)
			}
		}
		if s := b.Stats(); s.Lost != 0 {
			t.Errorf("digit %v: %d lost, want 0", digit, s.Lost)
		}
	}
}

// What a stream of nothing but digits takes is bounded, before and after anything
// of it is known.
func TestDigitsAloneTakeNoRoom(t *testing.T) {
	b := New(NewPool(hold), 0)
	b.Push(&rtp.Header{SSRC: 7}, make([]byte, 160), 0, 0)
	for i := range 10000 {
		b.Digit(&rtp.Header{SSRC: 7, SequenceNumber: uint16(i), Timestamp: uint32(i)}, int64(i))
	}
	if n := len(b.wait[0].heads); n > nurseryPackets {
		t.Errorf("%d packets wait", n)
	}
}

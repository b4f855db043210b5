package jitter

import (
	"testing"
	"time"
)

// Reports of other streams, reports without a clock, and a wall clock that is set
// in mid-call do no harm.
func TestReportsDoNoHarm(t *testing.T) {
	b := New(NewPool(hold), 0)
	b.Report(7, 1<<40, 1)
	packets := speak(3000, 0, 20*ms, 7, 1<<32-5000, 65000)
	blk := NewBlock(1600)
	for i, p := range packets {
		h := header(p)
		b.Push(&h, p.payload, p.law, p.at)
		ntp := uint64(3.9e9*(1<<32)) + uint64(p.at.Seconds()*(1<<32))
		switch i % 250 {
		case 10:
			b.Report(7, ntp+uint64(i/1000)<<34, p.ts) // set forward by 4 s now and then
			b.Report(8, ntp, 12345)
			b.Report(7, 0, p.ts)
		case 20:
			b.Report(7, ^uint64(0), p.ts)
		}
		for b.Read(blk, at(p.at-hold)) {
		}
	}
	ppm, ok := b.DriftPPM()
	if samples, _, known := b.Ahead(at(50 * time.Second)); !ok || !known || ppm > 1 || ppm < -1 || samples < -1 || samples > 1 {
		t.Errorf("ahead by %.2f samples, %.2f ppm (%v)", samples, ppm, ok)
	}
}

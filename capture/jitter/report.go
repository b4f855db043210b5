package jitter

import (
	"time"

	"callrec/capture/clock"
)

// slipped is how far apart, in samples, a sender's two clocks may move between two
// reports before that is a slip: 8 ms, and 500 ppm of the time between them.
const slipped = clock.Rate * 8 / 1000

// doubted is how long a sender's reports are not believed after its clocks have
// moved: some wall clocks never stand still.
const doubted = 30 * time.Second

// reported is a sender's last report: what its wall clock showed, in samples, and
// how far its timestamps were ahead of that.
type reported struct {
	wall, ahead float64
	known       bool
	moved       time.Duration // when the two clocks last moved against each other; 0: never
}

// Report takes what an RTCP sender report says of the stream's SSRC: an instant on
// the sender's wall clock (64-bit NTP format, RFC 3550 §4) and the timestamp of
// that instant.
//
// Packets that come later than before have met a queue, or their sender has left
// time out: a telephone whose sound stopped for a moment counts on from where it
// was. Arrival alone cannot tell. But only in the second case do the sender's two
// clocks move against each other; then the drift is measured anew from here on,
// and the leg follows.
func (b *Buffer) Report(ssrc uint32, ntp uint64, timestamp uint32) {
	if !b.heard || ssrc != b.stream.ssrc || ntp == 0 {
		return
	}
	s := &b.stream
	wall := float64(ntp) / (1 << 32) * clock.Rate
	now := reported{wall, float64(s.ts.peek(timestamp)) - wall, true, s.report.moved}
	if s.report.known {
		moved, passed := now.ahead-s.report.ahead, now.wall-s.report.wall
		if far := slipped + passed*500e-6; passed > 0 && (moved > far || moved < -far) {
			if now.moved == 0 || s.last-now.moved > doubted {
				s.drift.Restart()
			}
			now.moved = s.last
		}
	}
	s.report = now
}

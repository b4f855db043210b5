package jitter

import "time"

// Stats are the counts of one leg so far.
type Stats struct {
	Packets   uint64        // all that were pushed
	Lost      uint64        // sequence numbers that never came
	Late      uint64        // came after their place was fixed
	Duplicate uint64        // came twice
	Reordered uint64        // came after a later one, in time
	Foreign   uint64        // of another stream than the one heard
	Overrun   uint64        // found no room: the leg was not read in time
	Restarts  uint64        // times another stream took over: SSRC change, restart, jump
	Jitter    time.Duration // RFC 3550 §6.4.1
	DriftPPM  float64       // the sender's clock against ours, see clock.Drift
}

// Stats returns the counts so far.
func (b *Buffer) Stats() Stats {
	s := b.stats
	if b.heard {
		s.Lost += b.stream.seq.lost()
		s.DriftPPM, _ = b.stream.drift.PPM()
	}
	return s
}

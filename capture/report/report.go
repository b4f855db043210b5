// Package report owns RTCP as a recorder needs it (RFC 3550 §6): what to tell a
// sender of its stream and when, and what its own reports say. The recording
// shards call it, one Source and one Timer a leg. It is pure: every time and
// every bit of chance is an argument, and nothing here allocates.
//
//	RTP packet   ─► Source.Add      ┐
//	sender report ─► Source.Report  ┴► Source.Block ─► Append ─► receiver report
//	RTCP datagram ─► Parse, Next ─► Sender | Name | Bye
package report

import "time"

// Rate is the clock of the timestamps that jitter is told in, in Hz: G.711's.
const Rate = 8000

// Sender is the sender information of a sender report (RFC 3550 §6.4.1).
type Sender struct {
	SSRC    uint32
	NTP     uint64 // sender's wall clock: seconds since 1900, 32 bits of fraction
	RTP     uint32 // the same instant in units of the RTP timestamps
	Packets uint32 // sent so far
	Octets  uint32 // of payload sent so far
}

// Block is one report block (RFC 3550 §6.4.1).
type Block struct {
	SSRC     uint32 // whose packets
	Fraction uint8  // of the packets since the last report that were lost, in 1/256
	Lost     int32  // packets lost since the beginning, -2^23..2^23-1; duplicates count against it
	Highest  uint32 // highest sequence number, with the count of its cycles above it
	Jitter   uint32 // interarrival jitter, in units of the timestamps
	LSR      uint32 // middle 32 bits of the last sender report's NTP time; 0 without one
	DLSR     uint32 // how long ago that arrived, in 1/65536 s; 0 without one
}

// Muxed reports whether a datagram that came to an RTP port is RTCP: RTP uses
// none of the payload types 64-95 there, marker set (RFC 5761 §4).
func Muxed(data []byte) bool {
	return len(data) >= 2 && data[0]>>6 == 2 && data[1] >= 192 && data[1] <= 223
}

// minimum is the least time between two reports (RFC 3550 §6.2). In a session of
// two, one of which receives only, the share of the bandwidth never asks for more:
// 100 octets every 5 s are a quarter of a percent of G.711's 64 kbit/s.
const minimum = 5 * time.Second

// compensation is e-3/2: it makes up for the reconsideration of timers, which
// senders expect others to do (RFC 3550 §6.3.1).
const compensation = 1.21828

// Timer says when reports are due (RFC 3550 §6.3): each 0.5 to 1.5 times the
// minimum after the one before, so that thousands of legs do not report at once;
// the first after half of that. The zero Timer is not ready: use NewTimer.
type Timer struct {
	due    time.Duration
	chance uint64
}

// NewTimer starts a timer for who joins at now. Equal seeds make equal timers.
func NewTimer(now time.Duration, seed uint64) Timer {
	t := Timer{chance: seed}
	t.due = now + t.interval()/2
	return t
}

// Due reports whether a report is due at now, and if so plans the next one.
func (t *Timer) Due(now time.Duration) bool {
	if now < t.due {
		return false
	}
	t.due = now + t.interval()
	return true
}

// interval draws the time to the next report, 2.05 to 6.16 s, with a step of
// SplitMix64 (Steele, Lea, Flood 2014).
func (t *Timer) interval() time.Duration {
	t.chance += 0x9E3779B97F4A7C15
	z := t.chance
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	unit := float64(z>>11) / (1 << 53)
	return time.Duration((0.5 + unit) * float64(minimum) / compensation)
}

// Package capture owns the UDP ports that calls are forked to: it binds them in
// pairs, reads what has arrived together with when it arrived, and lets them
// rest before another call gets them. A recording shard calls it.
//
// Lifetimes: a Set and its Batch belong to one goroutine, the shard that made
// them. Nothing here locks, waits or starts a goroutine. What a Read hands out
// lies in the Batch and is valid until the next Read with that Batch.
package capture

import (
	"net/netip"
	"time"
)

// Tag names a pair of ports within its Set. The owner chooses it, usually as an
// index into its own table of legs.
type Tag uint32

// Instant is one moment on both clocks, as Clock.Now takes it.
type Instant struct {
	Mono time.Duration // monotonic time since the worker's epoch
	Wall int64         // wall clock, nanoseconds since 1970
}

// Datagram is one UDP packet that came to a port of the Set.
type Datagram struct {
	Tag       Tag
	RTCP      bool           // it came to the odd port
	Truncated bool           // it was longer than BufferSize; Data is its beginning
	From      netip.AddrPort // IPv4 is never in its IPv6-mapped form
	At        time.Duration  // when the kernel got it, on the clock of Instant.Mono
	Data      []byte         // lies in the Batch until the next Read
}

// Ports is what the sender is told: RTP is even, RTCP is RTP + 1.
type Ports struct {
	Addr      netip.Addr
	RTP, RTCP uint16
}

// Set is a set of port pairs, each read in one of a fixed number of slots. The
// owner reads one slot after another, so that every port is read once a round.
// All methods but the second Close return net.ErrClosed after Close.
type Set interface {
	// Open binds a pair for tag, to be read with slot. A valid want chooses
	// the advertised address: that very one if it is there, else one of its
	// family. A *NoPortsError or *FileLimitError says that there is no room.
	Open(tag Tag, slot int, want netip.Addr) (Ports, error)

	// Reopen binds the very pair that an earlier process had told a sender, as
	// Ports came from Open, so that its call can go on. It fails when the pair is
	// not of this Set, is in use, rests, or is held by another program.
	Reopen(tag Tag, slot int, ports Ports) error

	// Read empties b and fills it with what has arrived at the pairs of slot.
	// It never waits. more means that b was full before every port had its
	// turn: handle b and call again for the rest. now may not go back. A
	// datagram that arrives while Read is at work may come with At past now.
	Read(b *Batch, slot int, now Instant) (more bool, err error)

	// Send sends data from the RTP or the RTCP port of tag, as one datagram. It
	// never waits: what the kernel cannot take now is lost, with an error.
	Send(tag Tag, rtcp bool, to netip.AddrPort, data []byte) error

	// Drop gives the pair of tag back. What it still holds is discarded; the
	// ports rest until nothing has arrived for the rest time, and are then
	// reused, the longest free first.
	Drop(tag Tag, now time.Duration) error

	// Stats counts since the Set was made. It is cheap enough for every tick.
	Stats() Stats

	// Close closes every port, resting ones too.
	Close() error
}

// Stats describes a Set: pairs as of now, the rest since the start.
type Stats struct {
	Pairs   int // pairs in the range, of this shard
	Free    int // can be opened, unless another program holds them
	Open    int // in calls
	Resting int // dropped, waiting for silence

	Datagrams   uint64 // handed out by Read
	Truncated   uint64 // of these, longer than BufferSize
	KernelDrops uint64 // lost before Read, mostly to a full receive buffer; behind by up to 50 sweeps
	ReadErrors  uint64 // reads of a port that failed; it is tried again in the next sweep
}

// Clock reads both clocks together. Its epoch is when it was made.
type Clock struct{ epoch time.Time }

// NewClock starts a clock at zero.
func NewClock() Clock { return Clock{epoch: time.Now()} }

// Now samples both clocks. A thread that is preempted between the two would make a
// false pair, so a sample that took long is taken again. [time.Now] reads the wall clock
// first: how long it took is seen from the sample before it.
func (c Clock) Now() Instant {
	const apart, tries = 20 * time.Microsecond, 4
	before, t := time.Now(), time.Now()
	for i := 1; i < tries && t.Sub(before) > apart; i++ {
		before, t = t, time.Now()
	}
	return Instant{Mono: t.Sub(c.epoch), Wall: t.UnixNano()}
}

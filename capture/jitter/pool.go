package jitter

import (
	"time"

	"callrec/capture/clock"
)

// Reach is how much later than the hold a leg may be read before packets find no
// room: the time between two reads, a sender's early packets, a stall.
const Reach = 1500 * time.Millisecond

// How much idle memory a Pool keeps: enough that calls which come and go
// allocate nothing, not what a thousand calls in one instant once needed.
const (
	idleRings     = 128 // 25 KB each
	idleNurseries = 64  // 2 KB each, at 20 ms a packet
	idleRooms     = 16  // 12 KB each
)

// Pool keeps the memory of buffers between calls. It belongs to one goroutine,
// the shard whose legs draw from it.
type Pool struct {
	hold      time.Duration
	ringSize  int
	rings     []*ring
	nurseries []*nursery
	rooms     [][]byte // for the payloads of a nursery
	spare     []byte   // one more, for the time of a copy
}

// NewPool returns a pool for buffers that are read hold behind the present.
func NewPool(hold time.Duration) *Pool {
	size := int(clock.Samples(hold + Reach))
	p := &Pool{hold: hold, ringSize: (size + 63) &^ 63}
	p.spare = p.room()
	return p
}

// room is for the payloads of hold and half as much again, and at least for the
// largest payload.
func (p *Pool) room() []byte {
	if n := len(p.rooms); n > 0 {
		r := p.rooms[n-1]
		p.rooms = p.rooms[:n-1]
		return r
	}
	return make([]byte, 0, max(int(clock.Samples(p.hold+p.hold/2)), maxPayload))
}

func (p *Pool) ring() *ring {
	if n := len(p.rings); n > 0 {
		r := p.rings[n-1]
		p.rings = p.rings[:n-1]
		r.reset()
		return r
	}
	return newRing(p.ringSize)
}

func (p *Pool) nursery() *nursery {
	if n := len(p.nurseries); n > 0 {
		r := p.nurseries[n-1]
		p.nurseries = p.nurseries[:n-1]
		return r
	}
	return &nursery{heads: make([]head, 0, 80)} // grows, for short packets
}

func (p *Pool) keepRing(r *ring) {
	if len(p.rings) < idleRings {
		p.rings = append(p.rings, r)
	}
}

func (p *Pool) keepNursery(n *nursery) {
	if !n.lent && len(p.rooms) < idleRooms {
		p.rooms = append(p.rooms, n.octets)
	}
	n.octets = nil
	if len(p.nurseries) < idleNurseries {
		p.nurseries = append(p.nurseries, n)
	}
}

package capturetest

import (
	"fmt"
	"net"
	"net/netip"
	"sort"
	"sync"
	"time"

	"callrec/capture"
)

// Fake is a Set in memory on the test's own time. The shard under test reads it
// while the test pushes: unlike other Sets it may be used by several goroutines.
// Its ports rest in no time and are never used twice.
type Fake struct {
	Addr  netip.Addr // advertised; 127.0.0.1
	Limit int        // pairs open at once; 0: no limit

	mu     sync.Mutex
	next   uint16
	first  uint16
	slots  int
	legs   map[capture.Tag]*fakeLeg
	queue  []fakeDatagram // in order of At
	sent   []Sent
	stats  capture.Stats
	closed bool
}

// Sent is one datagram that was sent from a port of a Fake.
type Sent struct {
	From, To netip.AddrPort
	Data     []byte
}

type fakeLeg struct {
	slot int
	rtp  uint16
}

type fakeDatagram struct {
	capture.Datagram
	slot int
}

// NewFake makes a Fake whose ports count up from the even port first, with so many slots.
func NewFake(first uint16, slots int) *Fake {
	return &Fake{Addr: v4, next: first, first: first, slots: slots, legs: make(map[capture.Tag]*fakeLeg)}
}

// Push lets data arrive for tag at the given time. It copies data, and reports
// whether tag is open; else the datagram is lost, as on a real network.
func (f *Fake) Push(tag capture.Tag, rtcp bool, from netip.AddrPort, at time.Duration, data []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	leg := f.legs[tag]
	if leg == nil {
		return false
	}
	d := capture.Datagram{Tag: tag, RTCP: rtcp, From: from, At: at, Data: append([]byte(nil), data...)}
	i := sort.Search(len(f.queue), func(i int) bool { return f.queue[i].At > at })
	f.queue = append(f.queue, fakeDatagram{})
	copy(f.queue[i+1:], f.queue[i:])
	f.queue[i] = fakeDatagram{d, leg.slot}
	return true
}

// PushTo is Push by port, as a sender knows it: an odd one is RTCP.
func (f *Fake) PushTo(port uint16, from netip.AddrPort, at time.Duration, data []byte) bool {
	f.mu.Lock()
	tag, found := capture.Tag(0), false
	for t, leg := range f.legs {
		if leg.rtp == port&^1 {
			tag, found = t, true
		}
	}
	f.mu.Unlock()
	return found && f.Push(tag, port&1 == 1, from, at, data)
}

// Waiting is how many datagrams have not been read yet.
func (f *Fake) Waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue)
}

// Open implements capture.Set. want is not looked at.
func (f *Fake) Open(tag capture.Tag, slot int, _ netip.Addr) (capture.Ports, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return capture.Ports{}, net.ErrClosed
	case slot < 0 || slot >= f.slots:
		return capture.Ports{}, fmt.Errorf("slot %d does not exist: the fake has %d", slot, f.slots)
	case f.legs[tag] != nil:
		return capture.Ports{}, fmt.Errorf("cannot open ports for tag %d: it has %d", tag, f.legs[tag].rtp)
	case f.Limit > 0 && len(f.legs) >= f.Limit:
		return capture.Ports{}, &capture.NoPortsError{
			First: f.first, Last: f.first + 2*uint16(f.Limit) - 1, Pairs: f.Limit, Open: len(f.legs), Rest: time.Minute, Need: 1,
		}
	}
	leg := &fakeLeg{slot: slot, rtp: f.next}
	f.legs[tag] = leg
	f.next += 2
	return capture.Ports{Addr: f.Addr, RTP: leg.rtp, RTCP: leg.rtp + 1}, nil
}

// Reopen implements capture.Set. Ports below the first are not the fake's.
func (f *Fake) Reopen(tag capture.Tag, slot int, ports capture.Ports) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.legs[tag] != nil || ports.RTP < f.first || ports.RTCP != ports.RTP+1 || ports.Addr != f.Addr
	for _, leg := range f.legs {
		taken = taken || leg.rtp == ports.RTP
	}
	switch {
	case f.closed:
		return net.ErrClosed
	case slot < 0 || slot >= f.slots:
		return fmt.Errorf("slot %d does not exist: the fake has %d", slot, f.slots)
	case taken || f.Limit > 0 && len(f.legs) >= f.Limit:
		return fmt.Errorf("cannot open port %d again", ports.RTP)
	}
	f.legs[tag] = &fakeLeg{slot: slot, rtp: ports.RTP}
	f.next = max(f.next, ports.RTP+2)
	return nil
}

// Read implements capture.Set: what has arrived at slot by now, in order of time.
func (f *Fake) Read(b *capture.Batch, slot int, now capture.Instant) (more bool, err error) {
	b.Reset()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false, net.ErrClosed
	}
	kept := f.queue[:0]
	for _, d := range f.queue {
		if d.slot != slot || d.At > now.Mono || more {
			kept = append(kept, d)
			continue
		}
		if !b.Add(d.Datagram) {
			more = true
			kept = append(kept, d)
		}
	}
	clear(f.queue[len(kept):])
	f.queue = kept
	for _, d := range b.Datagrams {
		f.stats.Datagrams++
		if d.Truncated {
			f.stats.Truncated++
		}
	}
	return more, nil
}

// Send implements capture.Set: what is sent, Sent gives to the test.
func (f *Fake) Send(tag capture.Tag, rtcp bool, to netip.AddrPort, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	leg := f.legs[tag]
	switch {
	case f.closed:
		return net.ErrClosed
	case leg == nil:
		return fmt.Errorf("cannot send from the ports of tag %d: it has none", tag)
	case !to.IsValid() || to.Port() == 0:
		return fmt.Errorf("cannot send to %v: not a host", to)
	}
	from := leg.rtp
	if rtcp {
		from++
	}
	f.sent = append(f.sent, Sent{From: netip.AddrPortFrom(f.Addr, from), To: to, Data: append([]byte(nil), data...)})
	return nil
}

// Sent takes everything that was sent since the last time, in order.
func (f *Fake) Sent() []Sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.sent
	f.sent = nil
	return all
}

// Drop implements capture.Set.
func (f *Fake) Drop(tag capture.Tag, _ time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return net.ErrClosed
	}
	if f.legs[tag] == nil {
		return fmt.Errorf("cannot drop the ports of tag %d: it has none", tag)
	}
	delete(f.legs, tag)
	kept := f.queue[:0]
	for _, d := range f.queue {
		if d.Tag != tag {
			kept = append(kept, d)
		}
	}
	clear(f.queue[len(kept):])
	f.queue = kept
	return nil
}

// Stats implements capture.Set.
func (f *Fake) Stats() capture.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.Open, s.Pairs = len(f.legs), f.Limit
	s.Free = max(0, s.Pairs-s.Open)
	return s
}

// Close implements capture.Set.
func (f *Fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

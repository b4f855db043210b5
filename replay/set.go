package replay

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"callrec/capture"
	"callrec/recording"
)

// set is the ports of a replayed call: what was sent to a leg is read from the
// pair that the leg has opened. Before that it goes unheard.
type set struct {
	src    *source
	legs   Legs
	order  []recording.Leg // in which a call opens its legs
	opened int
	tags   map[capture.Tag]recording.Leg
	slot   int // all pairs are of one call
	stats  capture.Stats
	closed bool
}

// Open implements capture.Set. The ports are those in the capture.
func (s *set) Open(tag capture.Tag, slot int, _ netip.Addr) (capture.Ports, error) {
	if s.closed {
		return capture.Ports{}, net.ErrClosed
	}
	if s.opened == len(s.order) {
		return capture.Ports{}, fmt.Errorf("cannot open another pair of ports: a replay is of one call, with %d", s.opened)
	}
	leg := s.order[s.opened]
	s.opened++
	s.tags[tag], s.slot = leg, slot
	at := s.legs.Leg[leg].Addr
	return capture.Ports{Addr: at.Addr(), RTP: at.Port(), RTCP: at.Port() + 1}, nil
}

// Read implements capture.Set.
func (s *set) Read(b *capture.Batch, slot int, now capture.Instant) (more bool, err error) {
	b.Reset()
	if s.closed {
		return false, net.ErrClosed
	}
	if len(s.tags) > 0 && slot != s.slot {
		return false, nil
	}
	for p := s.src.peek(); p != nil && p.at <= now.Mono; p = s.src.peek() {
		if len(s.tags) == 0 && p.at == now.Mono {
			break // the ports may yet be opened in this instant
		}
		for tag, leg := range s.tags {
			if leg != p.leg || p.at < 0 {
				continue
			}
			d := capture.Datagram{Tag: tag, RTCP: p.rtcp, Truncated: p.truncated, From: p.from, At: p.at, Data: p.data}
			if !b.Add(d) {
				return true, nil
			}
			s.stats.Datagrams++
		}
		s.src.pop()
	}
	return false, nil
}

// Send implements capture.Set: there is nobody to send to.
func (s *set) Send(capture.Tag, bool, netip.AddrPort, []byte) error { return nil }

// Drop implements capture.Set.
func (s *set) Drop(tag capture.Tag, _ time.Duration) error {
	delete(s.tags, tag)
	return nil
}

// Stats implements capture.Set.
func (s *set) Stats() capture.Stats {
	s.stats.Open, s.stats.Pairs = len(s.tags), len(s.order)
	s.stats.Free = s.stats.Pairs - s.opened
	return s.stats
}

// Close implements capture.Set.
func (s *set) Close() error {
	s.closed = true
	return nil
}

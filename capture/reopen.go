package capture

import "fmt"

// Reopen implements Set.
func (s *sockets) Reopen(tag Tag, slot int, ports Ports) error {
	if err := s.usable(slot); err != nil {
		return err
	}
	refuse := func(why error) error {
		return fmt.Errorf("cannot open ports %d and %d of %v again: %w", ports.RTP, ports.RTCP, ports.Addr, why)
	}
	if p := s.byTag[tag]; p != nil {
		return refuse(fmt.Errorf("tag %d has %d and %d", tag, p.port, p.port+1))
	}
	for _, n := range s.nets {
		if n.addr != ports.Addr || ports.RTCP != ports.RTP+1 || !takeOut(&n.pool.free, ports.RTP) {
			continue
		}
		p := &pair{port: ports.RTP, pool: n.pool}
		if err := p.bind(s.opts); err != nil {
			n.pool.free.push(ports.RTP)
			return refuse(err)
		}
		s.place(p, tag, slot)
		return nil
	}
	return refuse(fmt.Errorf("they are not among the free pairs of range %d-%d, share %d of %d (--rtp-ports, --rtp-address, --shards)",
		s.cfg.FirstPort, s.cfg.LastPort, s.cfg.Share, s.cfg.Of))
}

// takeOut takes a port out of the middle of a queue, and reports whether it was
// there. The others keep their order.
func takeOut(q *fifo[uint16], port uint16) (found bool) {
	for range q.len() {
		if p := q.pop(); p == port {
			found = true
		} else {
			q.push(p)
		}
	}
	return found
}

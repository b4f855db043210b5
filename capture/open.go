package capture

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Open implements Set.
func (s *sockets) Open(tag Tag, slot int, want netip.Addr) (Ports, error) {
	if err := s.usable(slot); err != nil {
		return Ports{}, err
	}
	if p := s.byTag[tag]; p != nil {
		return Ports{}, fmt.Errorf("cannot open ports for tag %d: it has %d and %d", tag, p.port, p.port+1)
	}
	want = want.Unmap()
	var tried []*pool
	full := &NoPortsError{
		First: s.cfg.FirstPort, Last: s.cfg.LastPort, Open: len(s.byTag), Resting: s.rest.len(), Rest: s.cfg.Rest, Need: 1,
	}
	for _, exact := range []bool{true, false} {
		for _, n := range s.nets {
			suits := n.addr == want || !exact && (!want.IsValid() || n.addr.Is4() == want.Is4())
			if !suits || slices.Contains(tried, n.pool) {
				continue
			}
			tried = append(tried, n.pool)
			p, err := s.bindNext(n.pool, full)
			if err != nil {
				return Ports{}, err
			}
			if p != nil {
				s.place(p, tag, slot)
				return Ports{Addr: n.addr, RTP: p.port, RTCP: p.port + 1}, nil
			}
		}
	}
	if len(tried) == 0 {
		return Ports{}, fmt.Errorf("cannot open ports for a call: no address of the family of %v, only %v (--rtp-address)", want, s.cfg.Addrs)
	}
	return Ports{}, full
}

// bindNext binds the pair that has been free the longest. One that another
// program holds goes to the back. nil means that none is left, noted in full.
func (s *sockets) bindNext(pl *pool, full *NoPortsError) (*pair, error) {
	full.Pairs += pl.pairs
	full.Free += pl.free.len()
	for range pl.free.len() {
		p := &pair{port: pl.free.pop(), pool: pl}
		err := p.bind(s.opts)
		if err == nil {
			return p, nil
		}
		pl.free.push(p.port)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			full.Taken++
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
			return nil, &FileLimitError{Limit: fileLimit(), Pairs: len(s.byTag) + s.rest.len(), Err: err}
		default:
			return nil, fmt.Errorf("cannot open ports %d and %d of %v for a call: %w", p.port, p.port+1, pl.bind, err)
		}
	}
	return nil, nil
}

// bind opens both sockets or none.
func (p *pair) bind(opts options) (err error) {
	if p.rtp.sock, err = listen(netip.AddrPortFrom(p.pool.bind, p.port), opts); err != nil {
		return err
	}
	if p.rtcp.sock, err = listen(netip.AddrPortFrom(p.pool.bind, p.port+1), opts); err != nil {
		p.rtp.sock.close()
	}
	return err
}

// Send implements Set.
func (s *sockets) Send(tag Tag, rtcp bool, to netip.AddrPort, data []byte) error {
	if s.closed {
		return net.ErrClosed
	}
	p := s.byTag[tag]
	if p == nil {
		return fmt.Errorf("cannot send from the ports of tag %d: it has none", tag)
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if !to.Addr().IsValid() || to.Port() == 0 || to.Addr().Is4() != p.pool.bind.Is4() {
		return fmt.Errorf("cannot send from port %d of %v to %v: not a host of that family", p.port, p.pool.bind, to)
	}
	sock := p.rtp.sock
	if rtcp {
		sock = p.rtcp.sock
	}
	if err := sock.send(to, data); err != nil {
		return fmt.Errorf("cannot send %d bytes from port %d of %v to %v: %w", len(data), p.port, p.pool.bind, to, err)
	}
	return nil
}

// place puts a bound pair into its slot.
func (s *sockets) place(p *pair, tag Tag, slot int) {
	sl := &s.slots[slot]
	p.tag, p.slot, p.place = tag, slot, len(sl.pairs)
	p.rtp.after, p.rtcp.after = s.times.last.Mono, s.times.last.Mono
	sl.pairs = append(sl.pairs, p)
	s.byTag[tag] = p
}

// Drop implements Set.
func (s *sockets) Drop(tag Tag, now time.Duration) error {
	if s.closed {
		return net.ErrClosed
	}
	p := s.byTag[tag]
	if p == nil {
		return fmt.Errorf("cannot drop the ports of tag %d: it has none", tag)
	}
	delete(s.byTag, tag)
	s.slots[p.slot].remove(p)
	s.anything(p)
	s.rest.add(p, now)
	return nil
}

// remove takes p out of the slot; the last pair takes its place. If a sweep has
// passed that place already, the moved pair has its turn in the next one.
func (sl *slot) remove(p *pair) {
	last := len(sl.pairs) - 1
	if sl.at == p.place {
		sl.taken, sl.onRTCP = 0, false
	}
	sl.pairs[p.place] = sl.pairs[last]
	sl.pairs[p.place].place = p.place
	sl.pairs[last] = nil
	sl.pairs = sl.pairs[:last]
}

// expire looks after every resting pair whose time has come.
func (s *sockets) expire(now time.Duration) {
	for s.rest.isDue(now) {
		if p := s.rest.pop(); s.anything(p) {
			s.rest.add(p, now)
		} else if !s.rest.again(p, now) {
			s.shut(p)
			p.pool.free.push(p.port)
		}
	}
}

// anything empties the sockets of p, as far as a flood lets it, and reports
// whether there was anything.
func (s *sockets) anything(p *pair) bool {
	found := false
	for _, l := range []*leg{&p.rtp, &p.rtcp} {
		for range perSweep / burst {
			s.discard.Reset()
			n, _ := l.sock.receive(s.discard, burst, s.opts) // what failed is read again in the next look
			found = found || n > 0
			if n < burst {
				break
			}
		}
		before := s.stats.KernelDrops
		s.countDrops(l)
		found = found || s.stats.KernelDrops > before
	}
	return found
}

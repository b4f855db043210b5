package capture

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

const (
	perSweep   = 256 // datagrams taken from one port in one sweep; the rest waits in the kernel
	rtcpEvery  = 5   // RTCP ports are read in every fifth sweep of their slot
	dropsEvery = 50  // kernel drops are asked for in every 50th
)

// queue is how much may wait in a socket from one sweep to the next. The kernel
// doubles it, and counts some 70 kB for a datagram of 64 kB: with the usual
// default, three of those from anybody push a call's own packets out.
const queue = 256 << 10

// sockets is the Set of ordinary UDP sockets, outside the Go poller: nobody
// waits for them, the sweep comes by. OS-specific is only type socket.
type sockets struct {
	cfg    SocketsConfig
	opts   options
	nets   []network // as cfg.Addrs
	pools  []*pool
	slots  []slot
	byTag  map[Tag]*pair
	rest   resting
	times  arrivals
	swept  time.Duration // the Instant of the Read
	stats  Stats         // only what is counted since the start
	closed bool

	stamper socket // so that the kernel has stamps for the first packet of a call

	discard *Batch                               // where unread datagrams of resting ports go
	restamp func(stamp int64, data []byte) int64 // tests set the wall clock of the kernel
}

// options are what the benchmark turns off to see what it costs.
type options struct{ stamps, sources bool }

// network is one advertised address; several may share the pool of a wildcard.
type network struct {
	addr netip.Addr
	pool *pool
}

// pool holds the free pairs of one bound address.
type pool struct {
	bind  netip.Addr
	pairs int          // in all
	free  fifo[uint16] // RTP ports, the longest free first
}

// pair is an RTP and an RTCP socket.
type pair struct {
	tag       Tag
	slot      int
	place     int // in slot.pairs
	port      uint16
	pool      *pool
	rtp, rtcp leg

	quiet time.Duration // resting: nothing has arrived since
	due   time.Duration // resting: when to look again
}

// leg is one socket of a pair.
type leg struct {
	sock  socket
	after time.Duration // what it still holds arrived after this
	drops uint32        // the kernel's count, as of the last look
}

// slot is what one Read sweeps: the RTP and RTCP sockets of its pairs in turn.
type slot struct {
	pairs  []*pair
	sweeps int // completed
	at     int // a sweep under way stands at this pair,
	onRTCP bool
	taken  int // having taken so many from this socket
}

// NewSockets makes a Set of UDP sockets for one shard. It binds none yet.
func NewSockets(cfg SocketsConfig) (Set, error) {
	return newSockets(cfg, options{stamps: true, sources: true})
}

func newSockets(cfg SocketsConfig, opts options) (*sockets, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &sockets{
		cfg: cfg, opts: opts, slots: make([]slot, cfg.Slots), byTag: make(map[Tag]*pair),
		rest: resting{rest: cfg.Rest}, discard: NewBatch(burst),
	}
	for _, addr := range cfg.Addrs {
		bind, err := bindable(addr)
		if err != nil {
			return nil, err
		}
		s.nets = append(s.nets, network{addr: addr, pool: s.poolOf(bind)})
	}
	if s.stamper, err = stamper(opts); err != nil {
		return nil, fmt.Errorf("cannot receive RTP: no receive times: %w", err)
	}
	return s, nil
}

// bindable is addr itself or, when it is not of this machine, the wildcard.
func bindable(addr netip.Addr) (netip.Addr, error) {
	probe, err := listen(netip.AddrPortFrom(addr, 0), options{})
	switch {
	case err == nil:
		probe.close()
		return addr, nil
	case !errors.Is(err, syscall.EADDRNOTAVAIL):
		return addr, fmt.Errorf("cannot receive RTP at %v: %w", addr, err)
	case addr.Is4():
		return netip.IPv4Unspecified(), nil
	}
	return netip.IPv6Unspecified(), nil
}

// poolOf finds the pool of a bound address, or fills a new one.
func (s *sockets) poolOf(bind netip.Addr) *pool {
	for _, p := range s.pools {
		if p.bind == bind {
			return p
		}
	}
	p := &pool{bind: bind}
	for _, port := range s.cfg.pairs() {
		p.free.push(port)
	}
	p.pairs = p.free.len()
	s.stats.Pairs += p.pairs
	s.pools = append(s.pools, p)
	return p
}

// Stats implements Set.
func (s *sockets) Stats() Stats {
	st := s.stats
	if s.closed {
		return st
	}
	for _, p := range s.pools {
		st.Free += p.free.len()
	}
	st.Open, st.Resting = len(s.byTag), s.rest.len()
	return st
}

// Close implements Set.
func (s *sockets) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.stamper.close()
	for _, p := range s.byTag {
		s.shut(p)
	}
	for s.rest.len() > 0 {
		s.shut(s.rest.pop())
	}
	s.byTag, s.slots = nil, nil
	return nil
}

// shut closes both sockets, having counted their last drops.
func (s *sockets) shut(p *pair) {
	s.countDrops(&p.rtp)
	s.countDrops(&p.rtcp)
	p.rtp.sock.close()
	p.rtcp.sock.close()
}

func (s *sockets) countDrops(l *leg) {
	n := l.sock.drops()
	s.stats.KernelDrops += uint64(n - l.drops)
	l.drops = n
}

// usable reports why tag or slot number cannot be used now, if so.
func (s *sockets) usable(slot int) error {
	if s.closed {
		return net.ErrClosed
	}
	if slot < 0 || slot >= s.cfg.Slots {
		return fmt.Errorf("slot %d does not exist: the set has %d, counted from 0", slot, s.cfg.Slots)
	}
	return nil
}

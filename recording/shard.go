package recording

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"callrec/capture"
	"callrec/capture/jitter"
)

// A round visits every call once: Slots, one after the other, this far apart.
const (
	Slots      = 40 // of each Set as well
	slotEvery  = 5 * time.Millisecond
	roundEvery = Slots * slotEvery
)

// keepEnded is how long an ended call can still be asked about.
const keepEnded = time.Minute

// forgottenAfter ends a call that nobody records and nobody hangs up: it has no
// ports, so there is no media to tell whether it still goes on.
const forgottenAfter = 24 * time.Hour

// lookEvery is how often ports that rest are looked after on a shard without
// calls; the turns of calls do it by the way.
const lookEvery = time.Second

// quietAfter is how long both legs may be silent before that is an event.
const quietAfter = time.Minute

// shard is one goroutine, a set of ports, and every call on them. Nothing of a
// call is touched by anybody else.
type shard struct {
	// Never mutated.
	m     *Manager
	rules *Config
	inbox chan request
	done  chan struct{} // closed when run has returned

	// run's alone.
	set     capture.Set
	batch   *capture.Batch
	pool    *jitter.Pool
	gate    gate
	scratch *scratch
	calls   [Slots][]*call
	spare   int // slot with the fewest calls is looked for from here
	legs    []*leg
	tags    []capture.Tag // free ones
	tracks  map[string]tracked
	ended   []farewell
	looked  time.Duration // when the resting ports were last looked after

	// Written by run, read by anybody.
	load  atomic.Int64 // calls
	count counters
}

// tracked is a recording that has not reached its end, and its call.
type tracked struct {
	call  *call
	track *track
}

// farewell is an ended call, kept until nobody asks any more.
type farewell struct {
	call  *call
	until time.Duration
}

func newShard(m *Manager, set capture.Set) *shard {
	return &shard{
		m: m, rules: &m.cfg, inbox: make(chan request, 256), done: make(chan struct{}),
		set: set, batch: capture.NewBatch(256), pool: jitter.NewPool(m.cfg.Hold),
		gate: gate{rules: &m.cfg}, scratch: newScratch(), tracks: map[string]tracked{},
	}
}

// run is the shard's goroutine: requests as they come, and a slot of calls every
// few milliseconds. It ends when stop is closed.
func (s *shard) run(stop <-chan struct{}) {
	defer close(s.done)
	defer func() { _ = s.set.Close() }() // the sockets go with the process
	ticker := time.NewTicker(slotEvery)
	defer ticker.Stop()
	s.count.store(s.set.Stats())
	next := s.m.clock.Now().Mono
	slot := 0
	for {
		select {
		case <-stop:
			return
		case r := <-s.inbox:
			s.handle(r)
		case <-ticker.C:
			now := s.m.clock.Now().Mono
			for n := 0; n < Slots && next <= now; n++ {
				s.turn(slot)
				slot = (slot + 1) % Slots
				next += slotEvery
			}
			// After a stall every slot has had its turn; what is missed is not
			// made up for, the calls have caught up.
			next = max(next, now-roundEvery)
			s.forgetEnded(now)
			s.lookAfterPorts(now)
		}
	}
}

// lookAfterPorts gives back the ports that have rested. Every Read of the set
// does, whatever slot it is of, but a shard without calls makes none.
func (s *shard) lookAfterPorts(now time.Duration) {
	if now-s.looked < lookEvery {
		return
	}
	s.looked = now
	s.sweep(0, s.m.clock.Now())
	s.count.store(s.set.Stats())
}

// turn reads the ports of one slot and then moves its calls on, so that what had
// arrived before the reading is in place.
func (s *shard) turn(slot int) {
	if len(s.calls[slot]) == 0 {
		return
	}
	at := s.m.clock.Now()
	s.sweep(slot, at)
	live := s.calls[slot][:0]
	for _, c := range s.calls[slot] {
		if s.tick(c, at.Mono) {
			s.release(c, at.Mono)
			continue
		}
		live = append(live, c)
	}
	clear(s.calls[slot][len(live):])
	s.calls[slot] = live
	s.count.store(s.set.Stats())
}

// sweep hands every datagram that has arrived at the slot's ports to its leg.
func (s *shard) sweep(slot int, at capture.Instant) {
	for {
		more, err := s.set.Read(s.batch, slot, at)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				s.rules.Log.Error("cannot read the ports", "err", err)
			}
			return
		}
		for i := range s.batch.Datagrams {
			d := &s.batch.Datagrams[i]
			if l := s.leg(d.Tag); l != nil {
				l.receive(d, &s.gate)
			}
		}
		if !more {
			return
		}
	}
}

func (s *shard) leg(tag capture.Tag) *leg {
	if int(tag) < len(s.legs) {
		return s.legs[tag]
	}
	return nil
}

// openPorts gives every announced leg of a call its ports. Either all get them
// or none.
func (s *shard) openPorts(c *call) error {
	if c.open {
		return nil
	}
	at := s.m.clock.Now()
	now := at.Mono
	s.sweep(c.slot, at) // what has rested by now can be had
	for _, spec := range c.spec.Legs {
		tag := s.newTag()
		ports, err := s.set.Open(tag, c.slot, spec.Source.Addr())
		if err != nil {
			s.tags = append(s.tags, tag)
			s.closePorts(c, now)
			return err
		}
		l := &leg{
			spec: spec, tag: tag, ports: ports, heard: now, payloads: payloadTable(spec.Payloads),
			source: source{want: spec.Source, since: now}, buffer: jitter.New(s.pool, c.epoch),
		}
		l.buffer.Skip(c.fixed)
		s.legs[tag] = l
		c.legs[spec.Leg] = l
	}
	c.open, c.heard = true, now
	return nil
}

func (s *shard) newTag() capture.Tag {
	if n := len(s.tags); n > 0 {
		tag := s.tags[n-1]
		s.tags = s.tags[:n-1]
		return tag
	}
	s.legs = append(s.legs, nil)
	return capture.Tag(len(s.legs) - 1)
}

// closePorts gives back what openPorts took.
func (s *shard) closePorts(c *call, now time.Duration) {
	for i, l := range c.legs {
		if l == nil {
			continue
		}
		s.count.retire(l)
		l.buffer.Close()
		if err := s.set.Drop(l.tag, now); err != nil && !errors.Is(err, net.ErrClosed) {
			s.rules.Log.Error("cannot give ports back", "rtp_port", l.ports.RTP, "err", err)
		}
		s.legs[l.tag] = nil
		s.tags = append(s.tags, l.tag)
		c.legs[i] = nil
	}
	c.open = false
}

// adopt puts a new call into the slot that has the fewest.
func (s *shard) adopt(c *call) {
	best := s.spare
	for i := range Slots {
		if k := (s.spare + i) % Slots; len(s.calls[k]) < len(s.calls[best]) {
			best = k
		}
	}
	s.spare = (best + 1) % Slots
	c.slot = best
	s.calls[best] = append(s.calls[best], c)
	s.load.Add(1)
}

// release ends the shard's work on a call: its last picture stays for a while.
func (s *shard) release(c *call, now time.Duration) {
	c.publish() // with the ports, which an ended call may still be asked about
	s.closePorts(c, now)
	s.load.Add(-1)
	s.ended = append(s.ended, farewell{c, now + keepEnded})
	s.m.callEnded()
}

// forgetEnded drops the pictures of calls that ended long enough ago.
func (s *shard) forgetEnded(now time.Duration) {
	n := 0
	for n < len(s.ended) && s.ended[n].until <= now {
		c := s.ended[n].call
		for _, t := range c.tracks {
			delete(s.tracks, t.id)
		}
		s.m.forget(c)
		n++
	}
	if n > 0 {
		s.ended = append(s.ended[:0], s.ended[n:]...)
	}
}

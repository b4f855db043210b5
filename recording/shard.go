package recording

import (
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"callrec/capture"
	"callrec/capture/jitter"
)

// A round visits every call once: Slots, one after the other, this far apart.
// Calls share a slot as far as fillSlot, and a slot without calls is no reason to
// wake up: on a worker with few calls it is the wake-ups that cost.
const (
	Slots      = 40 // of each Set as well
	slotEvery  = 5 * time.Millisecond
	roundEvery = Slots * slotEvery
	fillSlot   = 64
	slotStride = 17 // no divisor of Slots: slots are taken into use all over the round
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
	turns   [Slots]int
	slot    int           // whose turn is next,
	next    time.Duration // and when
	legs    []*leg
	tags    []capture.Tag // free ones
	tracks  map[string]tracked
	ended   []farewell
	swept   time.Duration // when any ports were last read
	looked  time.Duration // when the resting ports were last looked after
	work    stint

	// Of anybody.
	load  atomic.Int64 // calls; the Manager counts up, run counts down
	usage occupancy
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
		gate: gate{rules: &m.cfg}, scratch: newScratch(m.warp), tracks: map[string]tracked{},
	}
}

// run is the shard's goroutine: requests as they come, and a slot of calls when
// it is its turn. It ends when stop is closed.
func (s *shard) run(stop <-chan struct{}) {
	defer s.end()
	s.count.store(s.set.Stats())
	s.next = s.m.clock.Now().Mono
	due := s.next
	s.work.since = due
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var now time.Duration
		select {
		case <-stop:
			return
		case r := <-s.inbox:
			s.handle(r)
			now = s.m.clock.Now().Mono
		case <-timer.C:
			now = s.m.clock.Now().Mono
			s.work.begin(now, due)
			s.catchUp(now)
			now = s.m.clock.Now().Mono
			s.work.lap(now)
		}
		pause := max(s.pause(now), 0)
		due = now + pause
		timer.Reset(pause)
	}
}

// end closes the ports. Nobody runs or steps the shard any more.
func (s *shard) end() {
	_ = s.set.Close() // the sockets go with the process
	close(s.done)
}

// catchUp gives every slot its turn that is due by now, but none a second one:
// after a stall, once is enough for a call to be up to date.
func (s *shard) catchUp(now time.Duration) {
	s.next = max(s.next, now-roundEvery+slotEvery)
	for s.next <= now {
		s.turn(s.slot)
		s.slot = (s.slot + 1) % Slots
		s.next += slotEvery
	}
	s.forgetEnded(now)
	s.lookAfterPorts(now)
}

// pause is how long there is nothing to do but requests: until the next slot
// with calls, until an ended call is forgotten, or until resting ports want a look.
func (s *shard) pause(now time.Duration) time.Duration {
	wait := time.Hour
	if len(s.ended) > 0 {
		wait = s.ended[0].until - now
	}
	if s.set.Stats().Resting > 0 {
		wait = min(wait, s.looked+lookEvery-now)
	}
	for i := range Slots {
		if len(s.calls[(s.slot+i)%Slots]) > 0 {
			// After a long rest the slots are not where next says; catchUp puts
			// that right, and a turn that comes early harms nobody.
			return min(wait, s.next+time.Duration(i)*slotEvery-now)
		}
	}
	return wait
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
	s.work.lap(at.Mono) // of the turns before
	s.sweep(slot, at)
	// All of a slot's files are handed to the disk in one turn, so that its
	// writer is woken once for all of them.
	s.turns[slot]++
	flush := (s.turns[slot]+slot)%flushEvery == 0
	live := s.calls[slot][:0]
	for _, c := range s.calls[slot] {
		if s.tick(c, at.Mono, flush) {
			s.release(c, at.Mono)
			continue
		}
		s.sendReports(c, at.Mono)
		live = append(live, c)
	}
	clear(s.calls[slot][len(live):])
	s.calls[slot] = live
	s.count.store(s.set.Stats())
}

// sweep hands every datagram that has arrived at the slot's ports to its leg.
func (s *shard) sweep(slot int, at capture.Instant) {
	s.swept = at.Mono
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
	if at.Mono-s.swept >= roundEvery { // what has rested can be had; on a busy shard turns see to that
		s.sweep(c.slot, at)
	}
	for _, spec := range c.known {
		if err := s.openLeg(c, spec, at.Mono); err != nil {
			s.closePorts(c, at.Mono)
			return err
		}
	}
	c.open, c.heard, c.seen = true, at.Mono, at.Mono
	if c.info.Load() != nil {
		c.revision++ // an answer has told of no ports
	}
	return nil
}

// openLeg gives one leg of a call its ports.
func (s *shard) openLeg(c *call, spec LegSpec, now time.Duration) error {
	tag := s.newTag()
	ports, err := s.bind(c, &spec, tag)
	if err != nil {
		s.tags = append(s.tags, tag)
		return err
	}
	l := &leg{
		spec: spec, tag: tag, ports: ports, heard: now, seen: now, payloads: payloadTable(spec.Payloads),
		source: source{want: spec.Source, since: now}, buffer: jitter.New(s.pool, c.epoch), reporter: newReporter(now),
	}
	l.voice.buffer = l.buffer
	l.voice.skip(c.fixed)
	s.legs[tag] = l
	c.legs[spec.Leg] = l
	return nil
}

// bind opens the ports of a leg: those it had before a restart, else any.
func (s *shard) bind(c *call, spec *LegSpec, tag capture.Tag) (capture.Ports, error) {
	if c.had == nil {
		return s.set.Open(tag, c.slot, spec.Source.Addr())
	}
	ports := c.had[spec.Leg]
	return ports, s.set.Reopen(tag, c.slot, ports)
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
		if l != nil {
			s.closeLeg(c, Leg(i), now)
		}
	}
	c.open = false
}

func (s *shard) closeLeg(c *call, leg Leg, now time.Duration) {
	l := c.legs[leg]
	s.count.retire(l)
	l.buffer.Close()
	if err := s.set.Drop(l.tag, now); err != nil && !errors.Is(err, net.ErrClosed) {
		s.rules.Log.Error("cannot give ports back", "rtp_port", l.ports.RTP, "err", err)
	}
	s.legs[l.tag] = nil
	s.tags = append(s.tags, l.tag)
	c.legs[leg] = nil
}

// adopt puts a new call into a slot: the fullest of those that have room, else an
// empty one, else the one with the fewest calls.
func (s *shard) adopt(c *call) {
	best := 0
	for i := range Slots {
		k := i * slotStride % Slots
		if crowd(len(s.calls[k])) < crowd(len(s.calls[best])) {
			best = k
		}
	}
	c.slot = best
	s.calls[best] = append(s.calls[best], c)
}

// crowd orders slots by how little they want another call.
func crowd(calls int) int {
	switch {
	case calls == 0:
		return fillSlot
	case calls < fillSlot:
		return fillSlot - calls
	default:
		return calls + 1
	}
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
		s.ended = slices.Delete(s.ended, 0, n)
	}
}

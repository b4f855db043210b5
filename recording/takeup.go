package recording

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"callrec/capture/clock"
	"callrec/mixer"
)

// takeUp makes the recording of a part again, its file cut to what is whole and
// filled with silence up to position from of the call.
//
// The chain's state from before is gone, so the joint lies where a new one can
// begin as at the start of a file: behind the last whole frame, and where a sample
// of the file coincides with one of the call. From there on every sample lies where it
// would have been.
func (m *Manager) takeUp(ctx context.Context, c *call, p *revived, from int64, work *scratch) (*track, error) {
	man := p.left.Manifest()
	t := p.meta.track(man.ID, p.spec)
	t.mediaName, t.objectName, t.callID, t.state, t.begun = man.MediaName, man.Destination.Name, man.CallID, Recording, true
	t.facts = p.meta.facts()
	if t.maskedAt(from) {
		t.state = Masked
	}
	var err error
	if t.out, err = newChain(&t.spec, m.filters); err != nil {
		return nil, err
	}
	f, err := p.left.Open()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	keep, have := int64(0), int64(0)
	if err == nil {
		t.out.encoder, keep, have, err = continueEncoder(&t.spec, f, p.left.Size())
		_ = f.Close() // only read
		if err != nil {
			return nil, err
		}
	}
	in, out := ratio(t.spec.rate)
	steps := (have + out - 1) / out
	if t.start+steps*in > from {
		return nil, errors.New("its file is longer than the call")
	}
	t.away += from - (t.start + have*clock.Rate/int64(t.spec.rate))
	t.part, err = p.left.Continue(t.manifest(c), t.out.encoder.Header(nil, t.tags(c)), keep)
	if err != nil {
		return nil, err
	}
	t.hand(t.out.encoder.Append(nil, work.silence[:(steps*out-have)*int64(t.spec.channels)])) // less than 441 of each
	t.debt = from - (t.start + steps*in)
	for !t.settle(work) { // more silence than may wait for the disk
		if err := m.cfg.Spool.Flush(ctx); err != nil {
			break // it is still owed
		}
	}
	return t, nil
}

// ratio is how many samples of the call are how many of a file with that rate, in
// lowest terms.
func ratio(rate int) (in, out int64) {
	a, b := clock.Rate, rate
	for b != 0 {
		a, b = b, a%b
	}
	return int64(clock.Rate / a), int64(rate / a)
}

// reopen takes in a call of an earlier process, with the ports it had, but without
// its recordings: they are attached once their files are ready. What arrives until
// then waits, for one hold at least.
func (s *shard) reopen(c *call) (*CallInfo, error) {
	s.adopt(c)
	c.heard, c.seen = c.epoch, c.epoch
	c.offer, c.known = c.spec.Offer, slices.Clone(c.spec.Legs)
	c.mix = mixers{mono: mixer.New(1), stereo: mixer.New(2)}
	c.fixed = max(clock.Samples(s.m.clock.Now().Mono-c.epoch), 0)
	if len(c.had) > 0 {
		if err := s.openPorts(c); err != nil {
			calls := s.calls[c.slot]
			s.calls[c.slot] = calls[:len(calls)-1]
			return nil, err
		}
	}
	c.resumed, c.had, c.waiting = c.fixed, nil, true // a leg that an update brings later has any ports
	c.touched = s.m.clock.Now().Mono
	if c.named != 0 {
		s.m.names.first(c.spec.ID, c.named, false)
	}
	return c.publish(), nil
}

// attachment is what a reopened call gets once its files are ready.
type attachment struct {
	tracks []*track // those that have begun are silence up to a position
	upTo   int64
	over   []*track // record_callers that what follows them goes on from
}

// attach gives a reopened call its recordings.
func (s *shard) attach(c *call, a *attachment) {
	c.waiting = false
	for _, t := range a.tracks {
		if late := c.fixed - a.upTo; late > 0 && t.begun { // it took longer than one hold
			t.away += late
			t.debt += late
			t.settle(s.scratch)
		}
		c.tracks = append(c.tracks, t)
		s.tracks[t.id] = tracked{c, t}
		if c.ended { // nobody was heard in all that time
			s.endTrack(c, t, c.end, "no media")
			if t.begun {
				s.finish(c, t)
			}
		}
	}
	s.count.resumed.Add(1)
	s.emitCall(c, "resumed", "after a restart of the worker")
	for _, t := range a.over {
		s.goOn(c, t, c.fixed, "interrupted", nil)
	}
	s.keep(c)
	c.publish()
}

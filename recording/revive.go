package recording

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"callrec/capture"
	"callrec/capture/clock"
)

// revive goes on with one call: ports first, in a shard, which then waits with
// what it hears; then the files, here; then both come together. When it fails,
// every part is finished.
func (m *Manager) revive(ctx context.Context, r *revival, work *scratch) error {
	c := m.restored(r)
	r.parts = slices.DeleteFunc(r.parts, func(p revived) bool {
		now := clock.Samples(m.clock.Now().Mono - c.epoch)
		if p.meta.Stop > now && !r.after[p.left.Manifest().ID] {
			return false
		}
		p.left.Finish() // it was to be over by now, or is
		r.over = append(r.over, p)
		return true
	})
	if len(r.parts) == 0 && r.memo == nil {
		return errors.New("its recordings had reached their limits")
	}
	e := &entry{call: c, ready: make(chan struct{})}
	m.mu.Lock()
	m.calls[c.spec.ID] = e
	m.live++
	m.mu.Unlock()
	defer close(e.ready)
	if e.err = m.reopenOn(ctx, e); e.err != nil {
		r.drop()
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.calls, c.spec.ID)
		m.lessLive()
		return e.err
	}
	a := attachment{tracks: m.armedAgain(r), upTo: c.resumed}
	for _, p := range r.parts {
		t, err := m.takeUp(ctx, c, &p, c.resumed, work)
		if err != nil {
			m.cfg.Log.Error("a recording from before the start cannot go on", "recording", p.left.Manifest().ID, "err", err)
			p.left.Finish()
			r.over = append(r.over, p)
			continue
		}
		a.tracks = append(a.tracks, t)
	}
	slices.SortStableFunc(a.tracks, func(x, y *track) int {
		return cmp.Or(cmp.Compare(x.order, y.order), x.created.Compare(y.created))
	})
	for _, t := range a.tracks {
		m.owners.Store(t.id, e.shard)
	}
	a.over = r.unfollowed()
	_, err := m.ask(ctx, e.shard, request{call: c, attach: &a})
	return err
}

// armedAgain makes the recordings that wait.
func (m *Manager) armedAgain(r *revival) (out []*track) {
	for i := range r.told.Armed {
		a := &r.told.Armed[i]
		sp, err := specAgain(&a.keptTrack)
		if err != nil {
			m.cfg.Log.Error("a recording from before the start waits no longer", "recording", a.ID, "err", err)
			continue
		}
		if r.known[a.ID] {
			continue // it has begun since
		}
		t := a.track(a.ID, sp)
		t.mediaName, t.objectName, t.callID, t.state = a.MediaName, a.Object, a.CallID, Armed
		out = append(out, t)
	}
	return out
}

// unfollowed are the record_callers that are over, while what follows them has not
// been begun. That they have ended by hang-up or transfer they would say. Those of
// workers that wrote no memos did not.
func (r *revival) unfollowed() (out []*track) {
	for i := range r.over {
		p := &r.over[i]
		man := p.left.Manifest()
		sp, err := specAgain(&p.meta.keptTrack)
		if err != nil || len(p.meta.Then) == 0 || r.memo == nil || r.after[man.ID] {
			continue
		}
		t := p.meta.track(man.ID, sp)
		t.mediaName, t.objectName, t.callID = man.MediaName, man.Destination.Name, man.CallID
		t.facts = p.meta.facts()
		t.state, t.reason, t.begun, t.committed = Finishing, "interrupted", true, true
		t.stop = min(t.stop, t.start+roughly(&sp, p.left.Size())*clock.Rate/int64(sp.rate))
		out = append(out, t)
	}
	return out
}

// track makes a recording again, as far as call and file have no part in it.
func (k *keptTrack) track(id string, sp Spec) *track {
	t := &track{
		id: id, origin: k.Origin, spec: sp, leg: k.Leg, owner: k.Owner, called: k.Called, created: k.Created, order: k.Order, after: k.After,
		asked: k.Asked, start: k.Start, stop: k.Stop, edges: k.Edges, away: k.Away,
	}
	if k.CallerOnly {
		t.dictation = &dictation{then: k.Then}
	}
	return t
}

// restored is the call as the newest of its manifests has it. Its epoch is the
// instant of the announcement by the wall clock. Should the files say that this
// cannot be, the clock has been set since, and the call has got as far as they
// say: what they hold, one hold, and the time since they were last written to.
// What a step of the clock is not told by them adds to the silence, at most slowest.
func (m *Manager) restored(r *revival) *call {
	n := &r.newest
	c := &call{
		spec: n.Call, epoch: m.since(n.Call.At), epochWall: n.Call.At, interaction: n.Interaction,
		announced: n.Announced, revision: n.Revision, had: map[Leg]capture.Ports{}, made: r.told.Made,
		answered: n.Answered, bridged: n.Bridged, commands: n.Commands, told: n.Heard,
		callIDs: [2]string{cmp.Or(n.CallerCallID, n.Call.ID.Call), n.Call.OtherLegCallID}, parties: n.Call.Parties,
		facts: n.Call.facts(),
	}
	c.named = everyName
	if r.memo != nil {
		c.memo, c.named = r.memo.Memo(), r.told.Named&everyName
	}
	for _, p := range r.parts {
		c.made = max(c.made, p.meta.Order+1)
		if p.meta.CallerOnly && c.keys == nil {
			c.keys = &keypad{}
		}
	}
	for _, l := range n.Legs {
		c.had[l.Leg] = l.Ports
	}
	now, wall := m.clock.Now().Mono, m.clock.wall()
	written, away := int64(-1), time.Duration(0) // by the longest of its files
	for _, p := range r.parts {
		n := p.meta.Start + roughly(&p.spec, p.left.Size())*clock.Rate/int64(p.spec.rate)
		if n > written && !p.left.Touched().IsZero() {
			written, away = n, max(wall.Sub(p.left.Touched()), 0)
		}
	}
	likely := time.Duration(written)*clock.Sample + m.cfg.Hold + away
	if told := time.Duration(r.told.Position) * clock.Sample; written < 0 && now-c.epoch < told {
		c.epoch = now - told // nothing of it depends on more
	}
	if off := now - c.epoch - likely; written >= 0 && (off < -m.cfg.Hold || off > slowest) {
		m.cfg.Log.Warn("the wall clock was set while a call was running; its files say how far it is", "call_id", n.Call.ID.Call, "off", off)
		c.epoch = now - likely
	}
	return c
}

// reopenOn finds the shard that the ports of a call belong to. One without ports
// goes where there are few.
func (m *Manager) reopenOn(ctx context.Context, e *entry) error {
	var errs []error
	shards := slices.Clone(m.shards)
	slices.SortStableFunc(shards, func(a, b *shard) int { return cmp.Compare(a.load.Load(), b.load.Load()) })
	for _, sh := range shards {
		sh.load.Add(1)
		r, err := m.ask(ctx, sh, request{reopen: e.call})
		if err == nil {
			err = r.err
		}
		if err == nil {
			e.shard = sh
			return nil
		}
		sh.load.Add(-1)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

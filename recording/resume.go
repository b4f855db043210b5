package recording

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"callrec/capture"
	"callrec/capture/clock"
	"callrec/policy"
	"callrec/upload/spool"
)

const (
	// longestAway is how long after a crash a call is gone on with, when no media
	// time-out says it.
	longestAway = time.Hour

	// slowest is how far files may be behind their call, the hold apart, before the
	// wall clock is taken to have been set forward while the call was running: a
	// disk that was too slow for its calls is behind too.
	slowest = time.Minute
)

// revival is one call of an earlier process that may go on.
type revival struct {
	newest resume
	parts  []revived
}

// revived is one recording of it.
type revived struct {
	left spool.Leftover
	meta resume
	spec Spec
}

// Resume goes on with the calls whose recordings an earlier process has left in
// mid-air, as far as they are younger than the media time-out and their ports can
// be had: the same file, silence for the time away. All others are finished as
// interrupted. It is called once, before the first announcement, and returns the
// number of calls that go on.
func (m *Manager) Resume(ctx context.Context, left []spool.Leftover) int {
	calls := m.revivals(left, m.clock.wall())
	var (
		mu   sync.Mutex
		n    int
		wait sync.WaitGroup
		todo = make(chan *revival, len(calls))
	)
	for _, r := range calls {
		todo <- r
	}
	close(todo)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			work := newScratch(m.warp)
			for r := range todo {
				if err := m.revive(ctx, r, work); err != nil {
					m.cfg.Log.Warn("a call from before the start cannot go on, its recordings end there", "call_id", r.newest.Call.ID.Call, "err", err)
					continue
				}
				mu.Lock()
				n++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return n
}

// revivals puts the parts of each call together. Those of no use are finished.
func (m *Manager) revivals(left []spool.Leftover, now time.Time) []*revival {
	longest := m.cfg.MediaTimeout
	if longest == 0 {
		longest = longestAway
	}
	byID := map[CallID]*revival{}
	var all []*revival
	for _, l := range left {
		man := l.Manifest()
		p, err := readRevived(&man)
		p.left = l
		if err == nil && !l.Touched().IsZero() && now.Sub(l.Touched()) > longest {
			err = fmt.Errorf("it was last written to at %v, more than %v ago (--media-timeout)", l.Touched().UTC(), longest)
		}
		if err != nil {
			m.cfg.Log.Info("a recording from before the start ends there", "recording", man.ID, "err", err)
			l.Finish()
			continue
		}
		r := byID[p.meta.Call.ID]
		if r != nil && !r.newest.Call.At.Equal(p.meta.Call.At) { // an earlier call of the same id
			if r.newest.Call.At.After(p.meta.Call.At) {
				l.Finish()
				continue
			}
			r.finish()
			*r = revival{}
		}
		if r == nil {
			r = &revival{}
			byID[p.meta.Call.ID] = r
			all = append(all, r)
		}
		if len(r.parts) == 0 || p.meta.Heard > r.newest.Heard {
			r.newest = p.meta
		}
		r.parts = append(r.parts, p)
	}
	return all
}

// readRevived reads what the manifest of a part says of its call.
func readRevived(m *spool.Manifest) (r revived, err error) {
	if err := json.Unmarshal(m.Call, &r.meta); err != nil {
		return r, fmt.Errorf("its call is not known: %w", err)
	}
	c := &r.meta.Call
	sound := c.ID.Account == m.Account && c.ID.Call != "" && !c.At.IsZero() && len(c.Legs) > 0 && len(c.Legs) <= 2 &&
		r.meta.Leg <= Callee && r.meta.Start >= 0 && r.meta.Stop > r.meta.Start && r.meta.Stop-r.meta.Start <= maxTimeLimit*clock.Rate
	for i, l := range c.Legs {
		sound = sound && l.Leg <= Callee && (i == 0 || l.Leg != c.Legs[0].Leg)
	}
	switch {
	case !sound:
		return r, errors.New("its manifest does not say enough of its call")
	case r.meta.Ended:
		return r, errors.New("it had been told to end")
	case r.meta.CallerOnly:
		return r, errors.New("a record_caller is not gone on with: what was said to it while nobody listened is missed")
	}
	if r.spec, err = specAgain(&r.meta); err != nil {
		return r, err
	}
	if r.spec.format != m.Ext || r.spec.rate != m.Rate || r.spec.channels != m.Channels {
		return r, errors.New("its settings and its file differ")
	}
	return r, nil
}

// specAgain makes the spec that a recording had, whatever the defaults are now.
func specAgain(r *resume) (Spec, error) {
	sp, err := NewSpec(r.Settings, Defaults{TimeLimit: r.Limit})
	if err != nil {
		return Spec{}, err
	}
	if sp.format == "mp3" {
		sp.kbps = r.Kbps
		if _, err := newEncoder(&sp); err != nil {
			return Spec{}, err
		}
	}
	return sp, nil
}

func (r *revival) finish() {
	for _, p := range r.parts {
		p.left.Finish()
	}
}

// revive goes on with one call: ports first, in a shard, which then waits with
// what it hears; then the files, here; then both come together. When it fails,
// every part is finished.
func (m *Manager) revive(ctx context.Context, r *revival, work *scratch) error {
	c := m.restored(r)
	for i := len(r.parts) - 1; i >= 0; i-- { // those that were to be over by now
		if p := r.parts[i]; p.meta.Stop <= clock.Samples(m.clock.Now().Mono-c.epoch) {
			p.left.Finish()
			r.parts = append(r.parts[:i], r.parts[i+1:]...)
		}
	}
	if len(r.parts) == 0 {
		return errors.New("its recordings had reached their limits")
	}
	e := &entry{call: c, ready: make(chan struct{})}
	m.mu.Lock()
	m.calls[c.spec.ID] = e
	m.live++
	m.mu.Unlock()
	defer close(e.ready)
	if e.err = m.reopenOn(ctx, e); e.err != nil {
		r.finish()
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.calls, c.spec.ID)
		m.lessLive()
		return e.err
	}
	from := c.resumed
	var tracks []*track
	for _, p := range r.parts {
		t, err := m.takeUp(ctx, c, &p, from, work)
		if err != nil {
			m.cfg.Log.Error("a recording from before the start cannot go on", "recording", p.left.Manifest().ID, "err", err)
			p.left.Finish()
			continue
		}
		tracks = append(tracks, t)
	}
	for _, t := range tracks {
		m.owners.Store(t.id, e.shard)
	}
	_, err := m.ask(ctx, e.shard, request{call: c, attach: append([]*track{}, tracks...), upTo: from})
	if err == nil && len(tracks) == 0 {
		err = errors.New("none of its recordings can go on")
	}
	return err
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
		announced: n.Announced, revision: n.Revision, had: map[Leg]capture.Ports{},
		answered: n.Answered, bridged: n.Bridged, commands: n.Commands, told: n.Heard,
		callIDs: [2]string{n.Call.ID.Call, n.Call.OtherLegCallID}, parties: n.Call.Parties,
		facts: n.Call.facts(),
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
	if off := now - c.epoch - likely; written >= 0 && (off < -m.cfg.Hold || off > slowest) {
		m.cfg.Log.Warn("the wall clock was set while a call was running; its files say how far it is", "call_id", n.Call.ID.Call, "off", off)
		c.epoch = now - likely
	}
	return c
}

// reopenOn finds the shard that the ports of a call belong to.
func (m *Manager) reopenOn(ctx context.Context, e *entry) error {
	var errs []error
	for _, sh := range m.shards {
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

// fingerprint tells announcements of a call apart, their instants and what
// documents decided left aside.
func (c *call) fingerprint() string {
	if c.announced != "" {
		return c.announced
	}
	return fingerprint(&c.spec)
}

func fingerprint(spec *CallSpec) string {
	type asked struct {
		Settings policy.Settings
		Origin   string
		Leg      Leg
		Owner    string
	}
	s := *spec
	s.At, s.Decided, s.DecidedFlow = time.Time{}, nil, nil
	var start []asked
	for _, r := range s.Start {
		start = append(start, asked{r.Spec.settings, r.Origin, r.Leg, r.Owner})
	}
	sum := sha256.Sum256(asJSON([]any{s, start, s.Flow}))
	return hex.EncodeToString(sum[:16])
}

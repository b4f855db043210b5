package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"callrec/capture/clock"
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
	newest keptCall
	told   memo // as far as there is one
	memo   *spool.LeftMemo
	parts  []revived       // recordings to go on with
	over   []revived       // record_callers that cannot go on, but what follows them can
	after  map[string]bool // the record_callers that something follows already
	known  map[string]bool // recordings that have begun
	seen   time.Time       // when the earlier process was last known to live
}

// revived is one recording of it.
type revived struct {
	left spool.Leftover
	meta resume
	spec Spec
}

// Resume goes on with the calls that an earlier process has left in mid-air, as
// far as they are younger than the media time-out and their ports can be had: their
// recordings in the same files, with silence for the time away, those that wait as
// they were. The files of all others are finished as interrupted. It is called once, before
// the first announcement, and returns the number of calls that go on.
func (m *Manager) Resume(ctx context.Context) int {
	calls := m.revivals(m.cfg.Spool.Leftovers(), m.cfg.Spool.LeftMemos(), m.clock.wall())
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

// revivals puts together what is left of each call. What is of no use is finished,
// or removed.
func (m *Manager) revivals(left []spool.Leftover, memos []spool.LeftMemo, now time.Time) []*revival {
	byID := map[CallID]*revival{}
	var all []*revival
	of := func(k *keptCall) *revival { // nil: there is a later call of the same id
		r := byID[k.Call.ID]
		switch {
		case r == nil:
			r = &revival{}
			byID[k.Call.ID] = r
			all = append(all, r)
		case r.newest.Call.At.Equal(k.Call.At):
			if k.Heard > r.newest.Heard {
				r.newest = *k
			}
			return r
		case r.newest.Call.At.After(k.Call.At):
			return nil
		default:
			r.drop()
		}
		*r = revival{newest: *k, after: map[string]bool{}, known: map[string]bool{}}
		return r
	}
	for _, l := range memos {
		told, err := readMemo(l.Call())
		if err != nil {
			l.Reject(err)
			continue
		}
		r := of(&told.keptCall)
		if r == nil || r.memo != nil { // no order of ours leaves two
			l.Memo().Remove()
			continue
		}
		r.memo, r.told, r.seen = &l, told, l.Touched().Add(m.touchEvery())
		for i := range told.Armed {
			r.after[told.Armed[i].After] = true
		}
	}
	for _, l := range left {
		man := l.Manifest()
		p, err := readRevived(&man)
		p.left = l
		var r *revival
		if err == nil {
			if r = of(&p.meta.keptCall); r == nil {
				err = errors.New("it is of an earlier call of the same id")
			}
		}
		if err == nil {
			r.after[p.meta.After], r.known[man.ID] = true, true
			if l.Touched().After(r.seen) {
				r.seen = l.Touched()
			}
			err = p.goesOn(&man)
		}
		if err != nil {
			m.cfg.Log.Info("a recording from before the start ends there", "recording", man.ID, "err", err)
			l.Finish()
			if r != nil {
				r.over = append(r.over, p)
			}
			continue
		}
		r.parts = append(r.parts, p)
	}
	return slices.DeleteFunc(all, func(r *revival) bool {
		err := m.goesOn(r, now)
		if err != nil {
			m.cfg.Log.Info("a call from before the start ends there", "call_id", r.newest.Call.ID.Call, "err", err)
			r.drop()
		}
		return err != nil
	})
}

// goesOn says why a call cannot go on.
func (m *Manager) goesOn(r *revival, now time.Time) error {
	longest := m.longestAway()
	switch {
	case r.newest.Over:
		return errors.New("it had hung up")
	case r.memo == nil && len(r.parts) == 0:
		return errors.New("nothing of it is left to go on with")
	case !r.seen.IsZero() && now.Sub(r.seen) > longest:
		return fmt.Errorf("the worker was last seen at %v, more than %v ago (--media-timeout)", r.seen.UTC(), longest)
	}
	return nil
}

// drop finishes the files of a call that does not go on, and forgets it.
func (r *revival) drop() {
	for _, p := range r.parts {
		p.left.Finish()
	}
	if r.memo != nil {
		r.memo.Memo().Remove()
	}
}

// readRevived reads what the manifest of a part says of it and its call.
func readRevived(m *spool.Manifest) (r revived, err error) {
	if err := json.Unmarshal(m.Call, &r.meta); err != nil {
		return r, fmt.Errorf("its call is not known: %w", err)
	}
	if !r.meta.keptCall.sound() || !r.meta.keptTrack.sound() || r.meta.Call.ID.Account != m.Account {
		return r, errors.New("its manifest does not say enough of its call")
	}
	return r, nil
}

// goesOn says why a recording cannot go on.
func (r *revived) goesOn(m *spool.Manifest) (err error) {
	switch k := &r.meta.keptTrack; {
	case k.Ended:
		return errors.New("it had been told to end")
	case k.Stop <= k.Start || k.Stop-k.Start > maxTimeLimit*clock.Rate:
		return fmt.Errorf("its manifest says that it is to be from %d to %d", k.Start, k.Stop)
	}
	if r.spec, err = specAgain(&r.meta.keptTrack); err != nil {
		return err
	}
	if r.spec.format != m.Ext || r.spec.rate != m.Rate || r.spec.channels != m.Channels {
		return errors.New("its settings and its file differ")
	}
	return nil
}

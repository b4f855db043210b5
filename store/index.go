package store

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
	"unique"
)

// rec is what the index holds of a recording in memory.
type rec struct {
	created int64                 // ms since 1970
	at      int64                 // ns since 1970: since when it is in its state
	owner   unique.Handle[string] // few owners, many recordings
	call    uint64                // hash of account and call id
	state   unique.Handle[string]
}

// index finds recordings: by account and id, newest first, and whether a call id
// has had one.
type index struct {
	recs  *replica[string, rec]
	names names
}

func newIndex() *index {
	return &index{recs: newReplica[string, rec](), names: names{seed: maphash.MakeSeed(), used: map[uint64]struct{}{}}}
}

func (x *index) rec(r *Recording) rec {
	return rec{r.Created.UnixMilli(), r.At.UnixNano(), unique.Make(r.Owner), x.names.hash(r.Account, r.CallID), unique.Make(r.State)}
}

// old reports whether r is no news: the index has this or a later state, or knows
// that the recording was deleted.
func (x *index) old(r *Recording) bool {
	_, old := x.look(r)
	return old
}

// look is old and, of the same moment, the revision that r would replace; 0: none.
func (x *index) look(r *Recording) (rev uint64, old bool) {
	have, rev, ok := x.recs.get(r.Account, r.ID)
	if !ok {
		return rev, rev != 0
	}
	return rev, !newer(r.State, r.At, have.state.Value(), time.Unix(0, have.at))
}

// apply takes a change in that the watch shows.
func (x *index) apply(c change, gen uint32) {
	r, ok := parseRecording(&c)
	if !ok {
		return // somebody else's
	}
	x.names.add(r.Account, r.CallID)
	if c.gone { // late news of it must not bring it back
		x.recs.bury(r.Account, r.ID, c.rev, gen, x.rec(&r))
		return
	}
	if !x.recs.known(r.Account, r.ID, c.rev, gen) {
		x.recs.set(r.Account, r.ID, c.rev, gen, x.rec(&r))
	}
}

// Pending lists the recordings that the index has in a state that is no end, by
// account and id, as far as it is loaded and written; of each only Account, ID and
// State are set.
func (s *Store) Pending() (list []Recording) {
	s.index.recs.all(func(account, id string, r rec) {
		if state := r.state.Value(); order[state] < final {
			list = append(list, Recording{Account: account, ID: id, State: state})
		}
	})
	return list
}

// names is the set of the calls that have had a recording, as hashes.
type names struct {
	seed maphash.Seed

	trimming sync.Mutex // one trim at a time

	mu   sync.RWMutex
	used map[uint64]struct{}
	next map[uint64]struct{} // the set that will replace used; nil when none is being made
}

func (n *names) hash(account, call string) uint64 {
	return maphash.Comparable(n.seed, [2]string{account, call})
}

func (n *names) add(account, call string) {
	if call == "" {
		return
	}
	h := n.hash(account, call)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.used[h] = struct{}{}
	if n.next != nil {
		n.next[h] = struct{}{}
	}
}

// Used reports whether the index knows of a recording of a call: its plain object
// name is taken then, and must not be used again. Until the index is loaded the
// answer is yes. It never waits for I/O; a shard may call it.
func (s *Store) Used(account, callID string) bool {
	if !s.loaded() {
		return true
	}
	n := &s.index.names
	h := n.hash(account, callID)
	n.mu.RLock()
	defer n.mu.RUnlock()
	_, used := n.used[h]
	return used
}

// keepEvery is how often the picture is freed of what the bucket has dropped.
const keepEvery = 10 * time.Minute

// keep follows the bucket's bounds: it drops its oldest without a word, and says
// only which revision is the first it still has.
func (s *Store) keep(ctx context.Context) {
	t := time.NewTicker(keepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := s.trim(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("cannot see how far the index of recordings reaches back", "err", err)
			}
		}
	}
}

// trim forgets what the bucket no longer has, and which names were used by it.
func (s *Store) trim(ctx context.Context) error {
	info, err := s.recordings.stream.Info(ctx)
	if err != nil {
		return err
	}
	first := info.State.FirstSeq
	n := &s.index.names
	n.trimming.Lock()
	defer n.trimming.Unlock()
	n.mu.Lock()
	n.next = map[uint64]struct{}{}
	n.mu.Unlock()
	var found []uint64
	s.index.recs.sweep(func(c *cell[rec]) bool {
		if c.rev < first {
			return true
		}
		found = append(found, c.val.call)
		return false
	})
	for _, id := range s.queue.calls() {
		found = append(found, n.hash(id[0], id[1]))
	}
	const atOnce = 1000 // so that nobody waits long for the lock
	for len(found) > 0 {
		some := found[:min(atOnce, len(found))]
		found = found[len(some):]
		n.mu.Lock()
		for _, h := range some {
			n.next[h] = struct{}{}
		}
		n.mu.Unlock()
	}
	n.mu.Lock()
	n.used, n.next = n.next, nil
	n.mu.Unlock()
	return nil
}

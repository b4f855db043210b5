package recording

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"callrec/capture"
)

// place gives a new call to the shard with the fewest of those that have time for
// it. Each shard has ports of its own, and those of short calls rest long after the
// calls have gone: one without calls may be without ports, so the others are asked
// before the call is refused.
func (m *Manager) place(ctx context.Context, e *entry) (reply, error) {
	shards := slices.Clone(m.shards)
	slices.SortStableFunc(shards, func(a, b *shard) int { return cmp.Compare(a.load.Load(), b.load.Load()) })
	var all capture.NoPortsError // of every shard asked
	busy := busyError{of: len(shards), most: m.cfg.MaxBusy}
	for _, sh := range shards {
		calls := sh.load.Add(1) // now, so that a burst of announcements is spread, and counted
		if busy.finds(sh, calls) {
			sh.load.Add(-1)
			continue
		}
		r, err := m.ask(ctx, sh, request{open: e.call})
		if err == nil {
			err = r.err
		}
		if err == nil {
			e.shard = sh
			return r, nil
		}
		sh.load.Add(-1)
		var full *capture.NoPortsError
		if !errors.As(err, &full) {
			return reply{}, err
		}
		all.First, all.Last, all.Rest, all.Need = full.First, full.Last, full.Rest, full.Need
		all.Pairs += full.Pairs
		all.Free += full.Free
		all.Taken += full.Taken
		all.Open += full.Open
		all.Resting += full.Resting
	}
	switch busy.shards {
	case 0:
		return reply{}, refused(&all)
	case len(shards):
		return reply{}, refused(&busy)
	}
	return reply{}, refused(fmt.Errorf("%w; %w", &all, &busy))
}

// Busy says why no shard takes another call, if none does.
func (m *Manager) Busy() error {
	busy := busyError{of: len(m.shards), most: m.cfg.MaxBusy}
	for _, sh := range m.shards {
		if !busy.finds(sh, sh.load.Load()+1) {
			return nil
		}
	}
	return &busy
}

// busyError says that shards have no time for another call.
type busyError struct {
	shards, of int
	most       float64
	share      float64 // of the least busy
	calls      int64   // that it has
}

// finds reports whether a shard has no time for so many calls, and then counts it.
func (e *busyError) finds(sh *shard, calls int64) bool {
	share, full := sh.usage.with(int(calls), e.most)
	if !full {
		return false
	}
	if e.shards == 0 || share < e.share {
		e.share, e.calls = share, calls-1
	}
	e.shards++
	return true
}

func (e *busyError) Error() string {
	return fmt.Sprintf("%d of %d shards have no time for another call: the least busy would work %.0f %% of the time for it and its %d, new calls are taken again below %.0f %% (--max-busy %.0f)",
		e.shards, e.of, 100*e.share, e.calls, 100*reopensAt(e.most), 100*e.most)
}

// refusal is what does not pass within seconds.
func refusal(reason string) error {
	return &RefusedError{Reason: reason, RetryAfter: 30 * time.Second}
}

// refused words a lack of ports, files or time for the caller.
func refused(err error) error {
	return &RefusedError{Reason: err.Error(), RetryAfter: 5 * time.Second, cause: err}
}

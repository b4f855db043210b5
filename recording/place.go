package recording

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"callrec/capture"
)

// place gives a new call to the shard with the fewest. Each shard has ports of
// its own, and those of short calls rest long after the calls have gone: one
// without calls may be without ports, so the others are asked before the call is
// refused.
func (m *Manager) place(ctx context.Context, e *entry) (reply, error) {
	shards := slices.Clone(m.shards)
	slices.SortStableFunc(shards, func(a, b *shard) int { return cmp.Compare(a.load.Load(), b.load.Load()) })
	var all capture.NoPortsError // of every shard asked
	for _, sh := range shards {
		sh.load.Add(1) // now, so that a burst of announcements is spread
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
	return reply{}, refused(&all)
}

// refusal is what does not pass within seconds.
func refusal(reason string) error {
	return &RefusedError{Reason: reason, RetryAfter: 30 * time.Second}
}

// refused words a lack of ports or files for the caller.
func refused(err error) error {
	return &RefusedError{Reason: err.Error(), RetryAfter: 5 * time.Second, cause: err}
}

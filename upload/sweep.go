package upload

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Expirer is storage that can remove what began before an instant; it says how
// many recordings that were.
type Expirer interface {
	Expire(ctx context.Context, before time.Time) (n int, err error)
}

// sweepEvery is how often storage is looked through.
const sweepEvery = time.Hour

// Sweeper keeps storage free of what is older than the operator wants to keep.
type Sweeper struct {
	cancel context.CancelFunc
	gone   sync.WaitGroup
}

// NewSweeper starts to remove from storage, now and every hour, the recordings
// that began more than keep ago. It has one goroutine.
func NewSweeper(storage Expirer, keep time.Duration, log *slog.Logger) *Sweeper {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // it ends with Close, not with a caller
	s := &Sweeper{cancel: cancel}
	s.gone.Go(func() {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for ctx.Err() == nil {
			n, err := storage.Expire(ctx, time.Now().Add(-keep))
			if n > 0 {
				log.Info("old recordings removed from storage", "recordings", n, "older_than", keep.String())
			}
			if err != nil && ctx.Err() == nil {
				log.Error("cannot remove old recordings from storage (--storage-keep)", "err", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return s
}

// Close ends the sweep, also in the middle of one, and waits for it.
func (s *Sweeper) Close() {
	s.cancel()
	s.gone.Wait()
}

package recording

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"time"

	"callrec/capture"
)

// timekeeper is what differs between a worker and a replay of what it heard.
type timekeeper interface {
	Now() capture.Instant // the present, on both clocks
	wall() time.Time      // the present, as commands have it
	random([]byte)        // fills in an id
}

// realTime is a worker's.
type realTime struct{ capture.Clock }

func (realTime) wall() time.Time { return time.Now() }
func (realTime) random(b []byte) { _, _ = crand.Read(b) } // never fails since Go 1.24

// stepTime passes when its owner says so. Its ids are always the same, so that
// the same steps give the same files.
type stepTime struct {
	epoch time.Time
	mono  time.Duration // since epoch
	ids   *rand.ChaCha8
}

// Now implements timekeeper.
func (t *stepTime) Now() capture.Instant {
	return capture.Instant{Mono: t.mono, Wall: t.epoch.UnixNano() + int64(t.mono)}
}
func (t *stepTime) wall() time.Time { return t.epoch.Add(t.mono) }
func (t *stepTime) random(b []byte) { _, _ = t.ids.Read(b) } // never fails

// NewStepped makes a Manager that starts no goroutine and reads no clock: captures
// are replayed with it. Its time begins at epoch and passes in Step. cfg.Clock is
// not looked at, and there must be one Set. Its owner alone may call it, except for
// Spooled, Delivered, Parked and Lost; instead of Drain, which would wait for
// ever, it steps until Stats counts no call.
func NewStepped(cfg Config, epoch time.Time) (*Manager, error) {
	if len(cfg.Sets) != 1 {
		return nil, fmt.Errorf("cannot step through time with %d sets of ports: want 1", len(cfg.Sets))
	}
	keeper := &stepTime{epoch: epoch.Round(0), ids: rand.NewChaCha8([32]byte{})}
	m, err := newManager(cfg, keeper, keeper.epoch)
	if err != nil {
		return nil, err
	}
	m.stepper = keeper
	return m, nil
}

// Step lets time pass until to, since the epoch: every slot has its turns, each at
// the instant when it is due, as on a worker that is never late. Time does not go
// back.
func (m *Manager) Step(to time.Duration) {
	t, s := m.stepper, m.shards[0]
	for len(s.inbox) > 0 {
		s.handle(<-s.inbox)
	}
	for s.next <= to {
		t.mono = max(t.mono, s.next)
		s.catchUp(s.next)
	}
	t.mono = max(t.mono, to)
}

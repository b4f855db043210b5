package recording

import (
	"context"
	"time"
)

// Drain takes no more calls and waits until the running ones have ended and
// their files are with the spool. When ctx is done it ends them all at that
// instant; nothing is lost but what they would have said later.
func (m *Manager) Drain(ctx context.Context) {
	m.mu.Lock()
	m.draining = true
	m.mu.Unlock()
	if wait(m, ctx.Done()) {
		return
	}
	m.hangupAll(context.WithoutCancel(ctx), m.clock.wall())
	// A call ends one hold after its hang-up, or when a full disk has taken what
	// it is owed. What is not done by then, the next start repairs.
	late := time.NewTimer(m.cfg.Hold + 10*time.Second)
	defer late.Stop()
	wait(m, late.C)
}

// wait returns true when no call is left, false when done gives something first.
func wait[T any](m *Manager, done <-chan T) bool {
	for {
		m.mu.Lock()
		n, idle := m.live, m.idle
		m.mu.Unlock()
		if n == 0 {
			return true
		}
		select {
		case <-idle:
		case <-done:
			return false
		}
	}
}

func (m *Manager) hangupAll(ctx context.Context, at time.Time) {
	m.mu.Lock()
	var all []CallID
	for id := range m.calls {
		all = append(all, id)
	}
	m.mu.Unlock()
	for _, id := range all {
		// A call that is gone already needs no hang-up.
		_, _ = m.Do(ctx, id, Command{Action: Hangup, At: at})
	}
}

// Draining reports whether new calls are refused.
func (m *Manager) Draining() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.draining
}

// Close stops the shards. Recordings that still run stay parts of the spool.
func (m *Manager) Close() {
	m.mu.Lock()
	closed := m.closed
	m.closed = true
	m.mu.Unlock()
	if !closed {
		close(m.stop)
		if m.stepper != nil {
			for _, sh := range m.shards {
				sh.end()
			}
		}
	}
	for _, sh := range m.shards {
		<-sh.done
	}
}

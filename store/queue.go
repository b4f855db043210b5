package store

import (
	"context"
	"fmt"
	"sync"
)

// maxQueued bounds what waits for the index, in bytes of documents and
// queuedExtra for each recording: some 40,000 recordings of a kilobyte.
const (
	maxQueued   = 64 << 20
	queuedExtra = 512
)

type recKey struct{ account, id string }

// queue holds the newest that is known of each recording until it is in the
// bucket. It takes and never waits.
type queue struct {
	mu      sync.Mutex
	newest  map[recKey]*Recording
	order   []recKey              // of newest, first come first served
	flying  map[recKey]*Recording // being written
	bytes   int
	telling int // recordings that are done, but for those who wait to hear of it
	closed  bool
	wake    chan struct{} // has a token when there may be something to do
	idle    []chan struct{}

	refused uint64
}

func newQueue() *queue {
	return &queue{newest: map[recKey]*Recording{}, flying: map[recKey]*Recording{}, wake: make(chan struct{}, 1)}
}

func (r *Recording) weight() int { return len(r.Doc) + queuedExtra }

// Upsert tells the index the newest of a recording. It may be called by a shard:
// it never waits for I/O, and keeps nothing of r. It is written soon after, the
// newest state only. Told twice, or late, changes nothing: a state never goes back
// (armed, recording or masked, finishing, spooled or parked, delivered).
//
// An error says that r cannot be indexed, or, a [*FullError], that NATS has been
// away for so long that 64 MiB wait; recordings that wait already are still taken,
// and a later state of this one may find room.
func (s *Store) Upsert(r Recording) error { return s.UpsertThen(r, nil) }

// UpsertThen is Upsert, and calls kept, from any goroutine, once the index has that
// state or a later one where it outlives this process, or when nobody wants it any
// more: the recording was deleted, or its account. kept must not wait long. After an
// error, and for what waits when the store is closed, it is not called.
func (s *Store) UpsertThen(r Recording, kept func()) error {
	r.kept = kept
	tidy, err := r.tidy()
	if err != nil {
		return err
	}
	s.index.names.add(tidy.Account, tidy.CallID)
	if s.index.old(&tidy) {
		if kept != nil {
			kept()
		}
		return nil
	}
	return s.queue.push(&tidy)
}

func (q *queue) push(r *Recording) error {
	k := recKey{r.Account, r.ID}
	q.mu.Lock()
	defer q.mu.Unlock()
	if f := q.flying[k]; f != nil && !newer(r.State, r.At, f.State, f.At) {
		f.kept = both(f.kept, r.kept)
		return nil
	}
	old := q.newest[k]
	if old != nil && !newer(r.State, r.At, old.State, old.At) {
		old.kept = both(old.kept, r.kept)
		return nil
	}
	grows := r.weight()
	if old != nil {
		grows -= old.weight()
	}
	switch {
	case q.closed:
		q.refused++
		return fmt.Errorf("recording %q is not indexed: %w", r.ID, ErrUnavailable)
	case old == nil && q.bytes+grows > maxQueued:
		q.refused++
		return &FullError{fmt.Sprintf("recording %q is not indexed: %d wait for NATS already", r.ID, len(q.newest))}
	}
	if old == nil {
		q.order = append(q.order, k)
	} else {
		r.kept = both(old.kept, r.kept)
	}
	q.newest[k] = r
	q.bytes += grows
	q.poke()
	return nil
}

// both calls one after the other; either may be nil.
func both(a, b func()) func() {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func() { a(); b() }
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns up to n recordings to write, once there are any; none when ctx is done.
func (q *queue) take(ctx context.Context, n int) []*Recording {
	for ctx.Err() == nil {
		q.mu.Lock()
		var out []*Recording
		for len(out) < n && len(q.order) > 0 {
			k := q.order[0]
			q.order = q.order[1:]
			if r := q.newest[k]; r != nil {
				delete(q.newest, k)
				q.flying[k] = r
				out = append(out, r)
			}
		}
		q.mu.Unlock()
		if len(out) > 0 {
			return out
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
		}
	}
	return nil
}

// done ends the writing of r; again puts it back unless something newer waits.
func (q *queue) done(r *Recording, again bool) {
	k := recKey{r.Account, r.ID}
	q.mu.Lock()
	delete(q.flying, k)
	var tell []func()
	switch now := q.newest[k]; {
	case again && now == nil:
		q.newest[k] = r
		q.order = append(q.order, k)
		q.poke()
	case again:
		now.kept = both(r.kept, now.kept)
		q.bytes -= r.weight()
	default:
		q.bytes -= r.weight()
		tell = append(tell, r.kept)
	}
	q.settle(tell)
}

// settle ends what holds the lock: it calls those who wait to hear, and then says
// that the queue is idle if it is.
func (q *queue) settle(tell []func()) {
	q.telling += len(tell)
	q.mu.Unlock()
	for _, kept := range tell {
		if kept != nil {
			kept()
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.telling -= len(tell)
	if q.load() > 0 {
		return
	}
	for _, c := range q.idle {
		close(c)
	}
	q.idle = nil
}

// load counts what is not yet written, or written and not yet told.
func (q *queue) load() int { return len(q.newest) + len(q.flying) + q.telling }

// find returns the newest that is known of a recording and not yet written.
func (q *queue) find(account, id string) (*Recording, bool) {
	k := recKey{account, id}
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.newest[k]
	if r == nil {
		r = q.flying[k]
	}
	if r == nil {
		return nil, false
	}
	c := *r
	c.kept = nil
	return &c, true
}

// forget drops what waits of a recording.
func (q *queue) forget(account, id string) {
	q.dropIf(func(k recKey) bool { return k == recKey{account, id} })
}

// drop drops what waits of an account.
func (q *queue) drop(account string) { q.dropIf(func(k recKey) bool { return k.account == account }) }

func (q *queue) dropIf(which func(recKey) bool) {
	q.mu.Lock()
	var tell []func()
	for k, r := range q.newest {
		if which(k) {
			q.bytes -= r.weight()
			delete(q.newest, k) // take skips its place in the order
			tell = append(tell, r.kept)
		}
	}
	q.settle(tell)
}

// calls lists account and call id of all that waits.
func (q *queue) calls() (out [][2]string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range []map[recKey]*Recording{q.newest, q.flying} {
		for _, r := range m {
			out = append(out, [2]string{r.Account, r.CallID})
		}
	}
	return out
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// Flush returns when nothing waits for the index any more, or ctx is done.
func (s *Store) Flush(ctx context.Context) error {
	q := s.queue
	q.mu.Lock()
	if q.load() == 0 {
		q.mu.Unlock()
		return nil
	}
	c := make(chan struct{})
	q.idle = append(q.idle, c)
	q.mu.Unlock()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		q.mu.Lock()
		defer q.mu.Unlock()
		return fmt.Errorf("%d recordings are not in the index: %w", len(q.newest)+len(q.flying), ctx.Err())
	}
}

// Stats are figures of a store, for metrics.
type Stats struct {
	Queued      int    // recordings that wait for the index
	QueuedBytes int    // of at most 64 MiB
	Refused     uint64 // Upserts refused since the start
	Connected   bool   // to NATS, now
	EventsLost  uint64 // that were not published, since the start
}

// Stats returns the figures as of now.
func (s *Store) Stats() Stats {
	connected := s.connected() && s.conn.IsConnected() // may wait for a socket, as nobody with the queue's lock must
	q := s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	return Stats{len(q.newest) + len(q.flying), q.bytes, q.refused, connected, s.events.lost.Load()}
}

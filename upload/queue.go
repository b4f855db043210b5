package upload

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"callrec/upload/spool"
)

// Config is what a Queue is made of. Target is required.
type Config struct {
	Target    Target
	Workers   int            // tries at a time; 0 means 8
	Keep      time.Duration  // how long a target may be down; 0 means 168 h
	MaxWait   time.Duration  // the longest wait between tries; 0 means 10 min
	OnOutcome func(Outcome)  // called by a worker; it must not wait long
	Log       *slog.Logger   // nil: nothing is logged
	Rand      func() float64 // in [0,1); nil means math/rand
}

// Slow targets are tried this often, for this long.
const (
	slowEvery = time.Hour
	slowFor   = 24 * time.Hour

	maxRetryAfter = 24 * time.Hour // the longest wish of a target that is kept
)

// Outcome is the end of a delivery.
type Outcome struct {
	ID, Account, CallID string
	Delivered           bool   // else parked
	URL                 string // redacted; "" is the default target
	Err                 error  // of the last try, when parked
	Tries               int
}

// Stats is a snapshot; counters count from New.
type Stats struct {
	Waiting, Active   int
	Delivered, Parked int64
	Failures          int64     // tries that failed
	Oldest            time.Time // start of the oldest recording not yet delivered
}

// Queue delivers what is submitted, oldest first among what is due.
type Queue struct {
	// Never mutated.
	cfg    Config
	ctx    context.Context //nolint:containedctx // ends the tries that Close gives no more grace
	cancel context.CancelFunc
	wake   chan struct{} // one token: somebody look
	quit   chan struct{} // closed by Close
	gone   sync.WaitGroup

	// mu guards the following.
	mu        sync.Mutex
	due       heapOf[*item] // by age
	later     heapOf[*item] // by the time of the next try
	active    map[*item]struct{}
	closed    bool
	delivered int64
	parked    int64
	failures  int64
}

// item is one recording in the queue; a worker owns it while it is active.
type item struct {
	r         spool.Ready
	d         spool.Delivery
	next      time.Time
	confirmed bool // the target has it; only the spool's copy is left to remove
	url       string
}

// New starts the workers. Plug Submit into spool.Config.OnReady.
func New(cfg Config) (*Queue, error) {
	if cfg.Target == nil || cfg.Workers < 0 || cfg.Keep < 0 || cfg.MaxWait < 0 {
		return nil, errors.New("cannot make an upload queue: it needs a target, and numbers that are not negative")
	}
	cfg.Workers = cmp.Or(cfg.Workers, 8)
	cfg.Keep = cmp.Or(cfg.Keep, 168*time.Hour)
	cfg.MaxWait = cmp.Or(cfg.MaxWait, 10*time.Minute)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	q := &Queue{
		cfg: cfg, wake: make(chan struct{}, 1), quit: make(chan struct{}), active: make(map[*item]struct{}),
		due:   heapOf[*item]{less: func(a, b *item) bool { return a.r.Started().Before(b.r.Started()) }},
		later: heapOf[*item]{less: func(a, b *item) bool { return a.next.Before(b.next) }},
	}
	q.ctx, q.cancel = context.WithCancel(context.Background()) //nolint:forbidigo // it ends with Close, not with a caller
	for range cfg.Workers {
		q.gone.Go(q.work)
	}
	return q, nil
}

// Submit takes a recording on; it never waits. After Close it does nothing: the
// recording stays in the spool and comes back at the next start.
func (q *Queue) Submit(r spool.Ready) {
	it := &item{r: r, d: r.Delivery()}
	it.next = it.d.NotBefore
	if now := time.Now(); it.next.After(now.Add(max(2*q.cfg.MaxWait, maxRetryAfter))) {
		it.next = now // no wait of ours is that long: a clock has been set
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.later.push(it)
	q.signal()
}

// signal lets one worker look again.
func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// work is one deliverer.
func (q *Queue) work() {
	for {
		it, wait := q.next()
		if it != nil {
			q.deliver(it)
			continue
		}
		if wait < 0 {
			return
		}
		q.sleep(wait)
	}
}

// sleep waits for work or Close, at most wait (0: however long).
func (q *Queue) sleep(wait time.Duration) {
	var timer <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-q.wake:
	case <-timer:
	case <-q.quit:
	}
}

// next is the oldest item that is due; without one, how long to wait for it: 0
// until something is submitted, negative when the worker should go.
func (q *Queue) next() (*item, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for q.later.len() > 0 && !q.later.top().next.After(now) {
		q.due.push(q.later.pop())
	}
	if q.due.len() > 0 && q.ctx.Err() == nil {
		it := q.due.pop()
		q.active[it] = struct{}{}
		if q.due.len() > 0 || q.later.len() > 0 {
			q.signal() // a colleague may be asleep
		}
		return it, 0
	}
	if q.closed {
		return nil, -1
	}
	if q.later.len() > 0 {
		return nil, q.later.top().next.Sub(now)
	}
	return nil, 0
}

// Stats counts.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	st := Stats{
		Waiting: q.due.len() + q.later.len(), Active: len(q.active),
		Delivered: q.delivered, Parked: q.parked, Failures: q.failures,
	}
	oldest := func(it *item) {
		if t := it.r.Started(); st.Oldest.IsZero() || t.Before(st.Oldest) {
			st.Oldest = t
		}
	}
	for it := range q.active {
		oldest(it)
	}
	for _, it := range q.due.items {
		oldest(it)
	}
	for _, it := range q.later.items {
		oldest(it)
	}
	return st
}

// Close takes nothing more, lets what is due be tried until ctx ends, and waits
// for the workers. What is not delivered stays in the spool.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return errors.New("cannot close the upload queue twice")
	}
	q.closed = true
	close(q.quit)
	q.mu.Unlock()
	stop := context.AfterFunc(ctx, q.cancel)
	q.gone.Wait()
	stop()
	q.cancel()
	return nil
}

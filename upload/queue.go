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
	Target         Target
	Workers        int               // tries at a time; 0 means 32
	PerDestination int               // of them to one destination; 0 means 8
	Keep           time.Duration     // how long a target may be down; 0 means 168 h
	MaxWait        time.Duration     // the longest wait between tries; 0 means 10 min
	Idle           time.Duration     // a try in which nothing moves for so long has failed; 0 means 60 s
	OnOutcome      func(Outcome)     // called by a worker; it must not wait long
	OnRedrive      func(spool.Ready) // called by Redrive, before the first try; it must not wait long
	Log            *slog.Logger      // nil: nothing is logged
	Rand           func() float64    // in [0,1); nil means math/rand
}

// Outcome is the end of a delivery.
type Outcome struct {
	ID, Account, CallID string
	Delivered           bool        // else parked
	Ready               spool.Ready // when parked, what still is in the spool
	URL                 string      // redacted; "" is the default target
	Err                 error       // of the last try, when parked
	Tries               int
}

// Stats is a snapshot; counters count from New.
type Stats struct {
	Waiting, Active   int
	Destinations      int // that something is waiting for, or on its way to
	Down              int // of them, those that are only probed
	Delivered, Parked int64
	Failures          int64     // tries that failed
	Oldest            time.Time // start of the oldest recording not yet delivered
}

// Queue delivers what is submitted: each destination has a lane of its own, in
// which the oldest goes first, and no lane waits for another.
type Queue struct {
	// Never mutated.
	cfg    Config
	target Target
	ctx    context.Context //nolint:containedctx // ends the tries that Close gives no more grace
	cancel context.CancelFunc
	wake   chan struct{} // one token: somebody look
	quit   chan struct{} // closed by Close
	gone   sync.WaitGroup

	// mu guards the following.
	mu        sync.Mutex
	items     map[*item]struct{} // everything that is here
	lanes     map[laneKey]*lane
	accounts  map[string]*share
	ready     []*lane // lanes that may have something to do, first come first served
	later     heapOf[alarm]
	active    int
	closed    bool
	delivered int64
	parked    int64
	failures  int64
}

// item is one recording in the queue; a worker owns it while it is active.
type item struct {
	r         spool.Ready
	d         spool.Delivery
	lane      *lane
	since     time.Time // when its time began to run: the first try, or when it came
	confirmed bool      // the target has it; only the spool's copy is left to remove
	stale     error     // its time is over and its destination down: this is why
	url       string    // redacted
}

// alarm is when to look at an item, or a lane, again.
type alarm struct {
	at   time.Time
	item *item
	lane *lane
}

// New starts the workers. Plug Submit into spool.Config.OnReady.
func New(cfg Config) (*Queue, error) {
	if cfg.Target == nil || cfg.Workers < 0 || cfg.PerDestination < 0 || cfg.Keep < 0 || cfg.MaxWait < 0 || cfg.Idle < 0 {
		return nil, errors.New("cannot make an upload queue: it needs a target, and numbers that are not negative")
	}
	cfg.Workers = cmp.Or(cfg.Workers, 32)
	cfg.PerDestination = cmp.Or(cfg.PerDestination, 8)
	cfg.Keep = cmp.Or(cfg.Keep, 168*time.Hour)
	cfg.MaxWait = cmp.Or(cfg.MaxWait, 10*time.Minute)
	cfg.Idle = cmp.Or(cfg.Idle, time.Minute)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	q := &Queue{
		cfg: cfg, target: Watch(cfg.Target, cfg.Idle), wake: make(chan struct{}, 1), quit: make(chan struct{}),
		items: make(map[*item]struct{}), lanes: make(map[laneKey]*lane), accounts: make(map[string]*share),
		later: heapOf[alarm]{less: func(a, b alarm) bool { return a.at.Before(b.at) }},
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
	url := r.Destination().URL
	it := &item{r: r, d: r.Delivery(), url: Redact(url)}
	now := time.Now()
	it.since = now
	if t := it.d.FirstTry; !t.IsZero() && t.Before(now) {
		it.since = t
	}
	next := it.d.NotBefore
	if next.After(now.Add(max(2*q.cfg.MaxWait, maxRetryAfter))) {
		next = now // no wait of ours is that long: a clock has been set
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	it.lane = q.laneOf(laneKeyOf(r.Account(), url))
	q.items[it] = struct{}{}
	q.postpone(it, next)
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
			q.signal() // a colleague may go as well
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
	q.mu.Lock()
	quit := q.quit
	if q.closed {
		quit = nil // known already
	}
	q.mu.Unlock()
	select {
	case <-q.wake:
	case <-timer:
	case <-quit:
	}
}

// next is what to do now; without it, how long to wait: 0 until something
// happens, negative when the worker should go.
func (q *Queue) next() (*item, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for q.later.len() > 0 && !q.later.top().at.After(now) {
		q.ring(q.later.pop())
	}
	for len(q.ready) > 0 && q.ctx.Err() == nil {
		l := q.ready[0]
		q.ready = q.ready[1:]
		l.queued = false
		if it := q.take(l, now); it != nil {
			q.enqueue(l) // there may be more in it
			if len(q.ready) > 0 || q.later.len() > 0 {
				q.signal() // a colleague may be asleep
			}
			return it, 0
		}
	}
	if q.closed {
		if q.active == 0 {
			return nil, -1
		}
		return nil, 0
	}
	if q.later.len() > 0 {
		return nil, q.later.top().at.Sub(now)
	}
	return nil, 0
}

// Stats counts.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	st := Stats{
		Waiting: len(q.items) - q.active, Active: q.active, Destinations: len(q.lanes),
		Delivered: q.delivered, Parked: q.parked, Failures: q.failures,
	}
	for _, l := range q.lanes {
		if l.down() {
			st.Down++
		}
	}
	for it := range q.items {
		if t := it.r.Started(); st.Oldest.IsZero() || t.Before(st.Oldest) {
			st.Oldest = t
		}
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

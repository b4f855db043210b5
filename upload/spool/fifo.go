package spool

import (
	"context"
	"sync"
)

// fifo is a queue whose push never waits, however slow the takers are. What
// bounds it is the count of bytes in it, which the spool keeps.
type fifo[T any] struct {
	// mu guards the following.
	mu     sync.Mutex
	more   sync.Cond // takers wait for it
	quiet  sync.Cond // idle does; with one for both, a push might wake idle and no taker
	items  []T
	busy   int // items taken and not yet done
	closed bool
}

func newFifo[T any]() *fifo[T] {
	q := &fifo[T]{}
	q.more.L, q.quiet.L = &q.mu, &q.mu
	return q
}

// push adds v; it reports false, and drops v, once the queue is closed.
func (q *fifo[T]) push(v T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.items = append(q.items, v)
	q.more.Signal()
	return true
}

// takeAll waits for items and swaps them for spare, which it reuses. It returns
// nothing once the queue is closed and empty. Call done after the work.
func (q *fifo[T]) takeAll(spare []T) []T {
	clear(spare) // no pointer outlives its use
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.more.Wait()
	}
	got := q.items
	q.items = spare[:0]
	q.busy += len(got)
	return got
}

// take waits for one item; ok is false once the queue is closed and empty.
func (q *fifo[T]) take() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.more.Wait()
	}
	if len(q.items) == 0 {
		return v, false
	}
	var zero T
	v, q.items[0] = q.items[0], zero
	q.items = q.items[1:]
	q.busy++
	return v, true
}

// done says that n items taken are dealt with.
func (q *fifo[T]) done(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy -= n
	if q.busy == 0 && len(q.items) == 0 {
		q.quiet.Broadcast()
	}
}

// idle waits until nothing is queued or being worked on.
func (q *fifo[T]) idle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.quiet.Broadcast()
	})
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) > 0 || q.busy > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.quiet.Wait()
	}
	return nil
}

// close lets takers finish what is queued, then go.
func (q *fifo[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

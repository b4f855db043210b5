package capture

// fifo is a queue in a ring that grows when it is full.
type fifo[T any] struct {
	ring    []T
	head, n int
}

func (q *fifo[T]) len() int { return q.n }

// front is the oldest element; the queue may not be empty.
func (q *fifo[T]) front() T { return q.ring[q.head] }

func (q *fifo[T]) push(v T) {
	if q.n == len(q.ring) {
		grown := make([]T, max(16, 2*q.n))
		n := copy(grown, q.ring[q.head:])
		copy(grown[n:], q.ring[:q.head])
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.n)%len(q.ring)] = v
	q.n++
}

// pop takes the oldest element; the queue may not be empty.
func (q *fifo[T]) pop() T {
	var zero T
	v := q.ring[q.head]
	q.ring[q.head] = zero
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	return v
}

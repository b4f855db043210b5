package upload

import "container/heap"

// heapOf is container/heap for one type.
type heapOf[T any] struct {
	items []T
	less  func(a, b T) bool
}

func (h *heapOf[T]) len() int       { return len(h.items) }
func (h *heapOf[T]) top() T         { return h.items[0] }
func (h *heapOf[T]) push(v T)       { heap.Push(heapSort[T]{h}, v) }
func (h *heapOf[T]) pop() T         { return heap.Pop(heapSort[T]{h}).(T) }
func (h *heapOf[T]) remove(i int) T { return heap.Remove(heapSort[T]{h}, i).(T) }

// heapSort keeps the methods that container/heap wants off heapOf.
type heapSort[T any] struct{ h *heapOf[T] }

func (s heapSort[T]) Len() int           { return len(s.h.items) }
func (s heapSort[T]) Less(i, j int) bool { return s.h.less(s.h.items[i], s.h.items[j]) }
func (s heapSort[T]) Swap(i, j int)      { s.h.items[i], s.h.items[j] = s.h.items[j], s.h.items[i] }
func (s heapSort[T]) Push(v any)         { s.h.items = append(s.h.items, v.(T)) }

func (s heapSort[T]) Pop() any {
	var zero T
	last := len(s.h.items) - 1
	v := s.h.items[last]
	s.h.items[last] = zero
	s.h.items = s.h.items[:last]
	return v
}

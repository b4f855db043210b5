package recording

import (
	"hash/maphash"
	"sync"
)

// rememberedNames bounds the call ids a worker knows to have used.
const rememberedNames = 1 << 18

// nameBook remembers which call ids have had a recording in this process, so
// that only the first gets the plain object name and nothing is overwritten at a
// receiver. What is still in the spool after a restart, the spool knows. The
// zero nameBook is empty.
type nameBook struct {
	mu   sync.Mutex
	seed maphash.Seed
	used map[uint64]struct{}
	ring []uint64 // in the order of use; the oldest is forgotten when it is full
	next int
}

// first reports whether id has no recording yet, and notes that it has one now.
func (b *nameBook) first(id CallID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used == nil {
		b.seed = maphash.MakeSeed()
		b.used = map[uint64]struct{}{}
	}
	h := maphash.Comparable(b.seed, id)
	if _, ok := b.used[h]; ok {
		return false
	}
	b.used[h] = struct{}{}
	if len(b.ring) < rememberedNames {
		b.ring = append(b.ring, h)
		return true
	}
	delete(b.used, b.ring[b.next])
	b.ring[b.next] = h
	b.next = (b.next + 1) % rememberedNames
	return true
}

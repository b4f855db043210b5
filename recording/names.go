package recording

import (
	"hash/maphash"
	"strings"
	"sync"
)

// rememberedNames bounds the call ids a worker knows to have used.
const rememberedNames = 1 << 18

// The two kinds of plain object names, bits in the book.
const (
	wholeName  uint8 = 1 << iota // call_recording_<call id>.<format>
	callerName                   // <call id>.<format>
	everyName  = wholeName | callerName
)

// nameBook remembers which call ids have had a recording in this process, and of
// which kind, so that only the first of a kind gets the plain object name and
// nothing is overwritten at a receiver. What is still in the spool after a restart,
// the spool knows, though not of which kind it is. The zero nameBook is empty.
type nameBook struct {
	mu   sync.Mutex
	seed maphash.Seed
	used map[uint64]uint8 // kinds
	ring []uint64         // in the order of use; the oldest is forgotten when it is full
	next int
}

// kinds are those of which id has recordings, as far as is remembered.
func (b *nameBook) kinds(id CallID) uint8 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used == nil {
		return 0
	}
	return b.used[maphash.Comparable(b.seed, id)]
}

// first reports whether id has no recording of the kind yet, and notes that it has
// one now. held says that the spool has any.
func (b *nameBook) first(id CallID, kind uint8, held bool) bool {
	if kind == callerName && strings.HasPrefix(id.Call, "call_recording_") {
		return false // might be the name of another call's recording
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used == nil {
		b.seed = maphash.MakeSeed()
		b.used = map[uint64]uint8{}
	}
	h := maphash.Comparable(b.seed, id)
	if kinds, ok := b.used[h]; ok {
		b.used[h] = kinds | kind
		return kinds&kind == 0
	}
	b.used[h] = kind
	if held { // from before this process
		b.used[h] = everyName
	}
	if len(b.ring) < rememberedNames {
		b.ring = append(b.ring, h)
		return !held
	}
	delete(b.used, b.ring[b.next])
	b.ring[b.next] = h
	b.next = (b.next + 1) % rememberedNames
	return !held
}

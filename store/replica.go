package store

import (
	"hash/maphash"
	"sync"
)

// replica is the picture of one bucket in memory: values by group (an account)
// and key. Each change carries the bucket's revision, and an older one never
// undoes a newer: the writer's own change and the watch may come in either order.
// The zero replica is not ready; see newReplica.
type replica[K comparable, V any] struct {
	// size weighs a value, for bytes; changed is told of every change, under the
	// shard's lock. Both may be nil.
	size    func(V) int
	changed func(old, now *V)

	seed   maphash.Seed
	shards [64]shard[K, V]
}

type shard[K comparable, V any] struct {
	sync.RWMutex
	groups map[string]*group[K, V]
	_      [32]byte // two shards never share a cache line
}

type group[K comparable, V any] struct {
	cells map[K]cell[V]
	live  int // cells that are not gone
	bytes int // what size says of them
}

type cell[V any] struct {
	val  V
	rev  uint64
	gen  uint32 // the last full reading that showed it
	gone bool   // removed at rev
}

func newReplica[K comparable, V any]() *replica[K, V] {
	r := &replica[K, V]{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].groups = map[string]*group[K, V]{}
	}
	return r
}

func (r *replica[K, V]) shard(name string) *shard[K, V] {
	return &r.shards[maphash.String(r.seed, name)%uint64(len(r.shards))]
}

// get returns the value of a key and its revision. ok is false when there is
// none; rev then is that of its removal, 0 if it is not known to have been.
func (r *replica[K, V]) get(name string, k K) (v V, rev uint64, ok bool) {
	s := r.shard(name)
	s.RLock()
	defer s.RUnlock()
	g := s.groups[name]
	if g == nil {
		return v, 0, false
	}
	c := g.cells[k]
	return c.val, c.rev, c.rev != 0 && !c.gone
}

// known reports whether rev or a newer one of a key is here already, and notes
// that the reading gen has shown it.
func (r *replica[K, V]) known(name string, k K, rev uint64, gen uint32) bool {
	s := r.shard(name)
	s.Lock()
	defer s.Unlock()
	g := s.groups[name]
	if g == nil {
		return false
	}
	c, ok := g.cells[k]
	if !ok || c.rev < rev {
		return false
	}
	c.gen = gen
	g.cells[k] = c
	return true
}

// set takes a value in unless a newer one is here.
func (r *replica[K, V]) set(name string, k K, rev uint64, gen uint32, v V) {
	s := r.shard(name)
	s.Lock()
	defer s.Unlock()
	g := s.groups[name]
	if g == nil {
		g = &group[K, V]{cells: map[K]cell[V]{}}
		s.groups[name] = g
	}
	old, had := g.cells[k]
	if had && old.rev >= rev {
		return
	}
	r.forget(g, old, had, &v)
	g.cells[k] = cell[V]{val: v, rev: rev, gen: gen}
	g.live++
	if r.size != nil {
		g.bytes += r.size(v)
	}
}

// remove takes a removal in. echoed says that the watch has shown it: nothing
// older can come any more, so it need not be remembered.
func (r *replica[K, V]) remove(name string, k K, rev uint64, gen uint32, echoed bool) {
	s := r.shard(name)
	s.Lock()
	defer s.Unlock()
	g := s.groups[name]
	if g == nil {
		if echoed {
			return
		}
		g = &group[K, V]{cells: map[K]cell[V]{}}
		s.groups[name] = g
	}
	old, had := g.cells[k]
	if had && old.rev > rev {
		return
	}
	r.forget(g, old, had, nil)
	if echoed {
		delete(g.cells, k)
		s.dropEmpty(name, g)
		return
	}
	g.cells[k] = cell[V]{rev: rev, gen: gen, gone: true}
}

// bury is remove of what is to stay known as removed, with what it last was, until
// a sweep.
func (r *replica[K, V]) bury(name string, k K, rev uint64, gen uint32, v V) {
	r.remove(name, k, rev, gen, false)
	s := r.shard(name)
	s.Lock()
	defer s.Unlock()
	if g := s.groups[name]; g != nil {
		if c, ok := g.cells[k]; ok && c.rev == rev {
			c.val = v
			g.cells[k] = c
		}
	}
}

// forget takes what a cell held off the books.
func (r *replica[K, V]) forget(g *group[K, V], old cell[V], had bool, now *V) {
	var was *V
	if had && !old.gone {
		was = &old.val
		g.live--
		if r.size != nil {
			g.bytes -= r.size(old.val)
		}
	}
	if r.changed != nil && (was != nil || now != nil) {
		r.changed(was, now)
	}
}

func (s *shard[K, V]) dropEmpty(name string, g *group[K, V]) {
	if len(g.cells) == 0 {
		delete(s.groups, name)
	}
}

// drop removes a group's cells of revisions below before.
func (r *replica[K, V]) drop(name string, before uint64) {
	s := r.shard(name)
	s.Lock()
	defer s.Unlock()
	if g := s.groups[name]; g != nil {
		r.thin(s, name, g, func(c *cell[V]) bool { return c.rev < before })
	}
}

// sweep removes every cell that stale says so of, a shard at a time.
func (r *replica[K, V]) sweep(stale func(c *cell[V]) bool) {
	for i := range r.shards {
		s := &r.shards[i]
		s.Lock()
		for name, g := range s.groups {
			r.thin(s, name, g, stale)
		}
		s.Unlock()
	}
}

func (r *replica[K, V]) thin(s *shard[K, V], name string, g *group[K, V], stale func(c *cell[V]) bool) {
	for k, c := range g.cells {
		if stale(&c) {
			r.forget(g, c, true, nil)
			delete(g.cells, k)
		}
	}
	s.dropEmpty(name, g)
}

// each visits what a group holds, in no order, until visit returns false. The
// shard is locked for reading meanwhile.
func (r *replica[K, V]) each(name string, visit func(k K, v V) bool) {
	s := r.shard(name)
	s.RLock()
	defer s.RUnlock()
	if g := s.groups[name]; g != nil {
		g.each(visit)
	}
}

// all visits everything, in no order, a shard at a time.
func (r *replica[K, V]) all(visit func(name string, k K, v V)) {
	for i := range r.shards {
		s := &r.shards[i]
		s.RLock()
		for name, g := range s.groups {
			g.each(func(k K, v V) bool { visit(name, k, v); return true })
		}
		s.RUnlock()
	}
}

func (g *group[K, V]) each(visit func(k K, v V) bool) {
	for k, c := range g.cells {
		if !c.gone && !visit(k, c.val) {
			return
		}
	}
}

// load says how many values a group has, and their size.
func (r *replica[K, V]) load(name string) (n, bytes int) {
	s := r.shard(name)
	s.RLock()
	defer s.RUnlock()
	if g := s.groups[name]; g != nil {
		return g.live, g.bytes
	}
	return 0, 0
}

// forgetKey makes a key unknown.
func (r *replica[K, V]) forgetKey(name string, k K) {
	s := r.shard(name)
	s.Lock()
	defer s.Unlock()
	if g := s.groups[name]; g != nil {
		old, had := g.cells[k]
		r.forget(g, old, had, nil)
		delete(g.cells, k)
		s.dropEmpty(name, g)
	}
}

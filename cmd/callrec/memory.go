package main

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"sync/atomic"
)

// callMemory is what a call is reckoned with: one recorded as MP3, with its
// sockets, takes somewhat less. What further recordings take is measured.
const callMemory = 128 << 10

// memory says whether there is memory for another call. Three quarters of the
// budget are for calls. The last one is for what happens to those that run: audio
// that waits for a slow disk, deliveries, and room for the collector, which works
// the more the closer it gets to its limit.
type memory struct {
	budget int64 // bytes; 0: no limit
	use    atomic.Pointer[memoryUse]
	cycles uint64     // of the collector, at the last look
	live   func() int // calls
}

// memoryUse is what is in use, without garbage, as the collector last found it.
type memoryUse struct {
	base  int64 // before the first call
	used  int64
	calls int // at that time
}

// with is what so many calls take, with all else: measured, and never less than
// what is reckoned for them, because young calls have not taken all that they will.
func (u memoryUse) with(calls int) int64 {
	return max(u.used+int64(calls-u.calls)*callMemory, u.base+int64(calls)*callMemory)
}

// forCalls is how much may be in use for calls to be taken.
func (m *memory) forCalls() int64 { return m.budget / 4 * 3 }

// forQueue is how much audio may wait for the disk; 0: as much as the spool
// takes by itself.
func forQueue(budget int64) int64 {
	const most = 256 << 20 // the spool's own bound
	return min(budget/4, most)
}

// begin measures before the first call. live counts calls from then on.
func (m *memory) begin(budget int64, live func() int) {
	m.budget, m.live = budget, live
	runtime.GC() // or nothing might have been collected yet
	m.look()
	u := *m.use.Load()
	u.base = u.used
	m.use.Store(&u)
}

// look measures again. It costs some microseconds, and is the work of one
// goroutine.
func (m *memory) look() {
	sample := [...]runtimemetrics.Sample{
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, // live and garbage,
		{Name: "/memory/classes/heap/unused:bytes"},  // beside them in their spans,
		{Name: "/memory/classes/heap/free:bytes"},    // in no span,
		{Name: "/memory/classes/heap/released:bytes"},
	}
	runtimemetrics.Read(sample[:])
	at := func(i int) int64 { return int64(sample[i].Value.Uint64()) }
	u, cycles := memoryUse{}, sample[0].Value.Uint64()
	if was := m.use.Load(); was != nil {
		u = *was
	}
	if cycles != m.cycles { // else what has been live is not newer than the calls we know
		m.cycles, u.calls = cycles, m.live()
	}
	u.used = at(1) + at(2) - at(3) - at(4) - at(5) - at(6)
	m.use.Store(&u)
}

// room is how many calls there is memory for.
func (m *memory) room() int {
	if m.budget == 0 {
		return math.MaxInt32
	}
	return int(max(m.forCalls()-m.use.Load().base, 0) / callMemory)
}

// full says why no new call is taken, if so.
func (m *memory) full() error {
	if m.budget == 0 {
		return nil
	}
	if need := m.use.Load().with(m.live() + 1); need > m.forCalls() {
		return fmt.Errorf("with another call %d MB of memory would be in use, new calls are taken up to %d, three quarters of the budget (--max-memory %d)",
			mb(need), m.forCalls()>>20, m.budget>>20)
	}
	return nil
}

// mb rounds up, so that more than a limit does not look like the limit.
func mb(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// memoryBudget is what the process may take: what the flag says, else GOMEMLIMIT,
// else four fifths of the machine, because sockets, the kernel and the disk's cache
// need some beside us; 0: nobody knows. Without GOMEMLIMIT it becomes the
// collector's soft limit too: Go would let garbage grow to the size of what is live,
// and the kernel kills for garbage as well.
func memoryBudget(flag, machine int64) int64 {
	budget, own := flag, debug.SetMemoryLimit(-1)
	if budget == 0 && own < math.MaxInt64 {
		budget = own
	}
	if budget == 0 {
		budget = machine / 5 * 4
	}
	if budget > 0 && own == math.MaxInt64 {
		debug.SetMemoryLimit(budget)
	}
	return budget
}

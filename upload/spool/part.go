package spool

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

const chunkSize = 16 << 10

// chunk is what travels from a part to the writer.
type chunk struct {
	n int
	b [chunkSize]byte
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// Part is a recording that is being written. One goroutine calls its methods;
// none of them waits for the disk.
type Part struct {
	// Never mutated.
	s    *Spool
	name Name

	pending atomic.Int32          // chunks handed over and not yet written
	failure atomic.Pointer[error] // the disk's first error, but that it is full; sticky

	// The writer's, until it has passed the part on to a finisher.
	f      *os.File
	off    int64 // how much of the file is good
	behind []op  // what the disk has no room for, and what came after it

	// mu guards the following. Only Flush and Close of the spool compete for it, and
	// the writer for an update.
	mu   sync.Mutex
	held *chunk
	next *update // waits for the writer
	over bool
}

// update is a manifest on its way to the disk. What comes before the writer has
// taken it takes its place: of one part, one waits.
type update struct {
	m     *Manifest
	bytes int64         // that it counts against the bound
	done  chan struct{} // closed once it is saved
}

// Create begins a recording; the rest is the writer's work, and if that fails
// the part says so at the next Write. It fails itself only for a name that is
// invalid or in use. header is the room Commit will write over; it is copied.
// What m points to is not, here and in Update and Commit: leave it as it is.
func (s *Spool) Create(m Manifest, header []byte) (*Part, error) {
	if err := m.Name().Check(); err != nil {
		return nil, err
	}
	p := &Part{s: s, name: m.Name()}
	if s.isClosed() {
		return nil, ErrClosed
	}
	fresh(&m)
	if !s.enter(&m, entry{state: statePart, part: p}) {
		return nil, fmt.Errorf("cannot create recording %s: the spool has it already", m.ID)
	}
	if !s.writes.push(op{kind: opCreate, p: p, m: &m, header: bytes.Clone(header)}) {
		s.leave(m.ID)
		return nil, ErrClosed
	}
	return p, nil
}

// fresh clears what is not the recording's to say.
func fresh(m *Manifest) {
	m.Complete, m.Size, m.SHA256, m.Delivery = false, 0, nil, Delivery{}
}

func (s *Spool) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Write appends b, which it copies, or takes nothing and says why: ErrFull, or
// the error on which the disk has given this part up.
func (p *Part) Write(b []byte) error {
	if err := p.failure.Load(); err != nil {
		return *err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return ErrClosed
	}
	if p.s.queued.Add(int64(len(b))) > p.s.cfg.QueueBytes {
		p.s.queued.Add(-int64(len(b)))
		return ErrFull
	}
	for len(b) > 0 {
		if p.held == nil {
			p.held = chunks.Get().(*chunk)
			p.held.n = 0
		}
		n := copy(p.held.b[p.held.n:], b)
		p.held.n += n
		b = b[n:]
		if p.held.n == chunkSize {
			p.handLocked()
		}
	}
	return nil
}

// Flush hands over what is held; the shard calls it about every 0.8 s. While the
// writer is behind with this very part it waits for a full chunk instead, so a
// slow disk makes larger writes and no heap of half-empty chunks.
func (p *Part) Flush() {
	if p.pending.Load() > 0 {
		return
	}
	p.hand()
}

func (p *Part) hand() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handLocked()
}

func (p *Part) handLocked() {
	c := p.held
	if c == nil {
		return
	}
	p.held = nil
	p.pending.Add(1)
	if !p.s.writes.push(op{kind: opWrite, p: p, c: c}) {
		p.free(c)
	}
}

// free gives a chunk back, and its bytes to the bound.
func (p *Part) free(c *chunk) {
	p.pending.Add(-1)
	p.s.queued.Add(-int64(c.n))
	chunks.Put(c)
}

// Update replaces the manifest by one that knows more: commands so far. What it
// returns is closed once the kernel has that one or a newer one, and a kill cannot
// undo it any more; never, if the disk does not take it.
func (p *Part) Update(m Manifest) (saved <-chan struct{}) {
	fresh(&m)
	m.ID, m.Ext = p.name.ID, p.name.Ext
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.next
	if u == nil {
		u = &update{done: make(chan struct{})}
		if p.over || !p.s.writes.push(op{kind: opUpdate, p: p}) {
			close(u.done)
			return u.done
		}
		p.next = u
	}
	bytes := m.bytes()
	p.s.queued.Add(bytes - u.bytes)
	u.m, u.bytes = &m, bytes
	return u.done
}

// takeUpdate is the update that waits, for the writer.
func (p *Part) takeUpdate() *update {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.next
	p.next = nil
	p.s.queued.Add(-u.bytes)
	return u
}

// Commit ends the part: everything written, header over its first bytes, and m
// as the manifest become a Ready, some time soon. header is copied. The part is
// spent. If the disk has failed on it, what was saved goes through Repair.
func (p *Part) Commit(header []byte, m Manifest) {
	fresh(&m)
	m.ID, m.Ext = p.name.ID, p.name.Ext
	p.finish(op{kind: opCommit, p: p, m: &m, header: bytes.Clone(header)})
}

// Abandon ends the part and removes it as if it had never been.
func (p *Part) Abandon() { p.finish(op{kind: opAbandon, p: p}) }

func (p *Part) finish(o op) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.over = true
	p.handLocked()
	p.s.writes.push(o)
}

// end leaves the part as it is on disk. No goroutine of the spool runs any more.
func (p *Part) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.f != nil {
		_ = p.f.Close() // every byte was written; the next Open reads them again
	}
}

// fail makes err stick, and tells once.
func (p *Part) fail(err error) {
	if p.failure.CompareAndSwap(nil, &err) {
		p.s.failed.Add(1)
		p.s.log.Error("cannot write recording to the spool; what is saved so far will be delivered",
			"recording", p.name.ID, "saved_bytes", p.off, "err", err)
	}
}

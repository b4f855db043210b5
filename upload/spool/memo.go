package spool

import (
	"encoding/json"
	"sync"
	"time"
)

// Memo is what must outlive the process of a live call, besides its recordings: it
// is there until the call ends, in one file with those of all other calls (journal).
// What it says is opaque here. Its methods never wait for the disk.
type Memo struct {
	s  *Spool
	id string

	mu   sync.Mutex
	next *entryLine // waits for the writer
	over bool       // removed
}

// Memo makes one; it is there after the first Save. id is like that of a recording,
// and used for nothing else.
func (s *Spool) Memo(id string) *Memo { return &Memo{s: s, id: id} }

// Save replaces what the memo says. What it returns is closed once the kernel has
// that or something newer, and a kill cannot undo it any more; not before the disk
// takes it. call is not copied: leave it as it is.
func (m *Memo) Save(call json.RawMessage) (saved <-chan struct{}) {
	if len(call) == 0 {
		call = json.RawMessage("null") // says nothing; it is no end
	}
	return m.say(call)
}

// Remove says that the call is over, and ends the memo. What it returns is closed
// once no restart will find it.
func (m *Memo) Remove() (removed <-chan struct{}) { return m.say(nil) }

// say has the writer take call, or nil for the end, with what comes until it does.
func (m *Memo) say(call json.RawMessage) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.next
	if l == nil {
		l = &entryLine{id: m.id, done: make(chan struct{})}
		if m.over || m.s.isClosed() || !m.s.writes.push(op{kind: opMemo, memo: m}) {
			close(l.done)
			return l.done
		}
		m.next = l
	}
	if !m.over {
		m.s.queued.Add(int64(len(call) - len(l.call)))
		l.call, m.over = call, call == nil
	}
	return l.done
}

// take is what waits, for the writer.
func (m *Memo) take() *entryLine {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.next
	m.next = nil
	m.s.queued.Add(-int64(len(l.call)))
	return l
}

// Touch says that the process still lives, for LeftMemo.Touched.
func (m *Memo) Touch() {
	if m.s.touching.CompareAndSwap(false, true) && !m.s.writes.push(op{kind: opTouch}) {
		m.s.touching.Store(false)
	}
}

// LeftMemo is a memo that an earlier process has left.
type LeftMemo struct {
	m       *Memo
	call    json.RawMessage
	touched time.Time
}

// LeftMemos gives the memos that Open has found, once. Those that nobody removes
// are found again.
func (s *Spool) LeftMemos() []LeftMemo {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.memos
	s.memos = nil
	return left
}

// Call is what the memo says.
func (l LeftMemo) Call() json.RawMessage { return l.call }

// Touched is when the process last saved or touched any memo, by the wall clock.
func (l LeftMemo) Touched() time.Time { return l.touched }

// Memo makes it one again, to be saved, touched and removed.
func (l LeftMemo) Memo() *Memo { return l.m }

// Reject puts what it says into quarantine: it makes no sense to whom it should.
func (l LeftMemo) Reject(why error) {
	s, file := l.m.s, l.m.id+".call"
	if err := s.disk.replace(file, l.call, false); err != nil {
		s.log.Error("cannot quarantine what was kept of a call, it stays where it is", "call", l.m.id, "why", why, "err", err)
		return
	}
	s.quarantine(why.Error(), file)
	l.m.Remove()
}

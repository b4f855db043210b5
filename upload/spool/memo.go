package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// memoVersion is the only version of memos this worker reads and writes.
const memoVersion = 1

// Memo is what must outlive the process of a live call, besides its recordings: a
// small file that is there until the call ends. What it says is opaque here. Its
// methods never wait for the disk.
type Memo struct {
	s  *Spool
	id string

	waiting atomic.Int32 // for the writer
}

// memoFile is the first line of a memo's file.
type memoFile struct {
	Version int             `json:"version"`
	ID      string          `json:"id"`
	Call    json.RawMessage `json:"call"`
}

// Memo makes one; the file is there after the first Save. id is like that of a
// recording, and used for nothing else.
func (s *Spool) Memo(id string) *Memo { return &Memo{s: s, id: id} }

// Save replaces what the memo says. What it returns is closed once the kernel has
// it, and a kill cannot undo it any more. call is not copied: leave it as it is.
func (m *Memo) Save(call json.RawMessage) (saved <-chan struct{}) {
	return m.push(op{kind: opMemo, call: call})
}

// Touch says that the call is still live, for LeftMemo.Touched. While the writer
// is behind with this memo that is nothing new.
func (m *Memo) Touch() {
	if m.waiting.Load() == 0 {
		m.push(op{kind: opMemoTouch})
	}
}

// Remove says that the call is over. What it returns is closed once the file is gone.
func (m *Memo) Remove() (removed <-chan struct{}) { return m.push(op{kind: opMemoRemove}) }

func (m *Memo) push(o op) <-chan struct{} {
	o.memo, o.done = m, make(chan struct{})
	m.waiting.Add(1)
	if m.s.isClosed() || !m.s.writes.push(o) {
		m.waiting.Add(-1)
		close(o.done)
	}
	return o.done
}

// do is the writer's work. An error costs what the memo would have said: the one
// before is still whole.
func (m *Memo) do(o *op) {
	d, file := &m.s.disk, Name{ID: m.id}.memo()
	var err error
	switch {
	case o.kind == opMemo:
		var line []byte
		if line, err = json.Marshal(memoFile{memoVersion, m.id, o.call}); err == nil {
			err = d.replace(file, withChecksum(line), false)
		}
	case o.kind == opMemoTouch:
		err = d.touch(file)
	default:
		err = d.remove(file)
	}
	if err != nil {
		m.s.log.Warn("cannot keep what a restart should know of a call", "file", file, "err", err)
	}
	m.waiting.Add(-1)
	close(o.done)
}

// decodeMemo reads a memo's file. Every error is an ErrManifest.
func decodeMemo(b []byte) (memoFile, error) {
	line, err := checked(b)
	if err != nil {
		return memoFile{}, err
	}
	var m memoFile
	if err := json.Unmarshal(line, &m); err != nil {
		return memoFile{}, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m.Version != memoVersion {
		return memoFile{}, fmt.Errorf("%w: it has version %d, this worker reads %d", ErrManifest, m.Version, memoVersion)
	}
	return m, nil
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

// Touched is when it was last saved or touched, by the wall clock.
func (l LeftMemo) Touched() time.Time { return l.touched }

// Memo makes it one again, to be saved, touched and removed.
func (l LeftMemo) Memo() *Memo { return l.m }

// Reject puts it in quarantine: it makes no sense to whom it should.
func (l LeftMemo) Reject(why error) {
	l.m.s.quarantine(why.Error(), Name{ID: l.m.id}.memo())
}

// recoverMemo reads a memo that an earlier process has left.
func (s *Spool) recoverMemo(f *found) error {
	file := Name{ID: f.id}.memo()
	if f.memoTmp {
		if err := s.disk.remove(file + tmpSuffix); err != nil {
			return err
		}
	}
	if !f.memo {
		return nil
	}
	b, touched, err := s.disk.load(file)
	if err != nil && !errors.Is(err, ErrManifest) {
		return err
	}
	var m memoFile
	if err == nil {
		m, err = decodeMemo(b)
	}
	if err == nil && m.ID != f.id {
		err = fmt.Errorf("%w: it is that of %.64q", ErrManifest, m.ID)
	}
	if err != nil {
		s.quarantine(err.Error(), file)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memos = append(s.memos, LeftMemo{s.Memo(f.id), m.Call, touched})
	return nil
}

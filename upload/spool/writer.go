package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// op is one thing a part asks of the writer. Those of one part are done in order.
type op struct {
	kind   opKind
	p      *Part
	c      *chunk
	m      *Manifest
	header []byte
	memo   *Memo // instead of p
}

type opKind uint8

const (
	opWrite opKind = iota
	opCreate
	opUpdate
	opCommit
	opAbandon
	opMemo
	opTouch
	opRetry
)

// roomEvery is how often a disk that was full is asked whether it has room again.
const roomEvery = 200 * time.Millisecond

// runWriter is the one goroutine that writes running calls. It never syncs.
func (s *Spool) runWriter() {
	var batch []op
	for {
		batch = s.writes.takeAll(batch)
		if len(batch) == 0 {
			s.journal.close()
			return
		}
		done := 0
		for i := range batch {
			if batch[i].kind != opMemo {
				s.journal.flush() // what is told first is on the disk first
			}
			done += s.do(batch[i])
		}
		s.journal.flush()
		s.dirty.Store(true)
		s.writes.done(done)
	}
}

// do does o, unless the disk has no room for what its part has to write: then that
// waits, with all that the part asks for later, and holds up no other part, since
// what those have to finish may be what makes room. It returns how many ops have ended.
func (s *Spool) do(o op) int {
	p := o.p
	switch {
	case o.kind == opRetry:
		return 1 + s.retry()
	case p != nil && len(p.behind) > 0 && o.kind == opAbandon:
		n := len(p.behind)
		for i := range p.behind {
			p.forget(&p.behind[i])
		}
		p.behind = nil
		s.try(&o)
		return n + 1
	case p != nil && len(p.behind) > 0:
		p.behind = append(p.behind, o)
		return 0
	case s.try(&o):
		return 1
	}
	p.behind = append(p.behind, o)
	if s.behind = append(s.behind, p); len(s.behind) == 1 {
		s.log.Error("the spool's disk is full; audio waits in memory until it has room", "folder", s.cfg.Dir)
		s.retrySoon()
	}
	return 0
}

// retry goes on with the parts that the disk had no room for.
func (s *Spool) retry() (ended int) {
	still := s.behind[:0]
	for _, p := range s.behind {
		n := 0
		for n < len(p.behind) && s.try(&p.behind[n]) {
			p.behind[n] = op{}
			n++
		}
		ended += n
		if p.behind = p.behind[n:]; len(p.behind) > 0 {
			still = append(still, p)
		}
	}
	clear(s.behind[len(still):])
	if s.behind = still; len(still) > 0 {
		s.retrySoon()
	} else {
		s.log.Info("the spool's disk has room again", "folder", s.cfg.Dir)
	}
	return ended
}

func (s *Spool) retrySoon() {
	time.AfterFunc(roomEvery, func() { s.writes.push(op{kind: opRetry}) })
}

// try does o; false says that the disk is full, and that o may be tried again.
func (s *Spool) try(o *op) bool {
	p := o.p
	switch o.kind {
	case opCreate:
		if err := s.createPart(p, o.m, o.header); isFull(err) {
			return false
		} else if err != nil {
			p.fail(fmt.Errorf("cannot create recording %s: %w", p.name.ID, err))
		}
	case opWrite:
		if !s.append(p, o.c.b[:o.c.n]) {
			return false
		}
		p.free(o.c)
	case opUpdate:
		u := p.takeUpdate()
		if err := s.disk.saveManifest(u.m, false); err != nil {
			// The older one is still whole; the next update or the commit may do.
			s.log.Warn("cannot update manifest", "recording", p.name.ID, "err", err)
			return true
		}
		close(u.done)
	case opCommit:
		s.jobs.push(&job{p: p, m: o.m, header: o.header})
	case opAbandon:
		s.jobs.push(&job{p: p, abandon: true})
	case opMemo:
		s.journal.add(o.memo.take())
	case opTouch:
		s.touching.Store(false)
		if err := s.disk.touch(journalFile, time.Now()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("cannot tell a restart that this worker lives", "file", s.disk.path(journalFile), "err", err)
		}
	case opRetry: // is do's
	}
	return true
}

// forget drops what an abandoned part has waiting.
func (p *Part) forget(o *op) {
	if o.kind == opWrite {
		p.free(o.c)
	}
	if o.kind == opUpdate {
		close(p.takeUpdate().done)
	}
}

// createPart may be called again when the disk was full.
func (s *Spool) createPart(p *Part, m *Manifest, header []byte) error {
	if p.f == nil {
		if err := s.disk.saveManifest(m, false); err != nil {
			return err
		}
		f, err := s.disk.create(p.name.part())
		if err != nil {
			return err
		}
		p.f = f
	}
	if !s.append(p, header) {
		return syscall.ENOSPC
	}
	return nil
}

// append writes b where the good part of the file ends; false says that the disk is full.
func (s *Spool) append(p *Part, b []byte) bool {
	if p.failure.Load() != nil {
		s.lost.Add(int64(len(b)))
		return true
	}
	if len(b) == 0 {
		return true
	}
	err := s.disk.writeAt(p.f, b, p.off)
	if isFull(err) {
		return false
	}
	if err != nil {
		s.lost.Add(int64(len(b)))
		p.fail(fmt.Errorf("cannot write recording %s at %d: %w", p.name.ID, p.off, err))
		return true
	}
	p.off += int64(len(b))
	s.grow(p.name.ID, int64(len(b)))
	return true
}

// isFull reports whether err may pass when files are removed.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

package spool

import (
	"errors"
	"fmt"
	"io/fs"
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
)

// runWriter is the one goroutine that writes running calls. It never syncs.
func (s *Spool) runWriter() {
	var batch []op
	for {
		batch = s.writes.takeAll(batch)
		if len(batch) == 0 {
			s.journal.close()
			return
		}
		for i := range batch {
			if batch[i].kind != opMemo {
				s.journal.flush() // what is told first is on the disk first
			}
			s.do(&batch[i])
		}
		s.journal.flush()
		s.dirty.Store(true)
		s.writes.done(len(batch))
	}
}

func (s *Spool) do(o *op) {
	p := o.p
	switch o.kind {
	case opCreate:
		if err := s.createPart(p, o.m, o.header); err != nil {
			p.fail(fmt.Errorf("cannot create recording %s: %w", p.name.ID, err))
		}
	case opWrite:
		s.append(p, o.c.b[:o.c.n])
		p.free(o.c)
	case opUpdate:
		u := p.takeUpdate()
		if err := s.disk.saveManifest(u.m, false); err != nil {
			// The older one is still whole; the next update or the commit may do.
			s.log.Warn("cannot update manifest", "recording", p.name.ID, "err", err)
			return
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
	}
}

func (s *Spool) createPart(p *Part, m *Manifest, header []byte) error {
	if err := s.disk.saveManifest(m, false); err != nil {
		return err
	}
	f, err := s.disk.create(p.name.part())
	if err != nil {
		return err
	}
	p.f = f
	s.append(p, header)
	return nil
}

// append writes b where the good part of the file ends.
func (s *Spool) append(p *Part, b []byte) {
	if p.failure.Load() != nil {
		s.lost.Add(int64(len(b)))
		return
	}
	if len(b) == 0 {
		return
	}
	if err := s.disk.writeAt(p.f, b, p.off); err != nil {
		s.lost.Add(int64(len(b)))
		p.fail(fmt.Errorf("cannot write recording %s at %d: %w", p.name.ID, p.off, err))
		return
	}
	p.off += int64(len(b))
	s.grow(p.name.ID, int64(len(b)))
}

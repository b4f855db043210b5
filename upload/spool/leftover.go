package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Leftover is a part that an earlier process was still writing. Open makes them,
// with Config.KeepParts, instead of finishing them; whoever asked for them goes on
// with each or finishes it, once.
type Leftover struct {
	s       *Spool
	p       *Part
	m       Manifest
	size    int64
	touched time.Time
}

// Leftovers gives the parts that Open has left, once.
func (s *Spool) Leftovers() []Leftover {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.left
	s.left = nil
	return left
}

// keep leaves a part to its owner.
func (s *Spool) keep(p *Part, m *Manifest, size int64, touched time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = append(s.left, Leftover{s, p, *m, size, touched})
}

// Manifest is the part's as it was last updated.
func (l Leftover) Manifest() Manifest { return l.m }

// Size is that of the audio so far, in bytes; 0 also when there is no file yet.
func (l Leftover) Size() int64 { return l.size }

// Touched is when the audio was last written to, by the wall clock; the zero time
// when there is no file yet.
func (l Leftover) Touched() time.Time { return l.touched }

// Open opens the audio for reading; fs.ErrNotExist when there is none yet.
func (l Leftover) Open() (*os.File, error) { return os.Open(l.s.disk.path(l.p.name.part())) }

// Continue cuts the audio to its first keep bytes and makes it a Part again, to be
// appended to; keep 0 begins the file anew with header. m becomes its manifest.
// It waits for the disk. After an error the Leftover can still be finished.
func (l Leftover) Continue(m Manifest, header []byte, keep int64) (*Part, error) {
	p, d := l.p, &l.s.disk
	fresh(&m)
	m.ID, m.Ext = p.name.ID, p.name.Ext
	fail := func(err error) (*Part, error) {
		p.closeFile()
		return nil, fmt.Errorf("cannot go on with recording %s: %w", p.name.ID, err)
	}
	f, err := d.open(p.name.part())
	if errors.Is(err, fs.ErrNotExist) {
		f, err = d.create(p.name.part())
	}
	if err != nil {
		return fail(err)
	}
	p.f = f
	if err := d.truncate(f, keep); err != nil {
		return fail(err)
	}
	if keep == 0 {
		if err := d.writeAt(f, header, 0); err != nil {
			return fail(err)
		}
		keep = int64(len(header))
	}
	if err := d.saveManifest(&m, false); err != nil {
		return fail(err)
	}
	l.s.grow(p.name.ID, keep-l.size)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off, p.over = keep, false
	return p, nil
}

// Finish repairs the part and makes it a Ready, marked interrupted.
func (l Leftover) Finish() {
	m := l.m
	fresh(&m)
	l.s.log.Warn("recording was cut short, repairing", "recording", m.ID, "size", l.size)
	l.s.jobs.push(&job{p: l.p, m: &m, torn: true})
}

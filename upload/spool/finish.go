package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// job is a part on its way out, by one finisher at a time. It is tried until the
// disk lets it pass; what it has achieved is not done again.
type job struct {
	p       *Part
	m       *Manifest
	header  []byte
	abandon bool
	torn    bool // the audio needs Repair

	repaired bool
	sealed   bool // the manifest on disk says complete
	renamed  bool
	unclean  bool // an fsync has failed
	wait     time.Duration
}

const maxFinishWait = time.Minute

var errQuarantine = errors.New("recording cannot be repaired")

func (s *Spool) runFinisher() {
	for {
		j, ok := s.jobs.take()
		if !ok {
			return
		}
		s.run(j)
		s.jobs.done(1)
	}
}

func (s *Spool) run(j *job) {
	id := j.p.name.ID
	var err error
	if j.abandon {
		err = s.discard(j)
	} else {
		err = s.commit(j)
	}
	switch {
	case err == nil:
	case errors.Is(err, errQuarantine):
		j.p.closeFile()
		s.quarantine(err.Error(), j.p.name.part(), j.p.name.manifest())
		s.leave(id)
		if s.cfg.OnLost != nil {
			s.cfg.OnLost(id, err)
		}
	default:
		j.wait = min(max(time.Second, 2*j.wait), maxFinishWait)
		s.log.Error("cannot finish recording, will try again", "recording", id, "in", j.wait, "err", err)
		time.AfterFunc(j.wait, func() { s.jobs.push(j) })
	}
}

func (s *Spool) discard(j *job) error {
	j.p.closeFile()
	if err := s.erase(j.p.name, j.p.name.gone()); err != nil {
		return err
	}
	s.leave(j.p.name.ID)
	return nil
}

// commit takes a part through the steps of the package comment.
func (s *Spool) commit(j *job) error {
	p, m := j.p, j.m
	if !j.sealed {
		if err := s.seal(j); err != nil {
			return err
		}
	}
	if !j.renamed {
		if err := s.disk.rename(p.name.part(), p.name.ready()); err != nil {
			return err
		}
		j.renamed = true
	}
	if err := s.disk.syncDir(); err != nil {
		return err
	}
	p.closeFile()
	s.grow(p.name.ID, m.Size-p.off)
	s.announce(newReady(s, m))
	return nil
}

// seal makes the audio whole and has the disk keep it, then says so in the
// manifest.
func (s *Spool) seal(j *job) (err error) {
	p, m := j.p, j.m
	if p.f == nil {
		if p.f, err = s.reopen(j); err != nil {
			return err
		}
	}
	if p.failure.Load() != nil && !j.torn {
		j.torn = true
		if err := s.disk.truncate(p.f, p.off); err != nil {
			return err
		}
	}
	if len(j.header) > 0 {
		if err := s.disk.writeAt(p.f, j.header, 0); err != nil {
			return err
		}
	}
	if j.torn && !j.repaired {
		if err := s.repair(m, p.f); err != nil {
			return err
		}
		j.repaired = true
	}
	if j.unclean {
		if err := s.disk.redirty(p.f); err != nil {
			return err
		}
	}
	if err := s.disk.sync(p.f); err != nil {
		j.unclean = true
		return err
	}
	if m.Size, m.SHA256, err = digest(p.f); err != nil {
		return err
	}
	m.Complete = true
	if err := s.disk.saveManifest(m, true); err != nil {
		return err
	}
	if err := s.disk.syncDir(); err != nil {
		return err
	}
	j.sealed = true
	return nil
}

// reopen opens the audio of a part that an earlier process began, or that could
// not be created; then it is an empty one, which tells more than none.
func (s *Spool) reopen(j *job) (*os.File, error) {
	f, err := s.disk.open(j.p.name.part())
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	j.torn = true
	if err := s.disk.saveManifest(j.m, true); err != nil {
		return nil, err
	}
	return s.disk.create(j.p.name.part())
}

// repair lets the owner of the format make a torn file whole.
func (s *Spool) repair(m *Manifest, f *os.File) (err error) {
	m.Interrupted = true
	if s.cfg.Repair == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: repair of a .%s file panicked: %v", errQuarantine, m.Ext, v)
		}
	}()
	if _, err := f.Seek(0, 0); err != nil {
		return err
	}
	err = s.cfg.Repair(m, f)
	var disk syscall.Errno
	if err != nil && !errors.As(err, &disk) {
		err = fmt.Errorf("%w: %w", errQuarantine, err)
	}
	return err
}

// erase removes a recording; it may be called again after any failure in it. mark is
// the name that the manifest has meanwhile: <id>.gone, which then goes as well, or
// <id>.sent, which stays as a receipt.
func (s *Spool) erase(n Name, mark string) error {
	if err := s.disk.rename(n.manifest(), mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.disk.syncDir(); err != nil {
		return err
	}
	for _, audio := range []string{n.part(), n.ready()} {
		if err := s.disk.remove(audio); err != nil {
			return err
		}
	}
	if err := s.disk.syncDir(); err != nil {
		return err
	}
	if mark != n.gone() {
		return nil
	}
	return s.disk.remove(mark)
}

func (p *Part) closeFile() {
	if p.f != nil {
		_ = p.f.Close() // what it held is synced, or about to be removed
		p.f = nil
	}
}

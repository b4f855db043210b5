package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	lockFile      = "lock"
	quarantineDir = "quarantine"
	lostAndFound  = "lost+found" // of the file system, when the folder is its root
)

// unnumbered are our names in the folder that bear no id.
var unnumbered = []string{lockFile, quarantineDir, lostAndFound, journalFile, journalFile + tmpSuffix}

// found is everything in the folder that bears one id.
type found struct {
	id                        string
	manifest, tmp, gone, sent bool
	parts, readies            []Name
}

// audio lists the audio files by name.
func (f *found) audio() (files []string) {
	for _, n := range f.parts {
		files = append(files, n.part())
	}
	for _, n := range f.readies {
		files = append(files, n.ready())
	}
	return files
}

// scan lists the folder. What we never write is moved aside.
func (s *Spool) scan() ([]*found, error) {
	list, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, err
	}
	var all []*found // ReadDir sorts by name, so one id's files are neighbours
	for _, e := range list {
		n, k := parseFile(e.Name())
		if k == foreign {
			if !slices.Contains(unnumbered, e.Name()) {
				s.quarantine("it is none of the spool's", e.Name())
			}
			continue
		}
		if !e.Type().IsRegular() {
			s.quarantine("it is no regular file", e.Name())
			continue
		}
		if len(all) == 0 || all[len(all)-1].id != n.ID {
			all = append(all, &found{id: n.ID})
		}
		f := all[len(all)-1]
		switch k {
		case kindManifest:
			f.manifest = true
		case kindTmp:
			f.tmp = true
		case kindGone:
			f.gone = true
		case kindSent:
			f.sent = true
		case kindPart:
			f.parts = append(f.parts, n)
		case kindReady:
			f.readies = append(f.readies, n)
		case foreign:
		}
	}
	return all, nil
}

// recoverAll deals with what was found, repairs by all finishers at once, and
// then announces in the order of age.
func (s *Spool) recoverAll(all []*found) {
	for _, f := range all {
		if err := s.recoverOne(f); err != nil {
			s.unreadable.Add(1)
			s.log.Error("cannot read recording, left as it is for the next start", "recording", f.id, "err", err)
		}
	}
	_ = s.jobs.idle(context.Background()) //nolint:forbidigo // start-up is not cancelled: half a repair helps nobody
	s.mu.Lock()
	ready := s.opening
	s.opening = nil
	s.mu.Unlock()
	for _, id := range s.sent {
		s.tellSent(id)
	}
	s.sent = nil
	slices.SortStableFunc(ready, func(a, b Ready) int { return a.started.Compare(b.started) })
	for _, r := range ready {
		s.tell(r)
	}
}

func (s *Spool) recoverOne(f *found) error {
	if f.gone && f.manifest {
		s.quarantine("it says that a recording is removed whose manifest is there", Name{ID: f.id}.gone()) // no order of ours leaves both
		f.gone = false
	}
	if f.sent && f.manifest {
		s.quarantine("it says that a recording is delivered whose manifest is there", Name{ID: f.id}.sent())
		f.sent = false
	}
	if f.sent {
		return s.finishSent(f)
	}
	if f.gone {
		return s.finishErase(f)
	}
	if !f.manifest {
		if audio := f.audio(); len(audio) > 0 {
			s.quarantine("it has no manifest", audio...)
		}
		return s.disk.remove(Name{ID: f.id}.manifest() + tmpSuffix)
	}
	m, err := s.disk.loadManifest(f.id)
	if errors.Is(err, ErrManifest) {
		s.quarantine(err.Error(), append(f.audio(), Name{ID: f.id}.manifest())...)
	}
	if err != nil && !errors.Is(err, ErrManifest) {
		return err
	}
	if f.tmp {
		if err := s.disk.remove(Name{ID: f.id}.manifest() + tmpSuffix); err != nil {
			return err
		}
	}
	if err != nil {
		return nil
	}
	return s.recoverAudio(f, &m)
}

// finishErase ends a removal that was begun.
func (s *Spool) finishErase(f *found) error {
	for _, file := range f.audio() {
		if err := s.disk.remove(file); err != nil {
			return err
		}
	}
	return s.erase(Name{ID: f.id}, Name{ID: f.id}.gone())
}

// recoverAudio decides what the audio beside a sound manifest is.
func (s *Spool) recoverAudio(f *found, m *Manifest) error {
	n := m.Name()
	ready := slices.Contains(f.readies, n)
	for _, file := range f.audio() {
		other := file != n.ready() && file != n.part()
		if other || (ready && file == n.part()) {
			s.quarantine("the recording has another audio file", file)
		}
	}
	file := n.part()
	if ready {
		file = n.ready()
	}
	size, touched := int64(0), time.Time{}
	st, err := os.Stat(s.disk.path(file))
	switch {
	case err == nil:
		size, touched = st.Size(), st.ModTime()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case m.Complete:
		s.quarantine("the audio of this complete recording is missing", n.manifest())
		return nil
	}
	whole := m.Complete && size == m.Size
	if ready && whole {
		s.adopt(m)
		return nil
	}
	if ready { // cut by other hands or a failing disk: what is left goes the way of a torn part
		s.log.Error("complete recording has another length than its manifest says", "recording", m.ID, "size", size, "want", m.Size)
		if err := s.disk.rename(n.ready(), n.part()); err != nil {
			return err
		}
	}
	p := &Part{s: s, name: n, off: size, over: true}
	s.enter(m, entry{state: statePart, part: p})
	s.grow(m.ID, size)
	switch {
	case whole:
		s.jobs.push(&job{p: p, m: m, sealed: true})
	case s.cfg.KeepParts && !ready:
		s.keep(p, m, size, touched)
	default:
		Leftover{s, p, *m, size, touched}.Finish()
	}
	return nil
}

// adopt takes a complete recording over from an earlier process.
func (s *Spool) adopt(m *Manifest) {
	e := entry{state: stateReady}
	if m.Delivery.Parked != "" {
		e.state = stateParked
	}
	s.enter(m, e)
	s.grow(m.ID, m.Size)
	if e.state == stateReady {
		s.announce(newReady(s, m))
	}
}

// quarantine moves files aside under the names they have, and says so once for
// each. It never overwrites and never deletes; what cannot be moved stays.
func (s *Spool) quarantine(why string, files ...string) {
	if err := os.MkdirAll(s.disk.path(quarantineDir), 0o700); err != nil {
		s.log.Error("cannot make the quarantine folder, files stay where they are", "files", files, "why", why, "err", err)
		return
	}
	for _, file := range files {
		to := filepath.Join(quarantineDir, file)
		for i := 1; ; i++ {
			if _, err := os.Lstat(s.disk.path(to)); errors.Is(err, fs.ErrNotExist) {
				break
			}
			to = filepath.Join(quarantineDir, fmt.Sprintf("%s.%d", file, i))
		}
		err := s.disk.rename(file, to)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			s.log.Error("cannot quarantine file, it stays where it is", "file", file, "why", why, "err", err)
		default:
			s.quarantined.Add(1)
			s.log.Error("file is put in quarantine", "file", file, "as", s.disk.path(to), "why", why)
		}
	}
}

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Receipt is what is left of a recording that a target has confirmed: its manifest,
// under the name <id>.sent, until whoever keeps account of recordings has that for
// good. A crash before brings the receipt back, so the news is never lost with it.
type Receipt struct {
	s *Spool
	m Manifest
}

// Manifest is the recording's as it was when it was confirmed.
func (r Receipt) Manifest() Manifest { return r.m }

// Drop says that the news is kept elsewhere. A power cut may bring the receipt back.
func (r Receipt) Drop() error {
	if r.s.isClosed() {
		return ErrClosed
	}
	if err := r.s.disk.remove(r.m.Name().sent()); err != nil {
		return fmt.Errorf("cannot remove the receipt of %s: %w", r.m.ID, err)
	}
	return nil
}

// tellSent tells of a receipt. None is there when somebody has removed the recording
// at the same moment.
func (s *Spool) tellSent(id string) {
	m, err := s.disk.loadManifestIn(Name{ID: id}.sent(), id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		s.log.Error("cannot read the receipt of a delivered recording, it is left for the next start", "recording", id, "err", err)
	default:
		s.cfg.OnSent(Receipt{s, m})
	}
}

// TellSent tells OnSent of all the receipts that are here, as Open does.
func (s *Spool) TellSent() error {
	list, err := os.ReadDir(s.disk.dir)
	if err != nil {
		return fmt.Errorf("cannot look into spool %q: %w", s.cfg.Dir, err)
	}
	for _, e := range list {
		if n, k := parseFile(e.Name()); k == kindSent {
			s.tellSent(n.ID)
		}
	}
	return nil
}

// finishSent removes what is left of a recording that was confirmed, and has its
// receipt told.
func (s *Spool) finishSent(f *found) error {
	n := Name{ID: f.id}
	_, err := s.disk.loadManifestIn(n.sent(), f.id)
	if errors.Is(err, ErrManifest) { // nobody can tell what it says of the audio
		s.quarantine(err.Error(), append(f.audio(), n.sent())...)
		return nil
	}
	if err != nil {
		return err
	}
	for _, file := range f.audio() {
		if err := s.disk.remove(file); err != nil {
			return err
		}
	}
	if err := s.disk.syncDir(); err != nil {
		return err
	}
	if s.cfg.OnSent == nil {
		return s.disk.remove(n.sent())
	}
	s.sent = append(s.sent, f.id)
	return nil
}

// Traces lists the recordings of which there is any file: here in the folder,
// receipts included, and aside in its quarantine. It reads both folders.
func (s *Spool) Traces() (here, aside map[string]bool, err error) {
	if here, err = idsIn(s.cfg.Dir); err != nil {
		return nil, nil, err
	}
	if aside, err = idsIn(s.disk.path(quarantineDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	return here, aside, nil
}

func idsIn(dir string) (map[string]bool, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot look into spool %q: %w", dir, err)
	}
	ids := map[string]bool{}
	for _, e := range list {
		if id, _, ok := strings.Cut(e.Name(), "."); ok && validID(id) {
			ids[id] = true
		}
	}
	return ids, nil
}

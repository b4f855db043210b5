package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// ErrNotParked says that no parked recording has this id.
var ErrNotParked = errors.New("no such recording is parked")

// Parked reads the manifests of at most limit parked recordings, in the order of
// their ids, from the first one after the id given ("" for the start).
func (s *Spool) Parked(after string, limit int) ([]Manifest, error) {
	var ids []string
	s.mu.Lock()
	for id, e := range s.entries {
		if e.state == stateParked && id > after {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	slices.Sort(ids)
	var list []Manifest
	for _, id := range ids {
		if len(list) >= limit {
			break
		}
		m, err := s.disk.loadManifest(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since we looked
		}
		if err != nil {
			return list, fmt.Errorf("cannot read manifest of %s: %w", id, err)
		}
		list = append(list, m)
	}
	return list, nil
}

// Unpark makes a parked recording ready again, as if it had never been tried.
// The caller takes it from there: OnReady is not told.
func (s *Spool) Unpark(id string) (Ready, error) {
	if !s.move(id, stateParked, stateReady) {
		return Ready{}, ErrNotParked
	}
	m, err := s.disk.loadManifest(id)
	if err == nil && s.isClosed() {
		err = ErrClosed
	}
	if err == nil {
		m.Delivery = Delivery{}
		err = s.disk.saveManifest(&m, true)
	}
	if err == nil {
		err = s.disk.syncDir()
	}
	if err != nil {
		s.move(id, stateReady, stateParked)
		return Ready{}, fmt.Errorf("cannot take recording %s out of the parked ones: %w", id, err)
	}
	return newReady(s, &m), nil
}

// move changes a recording's state; false if it is not in the one it should be.
func (s *Spool) move(id string, from, to state) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[id]
	if e == nil || e.state != from {
		return false
	}
	e.state = to
	return true
}

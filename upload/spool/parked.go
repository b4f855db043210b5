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
// their ids, from the first one after the id given ("" for the start). One whose
// manifest cannot be read is listed all the same, with that as its reason.
func (s *Spool) Parked(after string, limit int) []Manifest {
	return s.list(stateParked, after, limit)
}

// Waiting is Parked of those that are ready and not parked.
func (s *Spool) Waiting(after string, limit int) []Manifest {
	return s.list(stateReady, after, limit)
}

func (s *Spool) list(in state, after string, limit int) []Manifest {
	var found []Manifest
	s.mu.Lock()
	for id, e := range s.entries {
		if e.state == in && id > after {
			found = append(found, Manifest{ID: id, Account: e.call.account, CallID: e.call.id, Size: e.size, Delivery: Delivery{Class: e.class}})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(found, byID)
	list := found[:0]
	for _, known := range found {
		if len(list) >= limit {
			break
		}
		m, err := s.disk.loadManifest(known.ID)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // removed since we looked
		case err != nil && in == stateParked:
			known.Delivery.Parked = "its manifest cannot be read: " + err.Error()
			m = known
		case err != nil || (m.Delivery.Parked != "") != (in == stateParked):
			continue // unreadable, or moved on since we looked
		}
		list = append(list, m)
	}
	return list
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
		err = s.disk.unpark(&m)
	}
	if err != nil {
		s.move(id, stateReady, stateParked)
		return Ready{}, fmt.Errorf("cannot take recording %s out of the parked ones: %w", id, err)
	}
	return newReady(s, &m), nil
}

// unpark forgets all tries. After a power cut the recording may be parked again,
// which loses nothing.
func (d *disk) unpark(m *Manifest) error {
	m.Delivery = Delivery{}
	return d.saveManifest(m, true)
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

func byID(a, b Manifest) int {
	if a.ID < b.ID {
		return -1
	}
	return 1
}

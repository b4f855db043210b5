package spool

import (
	"fmt"
	"io/fs"
)

// Find returns a finished recording that is here, on its way or parked. The error
// is fs.ErrNotExist when there is none. It may be delivered, and gone, at any
// moment after.
func (s *Spool) Find(id string) (Ready, error) {
	s.mu.Lock()
	e := s.entries[id]
	here := e != nil && (e.state == stateReady || e.state == stateParked)
	s.mu.Unlock()
	if !here {
		return Ready{}, fmt.Errorf("recording %.64q is not in the spool: %w", id, fs.ErrNotExist)
	}
	m, err := s.disk.loadManifest(id)
	if err != nil {
		return Ready{}, fmt.Errorf("cannot read manifest of %s: %w", id, err)
	}
	return newReady(s, &m), nil
}

// Gone reports whether the recording has been taken out of the spool.
func (r Ready) Gone() bool {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.entries[r.name.ID] == nil
}

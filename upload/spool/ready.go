package spool

import (
	"fmt"
	"os"
	"time"
)

// Ready is a recording that is complete, synced and named. Only Commit and Open
// make one. It is a small value; its manifest stays on the disk.
type Ready struct {
	s        *Spool
	name     Name
	call     call
	size     int64
	started  time.Time
	delivery Delivery
	dest     Destination
}

func newReady(s *Spool, m *Manifest) Ready {
	return Ready{
		s: s, name: m.Name(), call: call{m.Account, m.CallID},
		size: m.Size, started: m.Started, delivery: m.Delivery, dest: m.Destination,
	}
}

// ID is the recording's.
func (r Ready) ID() string { return r.name.ID }

// Account is whose recording it is.
func (r Ready) Account() string { return r.call.account }

// CallID is the call it was made of.
func (r Ready) CallID() string { return r.call.id }

// Size is that of the audio in bytes.
func (r Ready) Size() int64 { return r.size }

// Started is when the recording began.
func (r Ready) Started() time.Time { return r.started }

// Delivery is the bookkeeping as it was when the spool announced the recording.
func (r Ready) Delivery() Delivery { return r.delivery }

// Destination is where the recording goes; it was fixed when it was made.
func (r Ready) Destination() Destination { return r.dest }

// Manifest reads the recording's manifest.
func (r Ready) Manifest() (Manifest, error) {
	m, err := r.s.disk.loadManifest(r.name.ID)
	if err != nil {
		return Manifest{}, fmt.Errorf("cannot read manifest of %s: %w", r.name.ID, err)
	}
	return m, nil
}

// Open opens the audio for reading.
func (r Ready) Open() (*os.File, error) {
	f, err := os.Open(r.s.disk.path(r.name.ready()))
	if err != nil {
		return nil, fmt.Errorf("cannot open recording %s: %w", r.name.ID, err)
	}
	return f, nil
}

// Done says that a target has confirmed the recording; it is removed, and once
// this returns nil no crash brings it back. What is left is the receipt that
// Config.OnSent has been told of. After an error, call it again.
func (r Ready) Done() error {
	if r.s.cfg.OnSent == nil {
		return r.Remove()
	}
	return r.end(r.name.sent())
}

// Remove takes the recording out of the spool, delivered or not, as Done does, and
// leaves nothing: its owner wants no more of it.
func (r Ready) Remove() error { return r.end(r.name.gone()) }

func (r Ready) end(mark string) error {
	if r.s.isClosed() {
		return ErrClosed
	}
	if err := r.s.erase(r.name, mark); err != nil {
		return fmt.Errorf("cannot remove recording %s from the spool: %w", r.name.ID, err)
	}
	if mark == r.name.sent() {
		r.s.tellSent(r.name.ID) // before it counts as gone
	}
	r.s.leave(r.name.ID)
	return nil
}

// Note keeps the bookkeeping of a failed try for the next process.
func (r Ready) Note(d Delivery) error {
	if r.s.isClosed() {
		return ErrClosed
	}
	m, err := r.Manifest()
	if err != nil {
		return err
	}
	m.Delivery = d
	if err := r.s.disk.saveManifest(&m, true); err != nil {
		return fmt.Errorf("cannot update manifest of %s: %w", r.name.ID, err)
	}
	return nil
}

// Rename gives the recording another name at its destination. It is for before the first
// try: a repeat must bear the same name. Once it returns nil no crash brings the old one back.
func (r Ready) Rename(name string) (Ready, error) {
	if r.s.isClosed() {
		return r, ErrClosed
	}
	m, err := r.Manifest()
	if err != nil {
		return r, err
	}
	m.Destination.Name = name
	if err := r.s.disk.saveManifest(&m, true); err != nil {
		return r, fmt.Errorf("cannot update manifest of %s: %w", r.name.ID, err)
	}
	if err := r.s.disk.syncDir(); err != nil {
		return r, fmt.Errorf("cannot keep the new name of %s: %w", r.name.ID, err)
	}
	r.dest = m.Destination
	return r, nil
}

// Park keeps the recording, out of the queue, until the operator acts. A reason
// is required: it is what makes it parked.
func (r Ready) Park(d Delivery, reason string) error {
	if reason == "" {
		reason = "no reason given"
	}
	d.Parked = reason
	if err := r.Note(d); err != nil {
		return err
	}
	if err := r.s.disk.syncDir(); err != nil {
		return fmt.Errorf("cannot park recording %s: %w", r.name.ID, err)
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if e := r.s.entries[r.name.ID]; e != nil {
		e.state, e.class = stateParked, d.Class
	}
	return nil
}

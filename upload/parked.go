package upload

import (
	"fmt"
	"time"

	"callrec/upload/spool"
)

// Parked is a recording that is kept until the operator acts.
type Parked struct {
	ID, Account, CallID string
	URL                 string // redacted; "" is the default target
	Started             time.Time
	Size                int64 // of the audio in bytes
	Tries               int
	LastTry             time.Time
	Reason              string // holds no credentials
}

// ListParked lists at most limit of the recordings that s has parked, by id, from
// the first one after the id given ("" for the start).
func ListParked(s *spool.Spool, after string, limit int) ([]Parked, error) {
	manifests, err := s.Parked(after, limit)
	list := make([]Parked, 0, len(manifests))
	for _, m := range manifests {
		list = append(list, Parked{
			ID: m.ID, Account: m.Account, CallID: m.CallID, URL: Redact(m.Destination.URL), Started: m.Started, Size: m.Size,
			Tries: m.Delivery.Tries, LastTry: m.Delivery.LastTry, Reason: m.Delivery.Parked,
		})
	}
	return list, err
}

// Redrive sends a parked recording on its way again, as if it had never been
// tried. The error is spool.ErrNotParked when it is none.
func (q *Queue) Redrive(s *spool.Spool, id string) error {
	r, err := s.Unpark(id)
	if err != nil {
		return fmt.Errorf("cannot deliver recording %.64q again: %w", id, err)
	}
	q.cfg.Log.Info("recording is no longer parked", "recording", id)
	q.Submit(r)
	return nil
}

// RedriveAll does that for everything parked now, and says for how many.
func (q *Queue) RedriveAll(s *spool.Spool) (n int, err error) {
	const page = 256
	for after := ""; ; {
		list, err := s.Parked(after, page)
		for _, m := range list {
			after = m.ID
			if err := q.Redrive(s, m.ID); err != nil {
				return n, err
			}
			n++
		}
		if err != nil || len(list) < page {
			return n, err
		}
	}
}

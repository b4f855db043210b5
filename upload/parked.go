package upload

import (
	"cmp"
	"context"
	"errors"
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
	Reason              string // why it is parked; like LastError it holds no credentials
	LastError           string
	Class               string // of that error; "" when an older worker parked it
}

// ParkedOf is what the manifest of a parked recording says.
func ParkedOf(m *spool.Manifest) Parked {
	return Parked{
		ID: m.ID, Account: m.Account, CallID: m.CallID, URL: Redact(m.Destination.URL), Started: m.Started, Size: m.Size,
		Tries: m.Delivery.Tries, LastTry: m.Delivery.LastTry, Reason: m.Delivery.Parked,
		LastError: cmp.Or(m.Delivery.LastError, m.Delivery.Parked), Class: m.Delivery.Class,
	}
}

// ListParked lists at most limit of the recordings that s has parked, by id, from
// the first one after the id given ("" for the start).
func ListParked(s *spool.Spool, after string, limit int) []Parked {
	manifests := s.Parked(after, limit)
	list := make([]Parked, 0, len(manifests))
	for _, m := range manifests {
		list = append(list, ParkedOf(&m))
	}
	return list
}

// Redrive sends a parked recording on its way again, as if it had never been
// tried. The error is spool.ErrNotParked when it is none; of two that do it at
// the same time, one gets that.
func (q *Queue) Redrive(s *spool.Spool, id string) error {
	r, err := s.Unpark(id)
	if err != nil {
		return fmt.Errorf("cannot deliver recording %.64q again: %w", id, err)
	}
	q.cfg.Log.Info("recording is no longer parked", "recording", id, "account", r.Account(), "url", Redact(r.Destination().URL))
	if q.cfg.OnRedrive != nil {
		q.cfg.OnRedrive(r)
	}
	q.Submit(r)
	return nil
}

// RedriveAll does that for everything parked now, until ctx is done, and says for
// how many. One that cannot be sent stands in no other's way; err tells of the
// first few.
func (q *Queue) RedriveAll(ctx context.Context, s *spool.Spool) (n int, err error) {
	const page, told = 256, 3
	var bad []error
	failed := 0
	for after := ""; ; {
		list := s.Parked(after, page)
		for _, m := range list {
			if ctx.Err() != nil {
				return n, errors.Join(bad...)
			}
			after = m.ID
			err := q.Redrive(s, m.ID)
			switch {
			case err == nil:
				n++
			case !errors.Is(err, spool.ErrNotParked): // else somebody else has sent it
				if failed++; failed <= told {
					bad = append(bad, err)
				}
			}
		}
		if len(list) < page {
			break
		}
	}
	if failed > told {
		bad = append(bad, fmt.Errorf("and %d more", failed-told))
	}
	return n, errors.Join(bad...)
}

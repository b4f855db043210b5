package upload

import (
	"errors"
	"io/fs"
	"time"

	"callrec/upload/spool"
)

// deliver makes one try of an item and puts it where it then belongs.
func (q *Queue) deliver(it *item) {
	if it.stale != nil {
		if !q.park(it, it.stale, q.outOfTime(it.stale)) {
			it.stale = nil
			q.putBack(it, time.Now().Add(q.cfg.MaxWait))
		}
		return
	}
	err := q.try(it)
	now := time.Now()
	switch {
	case err == nil:
		q.heard(it, nil, now)
		q.finish(it, Outcome{Delivered: true})
	case errors.Is(err, errRemoved):
		q.cfg.Log.Info("recording was removed before it was delivered", "recording", it.r.ID())
		q.mu.Lock()
		delete(q.items, it)
		q.end(it)
		q.mu.Unlock()
	case q.ctx.Err() != nil && !it.confirmed:
		q.putBack(it, now) // our own hurry is no failure of the target's
	case it.confirmed:
		q.cfg.Log.Error("recording is delivered but cannot be removed", "recording", it.r.ID(), "err", err)
		q.heard(it, nil, now)
		q.putBack(it, now.Add(q.wait(it.d.Tries+1)))
	default:
		q.heard(it, err, now)
		q.failed(it, err, now)
	}
}

// errRemoved says that somebody has taken a recording out of the spool.
var errRemoved = errors.New("it is no longer in the spool")

// try puts the recording, unless that is done, and removes the spool's copy.
func (q *Queue) try(it *item) error {
	if !it.confirmed {
		m, err := it.r.Manifest()
		if it.r.Gone() {
			return errRemoved
		}
		if errors.Is(err, spool.ErrManifest) || errors.Is(err, fs.ErrNotExist) {
			return Fail(Permanent, "%w", err)
		}
		if err != nil {
			return err
		}
		o, err := newObject(it.r, &m)
		if err != nil {
			return Fail(Permanent, "%w", err)
		}
		if err := q.target.Put(q.ctx, o); err != nil {
			return err
		}
		it.confirmed = true
		it.d.Tries++
	}
	return it.r.Done()
}

// heard tells the lane how its destination did. What never left this machine
// says nothing about it.
func (q *Queue) heard(it *item, err error, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		q.failures++
	}
	switch class := ClassOf(err); {
	case err == nil || class == Slow:
		it.lane.answered()
	case class == Retry:
		q.unanswered(it, err, now)
	}
}

// failed decides by the error's class when the next try is, if any.
func (q *Queue) failed(it *item, err error, now time.Time) {
	if reason := q.giveUp(&it.d, err, it.since, now); reason != "" && q.park(it, err, reason) {
		return
	}
	it.d.NotBefore = now.Add(q.waitAfter(err, it.d.Tries))
	q.cfg.Log.Warn("recording not delivered, will try again", "recording", it.r.ID(), "url", it.url,
		"tries", it.d.Tries, "class", ClassOf(err).String(), "next", it.d.NotBefore, "err", err)
	if nerr := it.r.Note(it.d); nerr != nil {
		q.cfg.Log.Warn("cannot keep count of tries", "recording", it.r.ID(), "err", nerr)
	}
	q.putBack(it, it.d.NotBefore)
}

// park takes the item out of the queue; false if the spool could not note it.
func (q *Queue) park(it *item, cause error, reason string) bool {
	d := it.d
	d.NotBefore, d.Class = time.Time{}, ClassOf(cause).String()
	if err := it.r.Park(d, reason); err != nil {
		q.cfg.Log.Error("cannot park recording", "recording", it.r.ID(), "reason", reason, "err", err)
		return false
	}
	q.finish(it, Outcome{Err: cause})
	return true
}

// finish ends an item and tells.
func (q *Queue) finish(it *item, o Outcome) {
	o.ID, o.Account, o.CallID = it.r.ID(), it.r.Account(), it.r.CallID()
	o.URL, o.Tries = it.url, it.d.Tries
	if o.Delivered {
		q.cfg.Log.Info("recording delivered", about(&o)...)
	} else {
		o.Ready = it.r
		q.cfg.Log.Error("recording parked; it stays in the spool until you act", append(about(&o), "err", o.Err)...)
	}
	if q.cfg.OnOutcome != nil {
		q.cfg.OnOutcome(o)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if o.Delivered {
		q.delivered++
	} else {
		q.parked++
	}
	delete(q.items, it)
	q.end(it)
}

// about names a recording in the log, as the rest of the log names it; the default
// target has no url.
func about(o *Outcome) []any {
	attrs := []any{"account", o.Account, "call", o.CallID, "recording", o.ID}
	if o.URL != "" {
		attrs = append(attrs, "url", o.URL)
	}
	return append(attrs, "tries", o.Tries)
}

func (q *Queue) putBack(it *item, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.postpone(it, next)
	q.end(it)
}

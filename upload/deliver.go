package upload

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"callrec/upload/spool"
)

// deliver makes one try of an item and puts it where it then belongs.
func (q *Queue) deliver(it *item) {
	err := q.try(it)
	now := time.Now()
	switch {
	case err == nil:
		q.finish(it, Outcome{Delivered: true})
	case q.ctx.Err() != nil && !it.confirmed:
		q.putBack(it) // our own hurry is no failure of the target's
	case it.confirmed:
		q.cfg.Log.Error("recording is delivered but cannot be removed", "recording", it.r.ID(), "err", err)
		it.next = now.Add(q.wait(it.d.Tries + 1))
		q.putBack(it)
	default:
		q.failed(it, err, now)
	}
}

// try puts the recording, unless that is done, and removes the spool's copy.
func (q *Queue) try(it *item) error {
	if !it.confirmed {
		m, err := it.r.Manifest()
		if errors.Is(err, spool.ErrManifest) || errors.Is(err, fs.ErrNotExist) {
			return Fail(Permanent, "%w", err)
		}
		if err != nil {
			return err
		}
		it.url = Redact(m.Destination.URL)
		o, err := newObject(it.r, &m)
		if err != nil {
			return Fail(Permanent, "%w", err)
		}
		if err := q.cfg.Target.Put(q.ctx, o); err != nil {
			return err
		}
		it.confirmed = true
		it.d.Tries++
	}
	return it.r.Done()
}

// failed decides by the error's class when the next try is, if any.
func (q *Queue) failed(it *item, err error, now time.Time) {
	d := &it.d
	d.Tries++
	d.LastTry, d.LastError = now, err.Error()
	if d.FirstTry.IsZero() || d.FirstTry.After(now) {
		d.FirstTry = now
	}
	class := ClassOf(err)
	if class != Slow {
		d.SlowSince = time.Time{}
	} else if d.SlowSince.IsZero() {
		d.SlowSince = now
	}
	reason := ""
	switch {
	case class == Permanent:
		reason = err.Error()
	case class == Slow && now.Sub(d.SlowSince) >= slowFor:
		reason = fmt.Sprintf("refused for %v: %v", slowFor, err)
	case now.Sub(d.FirstTry) >= q.cfg.Keep:
		reason = fmt.Sprintf("not delivered within %v: %v", q.cfg.Keep, err)
	}
	q.count(&q.failures)
	if reason != "" && q.park(it, err, reason) {
		return
	}
	d.NotBefore = now.Add(q.waitAfter(err, class, d.Tries))
	it.next = d.NotBefore
	q.cfg.Log.Warn("recording not delivered, will try again", "recording", it.r.ID(), "url", it.url,
		"tries", d.Tries, "class", class.String(), "next", d.NotBefore, "err", err)
	if nerr := it.r.Note(*d); nerr != nil {
		q.cfg.Log.Warn("cannot keep count of tries", "recording", it.r.ID(), "err", nerr)
	}
	q.putBack(it)
}

// park takes the item out of the queue; false if the spool could not note it.
func (q *Queue) park(it *item, cause error, reason string) bool {
	d := it.d
	d.NotBefore = time.Time{}
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
		q.count(&q.delivered)
		q.cfg.Log.Info("recording delivered", about(&o)...)
	} else {
		q.count(&q.parked)
		q.cfg.Log.Error("recording parked; it stays in the spool until you act", append(about(&o), "err", o.Err)...)
	}
	if q.cfg.OnOutcome != nil {
		q.cfg.OnOutcome(o)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.active, it)
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

func (q *Queue) putBack(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.active, it)
	q.later.push(it)
	q.signal()
}

func (q *Queue) count(c *int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	*c++
}

// waitAfter is the time to the next try.
func (q *Queue) waitAfter(err error, class Class, tries int) time.Duration {
	wait := q.wait(tries)
	if class == Slow {
		wait = time.Duration(float64(slowEvery) * (0.95 + q.cfg.Rand()/10))
	}
	var e *Error
	if errors.As(err, &e) {
		wait = max(wait, min(e.RetryAfter, maxRetryAfter))
	}
	return wait
}

// wait doubles from 1 s with every try, up to MaxWait, half of it left to chance
// so that what failed together does not come back together.
func (q *Queue) wait(tries int) time.Duration {
	base := q.cfg.MaxWait
	if n := max(tries, 1) - 1; n < 30 {
		base = min(base, time.Second<<n)
	}
	return base/2 + time.Duration(q.cfg.Rand()*float64(base))
}

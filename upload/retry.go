package upload

import (
	"errors"
	"fmt"
	"time"

	"callrec/upload/spool"
)

// Slow targets are tried this often, for this long.
const (
	slowEvery = time.Hour
	slowFor   = 24 * time.Hour

	maxRetryAfter = 24 * time.Hour // the longest wish of a target that is kept
)

// giveUp notes a failed try in d and says why there should be no other; "" when
// there should. since is when the recording's time began to run.
func (q *Queue) giveUp(d *spool.Delivery, err error, since, now time.Time) string {
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
	switch {
	case class == Permanent:
		return err.Error()
	case class == Slow && now.Sub(d.SlowSince) >= slowFor:
		return fmt.Sprintf("refused for %v: %v", slowFor, err)
	case now.Sub(since) >= q.cfg.Keep:
		return q.outOfTime(err)
	}
	return ""
}

func (q *Queue) outOfTime(err error) string {
	return fmt.Sprintf("not delivered within %v: %v", q.cfg.Keep, err)
}

// waitAfter is the time to the next try of a recording.
func (q *Queue) waitAfter(err error, tries int) time.Duration {
	wait := q.wait(tries)
	if ClassOf(err) == Slow {
		wait = time.Duration(float64(slowEvery) * (0.95 + q.cfg.Rand()/10))
	}
	return max(wait, retryAfter(err))
}

// retryAfter is the target's wish, bounded.
func retryAfter(err error) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	return max(0, min(e.RetryAfter, maxRetryAfter))
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

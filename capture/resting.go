package capture

import "time"

// looks is how often a resting pair is looked at in the time it has to rest. So
// the last packets of a call, or a stray one, prolong the rest by what is left
// of a quarter, and not by all of it.
const looks = 4

// resting queues dropped pairs by when to look at them next. All wait equally
// long between looks, so the queue is in order without sorting.
type resting struct {
	fifo[*pair]
	rest time.Duration
}

// add begins the rest of p anew.
func (r *resting) add(p *pair, now time.Duration) {
	p.quiet = now
	r.again(p, now)
}

// again queues p, in which nothing arrived, for the next look, unless it has
// rested long enough.
func (r *resting) again(p *pair, now time.Duration) bool {
	if now-p.quiet >= r.rest {
		return false
	}
	p.due = min(now+r.rest/looks, p.quiet+r.rest)
	r.push(p)
	return true
}

func (r *resting) isDue(now time.Duration) bool { return r.len() > 0 && r.front().due <= now }

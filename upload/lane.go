package upload

import (
	"slices"
	"strings"
	"time"
)

// trip is how many recordings in a row must get no answer before their
// destination counts as down. One that fails alone, again and again, is its own
// trouble and holds up no other.
const trip = 3

// laneKey names a destination: what one dead receiver can hold up, and no more.
// Another account's recordings for the same receiver are another lane, for the
// receiver may tell accounts apart. The zero key is the default target.
type laneKey struct {
	account string
	origin  string // scheme and host of the url, in lower case, without credentials
}

func laneKeyOf(account, url string) laneKey {
	if url == "" {
		return laneKey{}
	}
	scheme, rest, _ := strings.Cut(url, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	host := rest[strings.LastIndexByte(rest, '@')+1:]
	return laneKey{account, strings.ToLower(scheme + "://" + host)}
}

// lane is what waits for one destination, and how that has been doing. All its
// fields are guarded by the queue's mu.
//
//	unknown ─► up ⇄ doubtful ─► down: closed for a while, then one probe, then longer
//	              ▲                │
//	              └────────────────┘  the probe is answered
//
// It takes Config.PerDestination tries at a time while it is up, otherwise one.
type lane struct {
	key    laneKey
	due    heapOf[*item] // by age
	held   int           // its items in Queue.later
	active int
	queued bool // it is in Queue.ready, or waits for its account's share

	up     bool    // the last try was answered
	silent []*item // different items that got no answer since one did, at most trip
	fails  int     // failed probes; above 0 the lane is down
	until  time.Time
	err    error // of the last try that got no answer
}

// share is what an account has on its way, and the lanes of it that wait until it
// may have more.
type share struct {
	active  int
	waiting []*lane
}

// mayHave reports whether an account may have one more worker. It must leave free as
// many as it has, so the first gets half of them at most, the next half of the rest;
// and the last quarter is for accounts that have none. So receivers that take all the
// time they get, of some accounts, still leave somebody for the others.
func (q *Queue) mayHave(s *share) bool {
	free := q.cfg.Workers - q.active
	return s.active == 0 || free > max(s.active, q.cfg.Workers/4)
}

func (l *lane) down() bool { return l.fails > 0 }

func (q *Queue) laneOf(k laneKey) *lane {
	l := q.lanes[k]
	if l == nil {
		l = &lane{key: k, due: heapOf[*item]{less: older}}
		q.lanes[k] = l
	}
	return l
}

func older(a, b *item) bool { return a.r.Started().Before(b.r.Started()) }

// enqueue has a worker look at a lane.
func (q *Queue) enqueue(l *lane) {
	if l.queued || l.due.len() == 0 {
		return
	}
	l.queued = true
	q.ready = append(q.ready, l)
	q.signal()
}

// postpone makes an item wait.
func (q *Queue) postpone(it *item, next time.Time) {
	it.lane.held++
	q.later.push(alarm{at: next, item: it, lane: it.lane})
	q.signal()
}

// ring acts on an alarm.
func (q *Queue) ring(a alarm) {
	if a.item != nil {
		a.lane.held--
		a.lane.due.push(a.item)
	}
	q.enqueue(a.lane)
}

// take is the next item of a lane that may be tried now; nil when none may. Then
// whatever stands in the way has the lane looked at again when it is over.
func (q *Queue) take(l *lane, now time.Time) *item {
	if l.due.len() == 0 {
		return nil
	}
	if now.Before(l.until) { // an alarm is set
		if now.Sub(l.due.top().since) < q.cfg.Keep {
			return nil
		}
		l.due.top().stale = l.err // no probe will be in time for it
		return q.begin(l, l.due.pop())
	}
	limit := 1
	if l.up {
		limit = q.cfg.PerDestination
	}
	if l.active >= limit {
		return nil
	}
	if s := q.shareOf(l); s != nil && !q.mayHave(s) {
		l.queued = true
		s.waiting = append(s.waiting, l)
		return nil
	}
	if l.down() {
		return q.begin(l, l.due.remove(l.probe()))
	}
	return q.begin(l, l.due.pop())
}

// probe is the index of the item to try a destination with that is down: the one
// tried least, so that no recording the receiver chokes on stands before the
// others; the oldest of those.
func (l *lane) probe() int {
	best := 0
	for i, it := range l.due.items {
		b := l.due.items[best]
		if it.d.Tries < b.d.Tries || (it.d.Tries == b.d.Tries && older(it, b)) {
			best = i
		}
	}
	return best
}

func (q *Queue) shareOf(l *lane) *share {
	if l.key.origin == "" {
		return nil // the operator's own
	}
	s := q.accounts[l.key.account]
	if s == nil {
		s = &share{}
		q.accounts[l.key.account] = s
	}
	return s
}

func (q *Queue) begin(l *lane, it *item) *item {
	q.active++
	l.active++
	if s := q.shareOf(l); s != nil {
		s.active++
	}
	return it
}

// end takes back what begin took. The item is deferred or forgotten by then.
func (q *Queue) end(it *item) {
	l := it.lane
	q.active--
	l.active--
	if s := q.shareOf(l); s != nil {
		s.active--
	}
	for account, s := range q.accounts {
		if !q.mayHave(s) {
			continue
		}
		for _, w := range s.waiting {
			w.queued = false
			q.enqueue(w)
		}
		if s.waiting = nil; s.active == 0 {
			delete(q.accounts, account)
		}
	}
	q.enqueue(l)
	if l.due.len() == 0 && l.held == 0 && l.active == 0 {
		delete(q.lanes, l.key)
	}
	if q.closed {
		q.signal() // it may have been what the others waited for
	}
}

// answered notes that a destination is there; refusing is an answer too.
func (l *lane) answered() {
	l.up, l.silent, l.fails, l.until, l.err = true, nil, 0, time.Time{}, nil
}

// unanswered notes that a try got nowhere. Once enough have, or the receiver has
// asked for a pause, the lane closes for a while.
func (q *Queue) unanswered(it *item, err error, now time.Time) {
	l := it.lane
	l.up, l.err = false, err
	if len(l.silent) < trip && !slices.Contains(l.silent, it) {
		l.silent = append(l.silent, it)
	}
	pause := retryAfter(err)
	if len(l.silent) < trip && pause == 0 && !l.down() {
		return
	}
	if now.Before(l.until) { // it was on its way when the lane closed
		return
	}
	if l.fails++; l.fails == 1 {
		q.cfg.Log.Warn("destination is down, it is probed with one recording at a time", "url", it.url, "err", err)
	}
	l.until = now.Add(max(q.wait(l.fails), pause))
	q.later.push(alarm{at: l.until, lane: l})
	q.signal()
}

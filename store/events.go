package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	eventsWaiting = 4096 // events that wait for NATS; a newer one takes the place of the oldest
	eventSubjects = "callrec.events."
	complainEvery = time.Minute // of events that are lost
)

// told is an event on its way to NATS.
type told struct {
	account, call string
	body          func() []byte
}

// events publishes what happens to calls. Who tells never waits; one goroutine
// writes to the connection, which may block for as long as its socket does.
type events struct {
	publish func(subject string, body []byte) error
	log     *slog.Logger
	waiting chan told
	lost    atomic.Uint64

	mu  sync.Mutex
	why error // the last known reason of a loss

	logged uint64 // of lost; this and the next are run's own
	last   time.Time
}

func newEvents(publish func(string, []byte) error, log *slog.Logger) *events {
	return &events{publish: publish, log: log, waiting: make(chan told, eventsWaiting)}
}

// Tell publishes an event of a call to whoever has subscribed to
// callrec.events.ACCOUNT.CALL on the server that Config.URL names, at most once and
// in the order of the calls to Tell. CALL is the call's id in base64url without
// padding; ACCOUNT is the account's id as it is when that is 1 to 64 of A-Z a-z 0-9 _ -,
// which all accounts of the API are, else "=" and the id in base64url.
//
// It may be called by a shard: it never waits. body is called later, on another
// goroutine. While NATS is away or slow the newest 4096 events wait; what else is told,
// or what NATS refuses, is counted in Stats.EventsLost. To the embedded server nobody
// can subscribe, and nothing is published there.
func (s *Store) Tell(account, call string, body func() []byte) {
	if s.cfg.URL != "" {
		s.events.tell(told{account, call, body})
	}
}

func (e *events) tell(t told) {
	for {
		select {
		case e.waiting <- t:
			return
		default:
		}
		select {
		case <-e.waiting:
			e.lost.Add(1)
		default:
		}
	}
}

// run publishes until ctx is done, and then what waits, as far as NATS takes it soon.
func (e *events) run(ctx context.Context) {
	for {
		select {
		case t := <-e.waiting:
			e.send(ctx, t)
		case <-ctx.Done():
			for end := time.Now().Add(answerTime); len(e.waiting) > 0 && time.Now().Before(end); {
				e.send(ctx, <-e.waiting)
			}
			return
		}
	}
}

// send publishes one event. While the client looks for a server again it waits,
// because the client itself would keep nothing (see connect).
func (e *events) send(ctx context.Context, t told) {
	subject, err := eventSubject(t.account, t.call)
	if err == nil {
		body := t.body()
		for err = e.publish(subject, body); errors.Is(err, nats.ErrReconnectBufExceeded); err = e.publish(subject, body) {
			if err = errAway; ctx.Err() != nil {
				break
			}
			e.because(err)
			e.complain()
			pause(ctx, firstWait)
		}
	}
	if err != nil {
		e.lose(err)
	}
	e.complain()
}

// Why events that nothing is wrong with are lost.
var (
	errAway = errors.New("NATS is away")
	errSlow = errors.New("NATS takes them slower than they come")
)

func (e *events) because(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.why = err
}

// lose counts an event that NATS will not have.
func (e *events) lose(err error) {
	e.because(err)
	e.lost.Add(1)
}

// complain logs what has been lost, once in a while.
func (e *events) complain() {
	lost := e.lost.Load()
	if lost == e.logged || !e.last.IsZero() && time.Since(e.last) < complainEvery {
		return
	}
	e.mu.Lock()
	why := cmp.Or(e.why, errSlow)
	e.why = nil
	e.mu.Unlock()
	e.log.Warn("events were not published to NATS", "events", lost-e.logged, "err", why)
	e.logged, e.last = lost, time.Now()
}

// refused reports whether an error that came later is of an event: this worker may
// not publish it.
func (e *events) refused(err error) bool {
	if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+eventSubjects) {
		return false
	}
	e.lose(fmt.Errorf("%w; the user of --nats must be allowed to publish to %s>", err, eventSubjects))
	return true
}

// eventSubject is the subject of a call's events.
func eventSubject(account, call string) (string, error) {
	if len(account) > maxID || len(call) > maxID {
		return "", fmt.Errorf("an id of %d bytes, want at most %d", max(len(account), len(call)), maxID)
	}
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	if account == "" || len(account) > 64 || strings.TrimLeft(account, plain) != "" {
		account = "=" + base64.RawURLEncoding.EncodeToString([]byte(account))
	}
	if call = base64.RawURLEncoding.EncodeToString([]byte(call)); call == "" {
		call = "="
	}
	return eventSubjects + account + "." + call, nil
}

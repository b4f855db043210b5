package control

import (
	"sync"

	"callrec/recording"
)

// Bounds of a Feed.
const (
	feedBuffer    = 256 // events that may wait for one listener
	feedListeners = 256 // in all
	feedAccount   = 32  // of one account, so that no tenant keeps the others out
)

// Feed passes what happens to calls on to whoever listens. It keeps nothing for
// later, and nobody waits for a slow listener: it is cut off.
type Feed struct {
	mu        sync.Mutex
	listeners map[*Listener]struct{}
	closed    bool
}

// Listener hears the events of one account.
type Listener struct {
	// Events is closed when the listener was too slow, or the feed is.
	Events <-chan recording.Event

	feed    *Feed
	account string
	events  chan recording.Event
	slow    bool
}

// NewFeed returns a feed without listeners.
func NewFeed() *Feed { return &Feed{listeners: map[*Listener]struct{}{}} }

// Publish passes an event on. It never waits.
func (f *Feed) Publish(e recording.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.listeners {
		if l.account != e.Call.Account {
			continue
		}
		select {
		case l.events <- e:
		default:
			l.slow = true
			f.drop(l)
		}
	}
}

// Listen starts to listen to an account; ok is false when too many do (256, or 32 to
// the same account), or the feed is closed. The listener is to be closed.
func (f *Feed) Listen(account string) (l *Listener, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	beside := 0
	for l := range f.listeners {
		if l.account == account {
			beside++
		}
	}
	if f.closed || len(f.listeners) >= feedListeners || beside >= feedAccount {
		return nil, false
	}
	events := make(chan recording.Event, feedBuffer)
	l = &Listener{Events: events, feed: f, account: account, events: events}
	f.listeners[l] = struct{}{}
	return l, true
}

// Close ends all listeners, and lets nobody listen any more.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for l := range f.listeners {
		f.drop(l)
	}
}

func (f *Feed) drop(l *Listener) {
	if _, listens := f.listeners[l]; listens {
		delete(f.listeners, l)
		close(l.events)
	}
}

// Close ends listening.
func (l *Listener) Close() {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	l.feed.drop(l)
}

// Slow reports, once Events is closed, whether that was because of a full buffer.
func (l *Listener) Slow() bool {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	return l.slow
}

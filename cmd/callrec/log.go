package main

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"

	"golang.org/x/term"

	"callrec/recording"
)

// newLogger writes to standard error: text on a terminal, JSON otherwise.
func newLogger(format string, debug bool) *slog.Logger {
	opts := &slog.HandlerOptions{}
	if debug {
		opts.Level = slog.LevelDebug
	}
	if format == "text" || (format == "auto" && term.IsTerminal(int(os.Stderr.Fd()))) {
		return slog.New(slog.NewTextHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, opts))
}

// eventLog writes what happens to calls into the log, on a goroutine of its own:
// a shard must never wait for a terminal.
type eventLog struct {
	events  chan recording.Event
	dropped atomic.Uint64
	done    chan struct{}
}

func newEventLog(log *slog.Logger) *eventLog {
	l := &eventLog{events: make(chan recording.Event, 4096), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for e := range l.events {
			logEvent(log, e)
		}
	}()
	return l
}

// add never waits: when the log is that far behind, the event is counted instead.
func (l *eventLog) add(e recording.Event) {
	select {
	case l.events <- e:
	default:
		l.dropped.Add(1)
	}
}

// close waits until everything is written.
func (l *eventLog) close() {
	close(l.events)
	<-l.done
}

// logEvent writes one event. Of deliveries the upload queue writes, which also knows of
// those that an earlier worker left to it.
func logEvent(log *slog.Logger, e recording.Event) {
	if r := e.Recording; r != nil && (r.State == recording.Delivered || r.State == recording.Parked) {
		return
	}
	level, attrs := slog.LevelInfo, []slog.Attr{
		slog.String("account", e.Call.Account), slog.String("call", e.Call.Call),
	}
	what := "call " + e.Name
	if r := e.Recording; r != nil {
		what = "recording " + e.Name
		attrs = append(attrs, slog.String("recording", r.ID))
		if r.Length > 0 {
			attrs = append(attrs, slog.Float64("seconds", r.Length.Seconds()))
		}
		switch r.State {
		case recording.Spooled:
			if r.Quality != nil { // else it is one that is sent again
				attrs = append(attrs, slog.Any("quality", r.Quality))
			}
		case recording.Failed:
			level = slog.LevelError
		case recording.Armed, recording.Recording, recording.Masked, recording.Finishing,
			recording.Delivered, recording.Parked, recording.Discarded, recording.Cancelled:
		}
	}
	if e.Digit != "" {
		attrs = append(attrs, slog.String("digit", e.Digit), slog.Time("pressed", e.At))
	}
	if e.Detail != "" {
		attrs = append(attrs, slog.String("detail", e.Detail))
	}
	log.LogAttrs(context.Background(), level, what, attrs...)
}

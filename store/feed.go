package store

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// change is one message of a bucket's stream.
type change struct {
	key    string // the subject after the bucket's prefix
	rev    uint64
	gone   bool // the key was removed
	header nats.Header
	data   []byte
	at     time.Time
}

// feed reads a bucket from its beginning and then every change to it, in order.
type feed struct {
	bucket  *bucket
	log     *slog.Logger
	headers bool // values are not needed
	apply   func(c change, gen uint32)
	// caughtUp is told when the reading gen has shown everything up to revision last.
	caughtUp func(gen uint32, last uint64)

	seen func(b *bucket, rev uint64) // may be nil

	again chan struct{} // asks for a full reading, because removals may have been missed
	ready chan struct{} // closed after the first full reading
}

// reread has the feed read everything anew.
func (f *feed) reread() {
	select {
	case f.again <- struct{}{}:
	default: // asked already
	}
}

// run reads until ctx is done. A reading that cannot begin is tried again.
func (f *feed) run(ctx context.Context) {
	for gen := uint32(1); ctx.Err() == nil; gen++ {
		err := f.read(ctx, gen)
		if err == nil || ctx.Err() != nil {
			continue
		}
		f.log.Warn("cannot follow a bucket of the store; trying again", "bucket", f.bucket.name, "err", err)
		pause(ctx, time.Second)
	}
}

// read is one reading: everything, then every change, until another is asked for.
func (f *feed) read(ctx context.Context, gen uint32) error {
	info, err := f.bucket.stream.Info(ctx)
	if err != nil {
		return err
	}
	last, done := info.State.LastSeq, false
	finish := func() {
		done = true
		f.caughtUp(gen, last)
		if gen > 1 {
			f.log.Info("the store has been read again", "bucket", f.bucket.name)
		}
		select {
		case <-f.ready:
		default:
			close(f.ready)
		}
	}
	if info.State.Msgs == 0 {
		finish()
	}
	cons, err := f.bucket.js.OrderedConsumer(ctx, f.bucket.streamName(), jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverAllPolicy, HeadersOnly: f.headers,
	})
	if err != nil {
		return err
	}
	// The client calls back on a goroutine of its own; this one is where a feed's
	// changes are made, so that a stopped reading cannot make one more.
	msgs := make(chan jetstream.Msg, 256)
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	consuming, err := cons.Consume(func(m jetstream.Msg) {
		select {
		case msgs <- m:
		case <-stop.Done():
		}
	}, jetstream.PullMaxMessages(2000))
	if err != nil {
		return err
	}
	closed := consuming.Closed() // once: each call leaves a goroutine behind until the end
	defer func() {
		cancel()
		consuming.Stop()
		<-closed
	}()
	check, quiet := time.NewTicker(time.Second), false
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.again:
			return nil
		case <-closed:
			return errors.New("the watch has ended")
		case m := <-msgs:
			quiet = false
			meta, err := m.Metadata()
			if err != nil {
				continue // not a message of the stream
			}
			f.apply(asChange(f.bucket, m, meta), gen)
			if f.seen != nil {
				f.seen(f.bucket, meta.Sequence.Stream)
			}
			if !done && (meta.Sequence.Stream >= last || meta.NumPending == 0) {
				finish()
			}
		case <-check.C:
			// The last messages of a stream may have expired before they were shown:
			// then no message says that it is the last.
			if done {
				check.Stop()
				continue
			}
			info, err := cons.Info(ctx)
			nothing := err == nil && info.NumPending == 0
			if nothing && quiet && len(msgs) == 0 {
				finish()
			}
			quiet = nothing
		}
	}
}

func asChange(b *bucket, m jetstream.Msg, meta *jetstream.MsgMetadata) change {
	h := m.Headers()
	return change{
		key: strings.TrimPrefix(m.Subject(), b.prefix), rev: meta.Sequence.Stream, gone: isMarker(h),
		header: h, data: m.Data(), at: meta.Timestamp,
	}
}

// isMarker reports whether a message stands for the removal of its key, by us, by
// another client of the bucket, or by the server.
func isMarker(h nats.Header) bool {
	op := h.Get(headerOperation)
	return op == opDelete || op == opPurge || h.Get(jetstream.MarkerReasonHeader) != ""
}

// pause waits for d or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

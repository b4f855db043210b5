package store

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// writeAtOnce is how many recordings are written before their answers are waited for.
const writeAtOnce = 128

// The waits after a write that failed.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
)

// write takes recordings from the queue to the bucket until ctx is done.
func (s *Store) write(ctx context.Context) {
	wait := firstWait
	for {
		batch := s.queue.take(ctx, writeAtOnce)
		if batch == nil {
			return
		}
		err := s.writeBatch(ctx, batch)
		if err == nil {
			wait = firstWait
			continue
		}
		if ctx.Err() == nil {
			s.log.Warn("cannot write the index of recordings; trying again", "err", err, "queued", s.Stats().Queued, "in", wait)
		}
		pause(ctx, wait)
		wait = min(2*wait, lastWait)
	}
}

// writeBatch writes recordings of different ids. Each ends as written, as old
// news, or back in the queue. The error is that of NATS, if it has one.
func (s *Store) writeBatch(ctx context.Context, batch []*Recording) (failed error) {
	acks := make([]jetstream.PubAckFuture, len(batch))
	again := func(r *Recording, err error) {
		s.queue.done(r, true)
		failed = err
	}
	for i, r := range batch {
		rev, old := s.index.look(r)
		if old {
			s.queue.done(r, false)
			continue
		}
		m, err := r.message(s.recordings)
		if err == nil {
			acks[i], err = s.recordings.js.PublishMsgAsync(m, jetstream.WithExpectLastSequencePerSubject(rev))
		}
		if err != nil {
			again(r, err)
		}
	}
	for i, r := range batch {
		if acks[i] == nil {
			continue
		}
		select {
		case ack := <-acks[i].Ok():
			s.index.recs.set(r.Account, r.ID, ack.Sequence, 0, s.index.rec(r))
			s.queue.done(r, false)
		case err := <-acks[i].Err():
			if !wrongRevision(err) {
				again(r, err)
			} else if err := s.catchUp(ctx, r); err != nil {
				again(r, err)
			} else {
				s.queue.done(r, true) // at the revision known now
			}
		case <-ctx.Done():
			again(r, ctx.Err())
		}
	}
	return failed
}

// catchUp takes in what the bucket has of a recording: another store has written
// it, or the watch is not there yet.
func (s *Store) catchUp(ctx context.Context, r *Recording) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := s.recordings.last(ctx, key(r.Account, r.ID))
	if err != nil {
		return err
	}
	if c == nil { // dropped by the bucket, or with its account
		s.index.recs.forgetKey(r.Account, r.ID)
		return nil
	}
	s.index.apply(*c, 0)
	if _, rev, _ := s.index.recs.get(r.Account, r.ID); rev < c.rev { // not ours, and to be replaced
		s.index.recs.set(r.Account, r.ID, c.rev, 0, s.index.rec(&Recording{}))
	}
	return nil
}

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What NATS key-value buckets call things (ADR-8): other tools can read ours.
const (
	headerOperation = "KV-Operation"
	opDelete        = "DEL"
	opPurge         = "PURGE"
)

// anyRevision is a change that does not ask what it replaces.
const anyRevision = ^uint64(0)

// forgetRemoved is how long the bucket remembers that something was removed. A
// store that was cut off reads everything again, so it could be shorter.
const forgetRemoved = 24 * time.Hour

// bucket is one key-value bucket: a stream with one message a key.
type bucket struct {
	name   string
	prefix string // of its subjects
	js     jetstream.JetStream
	stream jetstream.Stream
}

func (b *bucket) streamName() string { return "KV_" + b.name }

// bounds are what a bucket may grow to. Zero is no bound.
type bounds struct {
	bytes, count int64
	age          time.Duration
	dropOldest   bool // what reaches a bound drops the oldest instead of being refused
}

// openBucket finds a bucket or makes it. Of one that is there, only the bounds
// are changed: replicas and placement are its operator's.
func openBucket(ctx context.Context, js jetstream.JetStream, name, description string, replicas int, b bounds) (*bucket, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	out := &bucket{name: name, prefix: "$KV." + name + ".", js: js}
	want := jetstream.StreamConfig{
		Name: out.streamName(), Description: description, Subjects: []string{out.prefix + ">"},
		MaxMsgsPerSubject: 1, MaxMsgs: -1, MaxBytes: -1, MaxAge: b.age, MaxMsgSize: -1, MaxConsumers: -1,
		Storage: jetstream.FileStorage, Replicas: replicas, Discard: jetstream.DiscardNew,
		AllowRollup: true, DenyDelete: true, AllowDirect: true, AllowMsgTTL: true,
	}
	bound := func(c *jetstream.StreamConfig) {
		c.MaxAge = b.age
		if b.bytes > 0 {
			c.MaxBytes = b.bytes
		}
		if b.count > 0 {
			c.MaxMsgs = b.count
		}
		if b.dropOldest {
			c.Discard = jetstream.DiscardOld
		}
	}
	bound(&want)
	s, err := js.Stream(ctx, want.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		s, err = js.CreateStream(ctx, want)
	case err == nil:
		have := s.CachedInfo().Config
		if have.MaxMsgsPerSubject != 1 || !have.AllowDirect || !have.AllowMsgTTL {
			return nil, fmt.Errorf("bucket %s is not as callrec makes it (history 1, direct access, message TTLs); remove or rename it", name)
		}
		now := have
		bound(&now)
		if now.MaxAge != have.MaxAge || now.MaxBytes != have.MaxBytes || now.MaxMsgs != have.MaxMsgs || now.Discard != have.Discard {
			s, err = js.UpdateStream(ctx, now)
		}
	}
	if err != nil {
		return nil, opening("cannot open bucket "+name, err)
	}
	out.stream = s
	return out, nil
}

// put writes a key if it is at the revision expect; 0: if it has no message, not
// even of its removal.
func (b *bucket) put(ctx context.Context, m *nats.Msg, expect uint64, opts ...jetstream.PublishOpt) (uint64, error) {
	if expect != anyRevision {
		opts = append(opts, jetstream.WithExpectLastSequencePerSubject(expect))
	}
	ack, err := b.js.PublishMsg(ctx, m, opts...)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// message makes a message of a key.
func (b *bucket) message(key string, data []byte) *nats.Msg {
	return &nats.Msg{Subject: b.prefix + key, Header: nats.Header{}, Data: data}
}

// mark writes that a key is removed. ttl bounds how long that is remembered; 0: for ever.
func (b *bucket) mark(ctx context.Context, key string, expect uint64, ttl time.Duration) (uint64, error) {
	m := b.message(key, nil)
	m.Header.Set(headerOperation, opDelete)
	var opts []jetstream.PublishOpt
	if ttl > 0 {
		opts = append(opts, jetstream.WithMsgTTL(ttl))
	}
	return b.put(ctx, m, expect, opts...)
}

// last reads the newest message of a key; nil when there is none.
func (b *bucket) last(ctx context.Context, key string) (*change, error) {
	m, err := b.stream.GetLastMsgForSubject(ctx, b.prefix+key)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &change{key: key, rev: m.Sequence, gone: isMarker(m.Header), header: m.Header, data: m.Data, at: m.Time}, nil
}

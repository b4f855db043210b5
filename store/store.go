package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config is what a store is made of.
type Config struct {
	Dir string // the embedded server's folder; made if missing; not used with URL
	URL string // of a NATS server or cluster, 2.11 or later, with JetStream; empty: embedded
	Log *slog.Logger

	// Compile makes of a document what [Store.Compiled] returns: once a change, twice
	// where the writer and the watch meet. It is called from several goroutines and
	// must not call the store. Nil: nothing.
	Compile func(ref Ref, doc json.RawMessage) any

	// The index of recordings keeps the newest, by their last change: at most
	// MaxRecordings (0: 200,000) none older than MaxAge (0: 400 days). One takes about
	// 0.7 KB of memory with the embedded server. The audio is not touched by that.
	MaxRecordings int64
	MaxAge        time.Duration

	// seen is told when a change that the watch has shown is in force; for tests.
	seen func(b *bucket, rev uint64)
}

// What the buckets may hold. Documents and tokens that do not fit are refused,
// the oldest recordings dropped.
const (
	documentsBytes    = 1 << 30
	tokensBytes       = 64 << 20
	recordingsBytes   = 8 << 30
	namesBytes        = 256 << 20
	defaultRecordings = 200_000
	defaultAge        = 400 * 24 * time.Hour
)

// answerTime is how long NATS has for an answer when the caller set no deadline, and at
// the start in any case: a cluster drops what it is asked about a bucket that nobody leads
// yet, so that it has to be asked again.
const answerTime = 5 * time.Second

// Store is the store of one worker. Its methods may be called from any goroutine.
//
// Until it is connected it takes what [Store.Upsert], [Store.UpsertThen] and
// [Store.Tell] are told; [Store.Used] says yes and [Store.Claim] that nothing is known.
// Whoever asks it for more has to wait for [Store.Connect].
type Store struct {
	cfg     Config
	log     *slog.Logger
	compile func(Ref, json.RawMessage) any
	server  *embedded // nil with a cluster
	conn    *nats.Conn
	dialer  dialer        // of every try to connect
	open    chan struct{} // closed when the fields above and the buckets are set

	documents, tokens, recordings, names *bucket

	docs   *replica[docKey, *Document]
	secret *tokenBook
	index  *index
	queue  *queue
	events *events

	feeds  []*feed // documents, tokens, recordings
	stop   context.CancelFunc
	finish context.CancelFunc // lets the writer end, its queue written or not
	wait   sync.WaitGroup
	writer sync.WaitGroup
	lost   lostConnection
}

// New makes a store that is not connected yet. An error says what is wrong with cfg.
func New(cfg Config) (*Store, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Compile == nil {
		cfg.Compile = func(Ref, json.RawMessage) any { return nil }
	}
	if cfg.MaxRecordings == 0 {
		cfg.MaxRecordings = defaultRecordings
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = defaultAge
	}
	if cfg.MaxRecordings < 0 || cfg.MaxAge < time.Minute {
		return nil, fmt.Errorf("the index of recordings cannot keep %d recordings for %v", cfg.MaxRecordings, cfg.MaxAge)
	}
	if cfg.URL == "" && cfg.Dir == "" {
		return nil, errors.New("a store wants a folder or the URL of a NATS server (--nats)")
	}
	s := &Store{
		cfg: cfg, log: cfg.Log, compile: cfg.Compile, open: make(chan struct{}),
		docs: newReplica[docKey, *Document](), secret: newTokenBook(), index: newIndex(), queue: newQueue(),
	}
	s.events = newEvents(func(subject string, body []byte) error { return s.conn.Publish(subject, body) }, cfg.Log)
	s.docs.size = (*Document).size
	s.makeFeeds()
	return s, nil
}

// Connect connects the store and returns when documents and tokens can be read; the
// index of recordings may still be loading, which [Store.Loaded] tells. ctx bounds the
// connecting only. After an error it may be called again; [ErrUnavailable] is of what
// may change by itself, as NATS that is away.
func (s *Store) Connect(ctx context.Context) error {
	if !s.connected() {
		if err := s.connect(); err != nil {
			return err
		}
		if err := s.openBuckets(ctx); err != nil {
			s.conn.Close()
			return err
		}
		close(s.open)
		s.start(ctx)
	}
	for _, f := range s.feeds[:2] {
		select {
		case <-f.ready:
		case <-ctx.Done():
			return fmt.Errorf("cannot read the %s of the store: %w: %w", f.bucket.name, ErrUnavailable, ctx.Err())
		}
	}
	return nil
}

// connected reports whether there is, or was, a connection.
func (s *Store) connected() bool {
	select {
	case <-s.open:
		return true
	default:
		return false
	}
}

// connect starts the server if there is to be one, and connects to it.
func (s *Store) connect() (err error) {
	opts := []nats.Option{
		nats.Name("callrec"), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), // fail at once while away
		nats.IgnoreAuthErrorAbort(), // a password that is being changed is no reason to give up
		nats.ReconnectWait(500 * time.Millisecond),
		nats.SetCustomDialer(&s.dialer),
		// A server that reads nothing must not hold a writer, and all behind it, for long.
		nats.FlusherTimeout(answerTime),
		nats.DisconnectErrHandler(func(c *nats.Conn, err error) {
			if c.IsClosed() {
				return // by us
			}
			s.log.Warn("the connection to NATS is lost; settings stay as they were, changes fail", "err", err)
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			s.log.Info("NATS is back")
			s.lost.back()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if !s.events.refused(err) {
				s.log.Warn("nats", "err", err)
			}
		}),
	}
	where := s.cfg.URL
	if where == "" {
		if s.server == nil {
			if s.server, err = startServer(s.cfg.Dir, s.log); err != nil {
				return err
			}
		}
		opts = append(opts, nats.InProcessServer(s.server))
	}
	if s.conn, err = nats.Connect(where, opts...); err != nil {
		return opening(fmt.Sprintf("cannot reach NATS at %s (--nats)", redact(where)), err)
	}
	return nil
}

// redact leaves the password out of a URL.
func redact(where string) string {
	u, err := url.Parse(where)
	if err != nil {
		return "the URL given"
	}
	return u.Redacted()
}

func (s *Store) openBuckets(ctx context.Context) error {
	js, err := jetstream.New(s.conn, jetstream.WithDefaultTimeout(answerTime), jetstream.WithPublishAsyncTimeout(answerTime))
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	info, err := js.AccountInfo(asked)
	if err != nil {
		return opening("cannot use JetStream", err)
	}
	if info.API.Level < 1 {
		return fmt.Errorf("NATS server %s is too old, want 2.11 or later", s.conn.ConnectedServerVersion())
	}
	replicas := 1
	if s.conn.ConnectedClusterName() != "" {
		replicas = 3
	}
	for _, b := range []struct {
		to                **bucket
		name, description string
		bounds            bounds
	}{
		{&s.documents, "callrec_documents", "accounts and what is under them", bounds{bytes: documentsBytes}},
		{&s.tokens, "callrec_tokens", "hashes of the API's tokens", bounds{bytes: tokensBytes}},
		{&s.recordings, "callrec_recordings", "index of recordings", bounds{
			bytes: recordingsBytes, count: s.cfg.MaxRecordings, age: s.cfg.MaxAge, dropOldest: true,
		}},
		{&s.names, "callrec_names", "whose names at receivers are", bounds{
			bytes: namesBytes, count: s.cfg.MaxRecordings, age: s.cfg.MaxAge, dropOldest: true,
		}},
	} {
		if *b.to, err = openBucket(ctx, js, b.name, b.description, replicas, b.bounds); err != nil {
			return err
		}
	}
	return nil
}

// makeFeeds makes a feed for each bucket.
func (s *Store) makeFeeds() {
	newFeed := func(apply func(change, uint32), caughtUp func(uint32, uint64)) *feed {
		return &feed{
			log: s.log, apply: apply, caughtUp: caughtUp, seen: s.cfg.seen,
			again: make(chan struct{}, 1), ready: make(chan struct{}),
		}
	}
	docs := newFeed(s.applyDocument, func(gen uint32, last uint64) { s.docs.sweep(unseen[*Document](gen, last)) })
	tokens := newFeed(s.secret.apply, func(gen uint32, last uint64) { s.secret.replica.sweep(unseen[*tokenEntry](gen, last)) })
	recs := newFeed(s.index.apply, func(uint32, uint64) {})
	recs.headers = true
	s.feeds = []*feed{docs, tokens, recs}
	// Removals of documents and tokens are remembered for a day only. Those of
	// recordings are as long as recordings: their feed goes on where it was.
	s.lost.set(func() { docs.reread(); tokens.reread() })
}

// start starts the goroutines: the feeds, the writer of the index and its keeper, and
// the publisher of events.
func (s *Store) start(ctx context.Context) {
	live, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	for i, b := range []*bucket{s.documents, s.tokens, s.recordings} {
		f := s.feeds[i]
		f.bucket = b
		s.wait.Go(func() { f.run(live) })
	}
	s.wait.Go(func() { s.keep(live) })
	writing, finish := context.WithCancel(context.WithoutCancel(ctx))
	s.finish = finish
	s.writer.Go(func() { s.write(writing) })
	if s.server == nil {
		s.writer.Go(func() { s.events.run(writing) })
	}
}

// unseen tells which cells a full reading has not shown though it should have:
// they were removed while nobody watched.
func unseen[V any](gen uint32, last uint64) func(*cell[V]) bool {
	return func(c *cell[V]) bool { return c.gen != gen && c.rev <= last }
}

// lostConnection runs what a reconnection asks for.
type lostConnection struct {
	mu sync.Mutex
	do func()
}

func (l *lostConnection) set(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.do = do
}

func (l *lostConnection) back() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.do != nil {
		l.do()
	}
}

// Loaded is closed when the index of recordings has been read. Until then lists
// are incomplete and [Store.Used] says yes to everything.
func (s *Store) Loaded() <-chan struct{} { return s.feeds[2].ready }

func (s *Store) loaded() bool {
	select {
	case <-s.Loaded():
		return true
	default:
		return false
	}
}

// Close writes what waits for the index until ctx is done, and stops everything.
// What could not be written is counted in the error. It must not be called while
// [Store.Connect] is.
func (s *Store) Close(ctx context.Context) error {
	err := s.Flush(ctx)
	s.close()
	return err
}

func (s *Store) close() {
	s.queue.close()
	if s.finish != nil {
		s.finish()
		s.writer.Wait()
		s.stop()
	}
	if s.conn != nil {
		if s.server == nil && s.conn.IsConnected() {
			// A socket closed with something left to read resets the connection: the
			// server might lose what it has not read yet, the last events.
			_ = s.conn.FlushTimeout(answerTime)
		}
		s.conn.Close() // before the wait: a reading that has asked NATS for something would wait for the answer
	}
	s.wait.Wait()
	if s.server != nil {
		s.server.stop()
	}
}

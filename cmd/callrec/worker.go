package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"callrec/capture"
	"callrec/control"
	"callrec/control/httpapi"
	"callrec/recording"
	"callrec/store"
	"callrec/upload"
	"callrec/upload/guard"
	"callrec/upload/spool"
)

// graceful bounds the last steps of a stop: answers under way, the spool's
// writes, deliveries under way. What is not delivered by then is in the spool.
const graceful = 10 * time.Second

// workerConfig is everything a worker is made of, checked.
type workerConfig struct {
	data, http, ops, storage string
	nats                     string // URL; empty: embedded
	allowTarget              []string
	addrs                    []netip.Addr
	addrsFound               bool // on this machine, not told by the operator
	firstPort, lastPort      uint16
	rtpAllow                 []netip.Prefix
	rtcp                     recording.RTCP
	reportDigits             bool
	shards                   int
	tokenFile                string
	tlsCert, tlsKey          string
	hold, sourceTimeout      time.Duration
	mediaTimeout, uploadKeep time.Duration
	syncEvery                time.Duration // 0: recordings are synced when they end
	minFree, minFreeBegin    int64         // bytes the disk must have left for new calls, and for further recordings
	spoolQuota               int64         // bytes of an account in the spool; 0: half of what there is room for
	maxBusy                  float64       // share of a shard's time; 0: no limit
	maxMemory                int64         // bytes that the process may take; 0: no limit
	storageKeep              time.Duration // 0 for ever
	uploadCA                 string
	uniqueNames              bool
	mp3Kbps                  int
}

// worker is a running worker: the parts, in the order they are stopped.
type worker struct {
	log     *slog.Logger
	cfg     workerConfig
	guard   *guard.Guard
	router  upload.Router
	queue   *upload.Queue
	sweeper *upload.Sweeper // nil when storage is kept for ever
	spool   *spool.Spool
	space   *space
	manager *recording.Manager
	events  *eventLog
	store   *store.Store
	behind  atomic.Bool   // the index had no room for something
	telling chan struct{} // closed to end keepTelling, which closes told
	told    chan struct{}
	pause   claimPause
	feed    *control.Feed
	doors   []*http.Server
	failed  chan error  // a listener that broke
	started atomic.Bool // it got as far as being ready

	// owner is manager, for the spool and the deliverers: what an earlier process
	// left, they may deal with before there is one.
	owner atomic.Pointer[recording.Manager]

	apiAddr, opsAddr string
	certificate      string // SHA-256 of the API's; "" without TLS
	tokenPlace       string
}

// startWorker builds the parts from the disk up and opens the doors last. When
// it fails, what it had started is stopped again; when ctx ends before the store of
// documents answers, its doors stay closed.
func startWorker(ctx context.Context, cfg workerConfig, log *slog.Logger) (w *worker, err error) {
	w = &worker{log: log, cfg: cfg, feed: control.NewFeed(), failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = w.stop(ctx)
		}
	}()
	if err := os.MkdirAll(cfg.data, 0o700); err != nil {
		return w, fmt.Errorf("cannot use the data folder (--data): %w", err)
	}
	hash, place, err := adminToken(cfg.tokenFile, cfg.data)
	if err != nil {
		return w, err
	}
	w.tokenPlace = place
	w.events = newEventLog(log)
	away, err := w.makeStore()
	if err != nil {
		return w, err
	}
	if err := w.startDelivery(); err != nil {
		return w, err
	}
	if w.space, err = watchSpace(&cfg, w.spool, w.liveCalls); err != nil {
		return w, err
	}
	has := roomFor(cfg.firstPort, cfg.lastPort)
	has.memory, has.budget = w.space.memory.room(), cfg.maxMemory
	if err := has.check(w.space.free.Load(), cfg.minFree, func(what string) { log.Warn(what) }); err != nil {
		return w, err
	}
	if err := w.startRecording(); err != nil {
		return w, err
	}
	if cfg.ops != "" {
		if w.opsAddr, err = w.open("--ops", cfg.ops, w.opsHandler(), "", ""); err != nil {
			return w, err
		}
	}
	if away != nil && w.awaitStore(ctx, away) != nil {
		return w, nil // to be drained like any other
	}
	w.reconcile()
	w.telling, w.told = make(chan struct{}), make(chan struct{})
	go w.keepTelling()
	api, err := httpapi.New(httpapi.Config{
		Recorder: w.manager, Documents: w.store, Tokens: w.store, Index: w.store, Audio: archive{w.spool, w.router}, Spool: desk{w}, Feed: w.feed,
		Log: log, TokenHash: hash, Version: version, Node: hostname(), Hold: cfg.hold,
		Defaults: recording.Defaults{MP3Kbps: cfg.mp3Kbps, CheckURL: w.guard.CheckURL},
	})
	if err != nil {
		return w, err
	}
	if w.apiAddr, err = w.open("--http", cfg.http, api, cfg.tlsCert, cfg.tlsKey); err != nil {
		return w, err
	}
	if err := w.announceAddress(); err != nil {
		return w, err
	}
	if cfg.addrsFound && !slices.ContainsFunc(cfg.addrs, func(a netip.Addr) bool { return !a.IsLoopback() }) {
		log.Warn("SBCs are told to send to loopback: this machine has no default route and no other address; say where it is reached (--rtp-address)", "rtp_address", fmt.Sprint(cfg.addrs))
	}
	w.started.Store(true)
	log.Info(has.String(),
		"rtp_address", fmt.Sprint(cfg.addrs), "rtp_ports", fmt.Sprintf("%d-%d", cfg.firstPort, cfg.lastPort), "shards", len(w.manager.Stats().Shards))
	log.Info("ready", "version", version, "http", w.apiAddr, "ops", w.opsAddr, "storage", w.storage(), "admin_token", place)
	return w, nil
}

// startRecording opens the ports and starts the shards.
func (w *worker) startRecording() error {
	n := w.cfg.shards
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	clock := capture.NewClock()
	var sets []capture.Set
	closeAll := func() {
		for _, s := range sets {
			_ = s.Close() // nothing was received yet
		}
	}
	for i := range n {
		set, err := capture.NewSockets(capture.SocketsConfig{
			Addrs: w.cfg.addrs, FirstPort: w.cfg.firstPort, LastPort: w.cfg.lastPort, Share: i, Of: n,
			Slots: recording.Slots, Clock: clock.Now,
		})
		if err != nil {
			closeAll()
			return err
		}
		sets = append(sets, set)
	}
	m, err := recording.New(recording.Config{
		Sets: sets, Spool: w.spool, Clock: clock, Hold: w.cfg.hold, SourceTimeout: w.cfg.sourceTimeout,
		MediaTimeout: w.cfg.mediaTimeout, Allow: w.cfg.rtpAllow, RTCP: w.cfg.rtcp, ReportDigits: w.cfg.reportDigits,
		Admit: w.space.admit, Begin: w.space.begin, MaxBusy: w.cfg.maxBusy, Used: w.used, OnEvent: w.happened, Log: w.log,
	})
	if err != nil {
		closeAll()
		return err
	}
	w.manager = m
	w.owner.Store(m)
	if n := m.Resume(context.Background()); n > 0 {
		w.log.Info("calls of an earlier process go on", "calls", n)
	}
	return nil
}

// open serves a handler. The address returned is the one really listened on.
func (w *worker) open(flag, addr string, h http.Handler, cert, key string) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("cannot listen (%s): %w", flag, err)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: httpapi.ReadHeaderTimeout, ReadTimeout: httpapi.ReadTimeout,
		IdleTimeout: httpapi.IdleTimeout, MaxHeaderBytes: httpapi.MaxHeaderBytes,
		ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelDebug),
	}
	if flag == "--http" { // profiles on the other listener take as long as was asked
		srv.WriteTimeout = httpapi.WriteTimeout
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			_ = l.Close()
			return "", fmt.Errorf("cannot load the certificate (--tls-cert, --tls-key): %w", err)
		}
		w.certificate = fingerprint(pair.Certificate[0])
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	w.doors = append(w.doors, srv)
	go func() {
		var err error
		if cert != "" {
			err = srv.ServeTLS(l, "", "")
		} else {
			err = srv.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			w.failed <- fmt.Errorf("%s %s: %w", flag, addr, err)
		}
	}()
	return l.Addr().String(), nil
}

// liveCalls counts them.
func (w *worker) liveCalls() int {
	if m := w.owner.Load(); m != nil {
		return m.Live()
	}
	return 0
}

// spooled passes a finished recording on.
func (w *worker) spooled(r spool.Ready) {
	r = w.named(r)
	w.indexReady(r)
	if m := w.owner.Load(); m != nil {
		m.Spooled(r.ID())
	}
	w.queue.Submit(r)
}

// lost tells the recording's owner that the spool could not save it.
func (w *worker) lost(id string, err error) {
	if m := w.owner.Load(); m != nil {
		m.Lost(id, err)
	}
}

// delivered tells the recording's owner what became of its delivery; the queue
// has logged it, and the spool has told the index of one that was delivered.
func (w *worker) delivered(o upload.Outcome) {
	if !o.Delivered {
		w.indexParked(o.Ready)
	}
	switch m := w.owner.Load(); {
	case m == nil: // what an earlier process left was faster than this one's start
		state, reason := ended(&o)
		w.happened(recording.Event{
			At: time.Now(), Call: recording.CallID{Account: o.Account, Call: o.CallID}, Name: state.String(), Detail: reason,
			Recording: &recording.Info{ID: o.ID, State: state, Reason: reason},
		})
	case o.Delivered:
		m.Delivered(recording.CallID{Account: o.Account, Call: o.CallID}, o.ID)
	default:
		m.Parked(recording.CallID{Account: o.Account, Call: o.CallID}, o.ID, o.Err.Error())
	}
}

// stop ends the worker: no new calls, running ones until ctx is done, then the
// doors, the spool and the deliverers. Every file is in the spool when it returns.
func (w *worker) stop(ctx context.Context) error {
	var errs []error
	if w.manager != nil {
		w.log.Info("draining", "calls", w.manager.Stats().Calls)
		w.manager.Drain(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer cancel()
	w.feed.Close() // or its listeners would be waited for
	if w.apiAddr != "" {
		errs = append(errs, dropAddress(w.cfg.data))
	}
	for _, d := range w.doors {
		errs = append(errs, d.Shutdown(last))
	}
	if w.spool != nil {
		errs = append(errs, w.spool.Flush(last))
	}
	if w.manager != nil {
		w.manager.Close()
	}
	if w.sweeper != nil {
		w.sweeper.Close()
	}
	if w.queue != nil {
		errs = append(errs, w.queue.Close(last))
	}
	if w.telling != nil {
		close(w.telling)
		<-w.told
	}
	if w.spool != nil {
		w.tellIndex(last)
		errs = append(errs, w.spool.Close(last))
	}
	if w.space != nil {
		w.space.close()
	}
	if w.events != nil {
		w.events.close()
	}
	if w.store != nil {
		errs = append(errs, w.store.Close(last))
	}
	if w.started.Load() { // else the last word is why not
		w.log.Info("stopped")
	}
	return errors.Join(errs...)
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "callrec"
	}
	return name
}

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"callrec/control"
	"callrec/store"
)

const (
	storeFirst = 5 * time.Second  // how long the store is waited for before calls of an earlier process go on
	storeAgain = time.Second      // between two tries after that
	storeTry   = 30 * time.Second // how long one may take; the log tells of NATS that is away as often
)

// makeStore makes the store of documents, tokens and the index, and connects it if that
// can be had soon. If not, the worker begins without: what an earlier process left,
// calls and files, needs none of it, and cannot wait: away says why it is not there yet.
func (w *worker) makeStore() (away, err error) {
	cfg := store.Config{URL: w.cfg.nats, Log: w.log, Compile: control.Compile}
	if cfg.URL == "" {
		cfg.Dir = filepath.Join(w.cfg.data, "nats")
	}
	if w.store, err = store.New(cfg); err != nil {
		return nil, err
	}
	err = w.connectStore(context.Background(), storeFirst)
	if errors.Is(err, store.ErrUnavailable) {
		return err, nil
	}
	return nil, err
}

// connectStore connects the store, and waits a moment for the index: until it is there,
// every object name is taken for used.
func (w *worker) connectStore(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := w.store.Connect(ctx); err != nil {
		return fmt.Errorf("cannot open the store of documents: %w", err)
	}
	loading := time.NewTimer(storeFirst)
	defer loading.Stop()
	select {
	case <-w.store.Loaded():
	case <-loading.C:
		w.log.Warn("the index of recordings is still being read; until then every file gets a long name")
	}
	return nil
}

// awaitStore returns when the store is connected, or, with an error, when ctx is done.
// Whatever keeps it away may be mended while calls go on.
func (w *worker) awaitStore(ctx context.Context, away error) error {
	w.log.Warn("the API stays closed until the store of documents answers; calls of an earlier process go on, and recordings are delivered", "err", away, "ops", w.opsAddr)
	told := time.Now()
	for {
		err := w.connectStore(ctx, storeTry)
		if err == nil {
			w.log.Info("the store of documents answers")
			return nil
		}
		if time.Since(told) >= storeTry {
			told = time.Now()
			w.log.Warn("the API is still closed", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(storeAgain):
		}
	}
}

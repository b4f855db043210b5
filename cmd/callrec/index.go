package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"callrec/control"
	"callrec/recording"
	"callrec/store"
	"callrec/upload"
	"callrec/upload/spool"
)

// What the index of recordings is told comes from the spool, which outlives the
// call, the process and the way to NATS: the manifest says what a recording is, and
// where its files are says its state. Nothing is read from the index for that.

// index tells the index the newest of a recording; kept, unless nil, is called once
// no crash can undo that.
func (w *worker) index(r control.Recording, kept func()) {
	err := w.store.UpsertThen(r, kept)
	var full *store.FullError
	switch {
	case err == nil:
	case errors.As(err, &full) && r.State != recording.Failed.String(): // the spool has it: see keepTelling
		if w.behind.CompareAndSwap(false, true) {
			w.log.Warn("the index of recordings has no room, and is told of the rest later", "err", err)
		}
	default:
		w.log.Error("a recording is missing from the index", "recording", r.ID, "state", r.State, "err", err)
	}
}

// indexAs tells the index of a recording by its manifest. at is when it entered the
// state, or any later moment at which it was still in it.
func (w *worker) indexAs(m *spool.Manifest, state recording.State, reason string, at time.Time, kept func()) error {
	e, err := recording.Recall(m)
	if err != nil {
		w.log.Error("a recording is missing from the index", "recording", m.ID, "state", state.String(), "err", err)
		return err
	}
	e.At, e.Recording.State = at, state
	if reason != "" {
		e.Recording.Reason = reason
	}
	w.index(control.Recorded(&e), kept)
	return nil
}

// indexReady puts a recording whose file is whole into the index, or back into the
// state that it had then, when it is to be sent again.
func (w *worker) indexReady(r spool.Ready) {
	at := time.Now()
	m, err := r.Manifest()
	if err != nil {
		w.log.Error("a recording is missing from the index", "recording", r.ID(), "err", err)
		return
	}
	_ = w.indexAs(&m, recording.Spooled, "", at, nil) // it has logged it
}

// indexParked tells the index that a recording is parked, if it still is: who sends it
// again at the same moment tells the index, too, and the later of the two counts.
func (w *worker) indexParked(r spool.Ready) {
	at := time.Now()
	m, err := r.Manifest()
	switch {
	case r.Gone():
	case err != nil:
		w.log.Error("the index does not know that a recording is parked", "recording", r.ID(), "err", err)
	case m.Delivery.Parked != "":
		_ = w.indexAs(&m, recording.Parked, upload.ParkedOf(&m).LastError, at, nil) // it has logged it
	}
}

// indexSent tells the index that a recording is delivered, and drops the receipt when
// no crash can undo that.
func (w *worker) indexSent(r spool.Receipt) {
	m := r.Manifest()
	drop := func() {
		if err := r.Drop(); err != nil {
			w.log.Warn("the index will be told of a delivery once more, at the next start", "recording", m.ID, "err", err)
		}
	}
	if err := w.indexAs(&m, recording.Delivered, "", time.Now(), drop); err != nil {
		drop() // it will never be readable
	}
}

// reconcile brings the index in line with the spool at the start, when what an
// earlier process left is known again and no door is open. What is ready, or
// delivered, the spool has told; this is about the rest.
func (w *worker) reconcile() {
	pending := w.store.Pending() // before the look at the folder: what comes after it is not judged
	w.tell(w.spool.Parked, recording.Parked, pending)
	here, aside, err := w.spool.Traces()
	if err != nil {
		w.log.Warn("the index may show recordings as spooled that are not", "err", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, r := range pending {
		reason := "it is no longer in the spool, and nothing says that it was delivered"
		switch {
		case here[r.ID]:
			continue
		case aside[r.ID]:
			reason = fmt.Sprintf("it is in quarantine: %s", filepath.Join("spool", "quarantine", r.ID+".*"))
		case w.cfg.nats != "":
			continue // it may be in another worker's spool
		}
		if err := w.indexFailed(ctx, r.Account, r.ID, reason); err != nil {
			w.log.Warn("the index may show recordings as spooled that are not", "err", err)
			return
		}
	}
}

// tell tells the index that what a list of the spool has, in pieces, is in a state,
// unless it was so already. The moment is that before the look, so that whatever happens
// to a recording meanwhile is the newer.
func (w *worker) tell(list func(after string, limit int) []spool.Manifest, in recording.State, pending []control.Recording) {
	at, known := time.Now(), make(map[string]bool, len(pending))
	for _, r := range pending {
		known[r.ID] = r.State == in.String()
	}
	const piece = 256
	for after, full := "", true; full; {
		some := list(after, piece)
		for i := range some {
			m := &some[i]
			if after = m.ID; known[after] {
				continue
			}
			reason := ""
			if in == recording.Parked {
				reason = upload.ParkedOf(m).LastError
			}
			_ = w.indexAs(m, in, reason, at, nil) // it has logged it
		}
		full = len(some) == piece
	}
}

// tellEvery is how often it is seen whether an index that was behind has room again.
const tellEvery = 2 * time.Second

// keepTelling tells the index what it had no room for, until telling is closed.
func (w *worker) keepTelling() {
	defer close(w.told)
	t := time.NewTicker(tellEvery)
	defer t.Stop()
	for {
		select {
		case <-w.telling:
			return
		case <-t.C:
		}
		if w.behind.Load() && w.store.Stats().Queued == 0 {
			w.behind.Store(false) // before telling: there may be no room for all of it
			w.tellAll()
		}
	}
}

// tellAll tells the index of all that is in the spool; what it knows already, or knows
// better, changes nothing.
func (w *worker) tellAll() {
	if err := w.spool.TellSent(); err != nil {
		w.log.Warn("the index of recordings is behind until the next start", "err", err)
	}
	pending := w.store.Pending()
	w.tell(w.spool.Waiting, recording.Spooled, pending)
	w.tell(w.spool.Parked, recording.Parked, pending)
}

// tellIndex gives the index a moment, at the end, so that the receipts of what was
// delivered need not be told by the next process.
func (w *worker) tellIndex(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_ = w.store.Flush(ctx) // closing it will say what it could not write
}

// indexFailed tells the index that a recording is lost to us, unless it has heard of
// its end meanwhile.
func (w *worker) indexFailed(ctx context.Context, account, id, reason string) error {
	r, err := w.store.Recording(ctx, account, id)
	var gone *control.NotFoundError
	if errors.As(err, &gone) {
		return nil
	}
	if err != nil || r.Ended() {
		return err
	}
	now, err := control.Failed(r, reason, time.Now())
	if err != nil {
		return err
	}
	w.log.Error("a recording of an earlier process is not in the spool", "account", account, "recording", id, "was", r.State, "reason", reason)
	w.index(now, nil)
	return nil
}

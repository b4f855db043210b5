package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"callrec/control"
	"callrec/recording"
	"callrec/upload"
	"callrec/upload/spool"
)

// desk is the worker's spool as its API shows it.
type desk struct{ w *worker }

func (d desk) Usage() (control.SpoolUsage, error) {
	files, bytes, err := d.w.spool.Quarantine()
	return usageOf(d.w.spool.Usage(), files, bytes), err
}

func (d desk) Undelivered(account string) int { return d.w.spool.Recordings(account) }

func (d desk) Parked(after string, limit int) ([]control.Parked, bool, error) {
	list := upload.ListParked(d.w.spool, after, limit+1)
	more := len(list) > limit
	if more {
		list = list[:limit]
	}
	out := make([]control.Parked, 0, len(list))
	for _, p := range list {
		out = append(out, parkedOf(p, time.Now()))
	}
	return out, more, nil
}

func (d desk) Retry(id string) error {
	err := d.w.queue.Redrive(d.w.spool, id)
	if errors.Is(err, spool.ErrNotParked) {
		return &recording.NotFoundError{What: "parked recording", Name: id}
	}
	return err
}

func (d desk) RetryAll(ctx context.Context) (int, error) {
	return d.w.queue.RedriveAll(ctx, d.w.spool)
}

// redriven tells the index and the recording's owner that its delivery begins anew.
func (w *worker) redriven(r spool.Ready) {
	w.indexReady(r)
	if m := w.owner.Load(); m != nil {
		m.Retried(recording.CallID{Account: r.Account(), Call: r.CallID()}, r.ID())
	}
}

func usageOf(u spool.Usage, files int, bytes int64) control.SpoolUsage {
	out := control.SpoolUsage{
		Part: control.SpoolShare(u.Parts), Waiting: control.SpoolShare(u.Ready),
		Quarantined: control.QuarantineOf{Files: files, Bytes: bytes},
	}
	out.Parked.SpoolShare, out.Parked.ByClass = control.SpoolShare(u.Parked), map[string]int{}
	for class, n := range u.ParkedBy {
		out.Parked.ByClass[cmp.Or(class, "unknown")] += n
	}
	return out
}

func parkedOf(p upload.Parked, now time.Time) control.Parked {
	out := control.Parked{
		ID: p.ID, AccountID: p.Account, CallID: p.CallID, Started: p.Started.UTC(), Age: int64(now.Sub(p.Started).Seconds()), Size: p.Size,
		URL: p.URL, Class: cmp.Or(p.Class, "unknown"), Error: p.LastError, Reason: p.Reason, Tries: p.Tries,
	}
	if !p.LastTry.IsZero() {
		last := p.LastTry.UTC()
		out.LastTry = &last
	}
	return out
}

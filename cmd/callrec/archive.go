package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"

	"callrec/control"
	"callrec/recording"
	"callrec/upload"
	"callrec/upload/spool"
)

// happened is told everything by the shards: it must not wait.
func (w *worker) happened(e recording.Event) {
	w.events.add(e)
	w.feed.Publish(e)
	w.store.Tell(e.Call.Account, e.Call.Call, func() []byte { return control.EventJSON(&e) })
	if e.Recording != nil && e.Recording.State == recording.Failed {
		w.index(control.Recorded(&e), nil) // no file will tell of it
	}
}

// ended is the state that a delivery has ended in, and why.
func ended(o *upload.Outcome) (recording.State, string) {
	if o.Delivered {
		return recording.Delivered, ""
	}
	return recording.Parked, o.Err.Error()
}

// archive is control.Audio: the spool, and after it the target.
type archive struct {
	spool  *spool.Spool
	target upload.Router
}

// ref finds a recording where a target keeps it.
func (a archive) ref(r *control.Recording) (upload.Ref, error) {
	var doc struct {
		Type  string `json:"media_type"`
		Start int64  `json:"start"`
		URL   string `json:"url"`
	}
	if err := json.Unmarshal(r.Doc, &doc); err != nil {
		return upload.Ref{}, err
	}
	return upload.Ref{ID: r.ID, Account: r.Account, Ext: doc.Type, Started: control.FromGregorian(doc.Start), URL: doc.URL}, nil
}

// Open implements control.Audio. What is delivered while it is sought is then
// found at its target.
func (a archive) Open(ctx context.Context, r *control.Recording) (io.ReadSeekCloser, error) {
	if ready, err := a.spool.Find(r.ID); err == nil && ready.Account() == r.Account {
		if f, err := ready.Open(); err == nil {
			return f, nil
		}
	}
	ref, err := a.ref(r)
	if err != nil {
		return nil, err
	}
	return a.target.Get(ctx, ref)
}

// Remove implements control.Audio: out of the spool, so that it is not delivered,
// and from the target, should that have it.
func (a archive) Remove(ctx context.Context, r *control.Recording) error {
	ready, err := a.spool.Find(r.ID)
	if err == nil && ready.Account() == r.Account {
		err = ready.Remove()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ref, err := a.ref(r)
	if err != nil {
		return err
	}
	return a.target.Delete(ctx, ref)
}

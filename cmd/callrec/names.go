package main

import (
	"cmp"
	"context"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"callrec/upload/spool"
)

// claimTime is how long a finisher waits for the store to say whose a name is.
const claimTime = 2 * time.Second

// claimPause is until when no names are claimed, because the store did not answer: a
// finisher that waits holds up other recordings. Unix milliseconds.
type claimPause struct{ until atomic.Int64 }

// used is for the shards: whether a call's plain names are taken, as far as is
// known at once.
func (w *worker) used(account, callID string) bool {
	return w.cfg.uniqueNames || w.store.Used(account, callID)
}

// named makes sure of a recording's name at its receiver before it goes out. Who made
// it has looked whether its call id was used before; but another worker of the same
// store may have had the call at the same time, and another account may have a call
// of that id and the same receiver. So plain names are claimed, and who comes second,
// or does not hear who came first, has its id in its name.
func (w *worker) named(r spool.Ready) spool.Ready {
	d := r.Destination()
	place := placeOf(cmp.Or(d.URL, w.cfg.storage))
	if place == "" || strings.Contains(d.Name, r.ID()) || r.Delivery().Tries > 0 {
		return r
	}
	if time.Now().UnixMilli() >= w.pause.until.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), claimTime)
		defer cancel()
		mine, err := w.store.Claim(ctx, place+"\n"+d.Name, r.ID())
		if mine {
			return r
		}
		if err != nil {
			w.pause.until.Store(time.Now().Add(10 * time.Second).UnixMilli())
			w.log.Warn("cannot tell whether a name is free at its receiver; recordings get long names for now", "recording", r.ID(), "err", err)
		}
	}
	ext := path.Ext(d.Name)
	other, err := r.Rename(strings.TrimSuffix(d.Name, ext) + "_" + r.ID() + ext)
	if err != nil {
		w.log.Error("a recording keeps a name that another may have", "recording", r.ID(), "name", d.Name, "err", err)
	}
	return other
}

// placeOf is the receiver that a url leads to, as far as its text tells: without
// credentials, and with http and https the same. "" is one where names are ours, by
// recording id.
func placeOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		if scheme, rest, _ := strings.Cut(raw, "://"); strings.HasPrefix(strings.ToLower(scheme), "http") {
			return rest
		}
		return ""
	}
	if s := strings.ToLower(u.Scheme); s != "http" && s != "https" {
		return ""
	}
	where := strings.ToLower(u.Host) + strings.TrimRight(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		where += "?" + u.RawQuery
	}
	return where
}

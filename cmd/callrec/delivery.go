package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"callrec/recording"
	"callrec/upload"
	"callrec/upload/folder"
	"callrec/upload/guard"
	"callrec/upload/httpput"
	"callrec/upload/s3"
	"callrec/upload/spool"
)

// startDelivery opens the targets, the queue before them and the spool before
// that; what an earlier process left goes out at once.
func (w *worker) startDelivery() (err error) {
	if w.guard, err = guard.New(w.cfg.allowTarget); err != nil {
		return usagef("--allow-target: %w", err)
	}
	trust, err := trusted(w.cfg.uploadCA)
	if err != nil {
		return err
	}
	router, err := w.targets(trust)
	if err != nil {
		return err
	}
	w.router = router
	if w.cfg.storageKeep > 0 {
		storage, ok := router.Default.(upload.Expirer)
		if !ok {
			return usagef("--storage-keep: only a folder can be kept free of old recordings, and --storage is %s; a bucket has lifecycle rules of its own", w.storage())
		}
		w.sweeper = upload.NewSweeper(storage, w.cfg.storageKeep, w.log)
	}
	if w.queue, err = upload.New(upload.Config{
		Target: router, Keep: w.cfg.uploadKeep, Log: w.log, OnOutcome: w.delivered, OnRedrive: w.redriven,
	}); err != nil {
		return err
	}
	w.spool, err = spool.Open(spool.Config{
		Dir: filepath.Join(w.cfg.data, "spool"), OnReady: w.spooled, OnSent: w.indexSent, OnLost: w.lost, Repair: recording.Repair,
		KeepParts: true, SyncEvery: w.cfg.syncEvery, QueueBytes: forQueue(w.cfg.maxMemory), Log: w.log,
	})
	if err != nil {
		return err
	}
	return dropAddress(w.cfg.data) // now that nobody else can have written it
}

// targets makes the operator's storage and what tenants' urls lead to.
func (w *worker) targets(trust *tls.Config) (r upload.Router, err error) {
	agent := "callrec/" + version
	if r.HTTP, err = httpput.New(httpput.Config{Guard: w.guard, TLS: trust, Agent: agent}); err != nil {
		return r, err
	}
	r.File = folder.URLs{Guard: w.guard}
	own := s3.Config{Guard: w.guard, TLS: trust}
	switch scheme, _, isURL := strings.Cut(w.cfg.storage, "://"); {
	case !isURL:
		r.Default, err = folder.New(w.cfg.storage)
	case scheme == "file":
		var dir string
		if dir, err = guard.Folder(w.cfg.storage); err == nil {
			r.Default, err = folder.New(dir)
		}
	case scheme == "s3":
		own.URL = w.cfg.storage
		var t *s3.Target
		t, err = s3.New(own)
		r.Default, r.S3 = t, t
	default:
		r.Default, err = httpput.New(httpput.Config{URL: w.cfg.storage, TLS: trust, Agent: agent})
	}
	if err != nil {
		return r, fmt.Errorf("cannot use the storage (--storage): %w", err)
	}
	if r.S3 == nil && slices.ContainsFunc(w.cfg.allowTarget, func(a string) bool { return strings.HasPrefix(a, "s3:") }) {
		if r.S3, err = s3.New(own); err != nil {
			return r, fmt.Errorf("cannot use the buckets of tenants (--allow-target): %w", err)
		}
	}
	return r, nil
}

// trusted is whom to trust besides the system's certificate authorities; nil for
// nobody.
func trusted(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, usagef("--upload-ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usagef("--upload-ca: %s holds no certificate in PEM", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// storage is the default target as logs may show it.
func (w *worker) storage() string {
	if strings.Contains(w.cfg.storage, "://") {
		return upload.Redact(w.cfg.storage)
	}
	return w.cfg.storage
}

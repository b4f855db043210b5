// Package folder is the Target that keeps recordings in a folder of this
// machine: the default storage. cmd makes one for --storage; package upload
// calls Put. It owns the layout
//
//	DIR/<account>/<yyyy>/<mm>/<dd>/<recording id>.<ext>    and .json beside it
//
// of upload.Layout. A file under its name is complete and synced; its .json is
// there before it, and goes after it. It gives audio back, and removes what is
// asked for or has become old. URLs does the same for tenants' file: urls.
package folder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"callrec/upload"
	"callrec/upload/spool"
)

// Target keeps recordings under one folder. Its methods may be called by anybody.
type Target struct {
	dir string
}

// New makes the folder if it is not there.
func New(dir string) (*Target, error) {
	if dir == "" {
		return nil, errors.New("cannot store recordings: the storage folder has no name; see --storage")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make storage folder %q: %w", dir, err)
	}
	dir = filepath.Clean(dir)
	_ = spool.SyncDir(filepath.Dir(dir)) // where that cannot be done, the folder was made by somebody else
	return &Target{dir: dir}, nil
}

// Path is where a recording's audio is kept.
func (t *Target) Path(r upload.Ref) (string, error) {
	audio, _, err := upload.Layout(r)
	return filepath.Join(t.dir, filepath.FromSlash(audio)), err
}

// Put stores o. Audio that is there already is compared, never overwritten.
func (t *Target) Put(ctx context.Context, o upload.Object) error {
	path, err := t.Path(o.Ref())
	if err != nil {
		return err
	}
	if err := t.put(ctx, o, path); err != nil {
		return fmt.Errorf("cannot store recording in %q: %w", t.dir, err)
	}
	return nil
}

func (t *Target) put(ctx context.Context, o upload.Object, path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	there, err := same(ctx, path, o)
	if err != nil {
		return err
	}
	if len(o.Sidecar) > 0 {
		err := save(ctx, filepath.Join(dir, o.ID+".json"), bytes.NewReader(o.Sidecar), nil)
		if err != nil {
			return err
		}
	}
	if !there {
		src, err := o.Open()
		if err != nil {
			return err
		}
		defer func() { _ = src.Close() }()
		if err := save(ctx, path, src, &o); err != nil {
			return err
		}
	}
	return syncDirs(t.dir, dir)
}

// same reports whether path holds o's audio. Another recording's is an error:
// ids are unique, so it is a mix-up that an operator has to see.
func same(ctx context.Context, path string, o upload.Object) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, &reader{ctx, f})
	if err != nil {
		return false, err
	}
	if n != o.Size || [32]byte(h.Sum(nil)) != o.SHA256 {
		return false, upload.Fail(upload.Permanent, "%q is there and has other content", path)
	}
	return true, nil
}

// save writes src to path: whole, synced and then named, or not at all. Of audio
// it checks that it is what the object promised.
func save(ctx context.Context, path string, src io.Reader, o *upload.Object) (err error) {
	// The next try of this file reuses what a crash leaves of this one.
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // a second time does no harm
			_ = os.Remove(tmp)
		}
	}()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), &reader{ctx, src})
	if err != nil {
		return err
	}
	if o != nil && (n != o.Size || [32]byte(h.Sum(nil)) != o.SHA256) {
		return fmt.Errorf("the spool's audio of %s is %d bytes that are not the %d recorded", o.ID, n, o.Size)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// reader ends a copy when its context does.
type reader struct {
	ctx context.Context //nolint:containedctx // lives for one copy
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	upload.Moved(r.ctx) // comparing with what is there already is progress too
	return r.r.Read(p)
}

// syncDirs has the disk keep the names in dir and in every folder above it up to
// root, whoever made them. For those it keeps already that costs next to nothing.
func syncDirs(root, dir string) error {
	for {
		if err := spool.SyncDir(dir); err != nil || dir == root {
			return err
		}
		dir = filepath.Dir(dir)
	}
}

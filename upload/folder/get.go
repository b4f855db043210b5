package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"callrec/upload"
	"callrec/upload/guard"
	"callrec/upload/spool"
)

// Get opens audio; fs.ErrNotExist if it is not there.
func (t *Target) Get(_ context.Context, r upload.Ref) (io.ReadSeekCloser, error) {
	path, err := t.Path(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open stored recording: %w", err)
	}
	return f, nil
}

// Delete removes audio and sidecar, for good once it returns nil; it is quiet
// about what is not there.
func (t *Target) Delete(_ context.Context, r upload.Ref) error {
	audio, sidecar, err := upload.Layout(r)
	if err != nil {
		return nil // nothing is kept under such a name
	}
	for _, name := range []string{audio, sidecar} {
		if err := os.Remove(filepath.Join(t.dir, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove stored recording: %w", err)
		}
	}
	dir := filepath.Join(t.dir, filepath.Dir(filepath.FromSlash(audio)))
	if err := spool.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove stored recording: %w", err)
	}
	return nil
}

// URLs is the Target of tenants' file:///FOLDER urls. Each is checked again by
// the guard before anything is touched.
type URLs struct{ Guard *guard.Guard }

func (u URLs) at(url string) (*Target, error) {
	if err := u.Guard.CheckFile(url); err != nil {
		return nil, upload.Fail(upload.Permanent, "cannot use %q: %w", upload.Redact(url), err)
	}
	dir, err := guard.Folder(url)
	if err != nil {
		return nil, upload.Fail(upload.Permanent, "cannot use %q: %w", upload.Redact(url), err)
	}
	return New(dir)
}

// Put stores o under its url's folder.
func (u URLs) Put(ctx context.Context, o upload.Object) error {
	t, err := u.at(o.Destination.URL)
	if err != nil {
		return err
	}
	return t.Put(ctx, o)
}

// Get is Target.Get.
func (u URLs) Get(ctx context.Context, r upload.Ref) (io.ReadSeekCloser, error) {
	t, err := u.at(r.URL)
	if err != nil {
		return nil, err
	}
	return t.Get(ctx, r)
}

// Delete is Target.Delete.
func (u URLs) Delete(ctx context.Context, r upload.Ref) error {
	t, err := u.at(r.URL)
	if err != nil {
		return err
	}
	return t.Delete(ctx, r)
}

package spool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// disk is every step the spool takes on files, one method each, so that a test
// can end the world between any two of them.
type disk struct {
	dir   string
	fault func(op, file string) error // nil outside tests
}

func (d *disk) path(file string) string { return filepath.Join(d.dir, file) }

func (d *disk) check(op, file string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(op, file)
}

func (d *disk) create(file string) (*os.File, error) {
	if err := d.check("create", file); err != nil {
		return nil, err
	}
	return os.OpenFile(d.path(file), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (d *disk) open(file string) (*os.File, error) {
	if err := d.check("open", file); err != nil {
		return nil, err
	}
	return os.OpenFile(d.path(file), os.O_RDWR, 0)
}

func (d *disk) writeAt(f *os.File, b []byte, at int64) error {
	if err := d.check("write", filepath.Base(f.Name())); err != nil {
		_, _ = f.WriteAt(b[:len(b)/2], at) // a torn write, as a full disk leaves it
		return err
	}
	_, err := f.WriteAt(b, at)
	return err
}

func (d *disk) truncate(f *os.File, size int64) error {
	if err := d.check("truncate", filepath.Base(f.Name())); err != nil {
		return err
	}
	return f.Truncate(size)
}

func (d *disk) sync(f *os.File) error {
	if err := d.check("sync", filepath.Base(f.Name())); err != nil {
		return err
	}
	return f.Sync()
}

func (d *disk) rename(from, to string) error {
	if err := d.check("rename", from); err != nil {
		return err
	}
	return os.Rename(d.path(from), d.path(to))
}

// remove is quiet about what is not there.
func (d *disk) remove(file string) error {
	if err := d.check("remove", file); err != nil {
		return err
	}
	if err := os.Remove(d.path(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// touch says when a file was last what it should be.
func (d *disk) touch(file string, at time.Time) error {
	if err := d.check("touch", file); err != nil {
		return err
	}
	return os.Chtimes(d.path(file), at, at)
}

// syncDir makes renames, creations and removals so far last.
func (d *disk) syncDir() error {
	if err := d.check("syncdir", "."); err != nil {
		return err
	}
	return SyncDir(d.dir)
}

// saveManifest replaces a manifest whole. With sync a power cut leaves this one
// or the one before, nothing else; that it is this one takes a syncDir.
func (d *disk) saveManifest(m *Manifest, sync bool) error {
	b, err := encodeManifest(m)
	if err != nil {
		return err
	}
	return d.replace(m.Name().manifest(), b, sync)
}

// replace gives a file other bytes, all of them or none.
func (d *disk) replace(file string, b []byte, sync bool) error {
	tmp := file + tmpSuffix
	if err := d.remove(tmp); err != nil {
		return err
	}
	f, err := d.create(tmp)
	if err != nil {
		return err
	}
	err = d.writeAt(f, b, 0)
	if err == nil && sync {
		err = d.sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.rename(tmp, file)
	}
	return err
}

// loadManifest reads one. An error that is an ErrManifest lies in the file's
// bytes; any other in getting at them.
func (d *disk) loadManifest(id string) (Manifest, error) {
	return d.loadManifestIn(Name{ID: id}.manifest(), id)
}

// loadManifestIn reads one that has another name.
func (d *disk) loadManifestIn(file, id string) (Manifest, error) {
	b, _, err := d.load(file)
	if err != nil {
		return Manifest{}, err
	}
	m, err := decodeManifest(b)
	if err == nil && m.ID != id {
		return Manifest{}, fmt.Errorf("%w: it is that of %s", ErrManifest, m.ID)
	}
	return m, err
}

// load reads a small file, and when it was last changed.
func (d *disk) load(file string) (b []byte, changed time.Time, err error) {
	if err := d.check("read", file); err != nil {
		return nil, changed, err
	}
	f, err := os.Open(d.path(file))
	if err != nil {
		return nil, changed, err
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return nil, changed, err
	}
	if !st.Mode().IsRegular() {
		return nil, changed, fmt.Errorf("%w: it is no file", ErrManifest)
	}
	if b, err = io.ReadAll(io.LimitReader(f, maxManifest+1)); err != nil {
		return nil, changed, err
	}
	if len(b) > maxManifest {
		return nil, changed, fmt.Errorf("%w: it is larger than %d bytes", ErrManifest, maxManifest)
	}
	return b, st.ModTime(), nil
}

// digest reads the whole file; its memory does not grow with it.
func digest(f *os.File) (size int64, sum []byte, err error) {
	h := sha256.New()
	st, err := f.Stat()
	if err != nil {
		return 0, nil, err
	}
	size, err = io.Copy(h, io.NewSectionReader(f, 0, st.Size()))
	return size, h.Sum(nil), err
}

// redirty writes a file over itself. After a failed fsync the kernel may call
// its pages clean; only new writes make the next fsync tell the truth.
func (d *disk) redirty(f *os.File) error {
	buf := make([]byte, 64<<10)
	for at := int64(0); ; {
		n, rerr := f.ReadAt(buf, at)
		if n > 0 {
			if err := d.writeAt(f, buf[:n], at); err != nil {
				return err
			}
			at += int64(n)
		}
		if errors.Is(rerr, io.EOF) {
			return nil
		}
		if rerr != nil {
			return rerr
		}
	}
}

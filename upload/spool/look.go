package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Folder is a spool seen from outside the process that owns it, or while nobody
// does. Reading it changes nothing and stands in nobody's way.
type Folder struct{ disk disk }

// Look finds a folder that a Spool has used.
func Look(dir string) (Folder, error) {
	st, err := os.Stat(dir)
	if err == nil && !st.IsDir() {
		err = errors.New("it is no folder")
	}
	if err != nil {
		return Folder{}, fmt.Errorf("cannot look into spool %q: %w", dir, err)
	}
	return Folder{disk{dir: dir}}, nil
}

// Owner is the id of the process that has the folder; held is false while none
// has, or where the system cannot tell.
func (f Folder) Owner() (pid string, held bool, err error) { return ownerOf(f.disk.path(lockFile)) }

// Usage adds up by the manifests. err names those that cannot be read; the next
// Open puts them in quarantine.
func (f Folder) Usage() (u Usage, err error) {
	u.ParkedBy = map[string]int{}
	err = f.each(func(m *Manifest) bool {
		switch {
		case !m.Complete:
			size := int64(0)
			if st, err := os.Stat(f.disk.path(m.Name().part())); err == nil { // else there is no audio yet
				size = st.Size()
			}
			u.add(&u.Parts, size)
		case m.Delivery.Parked != "":
			u.park(m.Size, m.Delivery.Class)
		default:
			u.add(&u.Ready, m.Size)
		}
		return true
	})
	return u, err
}

// Quarantine is Spool.Quarantine.
func (f Folder) Quarantine() (files int, bytes int64, err error) { return f.disk.quarantined() }

// Parked is Spool.Parked. err names the manifests that cannot be read, of
// whatever state; the list is good without them.
func (f Folder) Parked(after string, limit int) (list []Manifest, err error) {
	err = f.each(func(m *Manifest) bool {
		if m.ID > after && m.Complete && m.Delivery.Parked != "" {
			list = append(list, *m)
		}
		return len(list) < limit
	})
	return list, err
}

// each reads all manifests in the order of their ids, until fn returns false.
func (f Folder) each(fn func(*Manifest) bool) error {
	entries, err := os.ReadDir(f.disk.dir)
	if err != nil {
		return fmt.Errorf("cannot look into spool %q: %w", f.disk.dir, err)
	}
	var bad []error
	for _, e := range entries {
		n, k := parseFile(e.Name())
		if k != kindManifest {
			continue
		}
		m, err := f.disk.loadManifest(n.ID)
		switch {
		case errors.Is(err, fs.ErrNotExist): // delivered since we looked
		case err != nil:
			bad = append(bad, fmt.Errorf("cannot read manifest of %s: %w", n.ID, err))
		case !fn(&m):
			return errors.Join(bad...)
		}
	}
	return errors.Join(bad...)
}

// Open opens the audio of a complete recording, parked or not, for reading.
func (f Folder) Open(id string) (Manifest, *os.File, error) {
	if !validID(id) {
		return Manifest{}, nil, fmt.Errorf("cannot open %.64q: %w", id, errName)
	}
	m, err := f.disk.loadManifest(id)
	if err == nil && !m.Complete {
		err = errors.New("it is not finished")
	}
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("cannot open recording %s: %w", id, err)
	}
	audio, err := os.Open(f.disk.path(m.Name().ready()))
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("cannot open recording %s: %w", id, err)
	}
	return m, audio, nil
}

// Unpark is Spool.Unpark without a Spool: the next Open announces what was
// parked. It takes the folder for as long as it lasts, and fails at once when
// somebody has it. done are the ids for which it worked; nil ids are all that
// are parked. The error of one that is not parked is ErrNotParked.
func (f Folder) Unpark(ids []string) (done []string, err error) {
	if err := ours(f.disk.dir); err != nil {
		return nil, err
	}
	lock, err := lockFolder(f.disk.dir, filepath.Join(f.disk.dir, lockFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	unpark := func(m *Manifest) error {
		if !m.Complete || m.Delivery.Parked == "" {
			return ErrNotParked
		}
		return f.disk.unpark(m)
	}
	var bad []error
	note := func(id string, err error) {
		if err == nil {
			done = append(done, id)
			return
		}
		bad = append(bad, fmt.Errorf("cannot take recording %.64q out of the parked ones: %w", id, err))
	}
	if ids == nil {
		unread := f.each(func(m *Manifest) bool {
			if err := unpark(m); !errors.Is(err, ErrNotParked) {
				note(m.ID, err)
			}
			return true
		})
		bad = append(bad, unread)
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		m, err := Manifest{}, ErrNotParked
		if validID(id) {
			m, err = f.disk.loadManifest(id)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = ErrNotParked
		case err == nil:
			err = unpark(&m)
		}
		note(id, err)
	}
	if err := f.disk.syncDir(); err != nil {
		bad = append(bad, err)
	}
	return done, errors.Join(bad...)
}

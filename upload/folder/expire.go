package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"callrec/upload"
)

var (
	accountName = regexp.MustCompile(`^([A-Za-z0-9_-]{1,64}|~[0-9a-f]{0,128}|~sha256-[0-9a-f]{64})$`)
	yearName    = regexp.MustCompile(`^[0-9]{4}$`)
	twoDigits   = regexp.MustCompile(`^[0-9]{2}$`)
	sidecarName = regexp.MustCompile(`^[0-9]{6}-[0-9a-f]{32}\.json$`)
)

const (
	fewNames   = 256     // how many names of a folder are held at a time
	maxSidecar = 4 << 20 // ours are a few kilobytes
)

// Expire removes the recordings that began before t, and says how many. It
// touches only what this package has laid there: a .json in its place in the
// layout that says what its place says, and the audio it speaks of. Folders that
// this leaves empty go as well. Links are never followed.
func (t *Target) Expire(ctx context.Context, before time.Time) (n int, err error) {
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return 0, fmt.Errorf("cannot look for old recordings: %w", err)
	}
	defer func() { _ = root.Close() }()
	s := &sweep{ctx: ctx, root: root, before: before.UTC()}
	if err := s.accounts(); err != nil {
		return s.n, fmt.Errorf("cannot remove old recordings from %q: %w", t.dir, err)
	}
	return s.n, nil
}

// sweep is one run of Expire.
type sweep struct {
	ctx    context.Context //nolint:containedctx // lives for one run
	root   *os.Root
	before time.Time
	n      int
}

// accounts goes through account, year, month and day.
func (s *sweep) accounts() error {
	return s.folders(".", accountName, func(account string) error {
		return s.folders(account, yearName, func(year string) error {
			return s.folders(year, twoDigits, func(month string) error {
				return s.folders(month, twoDigits, s.day)
			})
		})
	})
}

// folders calls do for every folder in dir whose name fits.
func (s *sweep) folders(dir string, name *regexp.Regexp, do func(dir string) error) error {
	return s.names(dir, func(e fs.DirEntry) error {
		if !e.IsDir() || !name.MatchString(e.Name()) {
			return nil
		}
		sub := path.Join(dir, e.Name())
		if err := do(sub); err != nil {
			return err
		}
		if s.over(sub) {
			_ = s.root.Remove(sub) // it stays when there is something in it
		}
		return nil
	})
}

// over tells of a year's, month's or day's folder whether that time is over, as
// far as s is concerned.
func (s *sweep) over(dir string) bool {
	for _, c := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006/01", 0, 1, 0}, {"2006/01/02", 0, 0, 1}} {
		_, date, _ := strings.Cut(dir, "/")
		if begin, err := time.Parse(c.layout, date); err == nil {
			return !begin.AddDate(c.years, c.months, c.days).After(s.before)
		}
	}
	return false
}

// names calls do for every name in dir, a few at a time.
func (s *sweep) names(dir string, do func(e fs.DirEntry) error) error {
	f, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for {
		list, err := f.ReadDir(fewNames)
		for _, e := range list {
			if err := s.ctx.Err(); err != nil {
				return err
			}
			if err := do(e); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// day removes what is old in one day's folder.
func (s *sweep) day(dir string) error {
	parts := strings.Split(dir, "/")
	day, err := time.Parse("2006/01/02", strings.Join(parts[1:], "/"))
	if err != nil || !day.Before(s.before) {
		return nil
	}
	err = s.names(dir, func(e fs.DirEntry) error {
		id, ext, _ := strings.Cut(e.Name(), ".")
		if _, _, err := upload.Layout(upload.Ref{ID: id, Ext: ext}); err != nil || !e.Type().IsRegular() || !s.ours(parts[0], dir, id) {
			return nil
		}
		// The audio first: a sweep that is cut short is finished by the next.
		s.n++
		return s.remove(path.Join(dir, e.Name()), path.Join(dir, id+".json"))
	})
	if err != nil {
		return err
	}
	return s.names(dir, func(e fs.DirEntry) error { // whose audio has gone
		if !e.Type().IsRegular() || !sidecarName.MatchString(e.Name()) || !s.ours(parts[0], dir, strings.TrimSuffix(e.Name(), ".json")) {
			return nil
		}
		return s.remove(path.Join(dir, e.Name()))
	})
}

// remove is quiet about what is not there.
func (s *sweep) remove(files ...string) error {
	for _, file := range files {
		if err := s.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ours reports whether a recording is old, and its sidecar says what its place
// says.
func (s *sweep) ours(account, dir, id string) bool {
	f, ok := s.read(path.Join(dir, id+".json"))
	return ok && f.ID == id && upload.AccountFolder(f.Account) == account && f.Started.Before(s.before) &&
		strings.HasSuffix(dir, f.Started.UTC().Format("/2006/01/02"))
}

// facts are the words of a sidecar that tell whose it is.
type facts struct {
	ID      string    `json:"id"`
	Account string    `json:"account_id"`
	Started time.Time `json:"started"`
}

func (s *sweep) read(file string) (f facts, ok bool) {
	r, err := s.root.Open(file)
	if err != nil {
		return f, false
	}
	defer func() { _ = r.Close() }()
	err = json.NewDecoder(io.LimitReader(r, maxSidecar)).Decode(&f)
	return f, err == nil
}

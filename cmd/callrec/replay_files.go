package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"callrec/recording"
	"callrec/upload/spool"
)

// shelf keeps the recordings of a replay as the spool announces them.
type shelf struct {
	// mu guards the following: the spool's finishers put, in no order.
	mu    sync.Mutex
	ready map[string]spool.Ready
	errs  []error
}

func (s *shelf) put(r spool.Ready) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready == nil {
		s.ready = map[string]spool.Ready{}
	}
	s.ready[r.ID()] = r
}

func (s *shelf) lost(id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, fmt.Errorf("recording %s was lost: %w", id, err))
}

// takeOut copies the recordings of a call, in their order, into a folder.
func (s *shelf) takeOut(all []recording.Info, dir, name string) (files []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := s.errs
	for _, rec := range all {
		r, ok := s.ready[rec.ID]
		if !ok {
			continue
		}
		path, err := takeOut(r, dir, name, rec.Format)
		if path != "" {
			files = append(files, path)
		}
		errs = append(errs, err)
	}
	return files, errors.Join(errs...)
}

// mostNames bounds the search for a name that is free.
const mostNames = 10000

// takeOut copies one recording under the first name that is free.
func takeOut(r spool.Ready, dir, name, ext string) (path string, err error) {
	src, err := r.Open()
	if err != nil {
		return "", err
	}
	defer func() { _ = src.Close() }()
	var dst *os.File
	for n := 1; n <= mostNames; n++ {
		path = filepath.Join(dir, name+"."+ext)
		if n > 1 {
			path = filepath.Join(dir, fmt.Sprintf("%s-%d.%s", name, n, ext))
		}
		if dst, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("cannot write the recording (--out): %w", err)
	}
	_, err = io.Copy(dst, src)
	if err = errors.Join(err, dst.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("cannot write the recording (--out): %w", err), os.Remove(path))
	}
	return path, nil
}

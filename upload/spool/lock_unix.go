//go:build unix

package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// lockFolder takes the folder for this process until the file is closed, which
// the kernel does when the process ends, however it ends.
func lockFolder(dir, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open spool %q: %w", dir, err)
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		owner, _ := io.ReadAll(io.LimitReader(f, 32))
		_ = f.Close()
		return nil, fmt.Errorf("cannot open spool %q: another worker (pid %s) holds it; stop that one, or give this one a folder of its own with --data",
			dir, strings.TrimSpace(string(owner)))
	case err != nil:
		_ = f.Close()
		return nil, fmt.Errorf("cannot open spool %q: cannot lock it: %w", dir, err)
	}
	// Whose it is serves that message only; the lock holds without it.
	_ = f.Truncate(0)
	_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return f, nil
}

// ownerOf asks for the lock without keeping it, which no owner notices.
func ownerOf(path string) (pid string, held bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("cannot tell whether a worker runs: %w", err)
	}
	defer func() { _ = f.Close() }()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		return "", false, nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return "", false, fmt.Errorf("cannot tell whether a worker runs: %s: %w", path, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, 32))
	return strings.TrimSpace(string(b)), true, err
}

// ours refuses to write into the folder of another user, who could not read it.
func ours(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if us := os.Geteuid(); ok && int(st.Uid) != us {
		return fmt.Errorf("cannot change spool %q: it belongs to user %d, who could not read what user %d writes; do it as that user", dir, st.Uid, us)
	}
	return nil
}

// SyncDir has the disk keep the names in a folder, where the system can.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

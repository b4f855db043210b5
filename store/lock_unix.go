//go:build unix

package store

import (
	"fmt"
	"os"
	"syscall"
)

// lockFolder takes the folder for this process until the file is closed, which
// the kernel does when the process ends, however it ends.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot open the store: another worker holds %s; stop that one, or give this one a folder of its own with --data: %w", path, err)
	}
	return f, nil
}

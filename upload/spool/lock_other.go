//go:build !unix

package spool

import (
	"fmt"
	"os"
)

// lockFolder has no flock to use here: one worker a folder is up to the operator.
func lockFolder(dir, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open spool %q: %w", dir, err)
	}
	return f, nil
}

// ownerOf cannot tell here.
func ownerOf(string) (pid string, held bool, err error) { return "", false, nil }

// ours cannot tell here.
func ours(string) error { return nil }

// SyncDir has the disk keep the names in a folder, where the system can.
func SyncDir(string) error { return nil }

package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

const canSyncAll = true

// syncAll makes everything last that was written to the folder's file system
// (syncfs(2); it tells of errors since Linux 5.8).
func (d *disk) syncAll() error {
	if err := d.check("syncfs", "."); err != nil {
		return err
	}
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	return unix.Syncfs(int(f.Fd()))
}

//go:build !unix

package store

import (
	"fmt"
	"os"
)

// lockFolder has no flock to use here: one worker a folder is up to the operator.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the store: %w", err)
	}
	return f, nil
}

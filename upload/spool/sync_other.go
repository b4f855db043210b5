//go:build !linux

package spool

import "errors"

const canSyncAll = false

func (d *disk) syncAll() error { return errors.ErrUnsupported }

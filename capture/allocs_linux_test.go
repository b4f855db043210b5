//go:build linux && !portable

package capture_test

import (
	"testing"

	"callrec/capture/capturetest"
)

// TestSocketsAllocations: the portable path makes an error for each empty socket.
func TestSocketsAllocations(t *testing.T) { capturetest.TestAllocations(t, newSockets) }

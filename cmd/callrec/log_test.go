package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"callrec/recording"
)

// What the upload queue logs is not logged again as an event.
func TestDeliveriesAreLoggedOnce(t *testing.T) {
	for state, lines := range map[recording.State]int{
		recording.Recording: 1, recording.Spooled: 1, recording.Discarded: 1, recording.Failed: 1, recording.Delivered: 0, recording.Parked: 0,
	} {
		var out bytes.Buffer
		logEvent(slog.New(slog.NewTextHandler(&out, nil)), recording.Event{Name: state.String(), Recording: &recording.Info{State: state}})
		if got := strings.Count(out.String(), "\n"); got != lines {
			t.Errorf("%v is %d lines: %q", state, got, out.String())
		}
	}
}

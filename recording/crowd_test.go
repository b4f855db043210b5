package recording_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"callrec/recording"
)

// A call may have so many recordings that are not over, and no more: every one of
// them costs the worker something at every command.
func TestRecordingsOfACallAreBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("c")
		start := recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{}`)}}
		for range recording.MaxRecordings {
			w.do("c", start)
		}
		again := func() error {
			start.At = time.Now()
			_, err := w.m.Do(w.t.Context(), recording.CallID{Account: "acc", Call: "c"}, start)
			return err
		}
		var crowded *recording.CrowdedError
		if err := again(); !errors.As(err, &crowded) || !strings.Contains(err.Error(), "32 recordings") {
			t.Errorf("one too many: %v", err)
		}
		w.announce("other", `{}`)
		w.do("c", recording.Command{Action: recording.Stop})
		if err := again(); !errors.As(err, &crowded) {
			t.Errorf("while the stopped one is on its way to the disk: %v", err)
		}
		w.sleep(3 * second)
		if err := again(); err != nil {
			t.Errorf("after one is stopped and spooled: %v", err)
		}
	})
}

// A callflow in a call that is full goes on: what has no room is told, as a
// recording that failed, as an event, and to whoever ran the flow.
func TestCallflowInAFullCall(t *testing.T) {
	inWorld(t, func(w *world) {
		full := make([]string, recording.MaxRecordings-1)
		for i := range full {
			full[i] = `{}`
		}
		w.announce("c", full...)
		flow := readFlow(t, chainOf(`{"module":"record_call","data":{"action":"start","format":"wav","media_name":"fits"}`, dictats, `{"module":"record_call","data":{"action":"stop","media_name":"fits"}`))
		info := w.do("c", recording.Command{Action: recording.RunFlow, Flow: flow})
		made := info.Recordings[recording.MaxRecordings-1:]
		if len(made) != 2 || made[0].State != recording.Finishing || made[1].State != recording.Failed || !strings.Contains(made[1].Reason, "32 recordings") {
			t.Errorf("the flow made %+v", made)
		}
		if len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], " : main is not recorded: call \"c\" has 32 recordings") {
			t.Errorf("warnings %q", info.Warnings)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		told := 0
		for _, e := range w.events {
			if e.Name == "failed" && e.Recording.ID == made[1].ID && strings.Contains(e.Detail, "32 recordings") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%d events tell of it", told)
		}
	})
}

// A call that begins and ends recordings all day tells of the newest of those that
// are over; every one of them is kept and delivered all the same.
func TestEndedRecordingsOfALongCall(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("c", `{}`)
		const n = 300
		var last string
		for range n {
			info := w.do("c", recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{}`)}})
			last = info.Recordings[len(info.Recordings)-1].ID
			w.sleep(200 * ms)
			w.do("c", recording.Command{Action: recording.Stop, Recording: last})
			if got := len(info.Recordings); got > 64 {
				t.Fatalf("the picture has %d recordings", got)
			}
		}
		w.sleep(5 * second)
		info := w.do("c", recording.Command{Action: recording.Mask})
		got := info.Recordings
		if len(got) != 33 || got[0].State != recording.Masked || got[32].ID != last {
			t.Errorf("%d recordings, the first %v, the last %s, want %s", len(got), got[0].State, got[len(got)-1].ID, last)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		delivered := 0
		for _, e := range w.events {
			if e.Name == "delivered" {
				delivered++
			}
		}
		if len(w.files) != n || delivered != n {
			t.Errorf("%d files, %d told as delivered, want %d", len(w.files), delivered, n)
		}
	})
}

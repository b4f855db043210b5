package control

import (
	"encoding/json"
	"time"

	"callrec/recording"
)

// eventVersion grows when a field of an event changes its meaning or goes. New fields
// and new names do not change it.
const eventVersion = 1

// event is an event as every door tells it.
type event struct {
	Version        int            `json:"version"`
	Name           string         `json:"name"` // "channel.answered", "recording.spooled"
	At             string         `json:"at"`
	AccountID      string         `json:"account_id"`
	CallID         string         `json:"call_id"`
	OtherLegCallID string         `json:"other_leg_call_id,omitempty"`
	Detail         string         `json:"detail,omitempty"` // which leg, or why
	Digit          string         `json:"digit,omitempty"`  // of channel.digit and recording.caller_recorded
	Recording      *RecordingView `json:"recording,omitempty"`
}

// RecordingView is a recording of a call as answers and events tell it. Its url is not
// in it: that may hold a password.
type RecordingView struct {
	ID         string             `json:"id"`
	Origin     string             `json:"origin"`
	Module     string             `json:"module,omitempty"` // "record_caller": the caller's leg alone
	State      string             `json:"state"`
	MediaName  string             `json:"media_name"`
	Format     string             `json:"format"`
	Rate       int                `json:"record_sample_rate,omitempty"`
	Channels   string             `json:"channels,omitempty"`
	Started    string             `json:"started,omitempty"`
	DurationMS *int64             `json:"duration_ms,omitempty"`
	Reason     string             `json:"reason,omitempty"`
	Quality    *recording.Quality `json:"quality,omitempty"`
}

// EventJSON is an event as one line of JSON: the same bytes at every door.
func EventJSON(e *recording.Event) []byte {
	v := event{
		Version: eventVersion, Name: "channel." + e.Name, At: Stamp(e.At), AccountID: e.Call.Account, CallID: e.Call.Call,
		OtherLegCallID: e.Spec.OtherLegCallID, Detail: e.Detail, Digit: e.Digit,
	}
	if e.Recording != nil {
		rec := ViewRecording(*e.Recording)
		v.Name, v.Recording = "recording."+e.Name, &rec
	}
	text, err := json.Marshal(v)
	if err != nil { // a figure that JSON has no name for
		v.Recording.Quality = nil
		text, _ = json.Marshal(v)
	}
	return text
}

// ViewRecording shows a recording.
func ViewRecording(rec recording.Info) RecordingView {
	v := RecordingView{
		ID: rec.ID, Origin: rec.Origin, State: rec.State.String(), MediaName: rec.MediaName,
		Format: rec.Format, Rate: rec.Rate, Reason: rec.Reason, Quality: rec.Quality,
	}
	if rec.Caller {
		v.Module = "record_caller"
	}
	switch rec.Channels {
	case 1:
		v.Channels = "mono"
	case 2:
		v.Channels = "stereo"
	}
	if !rec.Started.IsZero() {
		v.Started = Stamp(rec.Started)
	}
	if rec.Length > 0 {
		ms := rec.Length.Milliseconds()
		v.DurationMS = &ms
	}
	return v
}

// Stamp is an instant as answers and events have it: RFC 3339, UTC, milliseconds.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

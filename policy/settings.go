// Package policy owns what operators and tenants may say about recordings: the
// call_recording documents of accounts, users and devices, the recording nodes
// of callflows, which recordings a call gets out of them, and how complaints are
// worded. The control doors read requests and stored documents into its types;
// the recording package builds its specs from them. It is pure: no clock, no I/O.
package policy

import (
	"fmt"
	"slices"
)

// Bounds that documents, callflows and the recorder share.
const (
	MinTimeLimit  = 5     // seconds, the shortest time_limit
	MaxTimeLimit  = 10800 // seconds, the longest, and what settings without one get
	FlowTimeLimit = 3600  // seconds, what a callflow action without one gets
)

// Settings are what a call_recording document, or a record_call node of a
// callflow, says about one recording. A nil or empty field was not given; the
// defaults are applied by recording.NewSpec and nowhere else. What the pointers
// show is shared with compiled documents and must not be written to.
type Settings struct {
	Format               string `json:"format,omitempty"`             // "mp3" or "wav"
	Channels             string `json:"channels,omitempty"`           // "mono" (the legs mixed) or "stereo" (caller left)
	RecordSampleRate     *int   `json:"record_sample_rate,omitempty"` // Hz
	RecordMinSec         *int   `json:"record_min_sec,omitempty"`     // a shorter file is discarded
	TimeLimit            *int   `json:"time_limit,omitempty"`         // seconds, 5..10800
	RecordOnAnswer       bool   `json:"record_on_answer,omitempty"`
	RecordOnBridge       bool   `json:"record_on_bridge,omitempty"`
	URL                  string `json:"url,omitempty"`    // where the file goes; may hold credentials
	Method               string `json:"method,omitempty"` // "put" or "post"
	Label                string `json:"label,omitempty"`
	MediaName            string `json:"media_name,omitempty"`
	ShouldFollowTransfer *bool  `json:"should_follow_transfer,omitempty"` // nil means true
}

// ReadSettings reads settings out of a decoded JSON object. What is absent or of
// the wrong type reads as not given: the schema has complained about that, and
// checks that come after it still want to see the rest.
func ReadSettings(data map[string]any) Settings {
	s := Settings{
		Format:           text(data, "format"),
		Channels:         text(data, "channels"),
		RecordSampleRate: integer(data["record_sample_rate"]),
		RecordMinSec:     integer(data["record_min_sec"]),
		TimeLimit:        integer(data["time_limit"]),
		RecordOnAnswer:   flag(data, "record_on_answer"),
		RecordOnBridge:   flag(data, "record_on_bridge"),
		URL:              text(data, "url"),
		Method:           text(data, "method"),
		Label:            text(data, "label"),
		MediaName:        text(data, "media_name"),
	}
	if follow, ok := data["should_follow_transfer"].(bool); ok {
		s.ShouldFollowTransfer = &follow
	}
	return s
}

// Bound brings the integers of a metaflow, which no schema bounds, to what a recording
// can have, and says so: a time_limit of 0 or less is FlowTimeLimit, any other the
// nearest of those allowed, and so is a rate; one of 0 or less was not given.
func (s Settings) Bound() (Settings, []Warning) {
	var warnings []Warning
	bound := func(key string, to **int, value int) {
		if *to == nil || **to == value {
			return
		}
		warnings = append(warnings, Warning{key, fmt.Sprintf("of %d cannot be; it counts as %d", **to, value)})
		*to = &value
	}
	if n := s.TimeLimit; n != nil && *n <= 0 {
		bound("time_limit", &s.TimeLimit, FlowTimeLimit)
	} else if n != nil {
		bound("time_limit", &s.TimeLimit, min(max(*n, MinTimeLimit), MaxTimeLimit))
	}
	if n := s.RecordMinSec; n != nil {
		bound("record_min_sec", &s.RecordMinSec, max(*n, 0))
	}
	if n := s.RecordSampleRate; n != nil && *n <= 0 {
		warnings = append(warnings, Warning{"record_sample_rate", fmt.Sprintf("of %d cannot be; it counts as not given", *n)})
		s.RecordSampleRate = nil
	} else if n != nil {
		bound("record_sample_rate", &s.RecordSampleRate, slices.MinFunc(Rates, func(a, b int) int { return distance(a, *n) - distance(b, *n) }))
	}
	return s, warnings
}

func distance(a, b int) int { return max(a, b) - min(a, b) }

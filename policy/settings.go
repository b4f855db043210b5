// Package policy owns what operators and tenants may say about recordings: the
// settings of one recording, and how complaints about them are worded. The
// control doors read documents and callflow nodes into its types; the recording
// package builds its specs from them. It is pure: no clock, no I/O.
package policy

// Settings are what a call_recording document, or a record_call node of a
// callflow, says about one recording. A nil or empty field was not given; the
// defaults are applied by recording.NewSpec and nowhere else.
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
	ShouldFollowTransfer *bool  `json:"should_follow_transfer,omitempty"`
}

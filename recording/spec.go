package recording

import (
	"fmt"
	"slices"

	"callrec/codec/mp3"
	"callrec/policy"
)

// Rates are the sample rates a recording may have, in Hz: those of MPEG Layer III.
var Rates = policy.Rates

// Bounds of time_limit, in seconds.
const (
	minTimeLimit = 5
	maxTimeLimit = 10800
)

// Defaults are what NewSpec uses for settings that were not given.
type Defaults struct {
	TimeLimit int                    // seconds; 0 means 10800, the longest allowed
	MP3Kbps   int                    // bit rate of mono MP3; 0 means 32 at 16 kHz and above, 24 below
	CheckURL  func(url string) error // refuses a url that recordings may not go to; nil accepts all
}

// Spec is everything fixed about one recording before it starts. NewSpec is the
// only way to one, so a Spec that exists has been checked.
type Spec struct {
	settings policy.Settings // as given, for the manifest

	format   string // "wav" or "mp3"
	rate     int    // Hz
	channels int    // 1 or 2
	kbps     int    // MP3 only
	limit    int    // seconds
	min      int    // seconds
	onAnswer bool
	onBridge bool
	follow   bool   // a transfer
	method   string // "PUT" or "POST"
}

// NewSpec checks settings and fills what they leave open. The error is a
// policy.Problems that names every field at fault, with paths relative to s.
func NewSpec(s policy.Settings, d Defaults) (Spec, error) {
	sp := Spec{
		settings: s, format: "mp3", channels: 1, limit: d.TimeLimit,
		onAnswer: s.RecordOnAnswer, onBridge: s.RecordOnBridge, method: "PUT",
		follow: s.ShouldFollowTransfer == nil || *s.ShouldFollowTransfer,
	}
	if sp.limit == 0 {
		sp.limit = maxTimeLimit
	}
	var bad policy.Problems
	enum := func(path, value string, allowed ...string) bool {
		if value == "" {
			return false
		}
		if !slices.Contains(allowed, value) {
			bad = append(bad, policy.Problem{Path: path, Rule: "enum", Message: "Value not found in enumerated list of values", Target: allowed, Value: value})
			return false
		}
		return true
	}
	if enum("format", s.Format, "mp3", "wav") {
		sp.format = s.Format
	}
	if enum("channels", s.Channels, "mono", "stereo") && s.Channels == "stereo" {
		sp.channels = 2
	}
	if enum("method", s.Method, "put", "post", "PUT", "POST") && (s.Method == "post" || s.Method == "POST") {
		sp.method = "POST"
	}
	if s.TimeLimit != nil {
		sp.limit = *s.TimeLimit
		if sp.limit < minTimeLimit {
			bad = append(bad, policy.Problem{Path: "time_limit", Rule: "minimum", Message: fmt.Sprintf("Value must be at least %d", minTimeLimit), Target: minTimeLimit, Value: sp.limit})
		}
		if sp.limit > maxTimeLimit {
			bad = append(bad, policy.Problem{Path: "time_limit", Rule: "maximum", Message: fmt.Sprintf("Value must be at most %d", maxTimeLimit), Target: maxTimeLimit, Value: sp.limit})
		}
	}
	if s.RecordMinSec != nil {
		sp.min = *s.RecordMinSec
		if sp.min < 0 {
			bad = append(bad, policy.Problem{Path: "record_min_sec", Rule: "minimum", Message: "Value must be at least 0", Target: 0, Value: sp.min})
		}
	}
	sp.rate = 8000
	if sp.format == "mp3" {
		sp.rate = 16000
	}
	if s.RecordSampleRate != nil {
		sp.rate = *s.RecordSampleRate
		if !slices.Contains(Rates, sp.rate) {
			bad = append(bad, policy.Problem{Path: "record_sample_rate", Rule: "enum", Message: fmt.Sprintf("Value not found in enumerated list of values %v", Rates), Target: Rates, Value: sp.rate})
		}
	}
	if s.URL != "" && d.CheckURL != nil {
		if err := d.CheckURL(s.URL); err != nil {
			bad = append(bad, policy.Problem{Path: "url", Rule: "error", Message: "invalid client URL", Target: err.Error()})
		}
	}
	if len(s.MediaName) > 255 {
		bad = append(bad, policy.Problem{Path: "media_name", Rule: "maxLength", Message: "String must not be more than 255 characters", Target: 255, Value: len(s.MediaName)})
	}
	if err := bad.Err(); err != nil {
		return Spec{}, err
	}
	sp.kbps = mp3Kbps(d.MP3Kbps, sp.rate, sp.channels)
	return sp, nil
}

// mp3Kbps is the bit rate of a file: for each channel as configured, else what
// speech of that bandwidth needs; and then the next one that Layer III has.
func mp3Kbps(configured, rate, channels int) int {
	want := configured
	switch {
	case want != 0:
	case rate < 16000:
		want = 24
	default:
		want = 32
	}
	legal := mp3.BitRates(rate)
	for _, kbps := range legal {
		if kbps >= want*channels {
			return kbps
		}
	}
	return legal[len(legal)-1]
}

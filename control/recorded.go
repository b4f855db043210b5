package control

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"callrec/recording"
)

// gregorian is 1970 in Kazoo's seconds, which count from the year 0.
const gregorian = 62167219200

// GregorianSeconds is a time as Kazoo's documents have it; FromGregorian is its inverse.
func GregorianSeconds(t time.Time) int64 { return t.Unix() + gregorian }

// FromGregorian reads a time as Kazoo's documents have it.
func FromGregorian(s int64) time.Time { return time.Unix(s-gregorian, 0).UTC() }

// recorded is the document of a recording: Kazoo's fields, and after them ours.
type recorded struct {
	Name             string            `json:"name"`
	Description      string            `json:"description"`
	ContentType      string            `json:"content_type"`
	MediaType        string            `json:"media_type"`
	MediaSource      string            `json:"media_source"`
	SourceType       string            `json:"source_type"`
	From             string            `json:"from,omitempty"`
	To               string            `json:"to,omitempty"`
	Request          string            `json:"request,omitempty"`
	Direction        string            `json:"direction"`
	Start            int64             `json:"start,omitempty"` // Gregorian seconds
	Duration         int64             `json:"duration"`        // whole seconds
	DurationMS       int64             `json:"duration_ms"`
	CallerIDNumber   string            `json:"caller_id_number,omitempty"`
	CallerIDName     string            `json:"caller_id_name,omitempty"`
	CallID           string            `json:"call_id"`
	OwnerID          string            `json:"owner_id,omitempty"`
	URL              string            `json:"url,omitempty"` // without credentials and query
	CDRID            string            `json:"cdr_id"`
	InteractionID    string            `json:"interaction_id,omitempty"`
	Origin           string            `json:"origin"`
	CustomChannelVar map[string]string `json:"custom_channel_vars"`

	State      string             `json:"state"`
	Reason     string             `json:"reason,omitempty"`
	Channels   string             `json:"channels,omitempty"`           // "mono" or "stereo"
	SampleRate int                `json:"record_sample_rate,omitempty"` // Hz
	OtherLeg   string             `json:"other_leg_call_id,omitempty"`
	Quality    *recording.Quality `json:"quality,omitempty"`
}

// contentTypes are those of files by format.
var contentTypes = map[string]string{"mp3": "audio/mpeg", "wav": "audio/x-wav"}

// ContentType is that of a recording's file.
func ContentType(format string) string {
	if t, ok := contentTypes[format]; ok {
		return t
	}
	return "application/octet-stream"
}

// Recorded is what the index is to know of a recording of a call when an event has
// told of it.
func Recorded(e *recording.Event) Recording {
	i, c := e.Recording, &e.Spec
	started := i.Started
	if started.IsZero() {
		started = i.Created
	}
	// Kazoo's call id is that of the recorded leg.
	callID, otherLeg := cmp.Or(i.CallID, c.ID.Call), c.OtherLegCallID
	if callID == otherLeg {
		otherLeg = c.ID.Call
	}
	doc := recorded{
		Name: i.MediaName, Description: "recording " + i.MediaName, ContentType: ContentType(i.Format), MediaType: i.Format,
		MediaSource: "recorded", SourceType: "kzc_recording",
		From: c.From, To: c.To, Request: c.To, Direction: "inbound",
		Duration: int64(i.Length / time.Second), DurationMS: i.Length.Milliseconds(),
		CallerIDNumber: c.CallerIDNumber, CallerIDName: c.CallerIDName, CallID: callID, OwnerID: i.Owner,
		URL: redact(i.URL), CDRID: started.UTC().Format("200601-") + callID, InteractionID: e.Interaction, Origin: i.Origin,
		CustomChannelVar: map[string]string{},
		State:            i.State.String(), Reason: i.Reason, Channels: [3]string{"", "mono", "stereo"}[min(max(i.Channels, 0), 2)], SampleRate: i.Rate,
		OtherLeg: otherLeg, Quality: i.Quality,
	}
	if i.Leg == recording.Callee { // the switch calls the callee
		doc.Direction, doc.SourceType = "outbound", "kz_endpoint_recording"
	}
	if !i.Started.IsZero() {
		doc.Start = GregorianSeconds(i.Started)
	}
	for key, value := range map[string]string{"account_id": c.ID.Account, "owner_id": i.Owner, "media_recording_id": i.ID} {
		if value != "" {
			doc.CustomChannelVar[key] = value
		}
	}
	text, err := json.Marshal(doc)
	if err != nil { // a figure that JSON has no name for
		doc.Quality = nil
		text, _ = json.Marshal(doc)
	}
	return Recording{
		Account: c.ID.Account, ID: i.ID, Owner: i.Owner, CallID: callID, Object: i.Object,
		Created: i.Created, State: doc.State, At: e.At, Doc: text,
	}
}

// redact leaves of a url what may be shown: no user, no password, no query.
func redact(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil {
		return "(hidden)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return strings.TrimSuffix(u.String(), "?")
}

// Failed is a recording of the index that turned out to be lost, which a reason must say.
func Failed(r *Recording, reason string, at time.Time) (Recording, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(r.Doc, &doc); err != nil {
		return Recording{}, err
	}
	out := *r
	out.State, out.At = recording.Failed.String(), at
	for key, value := range map[string]string{"state": out.State, "reason": reason} {
		text, err := json.Marshal(value)
		if err != nil {
			return Recording{}, err
		}
		doc[key] = text
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return Recording{}, err
	}
	out.Doc = text
	return out, nil
}

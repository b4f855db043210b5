package recording

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"callrec/policy"
	"callrec/upload/spool"
)

// keptCall is what a restart needs to know of a call. Positions are those of its
// timeline.
type keptCall struct {
	Call         CallSpec  `json:"call"`      // as updated
	Announced    string    `json:"announced"` // the announcement's fingerprint
	Interaction  string    `json:"interaction_id,omitempty"`
	CallerCallID string    `json:"caller_call_id,omitempty"` // after a transfer
	Legs         []LegInfo `json:"legs"`
	Revision     int       `json:"revision,omitempty"`
	Answered     [2]int64  `json:"answered"`
	Bridged      int64     `json:"bridged"`
	Commands     []noted   `json:"commands"` // the newest of them
	Heard        int       `json:"heard"`    // how many there were: who tells of more is newer
	Over         bool      `json:"over,omitempty"`
}

// keptTrack is what a restart needs to know of a recording.
type keptTrack struct {
	Settings policy.Settings `json:"settings"`
	Kbps     int             `json:"kbps"`  // MP3 only; what the settings did not say
	Limit    int             `json:"limit"` // seconds, likewise
	Origin   string          `json:"origin"`
	Leg      Leg             `json:"leg"`
	Owner    string          `json:"owner,omitempty"`
	Called   Party           `json:"called,omitzero"`
	Facts    *Facts          `json:"facts,omitempty"` // as of its beginning, where the call's are others by now
	Created  time.Time       `json:"created,omitzero"`
	Order    int             `json:"order,omitempty"` // how many the call had before it
	Asked    int64           `json:"asked"`
	Start    int64           `json:"start"`
	Stop     int64           `json:"stop"`
	Ended    bool            `json:"ended,omitempty"` // Stop is where it was told to end
	Edges    []edge          `json:"edges,omitempty"`
	Away     int64           `json:"away,omitempty"` // samples of silence because the worker was away

	CallerOnly bool   `json:"caller_only,omitempty"`
	Then       Flow   `json:"then,omitempty"`  // what is still to come
	After      string `json:"after,omitempty"` // id of the record_caller that this one follows
}

// resume is both, the opaque part of a spool manifest.
type resume struct {
	keptCall
	keptTrack
}

// facts are those with which the recording has begun.
func (r *resume) facts() Facts {
	if r.Facts != nil {
		return *r.Facts
	}
	return r.Call.facts()
}

// noted is one command as it took effect.
type noted struct {
	At        time.Time `json:"at"`
	Action    Action    `json:"action"`
	Leg       Leg       `json:"leg,omitempty"`
	Recording string    `json:"recording,omitempty"`
	MediaName string    `json:"media_name,omitempty"`
}

func (c *call) kept() keptCall {
	return keptCall{
		Call: c.current(), Announced: c.fingerprint(), Interaction: c.interaction, CallerCallID: c.callIDs[Caller],
		Legs: c.legInfo(), Revision: c.revision, Answered: c.answered, Bridged: c.bridged,
		Commands: c.commands, Heard: c.told, Over: c.ended,
	}
}

func (t *track) kept(c *call) keptTrack {
	var facts *Facts
	if t.begun && t.facts != c.facts {
		facts = &t.facts
	}
	k := keptTrack{
		Settings: t.spec.settings, Kbps: t.spec.kbps, Limit: t.spec.limit, Origin: t.origin, Leg: t.leg,
		Owner: t.owner, Called: t.called, Facts: facts, Created: t.created, Order: t.order,
		Asked: t.asked, Start: t.start, Stop: t.stop, Ended: !t.state.live(), Edges: t.edges, Away: t.away, After: t.after,
	}
	if d := t.dictation; d != nil {
		k.CallerOnly = true
		if !d.over && d.reason != "transfer" {
			k.Then = d.then
		}
	}
	return k
}

// manifest describes the track as of now; at the finish, with its length.
func (t *track) manifest(c *call) spool.Manifest {
	m := spool.Manifest{
		ID: t.id, Ext: t.spec.format, Account: c.spec.ID.Account, CallID: t.callID,
		MediaName: t.mediaName, ContentType: contentTypes[t.spec.format],
		Destination: spool.Destination{URL: t.spec.settings.URL, Method: t.spec.method, Name: t.objectName},
		Started:     c.wall(t.start), Rate: t.spec.rate, Channels: t.spec.channels,
		DurationMS: t.length().Milliseconds(),
	}
	m.Meta = meta(c, t, &m)
	m.Destination.Plain = t.dictation != nil
	m.Call = asJSON(resume{c.kept(), t.kept(c)})
	if t.quality != nil {
		m.Quality = asJSON(t.quality)
	}
	return m
}

// meta is what the receiver is told of a recording, in Kazoo's order. A field
// with nothing to say keeps its name.
func meta(c *call, t *track, m *spool.Manifest) []spool.Field {
	s := c.specOf(t)
	return []spool.Field{
		{Key: "from", Value: s.From},
		{Key: "to", Value: s.To},
		{Key: "caller_id_name", Value: s.CallerIDName},
		{Key: "caller_id_number", Value: s.CallerIDNumber},
		{Key: "call_id", Value: m.CallID},
		{Key: "cdr_id", Value: m.Started.UTC().Format("200601-") + m.CallID},
		{Key: "interaction_id", Value: c.interaction},
		{Key: "owner_id", Value: t.owner},
		{Key: "account_id", Value: s.ID.Account},
		{Key: "start", Value: gregorianSeconds(m.Started)},
		{Key: "duration_ms", Value: strconv.FormatInt(m.DurationMS, 10)},
		{Key: "recording_id", Value: m.ID},
	}
}

// setDuration corrects a manifest whose file turned out to have another length.
func setDuration(m *spool.Manifest, ms int64) {
	m.DurationMS = ms
	if i := slices.IndexFunc(m.Meta, func(f spool.Field) bool { return f.Key == "duration_ms" }); i >= 0 {
		m.Meta[i].Value = strconv.FormatInt(ms, 10)
	}
}

// asJSON encodes a type of this package. Should that ever fail, a manifest
// without the part is better than no recording.
func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// Recall makes of a manifest the event that tells that its recording is spooled.
// It is for who keeps a list of recordings: a call is forgotten soon after its end,
// and with the process; a manifest is there for as long as the file.
func Recall(m *spool.Manifest) (Event, error) {
	var r resume
	if err := json.Unmarshal(m.Call, &r); err != nil {
		return Event{}, fmt.Errorf("cannot read the call of recording %s: %w", m.ID, err)
	}
	r.Call.setFacts(r.facts())
	info := Info{
		ID: m.ID, Origin: r.Origin, State: Spooled, MediaName: m.MediaName, Format: m.Ext, Rate: m.Rate, Channels: m.Channels,
		Caller: r.CallerOnly, Owner: r.Owner, Leg: r.Leg, CallID: m.CallID, URL: m.Destination.URL, Object: m.Destination.Name,
		Created: r.Created, Started: m.Started, Length: time.Duration(m.DurationMS) * time.Millisecond,
	}
	if m.Interrupted {
		info.Reason = "interrupted"
	}
	if info.Created.IsZero() {
		info.Created = m.Started
	}
	if len(m.Quality) > 0 && json.Unmarshal(m.Quality, &info.Quality) != nil {
		info.Quality = nil
	}
	return Event{
		At: m.Started.Add(info.Length), Call: r.Call.ID, Name: Spooled.String(), Recording: &info, Spec: r.Call, Interaction: r.Interaction,
	}, nil
}

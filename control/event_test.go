package control_test

import (
	"math"
	"testing"
	"time"

	"callrec/control"
	"callrec/recording"
)

// The JSON of events is a promise: version 1, byte for byte.
func TestEventJSON(t *testing.T) {
	id := recording.CallID{Account: "acme", Call: "a@b"}
	at := time.Date(2026, 11, 23, 9, 30, 0, 250_900_000, time.FixedZone("", 3600))
	rec := recording.Info{
		ID: "202611-1", Origin: "callflow : x", State: recording.Parked, MediaName: "m.mp3", Format: "mp3", Rate: 16000, Channels: 2, Caller: true,
		URL: "https://ann:secret@host/?key=secret", Started: at, Length: 1500 * time.Millisecond, Reason: "no",
	}
	odd := rec
	odd.Quality = &recording.Quality{}
	odd.Quality.Legs[0].JitterMS = math.NaN()
	const shown = `"recording":{"id":"202611-1","origin":"callflow : x","module":"record_caller","state":"parked","media_name":"m.mp3","format":"mp3",` +
		`"record_sample_rate":16000,"channels":"stereo","started":"2026-11-23T08:30:00.250Z","duration_ms":1500,"reason":"no"}}`
	for name, c := range map[string]struct {
		e    recording.Event
		want string
	}{
		"of a call": {
			recording.Event{At: at, Call: id, Name: "digit", Detail: "caller", Digit: "5", Spec: recording.CallSpec{OtherLegCallID: "b"}},
			`{"version":1,"name":"channel.digit","at":"2026-11-23T08:30:00.250Z","account_id":"acme","call_id":"a@b","other_leg_call_id":"b","detail":"caller","digit":"5"}`,
		},
		"of a recording, without its url": {
			recording.Event{At: at, Call: id, Name: "parked", Detail: "no", Recording: &rec},
			`{"version":1,"name":"recording.parked","at":"2026-11-23T08:30:00.250Z","account_id":"acme","call_id":"a@b","detail":"no",` + shown,
		},
		"without a figure that is none": {
			recording.Event{At: at, Call: id, Name: "parked", Recording: &odd},
			`{"version":1,"name":"recording.parked","at":"2026-11-23T08:30:00.250Z","account_id":"acme","call_id":"a@b",` + shown,
		},
		"of a recording whose call is forgotten": {
			recording.Event{At: at, Call: id, Name: "delivered", Recording: &recording.Info{ID: "202611-1", State: recording.Delivered}},
			`{"version":1,"name":"recording.delivered","at":"2026-11-23T08:30:00.250Z","account_id":"acme","call_id":"a@b","recording":{"id":"202611-1","origin":"","state":"delivered","media_name":"","format":""}}`,
		},
	} {
		if got := string(control.EventJSON(&c.e)); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

package httpapi

import (
	"time"

	"callrec/control"
	"callrec/policy"
	"callrec/recording"
)

// object is one JSON object of a request. Its getters give the zero value for
// what is absent or of the wrong type: the schema has complained about that, and
// the checks that come after it still want to see the rest.
type object map[string]any

// object takes any value, so that data which is not an object reads as empty.
func objectOf(v any) object {
	m, _ := v.(map[string]any)
	return m
}

func (o object) object(key string) object { return objectOf(o[key]) }

func (o object) text(key string) string {
	v, _ := o[key].(string)
	return v
}

func (o object) flag(key string) bool {
	v, _ := o[key].(bool)
	return v
}

func (o object) leg(key string) recording.Leg {
	if o.text(key) == recording.Callee.String() {
		return recording.Callee
	}
	return recording.Caller
}

// callID reads a call id, whose length the schema cannot measure in bytes.
func (o object) callID(key string, bad *policy.Problems) string {
	id := o.text(key)
	if len(id) > 255 {
		*bad = append(*bad, policy.Problem{Path: key, Rule: "maxLength", Message: "String must not be more than 255 bytes", Target: 255, Value: id})
	}
	return id
}

// ahead is how far the clock of a client may run before ours.
const ahead = time.Second

// instant is when a request takes effect: when its body had been read, or what
// it says itself. What is more than one hold back is written already; then it is the
// earliest instant that may not be, for a hang-up or a mask that comes late is better
// than none. The result keeps the monotonic reading, so that a step of the wall clock
// moves nothing.
func (s *server) instant(r *request, o object, path string, bad *policy.Problems) time.Time {
	r.told = r.received
	text := o.text("at")
	if _, given := o["at"]; !given || text == "" && o["at"] != "" {
		return r.received
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		*bad = append(*bad, policy.Problem{
			Path: path, Rule: "wrong_format", Message: "Field is not in the correct format",
			Target: "RFC 3339 with milliseconds, such as 2026-11-23T08:30:00.250Z", Value: text,
		})
		return r.received
	}
	wall := r.received.Round(0)
	first, last := wall.Add(-s.Hold), wall.Add(ahead)
	if at.After(last) {
		*bad = append(*bad, policy.Problem{Path: path, Rule: "maximum", Message: "Value must be at most " + control.Stamp(last), Target: control.Stamp(last), Value: text})
		return r.received
	}
	r.told = at
	if at.Before(first) {
		at = first
	}
	return r.received.Add(at.Sub(wall))
}

// warnLate tells who asked for it that something took effect at another instant than
// what was told, and for what hides audio, that it did not from there on.
func (r *request) warnLate(at time.Time, hides bool) {
	if at.Round(0).Sub(r.told.Round(0)) < time.Millisecond {
		return
	}
	rest := ""
	if hides {
		rest = "; what was said before that is in the recordings"
	}
	r.warn("at: %s is written already; this took effect at %s%s", control.Stamp(r.told), control.Stamp(at), rest)
}

package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"callrec/recording"
)

// What happened longer ago than can still be changed takes effect as early as it
// can, and the answer says when: a call whose hang-up is refused goes on.
func TestWhatIsToldLateIsDoneAllTheSame(t *testing.T) {
	const old, first = "2026-11-23T08:29:57.000Z", "2026-11-23T08:29:59.250Z"
	for name, c := range map[string]struct {
		method, body string
		hides        bool
	}{
		"hangup":    {"POST", `{"data":{"action":"hangup","at":"` + old + `"}}`, false},
		"answer":    {"POST", `{"data":{"action":"answer","at":"` + old + `"}}`, false},
		"ages ago":  {"POST", `{"data":{"action":"bridge","at":"0001-01-01T00:00:00Z"}}`, false},
		"update":    {"POST", `{"data":{"action":"update","from":"x","at":"` + old + `"}}`, false},
		"stop":      {"PUT", `{"data":{"action":"metaflow","data":{"module":"record_call","data":{"action":"stop","at":"` + old + `"}}}}`, false},
		"start":     {"PUT", `{"data":{"action":"metaflow","data":{"module":"record_call","data":{"action":"start","at":"` + old + `"}}}}`, false},
		"mask":      {"PUT", `{"data":{"action":"metaflow","data":{"module":"record_call","data":{"action":"mask","at":"` + old + `"}}}}`, true},
		"just late": {"POST", `{"data":{"action":"hangup","at":"2026-11-23T08:29:59.200Z"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","flow":{"module":"record_call","data":{"action":"start"}}}}`)
			data := d.must(t, 200, c.method, call, c.body)
			warnings, _ := data["warnings"].([]any)
			if len(warnings) != 1 || !strings.Contains(warnings[0].(string), "took effect at "+first) || strings.Contains(warnings[0].(string), "said before") != c.hides {
				t.Errorf("warnings %q", warnings)
			}
			if got := d.commands[0].At; !got.Equal(clock.Add(-time.Second)) {
				t.Errorf("it was done at %v", got)
			}
		})
	}
}

// In time it is no matter for a warning.
func TestWhatIsToldInTimeIsNoWarning(t *testing.T) {
	d := newDoor(t)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1"}}`)
	if data := d.must(t, 200, "POST", call, `{"data":{"action":"answer","at":"2026-11-23T08:29:59.250Z"}}`); data["warnings"] != nil {
		t.Errorf("warnings %v", data["warnings"])
	}
}

// The same announcement is the same however late it comes again.
func TestAnAnnouncementIsRepeatedLate(t *testing.T) {
	d := newDoor(t)
	const body = `{"data":{"call_id":"c1","at":"2026-11-23T08:29:59.500Z"}}`
	d.must(t, 201, "PUT", channels, body)
	d.now = clock.Add(2200 * time.Millisecond)
	if data := d.must(t, 200, "PUT", channels, body); data["warnings"] != nil {
		t.Errorf("the repetition has the warnings %v", data["warnings"])
	}
	data := d.must(t, 201, "PUT", channels, strings.Replace(body, "c1", "c2", 1))
	if warnings, _ := data["warnings"].([]any); len(warnings) != 1 || !strings.Contains(warnings[0].(string), "took effect at 2026-11-23T08:30:01.450Z") {
		t.Errorf("a new one that is late has the warnings %v", data["warnings"])
	}
	if at := d.calls[recording.CallID{Account: "acme", Call: "c2"}].Spec.At; !at.Equal(clock.Add(1200 * time.Millisecond)) {
		t.Errorf("it begins at %v", at)
	}
}

// What the recorder says of a command reaches who sent it, from either path.
func TestWarningsOfTheRecorderAreTold(t *testing.T) {
	d := newDoor(t)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","flow":{"module":"record_call","data":{"action":"start"}}}}`)
	d.warnings, d.late = []string{"the disk is behind"}, 1500*time.Millisecond
	for method, body := range map[string]string{
		"POST": `{"data":{"action":"answer"}}`,
		"PUT":  `{"data":{"action":"metaflow","data":{"module":"record_call","data":{"action":"mask","at":"2026-11-23T08:29:59.500Z"}}}}`,
	} {
		got, _ := d.must(t, 200, method, call, body)["warnings"].([]any)
		if len(got) != 2 || !strings.Contains(got[0].(string), "took effect at 2026-11-23T08:30:0") || got[1] != "the disk is behind" {
			t.Errorf("%s: %q", method, got)
		}
	}
}

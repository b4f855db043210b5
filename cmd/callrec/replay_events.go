package main

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"time"

	"callrec/control/httpapi"
	"callrec/recording"
)

// Bounds of a file of events.
const (
	mostEvents = 10000
	longEvent  = 1 << 20 // bytes of a line
)

// readEvents reads a file of events; "" is an empty one. All its faults are told.
// Seconds count from begin.
func readEvents(path string, begin time.Time, d recording.Defaults) (*plan, error) {
	if path == "" {
		return &plan{}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the events (--events): %w", err)
	}
	defer func() { _ = f.Close() }()
	return parseEvents(f, path, begin, d)
}

// parseEvents is readEvents of a file that is open.
func parseEvents(f io.Reader, path string, begin time.Time, d recording.Defaults) (*plan, error) {
	p := &plan{}
	var at time.Time
	door, err := httpapi.New(httpapi.Config{
		Recorder: p, Defaults: d, TokenHash: sha256.Sum256([]byte(replayToken)), Now: func() time.Time { return at },
	})
	if err != nil {
		return nil, err
	}
	var bad []error
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, longEvent)
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		p.line = fmt.Sprintf("%s, line %d", path, n)
		note := func(err error) { bad = append(bad, fmt.Errorf("%s: %w", p.line, err)) }
		e, err := parseEvent(text, begin)
		if err != nil {
			note(err)
			continue
		}
		if at = e.at; e.action == "announce" && p.announced != nil {
			note(errors.New("the call is announced a second time"))
			continue
		}
		for _, fault := range p.read(door, e) {
			note(fault)
		}
		if len(p.commands) > mostEvents || len(bad) > 100 {
			note(errors.New("too many events, or faults in them"))
			break
		}
	}
	if err := lines.Err(); err != nil {
		bad = append(bad, fmt.Errorf("cannot read the events: %w", err))
	}
	if p.announced != nil {
		for _, c := range p.commands {
			if c.Do.At.Before(p.announced.At) {
				bad = append(bad, fmt.Errorf("%s: this is before the call is announced (%s)", c.Name, p.announce))
			}
		}
	}
	return p, errors.Join(bad...)
}

// event is one line: where and when, and the data of a request to the API.
type event struct {
	at           time.Time
	action       string
	method, path string
	data         []byte
}

// parseEvent reads the parts of a line that the API has no fields for.
func parseEvent(text []byte, begin time.Time) (e event, err error) {
	fields, err := topLevel(text)
	if err != nil {
		return e, err
	}
	if e.at, err = parseInstant(fields["at"], begin); err != nil {
		return e, err
	}
	if err := json.Unmarshal(fields["action"], &e.action); err != nil {
		return e, errors.New(`"action" is missing, or no text`)
	}
	delete(fields, "at")
	const calls = "/v2/accounts/" + replayAccount + "/channels"
	var data any = fields
	switch e.action {
	case "announce":
		delete(fields, "action")
		if fields["call_id"] == nil {
			fields["call_id"] = json.RawMessage(`"` + replayCall + `"`)
		}
		e.method, e.path = http.MethodPut, calls
	case "answer", "bridge", "update", "hangup", "callflow":
		e.method, e.path = http.MethodPost, calls+"/"+replayCall
	case "start", "stop", "mask", "unmask", "toggle":
		e.method, e.path = http.MethodPut, calls+"/"+replayCall
		data = map[string]any{"action": "metaflow", "data": map[string]any{"module": "record_call", "data": fields}}
	default:
		return e, fmt.Errorf("there is no action %q; want announce, answer, bridge, update, callflow, hangup, start, stop, mask, unmask or toggle", e.action)
	}
	e.data, err = json.Marshal(map[string]any{"data": data})
	return e, err
}

// topLevel is the fields of a JSON object, none of them twice.
func topLevel(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("this is no JSON object")
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("this is no JSON object: %w", err)
		}
		key, _ := t.(string)
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("this is no JSON object: %w", err)
		}
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("%q is given twice", key)
		}
		out[key] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("this is no JSON object: %w", err)
	}
	if d.More() {
		return nil, errors.New("something follows the event on its line")
	}
	return out, nil
}

// mostSeconds bounds "at": a replay is of two days at most.
const mostSeconds = 1e6

// parseInstant reads "at".
func parseInstant(v json.RawMessage, begin time.Time) (time.Time, error) {
	var text string
	if json.Unmarshal(v, &text) == nil && text != "" {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at.UTC(), nil
		}
	}
	var seconds float64
	if len(v) > 0 && string(v) != "null" && json.Unmarshal(v, &seconds) == nil && math.Abs(seconds) <= mostSeconds {
		return begin.Add(time.Duration(math.Round(seconds * 1e9))), nil
	}
	return time.Time{}, fmt.Errorf(`"at": want seconds from the start of the capture, or a time like 2026-11-23T08:30:00.250Z, got %s`, cmp.Or(string(v), "nothing"))
}

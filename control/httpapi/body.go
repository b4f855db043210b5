package httpapi

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"callrec/control"
	"callrec/policy"
)

// Bounds of a request body, and of what is said about its envelope.
const (
	maxBody     = 1 << 20
	maxProblems = 100
)

// now reads the clock, wall and monotonic. A thread that is preempted between the two
// makes a false pair, and instants that requests say would be off by that, so a reading
// that took long is taken again: see capture.Clock.
func (s *server) now() time.Time {
	const apart, tries = 20 * time.Microsecond, 4
	before, t := s.Now(), s.Now()
	for i := 1; i < tries && t.Sub(before) > apart; i++ {
		before, t = t, s.Now()
	}
	return t
}

// read takes in the body, sets r.received, and returns the data of the envelope
// as maps, slices, strings, bools, int64 and float64. The error is a control.Fault.
func (s *server) read(r *request) (any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	r.received = s.now()
	if err != nil {
		return nil, policy.Invalid("the body could not be read")
	}
	if len(body) > maxBody {
		return nil, tooLarge("file", fmt.Sprintf("The body must not be more than %d bytes", maxBody), maxBody)
	}
	top, err := decode(body)
	if err != nil {
		return nil, err
	}
	envelope, ok := top.(map[string]any)
	if !ok {
		return nil, policy.Invalid(`the body must be an object: {"data": {…}}`)
	}
	var bad policy.Problems
	for _, key := range slices.Sorted(maps.Keys(envelope)) {
		// Kazoo's clients may repeat their token here; only the header counts. The
		// verb has been heard before.
		if key != "data" && key != "auth_token" && key != "verb" && len(bad) < maxProblems {
			bad = append(bad, policy.UnknownField(policy.EscapeKey(key), key))
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	data, ok := envelope["data"]
	if !ok {
		data = map[string]any{}
	}
	return data, nil
}

func tooLarge(path, message string, most int) error {
	return &control.Fault{
		Status: http.StatusRequestEntityTooLarge, Message: "validation error",
		Data: control.Fields(policy.Problems{{Path: path, Rule: "maxSize", Message: message, Target: most}}),
	}
}

// decode is policy.Decode with paths named from the top of the data.
func decode(body []byte) (any, error) {
	v, err := policy.Decode(body)
	var bad policy.Problems
	if errors.As(err, &bad) {
		for i := range bad {
			if inside, ok := strings.CutPrefix(bad[i].Path, "data."); ok {
				bad[i].Path = inside
			}
		}
		return nil, bad
	}
	return v, err
}

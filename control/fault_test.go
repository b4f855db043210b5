package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callrec/control"
	"callrec/policy"
	"callrec/recording"
)

func TestFaultOf(t *testing.T) {
	problems := policy.Problems{
		{Path: "a.time_limit", Rule: "maximum", Message: "Value must be at most 10800", Target: 10800, Value: 99999},
		{Path: "a.time_limit", Rule: "maximum", Message: "said twice"},
		{Path: "a.url", Rule: "wrong_format", Message: "m", Value: "http://u:secret@h/"},
		{Path: "a.format", Rule: "enum", Message: "m", Value: "https://u:secret@h.example/in?key=secret#secret"},
		policy.UnknownField(policy.EscapeKey("http://u:secret@h.example/?k=secret"), "http://u:secret@h.example/?k=secret"),
		{Path: "b", Rule: "type", Message: "m", Value: map[string]any{"password": "secret"}},
		{Path: "c", Rule: "enum", Message: "m", Value: strings.Repeat("é", 1000)},
	}
	tests := []struct {
		err     error
		status  int
		message string
		retry   time.Duration
		data    string // in the JSON
	}{
		{problems, 400, "validation error", 0, `"a.time_limit":{"maximum":{"message":"Value must be at most 10800","target":10800,"value":99999}}`},
		{fmt.Errorf("x: %w", &recording.NotFoundError{What: "call", Name: "c1"}), 404, "bad_identifier", 0, `no call \"c1\"`},
		{&recording.ConflictError{ID: recording.CallID{Account: "A", Call: "c1"}}, 409, "datastore_conflict", 0, "hang it up first"},
		{&recording.CrowdedError{ID: recording.CallID{Account: "A", Call: "c1"}}, 409, "too_many_recordings", 0, "stop one first"},
		{&recording.RefusedError{Reason: "all 10 ports are taken; raise --rtp-ports", RetryAfter: 3 * time.Second}, 503, "service_unavailable", 3 * time.Second, "--rtp-ports"},
		{&recording.RefusedError{Reason: "draining"}, 503, "service_unavailable", time.Second, "draining"},
		{context.DeadlineExceeded, 503, "service_unavailable", time.Second, "in time"},
		{fmt.Errorf("x: %w", context.Canceled), 503, "service_unavailable", time.Second, "cancelled"},
		{&control.Fault{Status: 418, Message: "teapot", Data: "x"}, 418, "teapot", 0, "x"},
		{errors.New("open /secret: no"), 500, "unspecified_fault", 0, "internal error"},
	}
	for _, c := range tests {
		f := control.FaultOf(c.err)
		if f.Status != c.status || f.Message != c.message || f.RetryAfter != c.retry {
			t.Errorf("%v: %d %s %v, want %d %s %v", c.err, f.Status, f.Message, f.RetryAfter, c.status, c.message, c.retry)
		}
		data, err := json.Marshal(f.Data)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), c.data) || strings.Contains(string(data), "secret") || len(data) > 1000 {
			t.Errorf("%v: data %s, want %q in it, no secret, no long echo", c.err, data, c.data)
		}
	}
}

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"callrec/policy"
	"callrec/recording"
)

// maxNodes bounds a callflow. Nodes after a record_call run at once, so a long
// chain is a mistake.
const maxNodes = 16

// step is what one or several nodes of a callflow come to.
type step struct {
	action    recording.Action    // Start or Stop
	start     []recording.Request // Start
	mediaName string              // Stop
	path      string              // of the node, for warnings
}

// steps reads a callflow: its record_call nodes in order, neighbouring starts
// put together. to is the dialled address of the call.
func (s *server) steps(r *request, node any, path, to string, bad *policy.Problems) []step {
	var out []step
	for n := 0; node != nil; n++ {
		o := objectOf(node)
		if n == maxNodes {
			*bad = append(*bad, policy.Problem{Path: path, Rule: "maxDepth", Message: fmt.Sprintf("A flow must not have more than %d nodes", maxNodes), Target: maxNodes})
			return nil
		}
		if o.text("module") == "record_call" {
			out = s.recordCall(r, out, o.object("data"), path, to, bad)
		}
		for _, key := range s.schemas.unknown("callflows.action", o) {
			r.warn("%s.%s is unknown and ignored", path, escapeKey(key))
		}
		children := o.object("children")
		for _, key := range slices.Sorted(maps.Keys(children)) {
			if key != "_" {
				r.warn("%s.children.%s is never reached: record_call continues with its child _", path, escapeKey(key))
			}
		}
		node, path = children["_"], path+".children._"
	}
	return out
}

// recordCall adds one record_call node to the steps.
func (s *server) recordCall(r *request, out []step, data object, path, to string, bad *policy.Problems) []step {
	for _, key := range s.schemas.unknown("callflows.record_call", data) {
		r.warn("%s.data.%s is no setting of record_call and is ignored", path, escapeKey(key))
	}
	spec, err := s.spec(data.settings(), s.flow, path+".data", bad)
	if err != nil || data.flag("skip_module") {
		return out
	}
	if data.text("action") == "stop" {
		return append(out, step{action: recording.Stop, mediaName: data.text("media_name"), path: path})
	}
	label := data.text("label")
	if label == "" {
		label = userPart(to)
	}
	request := recording.Request{Spec: spec, Origin: "callflow : " + label, Leg: recording.Caller}
	if n := len(out); n > 0 && out[n-1].action == recording.Start {
		out[n-1].start = append(out[n-1].start, request)
		return out
	}
	return append(out, step{action: recording.Start, start: []recording.Request{request}, path: path})
}

// spec is recording.NewSpec with its problems named from the top of the data.
func (s *server) spec(settings policy.Settings, d recording.Defaults, path string, bad *policy.Problems) (recording.Spec, error) {
	spec, err := recording.NewSpec(settings, d)
	var problems policy.Problems
	if errors.As(err, &problems) {
		*bad = append(*bad, problems.Under(path)...)
	} else if err != nil {
		*bad = append(*bad, policy.Problem{Path: path, Rule: "error", Message: err.Error()})
	}
	return spec, err
}

// run carries out steps on a live call. Nothing to stop is no error, because a
// callflow goes on after its record_call either way, but the answer says so.
func (s *server) run(ctx context.Context, r *request, steps []step, at time.Time) (recording.CallInfo, error) {
	info, ok := s.Recorder.Info(r.call)
	if !ok {
		return info, &recording.NotFoundError{What: "call", Name: r.call.Call}
	}
	for _, st := range steps {
		after, err := s.Recorder.Do(ctx, r.call, recording.Command{Action: st.action, At: at, Start: st.start, MediaName: st.mediaName})
		var missing *recording.NotFoundError
		if st.action == recording.Stop && errors.As(err, &missing) && missing.What == "recording" {
			r.warn("%s: there was no recording to stop", st.path)
			continue
		}
		if err != nil {
			return info, err
		}
		info = after
	}
	return info, nil
}

// userPart is the user of an address: the part before @, without a scheme.
func userPart(address string) string {
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		if len(address) >= len(scheme) && strings.EqualFold(address[:len(scheme)], scheme) {
			address = address[len(scheme):]
			break
		}
	}
	user, _, _ := strings.Cut(address, "@")
	if user == "" {
		return "unknown"
	}
	return user
}

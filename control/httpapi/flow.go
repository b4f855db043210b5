package httpapi

import (
	"context"
	"errors"
	"fmt"
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
	first, warnings := s.schemas.Flow(node, path)
	for n, at := 0, first; at != nil; n, at = n+1, at.Next {
		if n == maxNodes {
			*bad = append(*bad, policy.Problem{Path: at.Path, Rule: "maxDepth", Message: fmt.Sprintf("A flow must not have more than %d nodes", maxNodes), Target: maxNodes})
			return nil
		}
		if record, ok := at.Action.(*policy.RecordCall); ok {
			out = s.recordCall(out, record, at.Path, to, bad)
		}
	}
	for _, w := range warnings {
		r.warn("%s", w)
	}
	return out
}

// recordCall adds one record_call node to the steps.
func (s *server) recordCall(out []step, record *policy.RecordCall, path, to string, bad *policy.Problems) []step {
	spec, err := s.spec(record.Settings, s.flow, path+".data", bad)
	if err != nil {
		return out
	}
	if record.Stop {
		return append(out, step{action: recording.Stop, mediaName: record.Settings.MediaName, path: path})
	}
	request := recording.Request{Spec: spec, Origin: record.Origin("", to), Leg: recording.Caller}
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

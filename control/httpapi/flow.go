package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"callrec/control"
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
	caller    bool                // record_caller
	path      string              // of the node, for warnings
}

// flowOf reads the flow that a request names, by itself or by the id of a stored
// one, and makes an error of all that is wrong with the request so far. What is
// stored was checked then: if it is wrong by now it costs its own recording, with a
// warning, and no call.
func (s *server) flowOf(r *request, o object, c *recording.CallSpec, bad *policy.Problems) (steps []step, stored bool, err error) {
	owner := s.decider.Owner(c, recording.Caller)
	if id := o.text("callflow_id"); id != "" {
		if o["flow"] != nil {
			*bad = append(*bad, policy.UnknownField("flow", "flow"))
		}
		flow, _ := s.Documents.Compiled(control.Ref{Account: r.account, Kind: control.Callflows, ID: id}).(*control.Callflow)
		if flow == nil {
			*bad = append(*bad, policy.Problem{Path: "callflow_id", Rule: "error", Message: "there is no such callflow", Value: id})
			return nil, true, bad.Err()
		}
		var faults policy.Problems
		unchecked := s.flow
		unchecked.CheckURL = nil
		reader := flowReader{s, unchecked, flow.Name, c.To, owner, &faults}
		steps, _ = reader.steps(flow.Flow, "callflows."+policy.EscapeKey(id)+".flow")
		for _, p := range faults {
			r.warn("%s: %s", p.Path, p.Message)
		}
		stored = true
	} else if o["flow"] != nil {
		var warnings []policy.Warning
		reader := flowReader{s, s.flow, "", c.To, owner, bad}
		steps, warnings = reader.steps(o["flow"], "flow")
		for _, w := range warnings {
			r.warn("%s", w)
		}
	}
	if err := bad.Err(); err != nil {
		return nil, stored, err
	}
	for _, st := range steps {
		if st.caller {
			return nil, stored, notBuilt("the module record_caller at " + st.path)
		}
	}
	return steps, stored, nil
}

func notBuilt(what string) *control.Fault {
	return &control.Fault{
		Status: http.StatusNotImplemented, Message: "not_implemented",
		Data: control.Explain{Message: "not implemented", Cause: what + " does not exist yet"},
	}
}

// flowReader makes steps of a callflow.
type flowReader struct {
	*server
	defaults recording.Defaults
	name     string // of the callflow
	to       string // the dialled address of the call
	owner    string // of the caller's leg
	bad      *policy.Problems
}

// steps reads a callflow: its nodes in order, neighbouring starts put together.
func (f flowReader) steps(node any, path string) ([]step, []policy.Warning) {
	var out []step
	first, warnings := f.schemas.Flow(node, path)
	for n, at := 0, first; at != nil; n, at = n+1, at.Next {
		if n == maxNodes {
			*f.bad = append(*f.bad, tooDeep(at.Path))
			return nil, nil
		}
		switch a := at.Action.(type) {
		case *policy.RecordCall:
			out = f.recordCall(out, a, at.Path)
		case *policy.RecordCaller:
			if _, err := f.spec(a.Settings, f.defaults, at.Path+".data", f.bad); err == nil {
				out = append(out, step{caller: true, path: at.Path})
			}
		}
	}
	return out, warnings
}

func tooDeep(path string) policy.Problem {
	return policy.Problem{Path: path, Rule: "maxDepth", Message: fmt.Sprintf("A flow must not have more than %d nodes", maxNodes), Target: maxNodes}
}

// recordCall adds one record_call node to the steps.
func (f flowReader) recordCall(out []step, record *policy.RecordCall, path string) []step {
	spec, err := f.spec(record.Settings, f.defaults, path+".data", f.bad)
	if err != nil {
		return out
	}
	if record.Stop {
		return append(out, step{action: recording.Stop, mediaName: record.Settings.MediaName, path: path})
	}
	request := recording.Request{Spec: spec, Origin: record.Origin(f.name, f.to), Leg: recording.Caller, Owner: f.owner}
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

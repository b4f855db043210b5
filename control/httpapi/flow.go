package httpapi

import (
	"errors"

	"callrec/control"
	"callrec/policy"
	"callrec/recording"
)

// flowOf reads the flow that a request names, by itself or by the id of a stored
// one, and makes an error of all that is wrong with the request so far. What is
// stored was checked then: a node that is wrong by now costs its own recording, with
// a warning, and no call.
func (s *server) flowOf(r *request, o object, c *recording.CallSpec, bad *policy.Problems) (recording.Flow, error) {
	owner := s.decider.Owner(c, recording.Caller)
	id := o.text("callflow_id")
	if id == "" {
		first := s.walk(r, o["flow"], "flow")
		flow, err := recording.NewFlow(first, s.Defaults, "", c.To, owner)
		*bad = append(*bad, problemsOf(err)...)
		return flow, bad.Err()
	}
	if o["flow"] != nil {
		*bad = append(*bad, policy.UnknownField("flow", "flow"))
	}
	stored, _ := s.Documents.Compiled(control.Ref{Account: r.account, Kind: control.Callflows, ID: id}).(*control.Callflow)
	if stored == nil {
		*bad = append(*bad, policy.Problem{Path: "callflow_id", Rule: "error", Message: "there is no such callflow", Value: id})
		return nil, bad.Err()
	}
	unchecked := s.Defaults
	unchecked.CheckURL = nil
	first := s.walk(r, stored.Flow, "callflows."+policy.EscapeKey(id)+".flow")
	flow, err := recording.NewFlow(first, unchecked, stored.Name, c.To, owner)
	for _, p := range problemsOf(err) {
		r.warn("%s: %s", p.Path, p.Message)
	}
	return flow, bad.Err()
}

// walk reads a flow, and warns of what it passes over: whoever wrote it may take
// that for recorded.
func (s *server) walk(r *request, flow any, path string) *policy.Node {
	first, warnings := s.schemas.Flow(flow, path)
	for _, w := range warnings {
		r.warn("%s", w)
	}
	return first
}

func problemsOf(err error) (problems policy.Problems) {
	errors.As(err, &problems)
	return problems
}

// warnAbout tells what its sender should know of what was done; of a flow, also the
// stops that found nothing. That is no error: a callflow goes on after its
// record_call either way.
func (r *request) warnAbout(info recording.CallInfo) {
	for _, w := range info.Warnings {
		r.warn("%s", w)
	}
	for _, path := range info.Missed {
		r.warn("%s: there was no recording to stop", path)
	}
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

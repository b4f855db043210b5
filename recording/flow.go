package recording

import (
	"encoding/json"
	"errors"
	"fmt"

	"callrec/policy"
)

// MaxNodes bounds a callflow. Nodes after a record_call run at once, so a long
// chain is a mistake.
const MaxNodes = 16

// Flow is what a callflow does to a call: its nodes that record, in order. NewFlow
// makes it. It ends with the first record_caller, which has what follows in
// Request.Then.
type Flow []FlowNode

// FlowNode is one node: Start, or else a stop.
type FlowNode struct {
	Path      string   `json:"path"` // where it stands, for what is told of it
	Start     *Request `json:"start,omitempty"`
	MediaName string   `json:"media_name,omitempty"` // of a stop: which recording; "" is the newest
}

// NewFlow checks every node that follows first, which may be nil, and fills what
// their settings leave open. name is the callflow's, dialled whom the caller
// called, owner the user of the caller's leg; all may be empty. The error is a
// policy.Problems with paths that begin with the node's; the flow is then of the
// nodes that are sound, for whoever would rather have these than none.
func NewFlow(first *policy.Node, d Defaults, name, dialled, owner string) (Flow, error) {
	var all Flow
	var bad policy.Problems
	d.TimeLimit = policy.FlowTimeLimit
	spec := func(s policy.Settings, at *policy.Node) (Spec, bool) {
		sp, err := NewSpec(s, d)
		var problems policy.Problems
		if errors.As(err, &problems) {
			bad = append(bad, problems.Under(at.Path+".data")...)
		}
		return sp, err == nil
	}
	to := &all // where nodes go: into what follows the last record_caller
	for n, at := 0, first; at != nil; n, at = n+1, at.Next {
		if n == MaxNodes {
			bad = append(bad, TooDeep(at.Path))
			break
		}
		switch a := at.Action.(type) {
		case *policy.RecordCall:
			sp, ok := spec(a.Settings, at)
			switch {
			case !ok:
			case a.Stop:
				*to = append(*to, FlowNode{Path: at.Path, MediaName: a.Settings.MediaName})
			default:
				*to = append(*to, FlowNode{Path: at.Path, Start: &Request{Spec: sp, Origin: a.Origin(name, dialled), Owner: owner}})
			}
		case *policy.RecordCaller:
			if sp, ok := spec(a.Settings, at); ok {
				r := &Request{Spec: sp, Origin: a.Origin(name, dialled), Owner: owner, CallerOnly: true}
				*to = append(*to, FlowNode{Path: at.Path, Start: r})
				to = &r.Then
			}
		}
	}
	return all, bad.Err()
}

// TooDeep is the problem of a callflow whose node at path is one too many.
func TooDeep(path string) policy.Problem {
	return policy.Problem{Path: path, Rule: "maxDepth", Message: fmt.Sprintf("A flow must not have more than %d nodes", MaxNodes), Target: MaxNodes}
}

// runFlow carries a flow out at pos; after is the id of the record_caller that it
// follows, if it follows one. It returns the paths of stops that found
// nothing to stop; the flow goes on all the same.
func (s *shard) runFlow(c *call, flow Flow, pos int64, after string) (missed []string, err error) {
	for i := range flow {
		n := &flow[i]
		if n.Start == nil {
			if s.onTracks(c, &Command{Action: Stop, MediaName: n.MediaName}, pos) != nil {
				missed = append(missed, n.Path)
			}
			continue
		}
		r := *n.Start
		r.after = after
		if err := s.startAll(c, []Request{r}, pos); err != nil {
			return missed, err
		}
	}
	return missed, nil
}

// specJSON is a Spec as a manifest keeps it: the settings, and of the defaults
// those that NewSpec may be given anew after a restart.
type specJSON struct {
	Settings  policy.Settings `json:"settings"`
	TimeLimit int             `json:"time_limit"`
	Kbps      int             `json:"kbps,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (sp Spec) MarshalJSON() ([]byte, error) {
	return json.Marshal(specJSON{sp.settings, sp.limit, sp.kbps})
}

// UnmarshalJSON implements json.Unmarshaler. It checks like NewSpec, but for the
// url, which was checked before.
func (sp *Spec) UnmarshalJSON(b []byte) error {
	var k specJSON
	if err := json.Unmarshal(b, &k); err != nil {
		return err
	}
	got, err := NewSpec(k.Settings, Defaults{TimeLimit: k.TimeLimit})
	if err != nil {
		return err
	}
	if k.Kbps != 0 {
		got.kbps = k.Kbps
	}
	*sp = got
	return nil
}

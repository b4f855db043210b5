package httpapi

import (
	"errors"

	"callrec/policy"
	"callrec/recording"
)

// readFlow reads a callflow. to is the dialled address of the call.
func (s *server) readFlow(r *request, node any, path, to string, bad *policy.Problems) recording.Flow {
	first, warnings := s.schemas.Flow(node, path)
	flow, err := recording.NewFlow(first, s.Defaults, "", to, "")
	var problems policy.Problems
	if errors.As(err, &problems) {
		*bad = append(*bad, problems...)
	}
	for _, w := range warnings {
		r.warn("%s", w)
	}
	return flow
}

// warnMissed tells of stops that found nothing. That is no error: a callflow goes
// on after its record_call either way.
func (r *request) warnMissed(info recording.CallInfo) {
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

package httpapi

import (
	"net/http"

	"callrec/policy"
	"callrec/recording"
)

// list answers GET channels.
func (s *server) list(r *request) (reply, error) {
	views := []callView{}
	for _, info := range s.Recorder.Calls(r.account) {
		v := describe(info)
		views = append(views, v)
	}
	return reply{status: http.StatusOK, data: views, page: &page{size: len(views)}}, nil
}

// get answers GET channels/{call}.
func (s *server) get(r *request) (reply, error) {
	info, ok := s.Recorder.Info(r.call)
	if !ok {
		return reply{}, &recording.NotFoundError{What: "call", Name: r.call.Call}
	}
	return reply{status: http.StatusOK, data: s.view(r, info)}, nil
}

// plain are the actions that are one command.
var plain = map[string]recording.Action{
	"answer":   recording.Answer,
	"bridge":   recording.Bridge,
	"callflow": recording.RunFlow,
	"hangup":   recording.Hangup,
	"transfer": recording.Transfer,
	"update":   recording.Update,
}

// act answers POST channels/{call}.
func (s *server) act(r *request) (reply, error) {
	data, err := s.read(r)
	if err != nil {
		return reply{}, err
	}
	data, bad := s.schemas.Accept("channels.action", data)
	o := objectOf(data)
	action := o.text("action")
	info, live := s.Recorder.Info(r.call)
	command := recording.Command{Action: plain[action], At: s.instant(r, o, "at", &bad), Leg: o.leg("leg")}
	if live && action == "update" {
		command.Change = change(r, o, info, &bad)
	}
	if action == "callflow" && o["flow"] == nil && o["callflow_id"] == nil {
		bad = append(bad, policy.Problem{Path: "flow", Rule: "required", Message: "Field is required but missing", Value: "flow"})
	}
	command.CallID, command.Party = o.callID("call_id", &bad), party(o.object("party"))
	if command.Flow, err = s.flowOf(r, o, &info.Spec, &bad); err != nil {
		return reply{}, err
	}
	if !live {
		return reply{}, &recording.NotFoundError{What: "call", Name: r.call.Call}
	}
	switch callee := command.Change.Parties[recording.Callee]; {
	case action == "transfer" && command.Leg == recording.Callee:
		command.Start = s.calleeCame(r, info.Spec, command.Party)
	case callee != (recording.Party{}):
		now := info.Spec.Told(&command.Change)
		command.Start = s.calleeCame(r, now, callee)
		command.Change.Parties[recording.Callee].UserID = s.decider.Owner(&now, recording.Callee)
	}
	if info, err = s.Recorder.Do(r.Context(), r.call, command); err != nil {
		return reply{}, err
	}
	r.warnLate(command.At.Add(info.Late), false)
	r.warnAbout(info)
	return reply{status: http.StatusOK, data: s.view(r, info)}, nil
}

// calleeCame is what the documents of a new callee ask for.
func (s *server) calleeCame(r *request, c recording.CallSpec, callee recording.Party) []recording.Request {
	c.Parties[recording.Callee] = callee
	requests, warnings := s.decider.CalleeCame(&c)
	for _, w := range warnings {
		r.warn("%s", w)
	}
	return requests
}

// metaflows are the actions of the metaflow record_call. Kazoo's default is
// toggle, which it never made.
var metaflows = map[string]recording.Action{
	"":       recording.Toggle,
	"toggle": recording.Toggle,
	"start":  recording.Start,
	"stop":   recording.Stop,
	"mask":   recording.Mask,
	"unmask": recording.Unmask,
}

// metaflow answers PUT channels/{call}.
func (s *server) metaflow(r *request) (reply, error) {
	data, err := s.read(r)
	if err != nil {
		return reply{}, err
	}
	const path = "data.data"
	data, bad := s.schemas.Accept("channels.metaflow", data)
	flow := objectOf(data).object("data").object("data")
	for _, key := range s.schemas.Unknown("metaflows.record_call", flow) {
		r.warn("%s.%s is no setting of record_call and is ignored", path, policy.EscapeKey(key))
	}
	info, live := s.Recorder.Info(r.call)
	command := recording.Command{Action: metaflows[flow.text("action")], At: s.instant(r, flow, path+".at", &bad)}
	if command.Action == recording.Start {
		command.Start = s.metaStart(r, flow, &info.Spec, path, &bad)
	} else {
		command.Recording, command.MediaName = flow.text("id"), flow.text("media_name")
	}
	if err := bad.Err(); err != nil {
		return reply{}, err
	}
	if !live {
		return reply{}, &recording.NotFoundError{What: "call", Name: r.call.Call}
	}
	if info, err = s.Recorder.Do(r.Context(), r.call, command); err != nil {
		return reply{}, err
	}
	r.warnLate(command.At.Add(info.Late), command.Action == recording.Mask || command.Action == recording.Toggle)
	r.warnAbout(info)
	return reply{status: http.StatusOK, data: s.view(r, info)}, nil
}

// metaStart reads the recording that a metaflow starts. Its limit is that of the
// settings, not of the callflow: Kazoo's schema gives metaflows none, and bounds none
// of their integers.
func (s *server) metaStart(r *request, flow object, c *recording.CallSpec, path string, bad *policy.Problems) []recording.Request {
	if flow.text("id") != "" {
		*bad = append(*bad, policy.Problem{Path: path + ".id", Rule: "error", Message: "start makes a new recording; it takes no id", Value: flow.text("id")})
	}
	settings, bounded := policy.ReadSettings(flow).Bound()
	for _, w := range bounded {
		r.warn("%s.%s", path, w)
	}
	spec, err := s.spec(settings, s.Defaults, path, bad)
	if err != nil {
		return nil
	}
	origin := flow.text("origin")
	if origin == "" {
		origin = "untracked : " + policy.UserPart(c.To)
	}
	return []recording.Request{{Spec: spec, Origin: origin, Leg: recording.Caller, Owner: s.decider.Owner(c, recording.Caller)}}
}

package policy

import (
	"maps"
	"slices"
	"strings"
)

// Node is one node of a callflow on the way that a call takes through it.
type Node struct {
	Path   string // where it stands: "flow.children._"
	Action Action // nil when the node does nothing here: another module, or skip_module
	Next   *Node  // its child "_"; nil at the end
}

// Action is what a node does: *RecordCall or *RecordCaller.
type Action interface{ isAction() }

// RecordCall starts a recording of both legs, or stops one. The flow goes on at
// once. Settings without a time_limit get FlowTimeLimit.
type RecordCall struct {
	Stop     bool // the newest recording, or the one called Settings.MediaName
	Settings Settings
}

// RecordCaller records the caller's leg alone. The flow goes on when a digit,
// silence or the limit has ended it. Of Settings it has Format, Method, TimeLimit
// (without one: FlowTimeLimit) and URL.
type RecordCaller struct{ Settings Settings }

func (*RecordCall) isAction()   {}
func (*RecordCaller) isAction() {}

// Origin is why the recording is made, in Kazoo's words. Its label names it, else
// the callflow's name, else who was dialled.
func (r *RecordCall) Origin(flow, dialled string) string {
	return origin(r.Settings.Label, flow, dialled)
}

// Origin is why the recording is made, in the words of a record_call without a label.
func (*RecordCaller) Origin(flow, dialled string) string { return origin("", flow, dialled) }

func origin(name, flow, dialled string) string {
	if name == "" {
		name = flow
	}
	if name == "" {
		name = UserPart(dialled)
	}
	return "callflow : " + name
}

// Flow reads a node of a callflow and what follows it. path is where the node
// stands. Modules that do not record are passed over, to their child "_"; the
// warnings name them, and children and settings that have no effect. The node
// should have passed the schema callflows.action: what is wrong reads as absent.
func (s *Schemas) Flow(node any, path string) (*Node, []Warning) {
	var first *Node
	var warnings []Warning
	warn := func(path, message string) {
		if len(warnings) < maxProblems {
			warnings = append(warnings, Warning{path, message})
		}
	}
	for next := &first; node != nil; {
		m, _ := node.(map[string]any)
		n := &Node{Path: path}
		*next, next = n, &n.Next
		module := text(m, "module")
		n.Action = s.action(module, object(m, "data"), path, warn)
		for _, key := range s.Unknown("callflows.action", m) {
			warn(path+"."+EscapeKey(key), "is unknown and ignored")
		}
		children := object(m, "children")
		for _, key := range slices.Sorted(maps.Keys(children)) {
			if key != "_" {
				warn(path+".children."+EscapeKey(key), "is never reached: the flow continues with its child _")
			}
		}
		node, path = children["_"], path+".children._"
	}
	return first, warnings
}

// action reads the data of a node.
func (s *Schemas) action(module string, data map[string]any, path string, warn func(path, message string)) Action {
	if module != "record_call" && module != "record_caller" {
		warn(path+".module", "does not record and is passed over")
		return nil
	}
	for _, key := range s.Unknown("callflows."+module, data) {
		warn(path+".data."+EscapeKey(key), "is no setting of "+module+" and is ignored")
	}
	switch settings := ReadSettings(data); {
	case flag(data, "skip_module"):
		return nil
	case module == "record_call":
		return &RecordCall{text(data, "action") == "stop", settings}
	default:
		return &RecordCaller{Settings{Format: settings.Format, Method: settings.Method, TimeLimit: settings.TimeLimit, URL: settings.URL}}
	}
}

// UserPart is the user of an address: the part before @, without a scheme.
func UserPart(address string) string {
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

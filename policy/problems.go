package policy

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with one field of a request. Rule is the
// name Crossbar gives the broken rule ("maximum", "enum", "required", …); it is
// the key clients branch on.
type Problem struct {
	Path    string // dotted, from the top of the data: "flow.data.time_limit"
	Rule    string
	Message string
	Target  any // what the rule asks for; nil where the rule has none
	Value   any // what was sent
}

// Problems are all the faults of one request, found in one pass, so that the
// sender mends them in one go.
type Problems []Problem

// Error lists every problem on one line.
func (p Problems) Error() string {
	parts := make([]string, len(p))
	for i, q := range p {
		parts[i] = fmt.Sprintf("%s: %s", q.Path, q.Message)
	}
	return strings.Join(parts, "; ")
}

// Under returns the problems with prefix put before every path, for a field
// that sits deeper in the request than its checker knew.
func (p Problems) Under(prefix string) Problems {
	out := make(Problems, len(p))
	for i, q := range p {
		switch {
		case q.Path == "":
			q.Path = prefix
		case prefix != "":
			q.Path = prefix + "." + q.Path
		}
		out[i] = q
	}
	return out
}

// Err returns the problems as an error, or nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

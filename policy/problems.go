package policy

import (
	"fmt"
	"strings"
)

// Bounds of what is said about bad input: a path of long keys with many faults
// below it must not make an answer of gigabytes.
const (
	maxProblems = 100
	maxKey      = 100 // bytes of a key in a path
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

// Invalid is a fault of the body as a whole, in the shape Crossbar has for it.
func Invalid(message string) Problems {
	return Problems{{Path: "json", Rule: "invalid", Message: message, Target: "body"}}
}

// UnknownField is the complaint about a key that may not be there.
func UnknownField(path, key string) Problem {
	return Problem{Path: path, Rule: "additionalProperties", Message: "Strict checking of data is enabled; only include schema-defined properties", Value: key}
}

// dotted is a path as errors tell it.
func dotted(place []string) string {
	escaped := make([]string, len(place))
	for i, key := range place {
		escaped[i] = EscapeKey(key)
	}
	return strings.Join(escaped, ".")
}

// EscapeKey is a key as paths show it: a dot inside it is %2E, a very long one is
// cut, and a url that was taken for a key shows no credentials.
func EscapeKey(key string) string {
	key = Redact(key)
	if len(key) > maxKey {
		key = strings.ToValidUTF8(key[:maxKey], "") + "…"
	}
	return strings.ReplaceAll(key, ".", "%2E")
}

// Redact takes user, password and query out of text that is a url, wherever it was
// given; what it cannot read it rather shows too little of. All other text stays.
func Redact(text string) string {
	before, rest, ok := strings.Cut(text, "//")
	if !ok || before != "" && !strings.HasSuffix(before, ":") {
		return text
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 { // a password may hold all that ends one
		rest = "redacted@" + rest[i+1:]
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i] + "?redacted"
	}
	return before + "//" + rest
}

// Warning is something a sender should know about what was accepted.
type Warning struct {
	Path    string // dotted, as in Problem
	Message string // goes on from the path: "is unknown and ignored"
}

// String is the warning as one sentence.
func (w Warning) String() string { return w.Path + " " + w.Message }

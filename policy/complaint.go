package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// complaints puts the errors of the validator into Crossbar's words.
type complaints struct {
	data     any
	bad      Problems
	mistyped []mistyped
}

// mistyped is a place whose value has none of the wanted types.
type mistyped struct {
	place []string
	want  []string
}

// collect walks the tree of an error down to its leaves.
func (c *complaints) collect(e *jsonschema.ValidationError) {
	for _, cause := range e.Causes {
		c.collect(cause)
	}
	if len(e.Causes) > 0 {
		return
	}
	if k, ok := e.ErrorKind.(*kind.Type); ok {
		c.mistyped = append(c.mistyped, mistyped{e.InstanceLocation, k.Want})
	}
	if len(c.bad) >= maxProblems {
		return
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, key := range k.Missing {
			place := append(slices.Clone(e.InstanceLocation), key)
			c.bad = append(c.bad, Problem{Path: dotted(place), Rule: "required", Message: "Field is required but missing", Value: key})
		}
		return
	case *kind.AdditionalProperties:
		for _, key := range k.Properties[:min(len(k.Properties), maxProblems)] {
			c.bad = append(c.bad, UnknownField(dotted(append(slices.Clone(e.InstanceLocation), key)), key))
		}
		return
	case *kind.FalseSchema: // a field that does not go with the others
		if n := len(e.InstanceLocation); n > 0 {
			c.bad = append(c.bad, UnknownField(dotted(e.InstanceLocation), e.InstanceLocation[n-1]))
			return
		}
	}
	p := describe(e.ErrorKind)
	p.Path, p.Value = dotted(e.InstanceLocation), at(c.data, e.InstanceLocation)
	if p.Path == "" {
		p.Path = "data"
	}
	c.bad = append(c.bad, p)
}

// describe gives rule, message and target of a fault of one value.
func describe(k jsonschema.ErrorKind) Problem {
	switch k := k.(type) {
	case *kind.Type:
		return Problem{Rule: "type", Target: k.Want, Message: "Value did not match type(s): " + strings.Join(k.Want, ", ")}
	case *kind.Enum:
		return Problem{Rule: "enum", Target: k.Want, Message: "Value not found in enumerated list of values"}
	case *kind.Minimum:
		return Problem{Rule: "minimum", Target: json.Number(k.Want.RatString()), Message: "Value must be at least " + k.Want.RatString()}
	case *kind.Maximum:
		return Problem{Rule: "maximum", Target: json.Number(k.Want.RatString()), Message: "Value must be at most " + k.Want.RatString()}
	case *kind.MinLength:
		return Problem{Rule: "minLength", Target: k.Want, Message: fmt.Sprintf("String must be at least %d characters", k.Want)}
	case *kind.MaxLength:
		return Problem{Rule: "maxLength", Target: k.Want, Message: fmt.Sprintf("String must not be more than %d characters", k.Want)}
	case *kind.MaxItems:
		return Problem{Rule: "maxItems", Target: k.Want, Message: fmt.Sprintf("Array must not have more than %d items", k.Want)}
	case *kind.Format:
		if k.Want == clientURL {
			return Problem{Rule: "error", Target: k.Err.Error(), Message: "invalid client URL"}
		}
		return Problem{Rule: "wrong_format", Target: k.Want, Message: "Field is not in the correct format"}
	default:
		rule := strings.Join(k.KeywordPath(), ".")
		return Problem{Rule: rule, Message: "Value breaks the rule " + rule}
	}
}

// at returns the value at a place in the tree.
func at(data any, place []string) any {
	for _, key := range place {
		switch v := data.(type) {
		case map[string]any:
			data = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			data = v[i]
		default:
			return nil
		}
	}
	return data
}

// clone copies a decoded document.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, part := range v {
			out[key] = clone(part)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, part := range v {
			out[i] = clone(part)
		}
		return out
	default:
		return v
	}
}

// put replaces the value at a place that at has found.
func put(data any, place []string, value any) {
	last := len(place) - 1
	if last < 0 {
		return
	}
	switch v := at(data, place[:last]).(type) {
	case map[string]any:
		v[place[last]] = value
	case []any:
		if i, err := strconv.Atoi(place[last]); err == nil && i >= 0 && i < len(v) {
			v[i] = value
		}
	}
}

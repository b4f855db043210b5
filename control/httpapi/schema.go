package httpapi

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"callrec/policy"
)

//go:embed schemas/*.json
var schemaFiles embed.FS

// schemas by file name, without the extension.
type schemas map[string]*jsonschema.Schema

// base is where the schemas think they are; nothing is ever fetched.
const base = "callrec:///"

func compile() (schemas, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	c.RegisterFormat(&jsonschema.Format{Name: "target-url", Validate: targetURL})
	entries, err := schemaFiles.ReadDir("schemas")
	if err != nil {
		return nil, fmt.Errorf("cannot read the embedded schemas: %w", err)
	}
	for _, e := range entries {
		f, err := schemaFiles.Open("schemas/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("cannot open schema %s: %w", e.Name(), err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("cannot read schema %s: %w", e.Name(), err)
		}
		if err := c.AddResource(base+e.Name(), doc); err != nil {
			return nil, fmt.Errorf("cannot add schema %s: %w", e.Name(), err)
		}
	}
	out := make(schemas, len(entries))
	for _, e := range entries {
		s, err := c.Compile(base + e.Name())
		if err != nil {
			return nil, fmt.Errorf("cannot compile schema %s: %w", e.Name(), err)
		}
		out[strings.TrimSuffix(e.Name(), ".json")] = s
	}
	return out, nil
}

// targetURL accepts an absolute url and, as forms send it, an empty one; where
// files may go is for Defaults.CheckURL to say.
func targetURL(v any) error {
	text, ok := v.(string)
	if !ok || text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Path == "" && u.Opaque == "" {
		return errors.New("not an absolute url")
	}
	return nil
}

// check validates data and returns everything that is wrong, in Crossbar's words.
func (s schemas) check(name string, data any) policy.Problems {
	err := s[name].Validate(data)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return policy.Problems{{Path: "data", Rule: "error", Message: "cannot be validated"}}
	}
	var bad policy.Problems
	collect(&bad, invalid, data)
	return bad
}

// unknown lists the keys of data that the schema does not know.
func (s schemas) unknown(name string, data map[string]any) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if _, ok := s[name].Properties[key]; !ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// collect walks the tree of an error down to its leaves.
func collect(bad *policy.Problems, e *jsonschema.ValidationError, data any) {
	if len(*bad) >= maxProblems {
		return
	}
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			collect(bad, cause, data)
		}
		return
	}
	p := policy.Problem{Path: dotted(e.InstanceLocation), Value: at(data, e.InstanceLocation)}
	if p.Path == "" {
		p.Path = "data"
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, key := range k.Missing {
			place := append(slices.Clone(e.InstanceLocation), key)
			*bad = append(*bad, policy.Problem{Path: dotted(place), Rule: "required", Message: "Field is required but missing", Value: key})
		}
		return
	case *kind.AdditionalProperties:
		for _, key := range k.Properties[:min(len(k.Properties), maxProblems)] {
			place := append(slices.Clone(e.InstanceLocation), key)
			*bad = append(*bad, unknownField(dotted(place), key))
		}
		return
	case *kind.FalseSchema: // a field that this action does not take
		*bad = append(*bad, unknownField(p.Path, e.InstanceLocation[len(e.InstanceLocation)-1]))
		return
	case *kind.Type:
		p.Rule, p.Target, p.Message = "type", k.Want, "Value did not match type(s): "+strings.Join(k.Want, ", ")
	case *kind.Enum:
		p.Rule, p.Target, p.Message = "enum", k.Want, "Value not found in enumerated list of values"
	case *kind.Minimum:
		p.Rule, p.Target = "minimum", json.Number(k.Want.RatString())
		p.Message = "Value must be at least " + k.Want.RatString()
	case *kind.Maximum:
		p.Rule, p.Target = "maximum", json.Number(k.Want.RatString())
		p.Message = "Value must be at most " + k.Want.RatString()
	case *kind.MinLength:
		p.Rule, p.Target, p.Message = "minLength", k.Want, fmt.Sprintf("String must be at least %d characters", k.Want)
	case *kind.MaxLength:
		p.Rule, p.Target, p.Message = "maxLength", k.Want, fmt.Sprintf("String must not be more than %d characters", k.Want)
	case *kind.MaxItems:
		p.Rule, p.Target, p.Message = "maxItems", k.Want, fmt.Sprintf("Array must not have more than %d items", k.Want)
	case *kind.Format:
		p.Rule, p.Target, p.Message = "wrong_format", k.Want, "Field is not in the correct format"
	default:
		p.Rule = strings.Join(k.KeywordPath(), ".")
		p.Message = "Value breaks the rule " + p.Rule
	}
	*bad = append(*bad, p)
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

package policy

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schemas/*.json
var ownSchemas embed.FS

// base is where the schemas think they are; nothing is ever fetched.
const base = "callrec:///"

// clientURL is the format whose breach is told as Kazoo tells it.
const clientURL = "client-url"

// Schemas are compiled JSON Schemas by name, which is that of their file without
// the extension: "call_recording", "users", …. They never change and may be used
// by many at once.
type Schemas struct{ byName map[string]*jsonschema.Schema }

// LoadSchemas compiles the schemas of this package and those in the folder
// "schemas" of each of more, which may refer to these. checkURL says why a url
// that recordings are sent to may not be used, by its text alone; nil accepts all.
func LoadSchemas(checkURL func(url string) error, more ...embed.FS) (*Schemas, error) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	c.RegisterFormat(&jsonschema.Format{Name: "uri", Validate: absoluteURL})
	c.RegisterFormat(&jsonschema.Format{Name: clientURL, Validate: func(v any) error {
		text, ok := v.(string)
		if !ok || text == "" || checkURL == nil {
			return nil
		}
		return checkURL(text)
	}})
	var names []string
	for _, files := range append([]embed.FS{ownSchemas}, more...) {
		entries, err := files.ReadDir("schemas")
		if err != nil {
			return nil, fmt.Errorf("cannot read the embedded schemas: %w", err)
		}
		for _, e := range entries {
			body, err := files.ReadFile("schemas/" + e.Name())
			if err != nil {
				return nil, fmt.Errorf("cannot read schema %s: %w", e.Name(), err)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
			if err != nil {
				return nil, fmt.Errorf("cannot read schema %s: %w", e.Name(), err)
			}
			if err := c.AddResource(base+e.Name(), doc); err != nil {
				return nil, fmt.Errorf("cannot add schema %s: %w", e.Name(), err)
			}
			names = append(names, strings.TrimSuffix(e.Name(), ".json"))
		}
	}
	out := make(map[string]*jsonschema.Schema, len(names))
	for _, name := range names {
		s, err := c.Compile(base + name + ".json")
		if err != nil {
			return nil, fmt.Errorf("cannot compile schema %s: %w", name, err)
		}
		out[name] = s
	}
	return &Schemas{out}, nil
}

// absoluteURL accepts an absolute url and, as forms send it, an empty one, which
// stands for the default target.
func absoluteURL(v any) error {
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

// Check validates data as it is and returns everything that is wrong, in
// Crossbar's words (message, target, value), at most about a hundred faults.
func (s *Schemas) Check(name string, data any) Problems {
	bad, _ := s.check(name, data)
	return bad
}

// Accept validates data as Crossbar does when it is not strict: values of the
// wrong type that are the text of the right one are cast ("true" → true, "60" →
// 60), and the whole is validated again. It returns the data to keep; the
// argument is left as it was.
func (s *Schemas) Accept(name string, data any) (any, Problems) {
	bad, mistyped := s.check(name, data)
	if len(mistyped) == 0 {
		return data, bad
	}
	mended := false
	for _, m := range mistyped {
		v, ok := cast(at(data, m.place), m.want...)
		if !ok {
			continue
		}
		if !mended {
			data, mended = clone(data), true
		}
		put(data, m.place, v)
	}
	if !mended {
		return data, bad
	}
	return data, s.Check(name, data)
}

// check validates once. mistyped are the faults that a cast may mend.
func (s *Schemas) check(name string, data any) (Problems, []mistyped) {
	schema := s.byName[name]
	if schema == nil {
		return Problems{{Rule: "error", Message: "there is no schema " + name}}, nil
	}
	err := schema.Validate(data)
	if err == nil {
		return nil, nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return Problems{{Path: "data", Rule: "error", Message: "cannot be validated"}}, nil
	}
	c := complaints{data: data}
	c.collect(invalid)
	return c.bad, c.mistyped
}

// Unknown lists the keys of data that the schema does not know, sorted, for
// schemas that let any key pass.
func (s *Schemas) Unknown(name string, data map[string]any) []string {
	schema := s.byName[name]
	if schema == nil {
		return nil
	}
	var keys []string
	for key := range data {
		if _, ok := schema.Properties[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// SchemaFiles are the schemas of this package as files, in the folder "schemas".
func SchemaFiles() embed.FS { return ownSchemas }

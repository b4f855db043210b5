package httpapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"callrec/policy"
)

// openAPIFile describes the API, but for the schemas of requests: those are put in
// from the files that requests are checked with, so that there is one of each.
//
//go:embed openapi.json
var openAPIFile []byte

// describeAPI puts the description together.
func describeAPI() ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(openAPIFile, &doc); err != nil {
		return nil, fmt.Errorf("cannot read openapi.json: %w", err)
	}
	schemas := objectOf(doc["components"]).object("schemas")
	for _, files := range []fs.ReadDirFS{policy.SchemaFiles(), schemaFiles} {
		entries, err := files.ReadDir("schemas")
		if err != nil {
			return nil, fmt.Errorf("cannot list the embedded schemas: %w", err)
		}
		for _, e := range entries {
			body, err := fs.ReadFile(files, "schemas/"+e.Name())
			if err != nil {
				return nil, fmt.Errorf("cannot read schema %s: %w", e.Name(), err)
			}
			var schema map[string]any
			if err := json.Unmarshal(body, &schema); err != nil {
				return nil, fmt.Errorf("cannot read schema %s: %w", e.Name(), err)
			}
			delete(schema, "$schema")
			name := strings.TrimSuffix(e.Name(), ".json")
			schemas[name] = rebase(schema, name)
		}
	}
	return json.MarshalIndent(doc, "", "  ")
}

// rebase turns references between files into references within the description.
func rebase(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		for key, part := range v {
			ref, ok := part.(string)
			if key != "$ref" || !ok {
				v[key] = rebase(part, name)
				continue
			}
			file, place, _ := strings.Cut(ref, "#")
			if file = strings.TrimSuffix(file, ".json"); file == "" {
				file = name
			}
			v[key] = "#/components/schemas/" + file + place
		}
	case []any:
		for i, part := range v {
			v[i] = rebase(part, name)
		}
	}
	return v
}

// getOpenAPI answers GET openapi.json. It says nothing of this worker, so anybody
// may read it.
func (s *server) getOpenAPI(r *request) (reply, error) {
	return reply{status: http.StatusOK, raw: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write(s.openAPI); err != nil {
			s.Log.Debug("an answer was not taken", "request_id", r.id, "err", err)
		}
	}}, nil
}

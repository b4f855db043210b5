package policy

import (
	"maps"
	"strings"
)

// Merge returns stored with change laid over it, as Crossbar merges: objects
// merge, anything else replaces, and so does an empty object; null removes its
// key, at any depth. Nulls inside arrays are values. Neither argument is changed;
// the result shares parts of both.
func Merge(stored, change map[string]any) map[string]any {
	out := maps.Clone(stored)
	if out == nil {
		out = make(map[string]any, len(change))
	}
	for key, v := range change {
		switch v := v.(type) {
		case nil:
			delete(out, key)
		case map[string]any:
			old, _ := out[key].(map[string]any)
			if len(v) == 0 {
				old = nil
			}
			out[key] = Merge(old, v)
		default:
			out[key] = v
		}
	}
	return out
}

// Patch is Merge for a request to change a document: private keys in the request
// are dropped, those of the stored document stay. What comes out must still be
// validated as a whole.
func Patch(stored, change map[string]any) map[string]any {
	return Merge(stored, Public(change))
}

// Replace is what a request to replace a document leaves: the private keys of
// the stored one, and the public keys of the new one.
func Replace(stored, doc map[string]any) map[string]any {
	out := Public(doc)
	for key, v := range stored {
		if private(key) {
			out[key] = v
		}
	}
	return out
}

// Public returns a document without its private keys. Only those at the top are
// private: deeper down, "_" is the child of a callflow node.
func Public(doc map[string]any) map[string]any {
	out := make(map[string]any, len(doc))
	for key, v := range doc {
		if !private(key) {
			out[key] = v
		}
	}
	return out
}

func private(key string) bool {
	return strings.HasPrefix(key, "_") || strings.HasPrefix(key, "pvt_")
}

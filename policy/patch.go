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

// PatchAccount is Patch for accounts, whose call_recording has two shapes. Where that
// of the change is not that of the stored document, both are taken as the wrapper,
// in which the matrix alone is its account.
func PatchAccount(stored, change map[string]any) map[string]any {
	old, said := object(stored, "call_recording"), object(change, "call_recording")
	switch {
	case isWrapper(old) && isMatrix(said):
		change = withRecording(change, said)
	case isMatrix(old) && isWrapper(said):
		stored = withRecording(stored, old)
	}
	return Patch(stored, change)
}

// withRecording is a document whose matrix has become the wrapper.
func withRecording(doc, matrix map[string]any) map[string]any {
	out := maps.Clone(doc)
	out["call_recording"] = map[string]any{"account": matrix}
	return out
}

// isWrapper reports whether an account's call_recording is {"account": …, "endpoint": …}.
func isWrapper(recording map[string]any) bool { return hasAny(recording, "account", "endpoint") }

// isMatrix reports whether it is the matrix alone. What is both is refused by the schema.
func isMatrix(recording map[string]any) bool {
	return hasAny(recording, "inbound", "outbound", "any") && !isWrapper(recording)
}

func hasAny(m map[string]any, keys ...string) bool {
	for _, key := range keys {
		if _, ok := m[key]; ok {
			return true
		}
	}
	return false
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

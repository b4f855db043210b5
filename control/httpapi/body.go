package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"callrec/control"
	"callrec/policy"
)

// Bounds of a request body, and of what is said about it: a path of long keys
// with many faults below it must not make an answer of gigabytes.
const (
	maxBody     = 1 << 20
	maxDepth    = 100
	maxProblems = 100
	maxKey      = 100 // bytes of a key in a path
)

// read takes in the body, sets r.received, and returns the data of the envelope
// as maps, slices, strings, bools, int64 and float64. The error is a control.Fault.
func (s *server) read(r *request) (any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	r.received = s.Now()
	if err != nil {
		return nil, invalid("the body could not be read")
	}
	if len(body) > maxBody {
		return nil, &control.Fault{
			Status: http.StatusRequestEntityTooLarge, Message: "validation error",
			Data: control.Fields(policy.Problems{{Path: "file", Rule: "maxSize", Message: fmt.Sprintf("The body must not be more than %d bytes", maxBody), Target: maxBody}}),
		}
	}
	top, err := decode(body)
	if err != nil {
		return nil, err
	}
	envelope, ok := top.(map[string]any)
	if !ok {
		return nil, invalid(`the body must be an object: {"data": {…}}`)
	}
	var bad policy.Problems
	for _, key := range slices.Sorted(maps.Keys(envelope)) {
		// Kazoo's clients may repeat their token here; only the header counts.
		if key != "data" && key != "auth_token" && len(bad) < maxProblems {
			bad = append(bad, unknownField(escapeKey(key), key))
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	data, ok := envelope["data"]
	if !ok {
		data = map[string]any{}
	}
	return data, nil
}

// decode reads JSON strictly: one value, valid UTF-8, no key twice.
func decode(body []byte) (any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, invalid(`the body is empty; it must be {"data": {…}}`)
	}
	if !utf8.Valid(body) {
		return nil, invalid("the body is not UTF-8")
	}
	if err := json.Unmarshal(body, new(json.RawMessage)); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, invalid(fmt.Sprintf("not JSON: %v, at byte %d", syntax, syntax.Offset))
		}
		return nil, invalid("not JSON")
	}
	d := decoder{Decoder: json.NewDecoder(bytes.NewReader(body))}
	d.UseNumber()
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	return v, d.bad.Err()
}

// decoder builds the tree of a body that is known to be JSON.
type decoder struct {
	*json.Decoder
	path []string
	bad  policy.Problems
}

func (d *decoder) value() (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if len(d.path) >= maxDepth {
			return nil, invalid(fmt.Sprintf("the body is nested deeper than %d levels", maxDepth))
		}
		if t == '{' {
			return d.object()
		}
		return d.array()
	case json.Number:
		return d.number(string(t)), nil
	default: // string, bool, nil
		return t, nil
	}
}

func (d *decoder) object() (any, error) {
	out := make(map[string]any)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string) // json.Decoder lets nothing else be a key
		d.path = append(d.path, key)
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			d.problem("duplicate", "The key is given more than once")
		}
		out[key] = v
		d.path = d.path[:len(d.path)-1]
	}
	_, err := d.Token() // the closing brace
	return out, err
}

func (d *decoder) array() (any, error) {
	out := []any{}
	for d.More() {
		d.path = append(d.path, strconv.Itoa(len(out)))
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		d.path = d.path[:len(d.path)-1]
	}
	_, err := d.Token() // the closing bracket
	return out, err
}

// number keeps integers exact. Every number a request may hold fits; an exponent
// in the millions must not reach arithmetic of unlimited size.
func (d *decoder) number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		d.problem("invalid", "The number is too large")
	}
	return f
}

// problem notes a fault at the current place, named from the top of the data.
func (d *decoder) problem(rule, message string) {
	if len(d.bad) == maxProblems {
		return
	}
	place := d.path
	if len(place) > 1 && place[0] == "data" {
		place = place[1:]
	}
	d.bad = append(d.bad, policy.Problem{Path: dotted(place), Rule: rule, Message: message})
}

// dotted is a path as errors tell it.
func dotted(place []string) string {
	escaped := make([]string, len(place))
	for i, key := range place {
		escaped[i] = escapeKey(key)
	}
	return strings.Join(escaped, ".")
}

func escapeKey(key string) string {
	if len(key) > maxKey {
		key = strings.ToValidUTF8(key[:maxKey], "") + "…"
	}
	return strings.ReplaceAll(key, ".", "%2E")
}

// invalid is a fault of the body as a whole.
func invalid(message string) error {
	return policy.Problems{{Path: "json", Rule: "invalid", Message: message, Target: "body"}}
}

func unknownField(path, key string) policy.Problem {
	return policy.Problem{Path: path, Rule: "additionalProperties", Message: "Strict checking of data is enabled; only include schema-defined properties", Value: key}
}

package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds how deep objects and arrays of a document may be nested.
const maxDepth = 100

// Decode reads JSON strictly: one value, valid UTF-8, no key twice, at most 100
// levels deep. It gives maps, slices, strings, bools, nil, int64 and float64. The
// error is Problems with paths from the top of body. Its time and memory are
// bounded by the length of body, which is the caller's to bound.
func Decode(body []byte) (any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, Invalid("the body is empty")
	}
	if !utf8.Valid(body) {
		return nil, Invalid("the body is not UTF-8")
	}
	if err := json.Unmarshal(body, new(json.RawMessage)); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, Invalid(fmt.Sprintf("not JSON: %v, at byte %d", syntax, syntax.Offset))
		}
		return nil, Invalid("not JSON")
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
	bad  Problems
}

func (d *decoder) value() (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if len(d.path) >= maxDepth {
			return nil, Invalid(fmt.Sprintf("the body is nested deeper than %d levels", maxDepth))
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

func (d *decoder) problem(rule, message string) {
	if len(d.bad) < maxProblems {
		d.bad = append(d.bad, Problem{Path: dotted(d.path), Rule: rule, Message: message})
	}
}

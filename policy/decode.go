package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
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
	if !json.Valid(body) {
		err := json.Unmarshal(body, new(json.RawMessage)) // which says why
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, Invalid(fmt.Sprintf("not JSON: %v, at byte %d", syntax, syntax.Offset))
		}
		return nil, Invalid("not JSON")
	}
	d := decoder{rest: body}
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	return v, d.bad.Err()
}

// decoder builds the tree of a body that is known to be JSON: the first byte of
// a value says what it is, and nothing can be missing.
type decoder struct {
	rest []byte
	path []string
	bad  Problems
}

func (d *decoder) value() (any, error) {
	d.space()
	switch d.rest[0] {
	case '{', '[':
		if len(d.path) >= maxDepth {
			return nil, Invalid(fmt.Sprintf("the body is nested deeper than %d levels", maxDepth))
		}
		if d.rest[0] == '{' {
			return d.object()
		}
		return d.array()
	case '"':
		return d.text(), nil
	case 't':
		d.rest = d.rest[len("true"):]
		return true, nil
	case 'f':
		d.rest = d.rest[len("false"):]
		return false, nil
	case 'n':
		d.rest = d.rest[len("null"):]
		return nil, nil
	default:
		return d.number(), nil
	}
}

func (d *decoder) object() (any, error) {
	out := make(map[string]any)
	for d.rest = d.rest[1:]; d.more('}'); {
		key := d.text()
		d.space()
		d.rest = d.rest[1:] // the colon
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
	return out, nil
}

func (d *decoder) array() (any, error) {
	out := []any{}
	for d.rest = d.rest[1:]; d.more(']'); {
		d.path = append(d.path, strconv.Itoa(len(out)))
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		d.path = d.path[:len(d.path)-1]
	}
	return out, nil
}

// more takes the comma before the next element of an object or array, or the
// bracket at its end.
func (d *decoder) more(end byte) bool {
	d.space()
	switch d.rest[0] {
	case end:
		d.rest = d.rest[1:]
		return false
	case ',':
		d.rest = d.rest[1:]
		d.space()
	}
	return true
}

func (d *decoder) space() {
	for len(d.rest) > 0 && (d.rest[0] == ' ' || d.rest[0] == '\n' || d.rest[0] == '\r' || d.rest[0] == '\t') {
		d.rest = d.rest[1:]
	}
}

func (d *decoder) text() string {
	end, escaped := 1, false
	for ; d.rest[end] != '"'; end++ {
		if d.rest[end] == '\\' {
			escaped = true
			end++ // past what it escapes
		}
	}
	literal := d.rest[:end+1]
	d.rest = d.rest[end+1:]
	if !escaped {
		return string(literal[1:end])
	}
	var s string
	_ = json.Unmarshal(literal, &s) // it is known to be a string
	return s
}

// number keeps integers exact. Every number a request may hold fits; an exponent
// in the millions must not reach arithmetic of unlimited size.
func (d *decoder) number() any {
	end := 0
	for end < len(d.rest) && strings.IndexByte("+-.0123456789Ee", d.rest[end]) >= 0 {
		end++
	}
	text := string(d.rest[:end])
	d.rest = d.rest[end:]
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

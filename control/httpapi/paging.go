package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"callrec/control"
	"callrec/policy"
)

// Bounds of a list.
const (
	defaultPage = 50
	maxPage     = 1000
	unpaginated = 10_000 // entries with paginate=false
	maxFilters  = 20
)

// paging is what a request says about the page it wants. Keys are opaque to
// clients: they are base64url of where the page before ended.
type paging struct {
	size  int
	start string // as it came
	after string
	whole bool // all at once, or not at all
}

func readPaging(q url.Values, bad *policy.Problems) paging {
	p := paging{size: defaultPage, start: q.Get("start_key")}
	if q.Get("paginate") == "false" {
		p.size, p.whole = unpaginated, true
	} else if text := q.Get("page_size"); text != "" {
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			*bad = append(*bad, policy.Problem{Path: "page_size", Rule: "type", Message: "Value did not match type(s): integer", Target: []string{"integer"}, Value: text})
		case n < 1:
			*bad = append(*bad, policy.Problem{Path: "page_size", Rule: "minimum", Message: "Value must be at least 1", Target: 1, Value: n})
		default:
			p.size = min(n, maxPage)
		}
	}
	after, err := base64.RawURLEncoding.DecodeString(p.start)
	if err != nil || len(after) > 512 {
		*bad = append(*bad, badStartKey(p.start))
	}
	p.after = string(after)
	return p
}

func badStartKey(key string) policy.Problem {
	return policy.Problem{Path: "start_key", Rule: "invalid", Message: "Value is no key that a list has given out", Value: key}
}

// page is what is said of the page that came out.
func (p paging) page(size int, next string) *page {
	out := &page{size: size, start: p.start}
	if next != "" {
		out.next = base64.RawURLEncoding.EncodeToString([]byte(next))
	}
	return out
}

// tooMany refuses a list that was wanted whole.
func (p paging) tooMany(next string) error {
	if !p.whole || next == "" {
		return nil
	}
	return &control.Fault{
		Status: http.StatusRequestedRangeNotSatisfiable, Message: "range not satisfiable",
		Data: control.Explain{Message: "range not satisfiable", Cause: fmt.Sprintf("there are more than %d; leave paginate=false out", unpaginated)},
	}
}

// filter is one condition on a document.
type filter func(doc map[string]any) bool

// readFilters reads the conditions of a query; all of them must be met.
func readFilters(q url.Values, bad *policy.Problems) []filter {
	var out []filter
	for name, values := range q {
		for _, v := range values {
			if f := readFilter(name, v); f != nil {
				out = append(out, f)
			}
		}
	}
	if len(out) > maxFilters {
		*bad = append(*bad, policy.Problem{Path: "filter", Rule: "maxItems", Message: fmt.Sprintf("A query must not have more than %d filters", maxFilters), Target: maxFilters})
		return nil
	}
	return out
}

// readFilter is Kazoo's: filter_{key}, filter_not_{key}, has_key, key_missing,
// has_value and value_missing. Keys are dotted, values may be lists in JSON.
func readFilter(name, value string) filter {
	switch name {
	case "has_key":
		return func(doc map[string]any) bool { _, ok := find(doc, value); return ok }
	case "key_missing":
		return func(doc map[string]any) bool { _, ok := find(doc, value); return !ok }
	case "has_value":
		return func(doc map[string]any) bool { return says(doc, value) }
	case "value_missing":
		return func(doc map[string]any) bool { return !says(doc, value) }
	}
	key, ok := strings.CutPrefix(name, "filter_")
	if !ok {
		return nil
	}
	key, not := strings.CutPrefix(key, "not_")
	wanted := []string{value}
	var list []any
	if strings.HasPrefix(value, "[") && json.Unmarshal([]byte(value), &list) == nil {
		wanted = wanted[:0]
		for _, v := range list {
			wanted = append(wanted, plainText(v))
		}
	}
	return func(doc map[string]any) bool {
		v, ok := find(doc, key)
		return (ok && slices.Contains(wanted, plainText(v))) != not
	}
}

// find looks a dotted key up.
func find(doc map[string]any, key string) (any, bool) {
	for {
		if v, ok := doc[key]; ok {
			return v, true
		}
		first, rest, ok := strings.Cut(key, ".")
		if !ok {
			return nil, false
		}
		if doc, ok = doc[first].(map[string]any); !ok {
			return nil, false
		}
		key = rest
	}
}

// says reports whether a key has a value that is not empty.
func says(doc map[string]any, key string) bool {
	v, ok := find(doc, key)
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return ok
}

// plainText is a value as a query writes it.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func matches(doc map[string]any, filters []filter) bool {
	for _, f := range filters {
		if !f(doc) {
			return false
		}
	}
	return true
}

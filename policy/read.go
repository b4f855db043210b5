package policy

import (
	"math"
	"strconv"
)

// What is absent or of another type reads as the zero value.

func object(m map[string]any, key string) map[string]any {
	v, _ := m[key].(map[string]any)
	return v
}

func text(m map[string]any, key string) string {
	v, _ := m[key].(string)
	return v
}

func flag(m map[string]any, key string) bool {
	v, _ := m[key].(bool)
	return v
}

// integer also takes 60.0, which is an integer to JSON Schema, and keeps what is
// beyond 32 bits at their ends. It returns nil for what is no integer.
func integer(v any) *int {
	var n int
	switch v := v.(type) {
	case int64:
		n = int(max(math.MinInt32, min(math.MaxInt32, v)))
	case float64:
		if v != math.Trunc(v) { // NaN too
			return nil
		}
		n = int(max(math.MinInt32, min(math.MaxInt32, v)))
	default:
		return nil
	}
	return &n
}

// cast turns the text of a value into the value itself, as far as types wants
// one and the text is nothing else: "true" → true, "60" → 60.
func cast(v any, types ...string) (any, bool) {
	said, ok := v.(string)
	if !ok {
		return nil, false
	}
	for _, t := range types {
		switch t {
		case "boolean":
			if said == "true" || said == "false" {
				return said == "true", true
			}
		case "integer":
			if n, err := strconv.ParseInt(said, 10, 64); err == nil {
				return n, true
			}
		}
	}
	return nil, false
}

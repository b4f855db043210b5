package policy

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzDecode holds Decode to be what json.Decoder reads, token by token.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"data":{"a":1,"b":[true,false,null,{}],"c":"x"}}`, ` [ ] `, "\t{\r\n\"a\" : 1 ,\n\"b\" : [ 1 , \"\" ] } ", `[[],[1],{"":{}}]`,
		`"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00\ud800\udc00x\ud800"`, `"a\\"`, `{"a\u0062":1,"ab":2,"a.b":{"c":1,"c":2}}`, "\"\xc3\xa9\x7f\"",
		`[0,-0,-1,1e3,1E-3,1.50,9223372036854775807,9223372036854775808,-9223372036854775809,1e400,60.0]`, `{"x":1e999,"x":[1e999]}`,
		strings.Repeat("[", 100) + strings.Repeat("]", 100), strings.Repeat(`{"a":`, 101) + "1" + strings.Repeat("}", 101),
		`{"a":1,"a":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + "}",
		`{`, `{"a"`, `{"a":}`, `[1,]`, `[1 2]`, `"`, `"\x"`, `01`, `tru`, `nul`, ``, ` `, "\"\xff\"", `{} {}`, "\"\n\"",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Decode(body)
		if err != nil && got == nil && !(json.Valid(body) && utf8.Valid(body)) {
			return
		}
		want, bad := tokens(body)
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(err, bad.Err()) {
			t.Errorf("%q: %#v %v, want %#v %v", body, got, err, want, bad)
		}
	})
}

// tokens reads valid JSON the slow way.
func tokens(body []byte) (any, Problems) {
	if !json.Valid(body) {
		return nil, Problems{{Rule: "what is not JSON was read"}}
	}
	o := slowDecoder{Decoder: json.NewDecoder(strings.NewReader(string(body)))}
	o.UseNumber()
	v := o.value(nil)
	if o.deep {
		return nil, Invalid("the body is nested deeper than 100 levels")
	}
	return v, o.bad
}

// slowDecoder is json.Decoder, with our rules.
type slowDecoder struct {
	*json.Decoder
	deep bool
	bad  Problems
}

func (o *slowDecoder) token() any {
	t, err := o.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		panic(err)
	}
	return t
}

func (o *slowDecoder) value(path []string) any {
	t := o.token()
	switch t {
	case json.Delim('{'):
		o.deep = o.deep || len(path) >= 100
		m := map[string]any{}
		for o.More() {
			key, _ := o.token().(string)
			inside := append(path[:len(path):len(path)], key)
			v := o.value(inside)
			if _, twice := m[key]; twice {
				o.complain(inside, "duplicate", "The key is given more than once")
			}
			m[key] = v
		}
		o.token()
		return m
	case json.Delim('['):
		o.deep = o.deep || len(path) >= 100
		list := []any{}
		for o.More() {
			list = append(list, o.value(append(path[:len(path):len(path)], strconv.Itoa(len(list)))))
		}
		o.token()
		return list
	}
	n, ok := t.(json.Number)
	if !ok {
		return t
	}
	if i, err := n.Int64(); err == nil {
		return i
	}
	x, err := n.Float64()
	if err != nil {
		o.complain(path, "invalid", "The number is too large")
	}
	return x
}

func (o *slowDecoder) complain(path []string, rule, message string) {
	if len(o.bad) < 100 {
		o.bad = append(o.bad, Problem{Path: dotted(path), Rule: rule, Message: message})
	}
}

// A url is taken out of what is said about bad input, whatever it stands in.
func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"http://h.example/in":     "http://h.example/in",
		"http://u:p@h.example/in": "http://redacted@h.example/in",
		"HTTPS://u:p@w@h.example": "HTTPS://redacted@h.example",
		"https://u:p%zz@h/?k=v":   "https://redacted@h/?redacted",
		"s3://b/p?secret=x":       "s3://b/p?redacted",
		"//u:p@h/":                "//redacted@h/",
		"http://h/#token":         "http://h/?redacted",
		"http://u:p/w?x@h/":       "http://redacted@h/",
		"1001@acme.example":       "1001@acme.example",
		"what? why//not@all":      "what? why//not@all",
		"https://h/?to=a@b":       "https://redacted@b",
		"mp3":                     "mp3",
		"":                        "",
	} {
		if got := Redact(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

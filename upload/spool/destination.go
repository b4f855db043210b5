package spool

import (
	"log/slog"
	"strings"
)

// Destination says where a recording goes. It prints without its secrets.
type Destination struct {
	URL    string `json:"url,omitempty"`    // as the tenant gave it, credentials and all; "" is the default target
	Method string `json:"method,omitempty"` // PUT (also when empty) or POST
	Name   string `json:"name,omitempty"`   // the object's name, escaped: see ObjectName
	Plain  bool   `json:"plain,omitempty"`  // URL + "/" + Name and no query (record_caller)
}

// Field is one value of a recording's metadata; the order of fields is kept.
type Field struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// String is the destination as errors and logs may show it.
func (d Destination) String() string { return Redact(d.URL) }

// GoString keeps %#v from showing more than %v.
func (d Destination) GoString() string { return "spool.Destination{" + d.String() + "}" }

// LogValue keeps slog from showing more than String.
func (d Destination) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Redact takes out of a URL what errors, logs and answers must not show: user
// and password, and the query, which holds receivers' keys and callers' numbers.
// It works on text that is no valid URL too, and then shows rather too little.
func Redact(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, query := strings.Cut(raw, "?")
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		if raw == "" {
			return ""
		}
		return "redacted"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "redacted@" + rest[i+1:]
	}
	if query {
		rest += "?redacted"
	}
	return scheme + "://" + rest
}

// ObjectName is the name a recording gets at its destination. The first of a
// call id gets the plain one; any other also carries its recording id, so that
// nothing is overwritten. Pass "" for the first.
func ObjectName(callID, recordingID, ext string) string {
	n := "call_recording_" + Escape(callID)
	if recordingID != "" {
		n += "_" + recordingID
	}
	return n + "." + ext
}

// CallerName is the name of a record_caller recording: no prefix. The rules for
// recordingID are those of ObjectName.
func CallerName(callID, recordingID, ext string) string {
	n := Escape(callID)
	if recordingID != "" {
		n += "_" + recordingID
	}
	return n + "." + ext
}

// Escape percent-encodes s the way receivers of Kazoo's uploads know it: these
// ASCII marks and space, in upper-case hexadecimal; everything that is no
// printable ASCII as well, which Kazoo leaves raw and no request line may hold.
func Escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c > ' ' && c < 0x7f && strings.IndexByte(";:@&=+,/?#[]<>\"{}|\\'^%", c) < 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

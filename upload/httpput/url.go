package httpput

import (
	"fmt"
	"net/url"
	"strings"

	"callrec/upload"
)

// FinalURL is the URL of a recording's request: the destination's own, the
// object's name, and the metadata, in the forms receivers were written for.
//
//	http://h/rec            http://h/rec/NAME?META
//	http://h/i?key=1        http://h/i?key=1&recording=NAME&META
//	http://h/i?recording=   http://h/i?recording=NAME&META
//	http://h/i?recording    http://h/i?recording=NAME&META
//	plain                   http://h/rec/NAME
//
// What a fragment says never reaches a server, so it goes first. Bytes that no
// request line may hold are escaped, also those of the tenant's own part.
func FinalURL(d upload.Destination, meta []upload.Field) (string, error) {
	base, _, _ := strings.Cut(d.URL, "#")
	base = escapeRest(strings.TrimRight(base, "/"))
	name := escapeBytes(d.Name)
	if name == "" {
		return "", fmt.Errorf("cannot build the url of a recording without a name")
	}
	path, query, _ := strings.Cut(base, "?")
	query = strings.TrimRight(query, "&")
	switch {
	case d.Plain && query == "":
		base = strings.TrimRight(path, "/") + "/" + name
	case d.Plain:
		base = strings.TrimRight(path, "/") + "/" + name + "?" + query
	case query == "":
		base = strings.TrimRight(path, "/") + "/" + name + "?" + encodeMeta(meta)
	default:
		base = path + "?" + query + joinName(query) + name + "&" + encodeMeta(meta)
	}
	base = strings.TrimRight(base, "?&") // of no metadata at all
	if _, err := parse(base); err != nil {
		return "", err
	}
	return base, nil
}

// joinName is what stands between a query and the object's name.
func joinName(query string) string {
	last := query[strings.LastIndexByte(query, '&')+1:]
	_, value, assigned := strings.Cut(last, "=")
	switch {
	case !assigned:
		return "="
	case value == "":
		return ""
	}
	return "&recording="
}

func encodeMeta(meta []upload.Field) string {
	var b strings.Builder
	for i, f := range meta {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(upload.Escape(f.Key))
		b.WriteByte('=')
		b.WriteString(upload.Escape(f.Value))
	}
	return b.String()
}

// escapeRest escapes all of a URL but its scheme and host, which have rules of
// their own.
func escapeRest(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	host := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host = rest[:i]
	}
	return scheme + "://" + host + escapeBytes(rest[len(host):])
}

// escapeBytes percent-encodes what may not stand in a request line at all and
// leaves every mark and every %XX that is there.
func escapeBytes(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>\^{|}#`, c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// parse is url.Parse with errors that hold nothing of the URL: what cannot be
// parsed cannot be redacted with certainty.
func parse(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot parse url %q: it is malformed", upload.Redact(raw))
	case !strings.HasPrefix(raw, "http://") && !strings.HasPrefix(raw, "https://"): // url.Parse folds case
		return nil, fmt.Errorf("cannot use url %q: its scheme must be http or https, in lower case", upload.Redact(raw))
	case u.Hostname() == "" || u.Opaque != "":
		return nil, fmt.Errorf("cannot use url %q: it has no host", upload.Redact(raw))
	}
	return u, nil
}

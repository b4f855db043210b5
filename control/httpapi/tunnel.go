package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Some ways through the net let nothing but GET and POST pass. A POST may therefore
// stand for another verb, which it names in the query, or beside the data in its
// envelope, as Kazoo has it.

// queryVerb is the verb of a request as far as its line tells.
func queryVerb(r *http.Request) string {
	switch r.Method {
	case http.MethodHead:
		return http.MethodGet
	case http.MethodPost:
		if r.URL.RawQuery != "" {
			if verb := r.URL.Query().Get("verb"); verb != "" {
				return strings.ToUpper(verb)
			}
		}
	}
	return r.Method
}

// envelopeVerb is the verb that the envelope of a POST names; "" is none. The body
// can be read afterwards as if it had not been looked at.
func envelopeVerb(r *request) string {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody+1)) // an error comes again
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	if !bytes.Contains(body, []byte(`"verb"`)) {
		return ""
	}
	var envelope struct{ Verb string }
	if json.Unmarshal(body, &envelope) != nil { // what is wrong with it, the reader says
		return ""
	}
	return strings.ToUpper(envelope.Verb)
}

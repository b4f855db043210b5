package httpapi

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"callrec/control"
	"callrec/recording"
)

// request is one request on its way through the door.
type request struct {
	*http.Request
	id      string           // request_id
	account string           // as in the path; empty where it has none
	call    recording.CallID // its Call is empty on collections
	token   control.Token    // who asks

	received time.Time     // right after the body was read
	told     time.Time     // when it says that it happened; else received
	offer    control.Offer // in the body, as
	sdp      string        // parsed from this; empty: none
	warnings []string
}

// warn adds to the warnings of the answer, which end with a remark when there
// are too many to be of use.
func (r *request) warn(format string, args ...any) {
	const most = 50
	switch n := len(r.warnings); {
	case n < most:
		r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
	case n == most:
		r.warnings = append(r.warnings, "there is more of the kind")
	}
}

// reply is a success.
type reply struct {
	status   int
	data     any
	location string
	revision uint64 // of the document in data; 0 where it is none
	page     *page  // of a list
	token    string // told as auth_token

	// raw, when set, writes the answer itself: no envelope.
	raw func(http.ResponseWriter)
}

// page is what the envelope of a list says besides.
type page struct {
	size        int
	start, next string // opaque keys, to be sent back as start_key
}

// envelope is what every answer is wrapped in.
type envelope struct {
	Data      any    `json:"data"`
	Status    string `json:"status"`
	Error     string `json:"error,omitempty"`
	Message   string `json:"message,omitempty"`
	PageSize  *int   `json:"page_size,omitempty"`
	StartKey  string `json:"start_key,omitempty"`
	NextKey   string `json:"next_start_key,omitempty"`
	Revision  string `json:"revision,omitempty"`
	AuthToken string `json:"auth_token,omitempty"` // of PUT api_auth alone
	RequestID string `json:"request_id"`
	Timestamp string `json:"timestamp"`
	Version   string `json:"version,omitempty"` // only for who may know
	Node      string `json:"node,omitempty"`
}

// serve makes a handler of the verbs of one path; nil is a path without any.
func (s *server) serve(m methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		start := time.Now()
		r := &request{Request: hr, id: requestID(hr), account: hr.PathValue("account")}
		r.call = recording.CallID{Account: r.account, Call: hr.PathValue("call")}
		var status int
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				s.Log.Error("the handler of a request panicked", "request_id", r.id, "method", r.Method, "panic", p, "stack", string(debug.Stack()))
				status = s.fail(w, r, control.FaultOf(errors.New("panic")))
			}
			s.Log.Debug("request", "request_id", r.id, "method", r.Method, "account", r.account, "call_id", r.call.Call, "status", status, "took", time.Since(start))
		}()
		status = s.answer(w, r, m)
	})
}

// answer checks who asks and for what, runs the handler and writes its result.
func (s *server) answer(w http.ResponseWriter, r *request, m methods) int {
	method := queryVerb(r.Request)
	e, ok := m[method]
	open := ok && e.need == needNothing
	if !open && !s.authenticate(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return s.fail(w, r, &control.Fault{
			Status: http.StatusUnauthorized, Message: "invalid_credentials",
			Data: control.Explain{Message: "invalid credentials", Cause: "send the token as X-Auth-Token or as Authorization: Bearer"},
		})
	}
	if method == http.MethodPost {
		if verb := envelopeVerb(r); verb != "" {
			e, ok = m[verb]
		}
	}
	switch {
	case m == nil:
		return s.fail(w, r, notFound("no such path; GET /v2/openapi.json lists them"))
	case r.PathValue("account") != "" && !validID(r.account):
		return s.fail(w, r, notFound("account ids are 1 to 64 of A-Z a-z 0-9 _ -"))
	case !ok:
		allow := strings.Join(slices.Sorted(maps.Keys(m)), ", ")
		w.Header().Set("Allow", allow)
		return s.fail(w, r, &control.Fault{
			Status: http.StatusMethodNotAllowed, Message: "invalid_method",
			Data: control.Explain{Message: "invalid method", Cause: "this path takes " + allow},
		})
	case !e.need.met(r.token, r.account):
		return s.fail(w, r, &control.Fault{
			Status: http.StatusForbidden, Message: "forbidden",
			Data: control.Explain{Message: "forbidden", Cause: "this wants " + e.need.String()},
		})
	}
	out, err := e.handle(s, r)
	if err != nil {
		f := control.FaultOf(err)
		if f.Status == http.StatusInternalServerError {
			s.Log.Error("request failed", "request_id", r.id, "method", r.Method, "account", r.account, "call_id", r.call.Call, "err", err)
		}
		return s.fail(w, r, f)
	}
	if out.raw != nil {
		w.Header().Set("X-Request-ID", r.id)
		out.raw(w)
		return out.status
	}
	if out.location != "" {
		w.Header().Set("Location", out.location)
	}
	env := envelope{Data: out.data, Status: "success", AuthToken: out.token}
	if out.revision > 0 {
		env.Revision = strconv.FormatUint(out.revision, 10)
	}
	if p := out.page; p != nil {
		env.PageSize, env.StartKey, env.NextKey = &p.size, p.start, p.next
	}
	return s.write(w, r, out.status, env)
}

// refuse makes a handler that gives everyone the same fault.
func (s *server) refuse(f *control.Fault) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(w, &request{Request: r, id: requestID(r)}, f) })
}

func (s *server) fail(w http.ResponseWriter, r *request, f *control.Fault) int {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	return s.write(w, r, f.Status, envelope{Data: f.Data, Status: "error", Error: strconv.Itoa(f.Status), Message: f.Message})
}

// write sends an answer. Who has shown no token is not told what answers.
func (s *server) write(w http.ResponseWriter, r *request, status int, e envelope) int {
	id := r.id
	e.RequestID = id
	e.Timestamp = s.Now().UTC().Format("2006-01-02T15:04:05Z")
	if r.token.Scope != "" {
		e.Version, e.Node = s.Version, s.Node
	}
	body, err := json.Marshal(e)
	if err != nil { // a value of our own that JSON cannot hold, such as NaN
		s.Log.Error("an answer cannot be encoded", "request_id", id, "err", err)
		status = http.StatusInternalServerError
		body = []byte(`{"data":{"message":"internal error"},"status":"error","error":"500","message":"unspecified_fault"}`)
	}
	if r.Header.Get("X-Pretty-Print") == "true" || (r.URL.RawQuery != "" && r.URL.Query().Get("pretty_print") == "true") {
		var out bytes.Buffer
		if json.Indent(&out, body, "", "  ") == nil {
			body = append(out.Bytes(), '\n')
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-ID", id)
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.Log.Debug("an answer was not taken", "request_id", id, "err", err)
	}
	return status
}

// requestID is the client's, when it is fit for logs, else a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-ID")
	sane := len(id) >= 1 && len(id) <= 128
	for i := 0; sane && i < len(id); i++ {
		sane = wordByte(id[i]) || strings.IndexByte(".:/+=", id[i]) >= 0
	}
	if sane {
		return id
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// validID reports whether an id may be that of an account, user, device or callflow.
func validID(id string) bool {
	ok := len(id) >= 1 && len(id) <= 64
	for i := 0; ok && i < len(id); i++ {
		ok = wordByte(id[i])
	}
	return ok
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// Package httpapi owns the Crossbar-shaped HTTP door: it reads requests about
// calls, refuses what is wrong with all faults named at once, and hands the rest
// to a control.Recorder. cmd makes it and serves it; it starts no goroutine.
//
// Where it knowingly differs from Kazoo: a metaflow answers 200 with the call
// after the command, not 202 with nothing, because the result is known by then;
// an announcement or action with a field that does not exist is refused, because
// a misspelt setting is a call that is not recorded; a token in a query string or
// body is not looked at, because logs keep those.
package httpapi

import (
	"crypto/sha256"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"callrec/control"
	"callrec/policy"
	"callrec/recording"
)

// Timeouts that suit the http.Server this handler runs in. No answer takes long;
// what takes long is a client that does not send what it began.
const (
	ReadHeaderTimeout = 5 * time.Second
	ReadTimeout       = 15 * time.Second
	WriteTimeout      = 30 * time.Second
	IdleTimeout       = 2 * time.Minute
	MaxHeaderBytes    = 32 << 10
)

// Config is what the door needs. Recorder and TokenHash are required.
type Config struct {
	Recorder  control.Recorder
	Defaults  recording.Defaults // for what requests leave open
	TokenHash [sha256.Size]byte  // SHA-256 of the admin token
	Log       *slog.Logger       // nil discards
	Version   string             // told in answers
	Node      string             // told in answers
	Now       func() time.Time   // nil means time.Now
	Hold      time.Duration      // how far back the "at" of a request may lie
}

// schemaFiles are those of requests about calls; what is said about recordings in
// them is policy's.
//
//go:embed schemas/*.json
var schemaFiles embed.FS

// server answers requests. Nothing in it changes after New.
type server struct {
	Config
	schemas *policy.Schemas
}

// New returns the handler of everything under /v2 that exists, and the refusal
// of everything that does not.
func New(c Config) (http.Handler, error) {
	if c.Recorder == nil {
		return nil, errors.New("httpapi: Config.Recorder is missing")
	}
	if c.TokenHash == ([sha256.Size]byte{}) {
		return nil, errors.New("httpapi: Config.TokenHash is missing")
	}
	if c.Hold < 0 {
		return nil, errors.New("httpapi: Config.Hold is negative")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	compiled, err := policy.LoadSchemas(c.Defaults.CheckURL, schemaFiles)
	if err != nil {
		return nil, err
	}
	s := &server{Config: c, schemas: compiled}
	return s.routes(), nil
}

// methods are the verbs one path takes.
type methods map[string]func(*server, *request) (reply, error)

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	calls := methods{http.MethodGet: (*server).list, http.MethodPut: (*server).announce}
	call := methods{http.MethodGet: (*server).get, http.MethodPost: (*server).act, http.MethodPut: (*server).metaflow}
	mux.Handle("/v2/accounts/{account}/channels", s.serve(calls))
	mux.Handle("/v2/accounts/{account}/channels/{$}", s.serve(calls))
	mux.Handle("/v2/accounts/{account}/channels/{call}", s.serve(call))
	mux.Handle("/v2/", s.serve(nil))
	gone := s.refuse(&control.Fault{Status: http.StatusGone, Message: "gone", Data: control.Explain{Message: "the API is at /v2"}})
	mux.Handle("/v1", gone)
	mux.Handle("/v1/", gone)
	nowhere := s.refuse(notFound("no such path; the API is at /v2/accounts/{account}/channels"))
	mux.Handle("/", nowhere)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux redirects a path with empty or dot segments, in HTML. Call ids
		// with such parts are percent-encoded, so no client of ours means it.
		if p := r.URL.EscapedPath(); p != path.Clean(p) && strings.TrimSuffix(p, "/") != path.Clean(p) {
			nowhere.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func notFound(cause string) *control.Fault {
	return &control.Fault{Status: http.StatusNotFound, Message: "bad_identifier", Data: control.Explain{Message: "bad identifier", Cause: cause}}
}

// Package httpapi owns the Crossbar-shaped HTTP door: it reads requests about
// calls, documents, tokens and recordings, refuses what is wrong with all faults
// named at once, and hands the rest to a control.Recorder and to what keeps
// documents, tokens and recordings. cmd makes it and serves it; it starts no
// goroutine.
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
	Documents control.Documents // this and the next two: nil is an empty store that takes nothing
	Tokens    control.Tokens
	Index     control.Index
	Audio     control.Audio      // nil: no recording's file can be had here
	Feed      *control.Feed      // nil: there are no events
	Spool     control.Spool      // nil: nothing under /v2/spool exists
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
	decider control.Decider
	openAPI []byte
}

// New returns the handler of everything under /v2 that exists, and the refusal
// of everything that does not.
func New(c Config) (http.Handler, error) {
	if c.Recorder == nil {
		return nil, errors.New("httpapi: Config.Recorder is missing")
	}
	if c.Documents == nil {
		c.Documents = nothing{}
	}
	if c.Tokens == nil {
		c.Tokens = nothing{}
	}
	if c.Index == nil {
		c.Index = nothing{}
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
	s := &server{Config: c, schemas: compiled, decider: control.Decider{Documents: c.Documents, Defaults: c.Defaults}}
	if s.openAPI, err = describeAPI(); err != nil {
		return nil, err
	}
	return s.routes(), nil
}

func notFound(cause string) *control.Fault {
	return &control.Fault{Status: http.StatusNotFound, Message: "bad_identifier", Data: control.Explain{Message: "bad identifier", Cause: cause}}
}

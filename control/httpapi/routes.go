package httpapi

import (
	"maps"
	"net/http"
	"path"
	"strings"

	"callrec/control"
)

// endpoint is what one verb does on one path, and what it wants of who asks.
type endpoint struct {
	need   need
	handle func(*server, *request) (reply, error)
}

// methods are the verbs one path takes.
type methods map[string]endpoint

// routes are all paths there are. Each also works with a slash at its end.
var routes = map[string]methods{
	"/v2/openapi.json": {http.MethodGet: {needNothing, (*server).getOpenAPI}},
	"/v2/api_auth":     {http.MethodPut: {needNothing, (*server).apiAuth}},

	"/v2/tokens":                         tokens(needAdmin),
	"/v2/tokens/{id}":                    token(needAdmin),
	"/v2/accounts/{account}/tokens":      tokens(needTenant),
	"/v2/accounts/{account}/tokens/{id}": token(needTenant),

	"/v2/accounts": {
		http.MethodGet: {needAdmin, accounts.list},
		http.MethodPut: {needAdmin, accounts.create},
	},
	"/v2/accounts/{account}": {
		http.MethodGet:    {needTenant, accounts.get},
		http.MethodPost:   {needTenant, accounts.replace},
		http.MethodPatch:  {needTenant, accounts.patch},
		http.MethodDelete: {needAdmin, accounts.remove},
	},
	"/v2/accounts/{account}/users":          users.all(),
	"/v2/accounts/{account}/users/{id}":     users.one(),
	"/v2/accounts/{account}/devices":        devices.all(),
	"/v2/accounts/{account}/devices/{id}":   devices.one(),
	"/v2/accounts/{account}/callflows":      callflows.all(),
	"/v2/accounts/{account}/callflows/{id}": callflows.one(),

	"/v2/accounts/{account}/channels": {
		http.MethodGet: {needCalls, (*server).list},
		http.MethodPut: {needCalls, (*server).announce},
	},
	"/v2/accounts/{account}/channels/{call}": {
		http.MethodGet:  {needCalls, (*server).get},
		http.MethodPost: {needCalls, (*server).act},
		http.MethodPut:  {needCalls, (*server).metaflow},
	},
	"/v2/accounts/{account}/events": {http.MethodGet: {needCalls, (*server).events}},

	"/v2/accounts/{account}/recordings": {http.MethodGet: {needTenant, (*server).listRecordings}},
	"/v2/accounts/{account}/recordings/{id}": {
		http.MethodGet:    {needTenant, (*server).getRecording},
		http.MethodDelete: {needTenant, (*server).deleteRecording},
	},
	"/v2/accounts/{account}/users/{user}/recordings": {http.MethodGet: {needTenant, (*server).listRecordings}},
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	all := maps.Clone(routes)
	if s.Spool != nil {
		maps.Copy(all, spoolRoutes)
	}
	for pattern, m := range all {
		mux.Handle(pattern, s.serve(m))
		mux.Handle(pattern+"/{$}", s.serve(m))
	}
	mux.Handle("/v2", s.serve(nil)) // else the mux redirects it
	mux.Handle("/v2/", s.serve(nil))
	gone := s.refuse(&control.Fault{Status: http.StatusGone, Message: "gone", Data: control.Explain{Message: "the API is at /v2"}})
	mux.Handle("/v1", gone)
	mux.Handle("/v1/", gone)
	nowhere := s.refuse(notFound("no such path; GET /v2/openapi.json lists them"))
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

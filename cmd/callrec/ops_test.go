package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Health and figures are for everybody whom --ops lets in, profiles for this machine.
func TestProfilesStayHere(t *testing.T) {
	h := (&worker{}).opsHandler()
	for _, c := range []struct {
		from, path string
		want       int
	}{
		{"192.0.2.7:4000", "/debug/pprof/", http.StatusForbidden},
		{"192.0.2.7:4000", "/debug/pprof/heap", http.StatusForbidden},
		{"[2001:db8::7]:4000", "/debug/pprof/goroutine", http.StatusForbidden},
		{"[::ffff:192.0.2.7]:4000", "/debug/pprof/heap", http.StatusForbidden},
		{"@", "/debug/pprof/heap", http.StatusForbidden},
		{"127.0.0.1:4000", "/debug/pprof/", http.StatusOK},
		{"[::1]:4000", "/debug/pprof/heap", http.StatusOK},
		{"[::ffff:127.0.0.1]:4000", "/debug/pprof/heap", http.StatusOK},
		{"192.0.2.7:4000", "/healthz", http.StatusOK},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
		r.RemoteAddr = c.from
		rw := httptest.NewRecorder()
		h.ServeHTTP(rw, r)
		if rw.Code != c.want || c.want == http.StatusForbidden && !strings.Contains(rw.Body.String(), "this machine") {
			t.Errorf("%s of %s: %d %.60q, want %d", c.path, c.from, rw.Code, rw.Body, c.want)
		}
	}
}

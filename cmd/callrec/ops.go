package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// opsHandler is what operators look at: is it alive, does it take calls, figures
// and profiles.
func (w *worker) opsHandler() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), metrics{w})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(rw, "ok") // the client may have gone
	})
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		err := w.space.whole()
		if err == nil {
			err = w.manager.Busy()
		}
		switch {
		case w.manager.Draining():
			http.Error(rw, "draining", http.StatusServiceUnavailable)
		case !w.started.Load():
			http.Error(rw, "the API is closed: the store of documents does not answer", http.StatusServiceUnavailable)
		case err != nil:
			http.Error(rw, err.Error(), http.StatusServiceUnavailable)
		default:
			_, _ = fmt.Fprintln(rw, "ok")
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", onlyHere(profile))
	return mux
}

// onlyHere refuses clients of other machines. Profiles show what is in memory, and
// take the CPU; --ops may be open to all who collect metrics.
func onlyHere(h http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() {
			http.Error(rw, "profiles are for clients on this machine: ask 127.0.0.1 or ::1", http.StatusForbidden)
			return
		}
		h(rw, r)
	}
}

// profile serves runtime profiles under the paths that `go tool pprof` knows,
// without net/http/pprof, which would publish them on every default mux.
func profile(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/debug/pprof/")
	seconds, err := strconv.Atoi(r.FormValue("seconds"))
	if err != nil || seconds < 1 || seconds > 300 {
		seconds = 30
	}
	wait := func() {
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-r.Context().Done():
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	switch name {
	case "":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, "profile?seconds=N\ntrace?seconds=N")
		for _, p := range pprof.Profiles() {
			_, _ = fmt.Fprintf(w, "%s (%d)\n", p.Name(), p.Count())
		}
	case "profile":
		if err := pprof.StartCPUProfile(w); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		wait()
		pprof.StopCPUProfile()
	case "trace":
		if err := trace.Start(w); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		wait()
		trace.Stop()
	default:
		p := pprof.Lookup(name)
		if p == nil {
			http.Error(w, "no such profile; /debug/pprof/ lists them", http.StatusNotFound)
			return
		}
		debug, _ := strconv.Atoi(r.FormValue("debug"))
		if debug > 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		_ = p.WriteTo(w, debug) // the client may have gone
	}
}

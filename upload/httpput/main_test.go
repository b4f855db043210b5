package httpput_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
)

var proxied atomic.Int64 // requests at the proxy

// TestMain sets a proxy up: the standard library reads the environment once.
func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		proxied.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	_ = os.Setenv("HTTP_PROXY", proxy.URL)
	os.Exit(m.Run())
}

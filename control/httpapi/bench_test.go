package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callrec/control/httpapi"
)

// BenchmarkAnnounce announces calls over one kept-alive connection: the time of
// client, loopback and door together.
func BenchmarkAnnounce(b *testing.B) {
	f := newFake()
	c := config(f, io.Discard)
	c.Log = nil
	h, err := httpapi.New(c)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	n := 0
	for b.Loop() {
		n++
		body := strings.Replace(full, "abc123@10.0.0.1", fmt.Sprintf("call-%d", n), 1)
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPut, server.URL+channels, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", token)
		response, err := server.Client().Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			b.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			b.Fatal(err)
		}
		if response.StatusCode != http.StatusCreated {
			b.Fatal(response.Status)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/announce")
	b.ReportMetric(0, "ns/op")
}

package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"callrec/control"
	"callrec/control/controltest"
	"callrec/control/httpapi"
)

// BenchmarkAnnounce announces calls over one kept-alive connection: with a flow
// and SDP in the announcement, and with documents that want two recordings. The
// processor time is that of the whole process, a client that does next to nothing
// included.
func BenchmarkAnnounce(b *testing.B) {
	const documents = `{"data":{"call_id":"abc123@10.0.0.1","from":"1001@acme.example","to":"+15551234567@acme.example","caller_id_name":"Ann Lee",` +
		`"caller_id_number":"1001","from_network":"onnet","to_network":"offnet","caller":{"device_id":"d1"},"legs":[{"leg":"caller","source":"192.0.2.7:30010"},{"leg":"callee","source":"192.0.2.7"}]}}`
	for name, body := range map[string]string{"flow-and-sdp": full, "documents": documents} {
		b.Run(name, func(b *testing.B) {
			c := config(newFake(), io.Discard)
			c.Log = nil
			kept := controltest.New()
			for ref, doc := range map[control.Ref]string{
				control.AccountRef("acme"):                         `{"call_recording":{"account":{"any":{"any":{"enabled":true}}}}}`,
				{Account: "acme", Kind: control.Devices, ID: "d1"}: `{"owner_id":"ann"}`,
				{Account: "acme", Kind: control.Users, ID: "ann"}:  `{"call_recording":{"outbound":{"offnet":{"enabled":true,"url":"http://h.example/"}}}}`,
			} {
				if _, err := kept.Create(b.Context(), ref, []byte(doc)); err != nil {
					b.Fatal(err)
				}
			}
			c.Documents = kept
			h, err := httpapi.New(c)
			if err != nil {
				b.Fatal(err)
			}
			server := httptest.NewServer(h)
			defer server.Close()
			conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			in, n := bufio.NewReader(conn), 0
			before := cpu(b)
			for b.Loop() {
				n++
				text := strings.Replace(body, "abc123@10.0.0.1", fmt.Sprintf("call-%d", n), 1)
				if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: h\r\nX-Auth-Token: %s\r\nContent-Length: %d\r\n\r\n%s", channels, token, len(text), text); err != nil {
					b.Fatal(err)
				}
				if status := answered(b, in); status != http.StatusCreated {
					b.Fatal(status)
				}
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(n), "CPU-µs/announce")
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "announces/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// answered reads one answer and returns its status.
func answered(b *testing.B, in *bufio.Reader) int {
	b.Helper()
	status, length := 0, 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		line = strings.TrimSpace(line)
		switch name, value, _ := strings.Cut(line, " "); {
		case line == "":
			if _, err := in.Discard(length); err != nil {
				b.Fatal(err)
			}
			return status
		case name == "HTTP/1.1":
			status, _ = strconv.Atoi(value[:3])
		case name == "Content-Length:":
			length, _ = strconv.Atoi(value)
		}
	}
}

// cpu is the processor time this process has used: neighbours do not change it.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

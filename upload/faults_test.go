package upload_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/internal/testkit"
	"callrec/upload"
	"callrec/upload/httpput"
	"callrec/upload/spool"
)

// receiver is one end that f serves, connection by connection.
func receiver(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var all sync.WaitGroup
	stop := make(chan struct{})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				done := make(chan struct{})
				go func() { // nobody outlives the test
					select {
					case <-stop:
						_ = c.Close()
					case <-done:
					}
				}()
				f(c)
				close(done)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() { close(stop); _ = l.Close(); all.Wait() })
	return "http://u:secret@" + l.Addr().String() + "/rec?key=secret"
}

// answering reads a request whole, says what it is told, and hangs up.
func answering(answer string) func(net.Conn) {
	return func(c net.Conn) { drainRequest(c); _, _ = io.WriteString(c, answer) }
}

func drainRequest(c net.Conn) {
	var head []byte
	one := make([]byte, 1)
	for !strings.HasSuffix(string(head), "\r\n\r\n") {
		if _, err := c.Read(one); err != nil {
			return
		}
		head = append(head, one...)
	}
	var size int64
	for _, line := range strings.Split(string(head), "\r\n") {
		if n, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			_, _ = fmt.Sscan(n, &size)
		}
	}
	_, _ = io.CopyN(io.Discard, c, size)
}

// forEver does something until the connection is closed.
func forEver(c net.Conn, write string) {
	for {
		if _, err := io.WriteString(c, write); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestReceiverFaults: whatever a receiver does, a recording ends delivered, waits
// for its next try, or is parked, and is never lost; nothing of it stays behind.
func TestReceiverFaults(t *testing.T) {
	expired, trust := expiredServer(t)
	refuses := receiver(t, func(net.Conn) {})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	refused := "http://" + closed.Addr().String()
	must(t, closed.Close())
	const delivered, waits, slow, parks = "delivered", "waits", "waits an hour", "parks"
	type fault struct{ name, url, want string }
	faults := []fault{
		{"refuses the connection", refused, waits},
		{"hangs up", refuses, waits},
		{"has no name", "http://nobody.invalid/rec", waits},
		{"expired certificate", expired, waits},
		{"speaks no TLS", strings.Replace(refuses, "http:", "https:", 1), waits},
		{"is told by a method that is none", "", parks},
	}
	for name, f := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"stalls at once":  {func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); <-t.Context().Done() }, waits},
		"resets mid-body": {func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 50_000); _ = c.(*net.TCPConn).SetLinger(0) }, waits},
		"stalls mid-body": {func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 50_000); <-t.Context().Done() }, waits},
		"never answers":   {func(c net.Conn) { drainRequest(c); <-t.Context().Done() }, waits},
		"drips its header": {func(c net.Conn) {
			drainRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			forEver(c, "X: y\r\n")
		}, waits},
		"header without end or line": {func(c net.Conn) {
			drainRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			forEver(c, strings.Repeat("x", 1<<16))
		}, waits},
		"is no HTTP server": {func(c net.Conn) { _, _ = io.WriteString(c, "220 smtp.example ESMTP\r\n") }, waits},
		"cuts its header":   {answering("HTTP/1.1 200 OK\r\nContent-"), waits},
		"answers 200 at once": {func(c net.Conn) {
			_, _ = io.CopyN(io.Discard, c, 300)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}, waits},
		"says 200 and drops":        {answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), delivered},
		"lies about a long answer":  {answering("HTTP/1.1 201 Created\r\nContent-Length: 99999999\r\n\r\nshort"), delivered},
		"lies about a short answer": {answering("HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nmuch longer"), delivered},
		"two lengths":               {answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), waits},
		"drips its answer's body": {func(c net.Conn) {
			drainRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			forEver(c, "x")
		}, delivered},
		"answers without end": {func(c net.Conn) {
			drainRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			forEver(c, strings.Repeat("x", 1<<16))
		}, delivered},
		"many 100s":             {func(c net.Conn) { drainRequest(c); forEver(c, "HTTP/1.1 100 Continue\r\n\r\n") }, waits},
		"status 000":            {answering("HTTP/1.1 000 What\r\n\r\n"), slow},
		"redirects to metadata": {answering("HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n"), parks},
		"redirects to a file":   {answering("HTTP/1.1 307 Go\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"), parks},
		"redirects to itself":   {answering("HTTP/1.1 302 Go\r\nLocation: ?\r\nContent-Length: 0\r\n\r\n"), slow},
	} {
		faults = append(faults, fault{name, receiver(t, f.serve), f.want})
	}
	for code := 200; code < 600; code += 4 { // a hundred of them
		want := slow
		switch {
		case code < 300:
			want = delivered
		case code >= 500 || code == 408:
			want = waits
		}
		faults = append(faults, fault{fmt.Sprint("status ", code), receiver(t, answering(fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", code))), want})
	}

	testkit.CheckLeaks(t)
	target, err := httpput.New(httpput.Config{Guard: allowLoopback(t), TLS: trust})
	must(t, err)
	errs := sync.Map{}
	watched := targetFunc(func(ctx context.Context, o upload.Object) error {
		err := target.Put(ctx, o)
		errs.Store(o.ID, fmt.Sprint(err))
		return err
	})
	dir := t.TempDir()
	r := start(t, dir, upload.Router{HTTP: watched}, func(c *upload.Config) { c.Idle = time.Second; c.Workers = 64 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	audio := []byte(strings.Repeat("audio", 20_000))
	for i, f := range faults {
		m := manifest(i, f.url)
		m.Account = fmt.Sprint("account-", i)
		if f.url == "" {
			m.Destination.URL, m.Destination.Method = "http://h.example", "BREW"
		}
		if f.name == "answers 200 at once" { // more than the kernel takes off our hands
			recordAs(t, r.Spool, m, make([]byte, 16<<20)...)
			continue
		}
		recordAs(t, r.Spool, m, audio...)
	}
	must(t, r.Flush(t.Context()))
	tried := func() (n int) { errs.Range(func(any, any) bool { n++; return true }); return n }
	for deadline := time.Now().Add(60 * time.Second); tried() < len(faults) && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	grace, cancel := context.WithCancel(t.Context())
	cancel()
	r.stop(t, grace)
	must(t, target.Close())
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("%d KB more memory than before", grown>>10)
	}

	// What the next process finds tells what became of each.
	outcome := map[string]string{}
	for _, o := range r.outcomes() {
		outcome[o.ID] = map[bool]string{true: delivered, false: parks}[o.Delivered]
	}
	s, err := spool.Open(spool.Config{Dir: dir, OnReady: func(r spool.Ready) {
		d := r.Delivery()
		outcome[r.ID()] = waits
		switch {
		case d.Tries == 0:
			outcome[r.ID()] = "was not given up in a minute"
		case d.NotBefore.Sub(d.LastTry) > 30*time.Minute:
			outcome[r.ID()] = slow
		}
		if strings.Contains(d.LastError, "secret") {
			t.Errorf("%s keeps secrets in its error: %s", r.ID(), d.LastError)
		}
	}})
	must(t, err)
	defer func() { must(t, s.Close(context.Background())) }()
	list := upload.ListParked(s, "", len(faults))
	if st := s.Stats(); st.Parked != len(list) || st.Quarantined != 0 {
		t.Errorf("%+v, %d listed", st, len(list))
	}
	for i, f := range faults {
		said, _ := errs.Load(recID(i))
		if outcome[recID(i)] != f.want {
			t.Errorf("%s: it %s, want: %s (%v)", f.name, outcome[recID(i)], f.want, said)
		}
		if strings.Contains(fmt.Sprint(said), "secret") {
			t.Errorf("%s: the error shows secrets: %v", f.name, said)
		}
	}
}

// expiredServer is one whose certificate is over, though trusted.
func expiredServer(t *testing.T) (url string, trust *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(t, err)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error(errors.New("it was told something")) }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s.URL, &tls.Config{RootCAs: pool}
}

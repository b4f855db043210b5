package httpput_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/upload"
	"callrec/upload/guard"
	"callrec/upload/httpput"
	"callrec/upload/targettest"
)

func target(t *testing.T, cfg httpput.Config) *httpput.Target {
	t.Helper()
	p, err := httpput.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func allow(t *testing.T, what ...string) *guard.Guard {
	t.Helper()
	g, err := guard.New(what)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func put(t *testing.T, p upload.Target, url string, data string) error {
	t.Helper()
	return p.Put(t.Context(), targettest.Object(1, upload.Destination{URL: url}, []byte(data)))
}

func wantClass(t *testing.T, err error, want upload.Class) {
	t.Helper()
	if err == nil || upload.ClassOf(err) != want {
		t.Errorf("got %v (%v), want an error of class %v", err, upload.ClassOf(err), want)
	}
	if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "acme.example")) {
		t.Errorf("error shows secrets: %v", err)
	}
}

func TestSuite(t *testing.T) {
	for name, h2 := range map[string]bool{"http": false, "https and HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			targettest.Run(t, func(t *testing.T) targettest.Subject { return subject(t, h2) })
		})
	}
}

func subject(t *testing.T, h2 bool) targettest.Subject {
	var mu sync.Mutex
	kept := map[string][]byte{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(b)) || len(r.TransferEncoding) > 0 || (r.ProtoMajor == 2) != h2 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		kept[r.Header.Get("Idempotency-Key")] = append([]byte{}, b...)
		w.WriteHeader(http.StatusCreated)
	}))
	var cfg httpput.Config
	if h2 {
		s.EnableHTTP2 = true
		s.StartTLS()
		cfg.TLS = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	} else {
		s.Start()
	}
	p := target(t, cfg)
	return targettest.Subject{
		Target: p, Destination: upload.Destination{URL: s.URL + "/rec"},
		Stored: func(o upload.Object) ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			return kept[o.ID], nil
		},
		Close: func() { _ = p.Close(); s.Close() },
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	var body []byte
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	o := targettest.Object(1, upload.Destination{URL: strings.Replace(url, "http://", "http://rec:s%40cret@", 1) + "/in", Method: "POST"}, []byte("audio"))
	if err := target(t, httpput.Config{}).Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("audio"))
	for k, want := range map[string]string{
		"Content-Type": "audio/x-wav", "Content-Length": "5", "Idempotency-Key": o.ID, "Accept-Encoding": "",
		"Repr-Digest": "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":",
	} {
		if v := got.Header.Get(k); v != want {
			t.Errorf("%s: %q, want %q", k, v, want)
		}
	}
	if user, pass, _ := got.BasicAuth(); user != "rec" || pass != "s@cret" {
		t.Errorf("credentials %q %q", user, pass)
	}
	if want := "/in/" + o.Name + "?from=1001%40acme.example&owner_id="; got.Method != "POST" || got.RequestURI != want || string(body) != "audio" {
		t.Errorf("%s %s with %q, want POST %s", got.Method, got.RequestURI, body, want)
	}
}

func TestStatusClasses(t *testing.T) {
	for code := 200; code < 600; code++ {
		if code > 210 && code < 300 || code > 310 && code < 400 || code > 452 && code < 500 || code > 512 && code < 599 {
			continue
		}
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(code)
		})
		err := put(t, target(t, httpput.Config{}), url+"/rec?token=secret", "x")
		var e *upload.Error
		switch {
		case code < 300:
			if err != nil {
				t.Errorf("%d: %v", code, err)
			}
		case code >= 500 || code == 408 || code == 425 || code == 429:
			wantClass(t, err, upload.Retry)
			if !errors.As(err, &e) || e.RetryAfter != 7*time.Second {
				t.Errorf("%d: Retry-After is not kept: %+v", code, e)
			}
		default:
			wantClass(t, err, upload.Slow)
		}
	}
}

func TestRedirects(t *testing.T) {
	var log []string
	reset := func() { log = nil }
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _, auth := r.BasicAuth()
		log = append(log, fmt.Sprint("other ", r.Method, " ", r.URL.Path, " ", len(b), " ", auth))
		w.WriteHeader(http.StatusCreated)
	})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _, auth := r.BasicAuth()
		log = append(log, fmt.Sprint(r.Method, " ", r.URL.Path, " ", len(b), " ", auth))
		kind, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch kind {
		case "301", "302", "303", "307", "308":
			var code int
			_, _ = fmt.Sscan(kind, &code)
			w.Header().Set("Location", "/stored")
			w.WriteHeader(code)
		case "other":
			w.Header().Set("Location", other+"/x")
			w.WriteHeader(307)
		case "loop":
			w.Header().Set("Location", r.URL.String())
			w.WriteHeader(307)
		case "on":
			w.Header().Set("Location", "/on/1"+rest)
			w.WriteHeader(307)
		case "file":
			w.Header().Set("Location", "file:///etc/passwd?secret")
			w.WriteHeader(307)
		case "nowhere":
			w.WriteHeader(307)
		}
	})
	p := target(t, httpput.Config{})
	withUser := strings.Replace(url, "http://", "http://u:secret@", 1)
	for _, code := range []string{"301", "302", "307", "308"} {
		reset()
		if err := put(t, p, withUser+"/"+code, "audio"); err != nil || len(log) != 2 || log[1] != "PUT /stored 5 true" {
			t.Errorf("%s: %v, requests %q", code, err, log)
		}
	}
	reset()
	if err := put(t, p, withUser+"/other", "audio"); err != nil || len(log) != 2 || log[1] != "other PUT /x 5 false" {
		t.Errorf("to another host: %v, requests %q", err, log)
	}
	for path, class := range map[string]upload.Class{"303": upload.Slow, "loop": upload.Slow, "on": upload.Slow, "file": upload.Permanent, "nowhere": upload.Slow} {
		reset()
		wantClass(t, put(t, p, withUser+"/"+path, "audio"), class)
		if path == "on" && len(log) != 11 {
			t.Errorf("%d requests, want the first and 10 redirects", len(log))
		}
	}
	secure := httptest.NewTLSServer(http.RedirectHandler(url+"/stored", http.StatusTemporaryRedirect))
	defer secure.Close()
	reset()
	down := target(t, httpput.Config{TLS: secure.Client().Transport.(*http.Transport).TLSClientConfig.Clone()})
	wantClass(t, put(t, down, secure.URL, "audio"), upload.Slow)
	if len(log) > 0 {
		t.Errorf("from https to http: %q", log)
	}
	wantClass(t, put(t, p, secure.URL, "audio"), upload.Retry) // a certificate that nobody vouches for
}

func TestGuardIsAskedForEveryDialAndRedirect(t *testing.T) {
	hits := 0
	inner := serve(t, func(http.ResponseWriter, *http.Request) { hits++ })
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(inner, "http://"))
	allowed := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", inner)
		w.WriteHeader(307)
	})
	p := target(t, httpput.Config{Guard: allow(t, strings.TrimPrefix(allowed, "http://"))})
	for _, url := range []string{inner, "http://localhost:" + port, allowed} {
		wantClass(t, put(t, p, url, "audio"), upload.Permanent)
	}
	if hits != 0 {
		t.Errorf("%d requests reached the address that is denied", hits)
	}
	// A name that the text check lets through and that resolves to loopback:
	// the resolver is not ours here, so localhost is let through by its port.
	ok := target(t, httpput.Config{Guard: allow(t, "localhost:"+port)})
	if err := put(t, ok, "http://localhost:"+port, "audio"); err != nil || hits != 1 {
		t.Errorf("put to a listed host: %v, %d requests", err, hits)
	}
}

func TestNetworkFaults(t *testing.T) {
	big := strings.Repeat("x", 8<<20)
	p := upload.Watch(target(t, httpput.Config{}), 300*time.Millisecond)
	raw := func(f func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				all.Go(func() { f(c); _ = c.Close() })
			}
		})
		t.Cleanup(func() { _ = l.Close(); all.Wait() })
		return "http://u:secret@" + l.Addr().String() + "/rec?key=secret"
	}
	for name, f := range map[string]func(net.Conn){
		"closed at once":  func(net.Conn) {},
		"reset mid-body":  func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 100_000); _ = c.(*net.TCPConn).SetLinger(0) },
		"stalls mid-body": func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 100_000); time.Sleep(700 * time.Millisecond) },
		"never answers":   func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, int64(len(big))); time.Sleep(700 * time.Millisecond) },
		"answers garbage": func(c net.Conn) { _, _ = io.CopyN(io.Discard, c, 1000); _, _ = c.Write([]byte("garbage\r\n\r\n")) },
		"200 before the body": func(c net.Conn) {
			_, _ = io.CopyN(io.Discard, c, 1000)
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			time.Sleep(100 * time.Millisecond)
		},
		"header without an end": func(c net.Conn) {
			for range 7 {
				_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nX: "))
				time.Sleep(100 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			wantClass(t, put(t, p, raw(f), big), upload.Retry)
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	wantClass(t, put(t, p, "http://u:secret@"+l.Addr().String(), "x"), upload.Retry)
}

// A slow line is no failure as long as something moves.
func TestSlowButMoving(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 2<<20)
		for {
			n, err := io.ReadFull(r.Body, buf)
			if n == 0 || err != nil {
				break
			}
			time.Sleep(60 * time.Millisecond)
		}
	})
	if err := put(t, upload.Watch(target(t, httpput.Config{}), 700*time.Millisecond), url, strings.Repeat("x", 32<<20)); err != nil {
		t.Error(err)
	}
}

func TestAnswerIsNotReadForEver(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	})
	if err := put(t, target(t, httpput.Config{}), url, "x"); err != nil {
		t.Error(err)
	}
}

func TestBadDestinations(t *testing.T) {
	p := target(t, httpput.Config{})
	wantClass(t, put(t, p, "http://u:secret@[::1", "x"), upload.Permanent)
	o := targettest.Object(1, upload.Destination{URL: "http://h.example", Method: "DELETE"}, nil)
	wantClass(t, p.Put(t.Context(), o), upload.Permanent)
	if _, err := httpput.New(httpput.Config{URL: "s3://x"}); err == nil {
		t.Error("a storage url of another scheme is taken")
	}
}

// zeros is a large recording that takes no memory.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), z.left))
	if n == 0 {
		return 0, io.EOF
	}
	z.left -= int64(n)
	return n, nil
}
func (*zeros) Seek(int64, int) (int64, error) { return 0, nil }
func (*zeros) Close() error                   { return nil }

func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	o := targettest.Object(1, upload.Destination{URL: url}, nil)
	o.Size = 300 << 20
	o.Open = func() (io.ReadSeekCloser, error) { return &zeros{o.Size}, nil }
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := target(t, httpput.Config{}).Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes allocated for a file of %d", n, o.Size)
	}
}

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/control"
	"callrec/upload/spool"
)

const parkedOne = "202611-00000000000000000000000000000001"

// leaveParked makes a data folder in which one recording is parked.
func leaveParked(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	var ready spool.Ready
	s, err := spool.Open(spool.Config{Dir: filepath.Join(data, "spool"), OnReady: func(r spool.Ready) { ready = r }})
	if err != nil {
		t.Fatal(err)
	}
	m := spool.Manifest{
		ID: parkedOne, Ext: "wav", Account: "acc", CallID: "c\x1b[31m\tred", Destination: spool.Destination{URL: "https://u:secret@h.example/in?key=secret"},
		Started: time.Now().Add(-50 * time.Hour), Rate: 8000, Channels: 1,
	}
	p, err := s.Create(m, nil)
	if err == nil {
		err = p.Write([]byte("audio"))
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Commit(nil, m)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ready.Park(spool.Delivery{Tries: 3}, "refused for 24h0m0s"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return data
}

// spoken runs a command line and returns what it says on both outputs.
func spoken(t *testing.T, wantExit int, args ...string) (out, errs string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = f
	errs = failing(t, wantExit, args...)
	os.Stdout = stdout
	_ = f.Close()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b), errs
}

// What cannot work says why, and what to do.
func TestSpoolRemedies(t *testing.T) {
	t.Setenv(tokenInEnvironment, "")
	data, none := leaveParked(t), t.TempDir()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	token := filepath.Join(none, "token")
	if err := os.WriteFile(token, []byte("some-token-of-an-admin"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		exit int
		args []string
		says []string
	}{
		{2, []string{}, []string{"list", "retry", "export"}},
		{2, []string{"retry", "--data", data}, []string{"--all"}},
		{2, []string{"retry", parkedOne, "--all", "--data", data}, []string{"--all"}},
		{2, []string{"retry", "../x", "y", "--data", data}, []string{`"../x"`, `"y"`}},
		{2, []string{"export", "../x", "--out", none, "--data", data}, []string{`"../x"`}},
		{2, []string{"export", parkedOne, "--data", data}, []string{"--out"}},
		{2, []string{"list", "--http", "ftp://h"}, []string{"--http", "https://"}},
		{1, []string{"list", "--data", none}, []string{none, "--data"}},
		{1, []string{"export", parkedOne, "--out", none, "--data", none}, []string{"--data"}},
		{1, []string{"retry", strings.Replace(parkedOne, "1", "2", 1), "--data", data}, []string{"not parked", "callrec spool list"}},
		{1, []string{"export", parkedOne[:38] + "2", "--out", none, "--data", data}, []string{"is not in the spool"}},
		{1, []string{"list", "--http", other.URL, "--data", none}, []string{"admin token", "--token-file", tokenInEnvironment}},
		{1, []string{"list", "--http", other.URL, "--token-file", token}, []string{"no callrec API"}},
		{1, []string{"list", "--http", closed.URL, "--token-file", token}, []string{closed.URL, "--http"}},
	} {
		out, errs := spoken(t, c.exit, append([]string{"spool"}, c.args...)...)
		for _, word := range c.says {
			if !strings.Contains(out+errs, word) {
				t.Errorf("%v does not say %q: %s%s", c.args, word, out, errs)
			}
		}
	}
}

// A table shows nothing that could move the cursor, and no credentials.
func TestSpoolTable(t *testing.T) {
	out, _ := spoken(t, 0, "spool", "list", "--data", leaveParked(t))
	for _, word := range []string{parkedOne, "2d 2h", "5 B", "unknown", "https://redacted@h.example/in?redacted", "refused for 24h0m0s", "1 parked (5 B), 0 waiting", "no worker runs here"} {
		if !strings.Contains(out, word) {
			t.Errorf("%q is missing in\n%s", word, out)
		}
	}
	if strings.ContainsAny(out, "\x1b\t") || strings.Contains(out, "secret") {
		t.Errorf("%q", out)
	}
	for d, want := range map[time.Duration]string{-time.Hour: "0s", 59 * time.Second: "59s", 61 * time.Minute: "1h 1m", 24 * time.Hour: "1d 0h", 61 * time.Second: "1m 1s"} {
		if got := aged(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 5e15: "5000.0 TB"} {
		if got := sized(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// certificate makes one that no machine trusts and no name fits.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Hour)},
		&x509.Certificate{SerialNumber: big.NewInt(1)}, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// With TLS the worker is found as well, and nobody else is given the token: not
// who has another certificate, and not who has the address of a worker that is
// gone.
func TestSpoolFindsItsWorker(t *testing.T) {
	t.Setenv(tokenInEnvironment, "")
	data := leaveParked(t)
	cert, key := certificate(t, t.TempDir())
	if err := keepAddress(data, address{PID: 1, URL: "http://127.0.0.1:1"}); err != nil { // a killed one's
		t.Fatal(err)
	}
	w, err := startWorker(t.Context(), workerConfig{
		data: data, http: "127.0.0.1:0", storage: filepath.Join(data, "recordings"), tlsCert: cert, tlsKey: key,
		addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, firstPort: 39300, lastPort: 39319, shards: 1,
		hold: time.Second, sourceTimeout: time.Second, uploadKeep: time.Hour,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "tls10server=1") // of the library's own bound nothing is left then
	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if conn, err := (&tls.Dialer{Config: old}).DialContext(t.Context(), "tcp", w.apiAddr); err == nil {
		t.Error("the API speaks TLS 1.1")
		_ = conn.Close()
	}
	out, _ := spoken(t, 0, "spool", "list", "--data", data)
	if !strings.Contains(out, parkedOne) || !strings.Contains(out, "1 parked") || strings.Contains(out, "no worker") {
		t.Errorf("%s", out)
	}
	a, err := loadAddress(data)
	if err != nil || a.PID != os.Getpid() || !strings.HasPrefix(a.URL, "https://127.0.0.1:") || a.TokenFile != filepath.Join(data, "admin-token") {
		t.Fatalf("%+v, %v", a, err)
	}
	if st, err := os.Stat(addressFile(data)); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}

	wrong := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(wrong, []byte("not-the-admins-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs := spoken(t, 1, "spool", "retry", "--all", "--data", data, "--token-file", wrong); !strings.Contains(errs, "--token-file") {
		t.Errorf("a wrong token: %s", errs)
	}
	if out, errs := spoken(t, 1, "spool", "list", "--data", data, "--token-file", wrong); out != "" || !strings.Contains(errs, "--token-file") {
		t.Errorf("a wrong token: %s %s", out, errs)
	}
	for name, change := range map[string]func(*address){
		"certificate": func(a *address) { a.Certificate = strings.Repeat("0", 64) },
		"pid":         func(a *address) { a.PID++ },
	} {
		b := a
		change(&b)
		if err := keepAddress(data, b); err != nil {
			t.Fatal(err)
		}
		if _, errs := spoken(t, 1, "spool", "list", "--data", data); !strings.Contains(errs, name) || !strings.Contains(errs, "--http") {
			t.Errorf("another %s: %s", name, errs)
		}
	}
	if err := dropAddress(data); err != nil {
		t.Fatal(err)
	}
	if _, errs := spoken(t, 1, "spool", "list", "--data", data); !strings.Contains(errs, "starts or stops") {
		t.Errorf("without an address: %s", errs)
	}
	if u, err := (desk{w}).Usage(); err != nil || u.Parked.Recordings != 1 || u.Parked.ByClass["unknown"] != 1 {
		t.Errorf("%+v, %v", u, err)
	}
	if err := w.stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := (desk{w}).Retry(parkedOne); err == nil {
		t.Error("a stopped worker takes a retry")
	}
	if out, _ := spoken(t, 0, "spool", "retry", parkedOne, "--data", data, "--json"); out != fmt.Sprintf("{\"id\":%q,\"state\":\"waiting\"}\n", parkedOne) {
		t.Errorf("%s", out)
	}
}

// The worker says where it can be reached from this machine, wherever it listens.
func TestAddressOnLoopback(t *testing.T) {
	for listens, want := range map[string]string{
		"0.0.0.0:8000": "http://127.0.0.1:8000", "[::]:8000": "http://[::1]:8000", "10.1.2.3:8000": "http://10.1.2.3:8000", "[::1]:8000": "http://[::1]:8000",
	} {
		w := &worker{apiAddr: listens, tokenPlace: tokenInEnvironment, cfg: workerConfig{data: t.TempDir()}}
		if err := w.announceAddress(); err != nil {
			t.Fatal(err)
		}
		if a, err := loadAddress(w.cfg.data); err != nil || a.URL != want || a.TokenFile != "" {
			t.Errorf("%s: %+v, %v", listens, a, err)
		}
	}
	for given, want := range map[string]string{
		"127.0.0.1:8000": "http://127.0.0.1:8000", "localhost:8000": "http://localhost:8000", "rec.lan:8000": "https://rec.lan:8000",
		"http://rec.lan/": "http://rec.lan", "https://rec.lan": "https://rec.lan",
	} {
		if got, err := apiURL(given); err != nil || got != want {
			t.Errorf("%s: %s, %v", given, got, err)
		}
	}
}

// A page at a time, and on until everything is on its way.
func TestRemoteGoesOn(t *testing.T) {
	left, pages := 2500, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Auth-Token") != "token":
			t.Error("no token")
		case r.URL.Path == "/v2/spool":
			_, _ = fmt.Fprintf(w, `{"status":"success","data":{"parked":{"recordings":%d,"bytes":9}}}`, left)
		case r.Method == http.MethodGet:
			pages++
			next := ""
			if pages < 3 {
				next = fmt.Sprintf(`,"next_start_key":"k%d"`, pages)
			}
			if want := fmt.Sprintf("k%d", pages-1); pages > 1 && r.URL.Query().Get("start_key") != want {
				t.Errorf("page %d: %s", pages, r.URL.RawQuery)
			}
			_, _ = fmt.Fprintf(w, `{"status":"success","data":[{"id":"%d"}]%s}`, pages, next)
		default:
			n := min(left, 1000)
			left -= n
			_, _ = fmt.Fprintf(w, `{"status":"success","data":{"retried":%d,"parked":%d}}`, n, left)
		}
	}))
	defer s.Close()
	d := &remoteDesk{client: s.Client(), url: s.URL, token: "token"}
	n := 0
	if err := d.EachParked(func(control.Parked) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d listed, %v", n, err)
	}
	if n, err := d.RetryAll(); n != 2500 || err != nil || left != 0 {
		t.Errorf("%d sent, %d left, %v", n, left, err)
	}
}

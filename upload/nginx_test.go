package upload_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/internal/testkit"
	"callrec/upload"
	"callrec/upload/guard"
	"callrec/upload/httpput"
	"callrec/upload/spool"
	"callrec/upload/targettest"
)

// nginx runs a real nginx that stores what is PUT under /up/ and asks for a
// password under /auth/. It returns its URL and the folder.
func nginx(t *testing.T) (url, dir string) {
	t.Helper()
	url, root := testkit.Nginx(t, `
  server {
    listen ADDR; root ROOT;
    location /up/    { }
    location /auth/  { alias ROOT/up/; auth_basic rec; auth_basic_user_file ROOT/users; }
    location /moved/ { rewrite ^/moved/(.*)$ /up/$1 redirect; }
    location /deny/  { return 403; }
    location /down/  { return 503; }
  }`)
	// "rec", "secret": nginx takes the crypt scheme in plain for what it is.
	must(t, os.WriteFile(filepath.Join(root, "users"), []byte("rec:{PLAIN}secret\n"), 0o644))
	return url, filepath.Join(root, "up")
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func stored(dir string) func(o upload.Object) ([]byte, error) {
	return func(o upload.Object) ([]byte, error) {
		name := unescape(o.Name)
		b, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return b, err
	}
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		var c byte
		if s[i] == '%' {
			_, _ = fmt.Sscanf(s[i+1:i+3], "%02X", &c)
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// TestNginx takes recordings through spool, queue and HTTP to a real server.
func TestNginx(t *testing.T) {
	url, dir := nginx(t)
	allow, err := guard.New([]string{"127.0.0.0/8"})
	must(t, err)
	target, err := httpput.New(httpput.Config{Guard: allow})
	must(t, err)
	statuses := &twice{target}
	r := start(t, t.TempDir(), upload.Router{HTTP: statuses}, nil)
	withUser := strings.Replace(url, "http://", "http://rec:secret@", 1)
	want := map[int][]byte{1: {}, 2: []byte("x"), 3: bytes.Repeat([]byte("audio"), 1<<20), 4: []byte("four"), 5: []byte("five")}
	urls := map[int]string{1: url + "/up/", 2: url + "/up/acme", 3: url + "/up", 4: withUser + "/auth", 5: url + "/moved/"}
	for n, audio := range want {
		record(t, r.Spool, n, urls[n], audio)
	}
	deadline := time.Now().Add(20 * time.Second)
	for len(r.outcomes()) < len(want) && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	for _, o := range r.outcomes() {
		if !o.Delivered || o.Tries != 1 || strings.Contains(o.URL, "secret") {
			t.Errorf("%+v", o)
		}
	}
	for n, audio := range want {
		path := filepath.Join(dir, spool.ObjectName(fmt.Sprint("call-", n), "", "wav"))
		if n == 2 {
			path = filepath.Join(dir, "acme", filepath.Base(path))
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, audio) {
			t.Errorf("recording %d: %d bytes, %v", n, len(got), err)
		}
	}
	if st := r.Spool.Stats(); st != (spool.Stats{}) {
		t.Errorf("the spool still holds %+v", st)
	}
	r.stop(t, context.Background())
	must(t, target.Close())
}

// twice puts everything again, as after an answer that got lost: nginx says 201,
// then 204.
type twice struct{ upload.Target }

func (s *twice) Put(ctx context.Context, o upload.Object) error {
	if err := s.Target.Put(ctx, o); err != nil {
		return err
	}
	return s.Target.Put(ctx, o)
}

// TestNginxSuite holds the target against the suite with a real server behind.
func TestNginxSuite(t *testing.T) {
	url, dir := nginx(t)
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		target, err := httpput.New(httpput.Config{})
		must(t, err)
		for _, e := range files(t, dir) {
			must(t, os.RemoveAll(filepath.Join(dir, e)))
		}
		return targettest.Subject{
			Target: target, Destination: upload.Destination{URL: url + "/up"},
			Stored: stored(dir), Close: func() { _ = target.Close() },
		}
	})
	t.Run("statuses", func(t *testing.T) {
		for _, want := range []int{http.StatusCreated, http.StatusNoContent} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/up/status.wav", strings.NewReader("x"))
			must(t, err)
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("nginx answers %d, this test is about %d", resp.StatusCode, want)
			}
		}
		http.DefaultClient.CloseIdleConnections()
		target, err := httpput.New(httpput.Config{})
		must(t, err)
		defer func() { _ = target.Close() }()
		for path, class := range map[string]upload.Class{"/deny": upload.Slow, "/down": upload.Retry, "/auth": upload.Slow} {
			err := target.Put(t.Context(), targettest.Object(1, upload.Destination{URL: url + path}, []byte("x")))
			if err == nil || upload.ClassOf(err) != class {
				t.Errorf("%s: %v, want class %v", path, err, class)
			}
		}
	})
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

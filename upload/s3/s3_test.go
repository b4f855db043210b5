package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callrec/upload"
	"callrec/upload/guard"
	"callrec/upload/s3"
	"callrec/upload/targettest"
)

var serverTime = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

const (
	accessKey = "AKREC"
	secretKey = "SECRETREC123"
)

// environment is one in which nothing of this machine's counts.
func environment(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
}

func target(t *testing.T, cfg s3.Config) *s3.Target {
	t.Helper()
	p, err := s3.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestSuite(t *testing.T) {
	environment(t)
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		f, url := newFake(t)
		p := target(t, s3.Config{URL: "s3://rec/in/here?endpoint=" + url + "&path_style=true"})
		return targettest.Subject{
			Target: p, Stored: func(o upload.Object) ([]byte, error) { return f.get("/rec/in/here/" + key(t, o)), nil },
			Close: func() { _ = p.Close(); f.close() },
		}
	})
}

func key(t *testing.T, o upload.Object) string {
	t.Helper()
	audio, _, err := upload.Layout(o.Ref())
	if err != nil {
		t.Fatal(err)
	}
	return audio
}

func TestWhatIsSent(t *testing.T) {
	environment(t)
	f, url := newFake(t)
	t.Setenv("AWS_ENDPOINT_URL_S3", url)
	p := target(t, s3.Config{URL: "s3://rec"})
	o := targettest.Object(1, upload.Destination{}, []byte("audio"))
	if err := p.Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	path := "/rec/acme/2026/11/23/" + o.ID
	h := f.headers[path+".wav"]
	sum := sha256.Sum256([]byte("audio"))
	if h.Get("Content-Type") != "audio/x-wav" || h.Get("X-Amz-Meta-Sha256") != hex.EncodeToString(sum[:]) || h.Get("X-Amz-Checksum-Sha256") == "" {
		t.Errorf("headers %v", h)
	}
	if string(f.get(path+".json")) != "{}\n" || f.headers[path+".json"].Get("Content-Type") != "application/json" {
		t.Errorf("sidecar %q", f.get(path+".json"))
	}
	if auth := h.Get("Authorization"); !strings.Contains(auth, accessKey+"/") || strings.Contains(auth, secretKey) {
		t.Errorf("authorization %q", auth)
	}
	targettest.GivesBack(t, p, o, []byte("audio"))
	if len(f.objects) != 0 {
		t.Errorf("%d objects left", len(f.objects))
	}
}

func TestCredentialsFromAFile(t *testing.T) {
	environment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[rec]\naws_access_key_id = FROMFILE\naws_secret_access_key = s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_PROFILE", "rec")
	f, url := newFake(t)
	if err := target(t, s3.Config{URL: "s3://rec?endpoint=" + url}).Put(t.Context(), targettest.Object(1, upload.Destination{}, nil)); err != nil {
		t.Fatal(err)
	}
	for path, h := range f.headers {
		if !strings.Contains(h.Get("Authorization"), "FROMFILE/") {
			t.Errorf("%s: %q", path, h.Get("Authorization"))
		}
	}
}

// A container's role gives credentials for a while, with a token that goes along; those
// that are about to end are asked for again.
func TestCredentialsFromARole(t *testing.T) {
	environment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	asked := 0
	role := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_ = json.NewEncoder(w).Encode(map[string]any{
			"AccessKeyId": fmt.Sprint("ROLE", asked), "SecretAccessKey": "s", "Token": fmt.Sprint("TOKEN", asked),
			"Expiration": time.Now().Add(time.Duration(asked-1) * time.Hour), // the first have ended
		})
	}))
	defer role.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.URL)
	f, url := newFake(t)
	p := target(t, s3.Config{URL: "s3://rec?region=eu-west-1&endpoint=" + url})
	for i := range 2 {
		if err := p.Put(t.Context(), targettest.Object(i, upload.Destination{}, nil)); err != nil {
			t.Fatal(err)
		}
	}
	for path, h := range f.headers {
		nth := 2
		if strings.HasSuffix(path, targettest.Object(0, upload.Destination{}, nil).ID+".json") {
			nth = 1 // the first of all
		}
		if !strings.Contains(h.Get("Authorization"), fmt.Sprintf("=ROLE%d/", nth)) || h.Get("X-Amz-Security-Token") != fmt.Sprint("TOKEN", nth) {
			t.Errorf("%s: %q, %q; want those of time %d", path, h.Get("Authorization"), h.Get("X-Amz-Security-Token"), nth)
		}
	}
	if asked != 2 || len(f.headers) != 4 {
		t.Errorf("asked %d times for %d objects, want 2 and 4", asked, len(f.headers))
	}
}

// zeros is a large recording that takes no memory.
type zeros struct{ *io.SectionReader }

func (zeros) Close() error { return nil }

type zeroAt struct{}

func (zeroAt) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

func TestLargeFilesGoInParts(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 300 MB over loopback")
	}
	environment(t)
	f, url := newFake(t)
	var sizes []int64
	var before, after runtime.MemStats
	f.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("partNumber") == "" {
			return false
		}
		half, _ := io.CopyN(io.Discard, r.Body, 20<<20)
		runtime.GC()
		runtime.ReadMemStats(&after)
		n, _ := io.Copy(io.Discard, r.Body)
		n += half
		sizes = append(sizes, n)
		w.Header().Set("Etag", `"part"`)
		return true
	}
	o := targettest.Object(1, upload.Destination{}, nil)
	o.Size = 300 << 20
	o.Open = func() (io.ReadSeekCloser, error) { return zeros{io.NewSectionReader(zeroAt{}, 0, o.Size)}, nil }
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := upload.Watch(target(t, s3.Config{URL: "s3://rec?endpoint=" + url}), time.Minute).Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 4<<20 {
		t.Errorf("%d bytes held in the middle of a file of %d", held, o.Size)
	}
	if len(sizes) != 2 || sizes[0] < 256<<20 || sizes[1] < 44<<20 || len(f.parts) != 0 {
		t.Errorf("parts of %d bytes, %d uploads not finished", sizes, len(f.parts))
	}
}

func TestClasses(t *testing.T) {
	environment(t)
	f, url := newFake(t)
	p := target(t, s3.Config{URL: "s3://rec?endpoint=" + url})
	for _, c := range []struct {
		status int
		code   string
		class  upload.Class
	}{
		{403, "AccessDenied", upload.Slow},
		{403, "SignatureDoesNotMatch", upload.Slow},
		{404, "NoSuchBucket", upload.Slow},
		{411, "MissingContentLength", upload.Slow},
		{400, "BadDigest", upload.Retry},
		{403, "RequestTimeTooSkewed", upload.Retry},
		{429, "SlowDown", upload.Retry},
		{500, "InternalError", upload.Retry},
		{503, "SlowDown", upload.Retry},
		{507, "", upload.Retry},
	} {
		f.answer = func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			refuse(w, r, c.status, c.code)
			return true
		}
		err := p.Put(t.Context(), targettest.Object(1, upload.Destination{}, []byte("x")))
		if err == nil || upload.ClassOf(err) != c.class || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%d %s: %v (%v), want class %v", c.status, c.code, err, upload.ClassOf(err), c.class)
		}
	}
	var tries atomic.Int64
	f.answer = func(http.ResponseWriter, *http.Request) bool { tries.Add(1); panic(http.ErrAbortHandler) }
	err := p.Put(t.Context(), targettest.Object(1, upload.Destination{}, []byte("x")))
	if err == nil || upload.ClassOf(err) != upload.Retry || tries.Load() != 1 {
		t.Errorf("a connection cut: %v after %d tries; trying again is the queue's business", err, tries.Load())
	}
}

func TestTenantsBuckets(t *testing.T) {
	environment(t)
	f, url := newFake(t)
	t.Setenv("AWS_ENDPOINT_URL", url)
	g, err := guard.New([]string{"s3://shared/tenants"})
	if err != nil {
		t.Fatal(err)
	}
	p := target(t, s3.Config{Guard: g})
	put := func(url string) error {
		return p.Put(t.Context(), targettest.Object(1, upload.Destination{URL: url}, []byte("x")))
	}
	if err := put("s3://shared/tenants/acme/"); err != nil {
		t.Error(err)
	}
	if len(f.objects) != 2 {
		t.Errorf("%d objects", len(f.objects))
	}
	for _, bad := range []string{
		"", "s3://shared", "s3://shared/tenantsX", "s3://other/tenants", "s3://shared/tenants/../x", "s3://shared/tenants/%2e%2e/x",
		"s3://shared/tenants?endpoint=http://evil.example", "s3://k:secret@shared/tenants", "s3:shared/tenants", "s3://shared/tenants//x",
	} {
		if err := put(bad); upload.ClassOf(err) != upload.Permanent || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := target(t, s3.Config{URL: "s3://rec"}).Put(t.Context(), targettest.Object(1, upload.Destination{URL: "s3://rec/x"}, nil)); upload.ClassOf(err) != upload.Permanent {
		t.Errorf("without a guard: %v", err)
	}
}

func TestBadURLs(t *testing.T) {
	environment(t)
	for _, bad := range []string{
		"s3://", "s3:///x", "s3://A", "s3://rec?nonsense=1", "s3://rec?endpoint=ftp://h", "s3://rec?endpoint=http://u:secret@h", "s3://rec?endpoint=http://h/path",
		"s3://rec?path_style=maybe", "s3://k:secret@rec", "https://rec", "s3://rec#x", "s3://rec/%zz",
	} {
		if _, err := s3.New(s3.Config{URL: bad}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCancelledMultipartLeavesNothing(t *testing.T) {
	environment(t)
	f, url := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.answer = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("partNumber") != "" {
			cancel()
			panic(http.ErrAbortHandler)
		}
		return false
	}
	o := targettest.Object(1, upload.Destination{}, nil)
	o.Size = 300 << 20
	o.Open = func() (io.ReadSeekCloser, error) { return zeros{io.NewSectionReader(zeroAt{}, 0, o.Size)}, nil }
	err := target(t, s3.Config{URL: "s3://rec?endpoint=" + url}).Put(ctx, o)
	if !errors.Is(err, context.Canceled) || len(f.parts) != 0 || bytes.Contains(f.get("/rec/"+key(t, o)), []byte{0}) {
		t.Errorf("%v, %d uploads not finished", err, len(f.parts))
	}
}

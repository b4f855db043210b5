package main

import (
	"crypto/sha256"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/upload"
	"callrec/upload/guard"
)

// TestStorages: each form of --storage keeps a recording, and those that can
// give it back.
func TestStorages(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	seen := ""
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen = r.Method + " " + r.URL.Path
	}))
	defer s.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	trust, err := trusted(ca)
	if err != nil {
		t.Fatal(err)
	}
	for storage, want := range map[string]string{
		filepath.Join(dir, "plain"):           filepath.Join(dir, "plain"),
		"file://" + filepath.Join(dir, "url"): filepath.Join(dir, "url"),
		s.URL + "/in":                         "PUT /in/name.wav",
		"s3://bucket/in?region=x&endpoint=" + s.URL + "&path_style=1": "PUT /bucket/in/acme/2026/11/23/",
	} {
		w := &worker{cfg: workerConfig{storage: storage, allowTarget: []string{"s3://tenants", dir}}}
		if w.guard, err = guard.New(w.cfg.allowTarget); err != nil {
			t.Fatal(err)
		}
		r, err := w.targets(trust)
		if err != nil {
			t.Errorf("%s: %v", storage, err)
			continue
		}
		o := upload.Object{
			ID: "202611-0123456789abcdef0123456789abcdef", Account: "acme", Ext: "wav", Name: "name.wav", Size: 5, SHA256: sha256.Sum256([]byte("audio")),
			Started: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
			Open:    func() (io.ReadSeekCloser, error) { return audioFile{strings.NewReader("audio")}, nil },
		}
		if err := r.Put(t.Context(), o); err != nil {
			t.Errorf("%s: %v", storage, err)
		}
		switch {
		case strings.HasPrefix(want, "PUT"):
			if !strings.HasPrefix(seen, want) {
				t.Errorf("%s: %s, want %s", storage, seen, want)
			}
		default:
			f, err := r.Get(t.Context(), o.Ref())
			if err != nil {
				t.Errorf("%s: %v", storage, err)
				continue
			}
			if b, err := io.ReadAll(f); err != nil || string(b) != "audio" {
				t.Errorf("%s gives back %q, %v", storage, b, err)
			}
			_ = f.Close()
			if _, err := os.Stat(filepath.Join(want, "acme", "2026", "11", "23", o.ID+".wav")); err != nil {
				t.Error(err)
			}
		}
		for _, target := range []upload.Target{r.HTTP, r.S3, r.File} {
			if target == nil {
				t.Errorf("%s: a tenant's url has no target", storage)
			}
		}
	}
}

type audioFile struct{ *strings.Reader }

func (audioFile) Close() error { return nil }

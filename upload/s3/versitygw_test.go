package s3_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callrec/internal/testkit"
	"callrec/upload"
	"callrec/upload/s3"
	"callrec/upload/targettest"
)

// TestVersitygw holds the target against a server that checks signatures.
func TestVersitygw(t *testing.T) {
	environment(t)
	url, dir := testkit.Versitygw(t, accessKey, secretKey)
	t.Setenv("AWS_ENDPOINT_URL_S3", url)
	n := 0
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		n++
		prefix := strings.Repeat("p", n) // nothing of the part before
		p := target(t, s3.Config{URL: "s3://rec/" + prefix})
		return targettest.Subject{
			Target: p, Close: func() { _ = p.Close() },
			Stored: func(o upload.Object) ([]byte, error) {
				b, err := os.ReadFile(filepath.Join(dir, prefix, key(t, o)))
				if errors.Is(err, fs.ErrNotExist) {
					return nil, nil
				}
				return b, err
			},
		}
	})
	p := target(t, s3.Config{URL: "s3://rec/back?region=us-east-1"})
	audio := bytes.Repeat([]byte("audio"), 100_000)
	o := targettest.Object(1, upload.Destination{}, audio)
	if err := p.Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	targettest.GivesBack(t, p, o, audio)
	// A digest that is not the file's is noticed.
	o.SHA256[0]++
	if err := p.Put(t.Context(), o); err == nil {
		t.Error("a file with another digest is taken")
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	wrong := target(t, s3.Config{URL: "s3://rec/back"})
	if err := wrong.Put(t.Context(), o); upload.ClassOf(err) != upload.Slow || !strings.Contains(err.Error(), "403") {
		t.Errorf("a wrong key: %v", err)
	}
}

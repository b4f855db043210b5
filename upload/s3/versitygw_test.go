package s3_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/upload"
	"callrec/upload/s3"
	"callrec/upload/targettest"
)

// versitygw runs a real S3 server over a folder, with a bucket "rec". It gives
// its URL and the bucket's folder.
func versitygw(t *testing.T) (url, dir string) {
	t.Helper()
	bin, err := exec.LookPath("versitygw")
	if err != nil {
		t.Skip("versitygw is not on PATH: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	}
	root := t.TempDir()
	dir = filepath.Join(root, "rec")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(bin, "--port", addr, "posix", "--sidecar", t.TempDir(), root)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, and says so
	})
	for range 200 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
			return "http://" + addr, dir
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("versitygw does not listen: %s", out.String())
	return "", ""
}

// TestVersitygw holds the target against a server that checks signatures.
func TestVersitygw(t *testing.T) {
	environment(t)
	url, dir := versitygw(t)
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

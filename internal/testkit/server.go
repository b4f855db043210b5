package testkit

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FreeAddr is a TCP port of 127.0.0.1 on which nobody listened just now.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// RunServer runs a program until the test ends, and returns when it listens at addr.
// With the test it is interrupted, and killed if it is still there 5 s later.
func RunServer(t testing.TB, addr string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // what it has started ends with it
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // and says what ended it
		kill.Stop()
	})
	for range 400 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not listen at %s: %s", name, addr, said.String())
}

// Nginx runs a real nginx. http is what its configuration says in http { }: ADDR stands
// for the address to listen at, ROOT for a folder of its own, in which there is "up".
func Nginx(t testing.TB, http string) (url, root string) {
	t.Helper()
	name, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed: apt-get install --no-install-recommends nginx-light")
	}
	addr, root := FreeAddr(t), t.TempDir()
	config := strings.NewReplacer("ROOT", root, "ADDR", addr).Replace(`
daemon off; master_process off; worker_processes 1; pid ROOT/pid; error_log ROOT/error.log;
events { worker_connections 64; }
http {
  access_log off; client_max_body_size 0; client_body_temp_path ROOT/body;
  proxy_temp_path ROOT/p; fastcgi_temp_path ROOT/f; uwsgi_temp_path ROOT/u; scgi_temp_path ROOT/s;
  dav_methods PUT; create_full_put_path on; dav_access user:rw group:r all:r;
` + http + `
}
`)
	file := filepath.Join(root, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "up"), 0o777); err != nil {
		t.Fatal(err)
	}
	RunServer(t, addr, nil, name, "-p", root, "-c", file, "-e", filepath.Join(root, "error.log"))
	return "http://" + addr, root
}

// Versitygw runs a real S3 server over a folder with a bucket "rec". dir is the
// bucket's.
func Versitygw(t testing.TB, accessKey, secretKey string) (url, dir string) {
	t.Helper()
	name, err := exec.LookPath("versitygw")
	if err != nil {
		t.Skip("versitygw is not on PATH: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	}
	root := t.TempDir()
	dir = filepath.Join(root, "rec")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	addr := FreeAddr(t)
	RunServer(t, addr, []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey},
		name, "--port", addr, "posix", "--sidecar", t.TempDir(), root)
	return "http://" + addr, dir
}

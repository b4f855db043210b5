package upload_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"callrec/internal/testkit"
	"callrec/upload"
	"callrec/upload/httpput"
	"callrec/upload/targettest"
)

// apache runs a real Apache whose mod_dav stores what is PUT under /up/ and asks
// for a password under /auth/. It returns its URL and the folder.
func apache(t *testing.T) (url, dir string) {
	t.Helper()
	const modules = "/usr/lib/apache2/modules"
	bin, err := exec.LookPath("apache2")
	if _, serr := os.Stat(modules + "/mod_dav_fs.so"); err != nil || serr != nil {
		t.Skip("apache2 is not installed: apt-get install --no-install-recommends apache2-bin")
	}
	root, err := os.MkdirTemp("", "apache")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	dir = filepath.Join(root, "up")
	must(t, os.Mkdir(dir, 0o777), os.Mkdir(filepath.Join(root, "lock"), 0o777),
		os.Chmod(root, 0o755), os.Chmod(dir, 0o777), os.Chmod(filepath.Join(root, "lock"), 0o777)) // its workers are other users
	addr := testkit.FreeAddr(t)
	conf := fmt.Sprintf(`
ServerRoot %[1]s
PidFile %[1]s/pid
Listen %[2]s
ServerName localhost
LoadModule mpm_event_module %[3]s/mod_mpm_event.so
LoadModule authz_core_module %[3]s/mod_authz_core.so
LoadModule alias_module %[3]s/mod_alias.so
LoadModule dav_module %[3]s/mod_dav.so
LoadModule dav_fs_module %[3]s/mod_dav_fs.so
ErrorLog %[1]s/error.log
DocumentRoot %[1]s
AllowEncodedSlashes NoDecode
DavLockDB %[1]s/lock/db
Redirect 308 /moved/ http://%[2]s/up/
<Directory %[1]s>
  Require all denied
</Directory>
<Directory %[1]s/up>
  Dav On
  Require all granted
</Directory>
`, root, addr, modules)
	if u, err := user.Current(); err == nil && u.Uid == "0" {
		conf += "User www-data\nGroup www-data\n"
	}
	must(t, os.WriteFile(filepath.Join(root, "apache.conf"), []byte(conf), 0o644))
	testkit.RunServer(t, addr, nil, bin, "-f", filepath.Join(root, "apache.conf"), "-DFOREGROUND")
	return "http://" + addr, dir
}

// storedByApache knows that Apache leaves an escaped slash as it is, and takes it
// at all only when told to.
func storedByApache(dir string) func(o upload.Object) ([]byte, error) {
	return func(o upload.Object) ([]byte, error) {
		o.Name = strings.ReplaceAll(o.Name, "%2F", "%252F")
		return stored(dir)(o)
	}
}

// TestApacheSuite holds the target against the suite with mod_dav behind.
func TestApacheSuite(t *testing.T) {
	url, dir := apache(t)
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		target, err := httpput.New(httpput.Config{})
		must(t, err)
		for _, e := range files(t, dir) {
			must(t, os.RemoveAll(filepath.Join(dir, e)))
		}
		return targettest.Subject{
			Target: target, Destination: upload.Destination{URL: url + "/up"},
			Stored: storedByApache(dir), Close: func() { _ = target.Close() },
		}
	})
	target, err := httpput.New(httpput.Config{})
	must(t, err)
	defer func() { _ = target.Close() }()
	o := targettest.Object(1, upload.Destination{URL: url + "/moved"}, []byte("moved"))
	must(t, target.Put(t.Context(), o))
	if b, err := stored(dir)(o); err != nil || string(b) != "moved" {
		t.Errorf("after a redirect: %q, %v", b, err)
	}
	for path, code := range map[string]string{"/denied": "403", "/up/no/such/folder": "409"} {
		err := target.Put(t.Context(), targettest.Object(1, upload.Destination{URL: url + path}, []byte("x")))
		if upload.ClassOf(err) != upload.Slow || !strings.Contains(fmt.Sprint(err), code) {
			t.Errorf("%s: %v, want %s", path, err, code)
		}
	}
}

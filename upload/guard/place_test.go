package guard_test

import (
	"errors"
	"strings"
	"testing"

	"callrec/upload/guard"
)

func TestPlacesAreDeniedUnlessListed(t *testing.T) {
	g := allow(t, "s3://shared/tenants", "s3://open", "/srv/rec", "file:///mnt/a%20b/")
	for raw, ok := range map[string]bool{
		"s3://shared/tenants": true, "s3://shared/tenants/": true, "s3://shared/tenants/acme/x": true, "s3://open": true, "s3://open/any/thing": true,
		"s3://shared": false, "s3://shared/": false, "s3://shared/tenantsX": false, "s3://shared/Tenants": false, "s3://openly": false, "s3://other": false,
		"s3://shared/tenants/..": false, "s3://shared/tenants/%2e%2e/x": false, "s3://shared/tenants//x": false, "s3://shared/tenants/./x": false,
		"s3://shared/tenants?endpoint=http://evil.example": false, "s3://shared/tenants?": false, "s3://shared/tenants#x": false, "s3://k:secret@shared/tenants": false,
		"s3://shared:80/tenants": false, "s3:shared/tenants": false, "S3://shared/tenants": false, "s3:///tenants": false, "s3://SHARED/tenants": false, "s3://open/%00": false,
		"s3://open/" + strings.Repeat("x", 513): false,

		"file:///srv/rec": true, "file:///srv/rec/": true, "file:///srv/rec/acme": true, "file://localhost/srv/rec": true, "file:///mnt/a%20b/c": true,
		"file:///srv/recX": false, "file:///srv": false, "file:///": false, "file://": false, "file:/srv/rec": false, "file:srv/rec": false, "file://srv/rec": false, "FILE:///srv/rec": false,
		"file:///srv/rec/../x": false, "file:///srv/rec/%2e%2e/x": false, "file:///srv//rec": false, "file:///srv/rec/./x": false, "file:///srv/rec?x": false, "file:///srv/rec#x": false,
		"file://u:secret@localhost/srv/rec": false, "file:///srv/rec/%00": false, "file://evil.example/srv/rec": false,
	} {
		err := g.CheckURL(raw)
		if (err == nil) != ok || (err != nil && !errors.Is(err, guard.ErrURL)) || strings.Contains(errText(err), "secret") {
			t.Errorf("%.100s: %v", raw, err)
		}
	}
	for _, bad := range []string{"s3://", "s3://B", "s3://b/..", "s3://k:s@b", "file://h/x", "file:relative", "/srv/../..x\x00"} {
		if _, err := guard.New([]string{bad}); err == nil {
			t.Errorf("allow %q is taken", bad)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FuzzCheckURL: whatever a tenant gives as url, the guard answers, and what it
// lets through is of a scheme that it has looked at.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"http://h/", "https://u:p@[::1]:80/?x#y", "s3://open/x", "file:///srv/rec/x", "s3://open/../x", "http://%31/", "file:///srv/rec/..%2f"} {
		f.Add(s)
	}
	g, err := guard.New([]string{"s3://open/in", "/srv/rec"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		err := g.CheckURL(raw)
		if err != nil {
			if !errors.Is(err, guard.ErrURL) {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		scheme, _, _ := strings.Cut(raw, ":")
		switch scheme {
		case "http", "https":
		case "s3":
			if b, p, err := guard.Bucket(raw); err != nil || b != "open" || (p != "in" && !strings.HasPrefix(p, "in/")) || strings.Contains("/"+p+"/", "/../") {
				t.Errorf("%q leads to %q %q", raw, b, p)
			}
		case "file":
			if d, err := guard.Folder(raw); err != nil || (d != "/srv/rec" && !strings.HasPrefix(d, "/srv/rec/")) || strings.Contains(d+"/", "/../") {
				t.Errorf("%q leads to %q", raw, d)
			}
		default:
			t.Errorf("%q is let through", raw)
		}
	})
}

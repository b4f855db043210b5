package guard_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"callrec/upload/guard"
)

func allow(t *testing.T, allow ...string) *guard.Guard {
	t.Helper()
	g, err := guard.New(allow)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestCheckURL(t *testing.T) {
	g := allow(t)
	for _, raw := range []string{
		"http://h.example/rec", "https://u:p@h.example:8443/?x=1", "http://8.8.8.8/", "http://[2001:4860::8888]/", "http://192.0.2.7/",
		"http://h.example./", "http://1.example/", "http://[64:ff9b::808:808]/", "http://[2002:808:808::1]/", "http://localhost.example/",
	} {
		if err := g.CheckURL(raw); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, raw := range []string{
		"", "h.example", "HTTP://h.example/", "ftp://h.example/", "s3://bucket/x", "file:///etc", "http://", "http:///x", "http://:80/", "http://h:0/", "http://h:99999/",
		"http://localhost/", "http://LOCALHOST:8080/", "http://localhost./", "http://a.localhost/", "http://u:p@127.0.0.1/",
		"http://127.0.0.1/", "http://127.9.9.9/", "http://0.0.0.0/", "http://0.1.2.3/", "http://10.1.2.3/", "http://172.16.0.1/", "http://172.31.255.255/",
		"http://192.168.1.1/", "http://169.254.1.1/", "http://169.254.169.254/latest", "http://100.64.0.1/", "http://100.127.255.255/", "http://224.0.0.1/", "http://255.255.255.255/",
		"http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://1.2.3/",
		"http://[::]/", "http://[::1]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fc00::1]/", "http://[fdff::1]/", "http://[ff02::1]/", "http://[fec0::1]/",
		"http://[::ffff:127.0.0.1]/", "http://[::ffff:10.0.0.1]/", "http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b::a9fe:a9fe]/",
		"http://[64:ff9b:1::1]/", "http://[2002:7f00:1::]/", "http://[2002:a00:1::1]/", "http://[::127.0.0.1]/", "http://[2001:0:1::1]/", "http://[fd00:ec2::254]/",
	} {
		err := g.CheckURL(raw)
		if !errors.Is(err, guard.ErrURL) {
			t.Errorf("%s is taken (%v)", raw, err)
		} else if !strings.HasPrefix(err.Error(), "invalid client URL: ") || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestAllowed(t *testing.T) {
	g := allow(t, "10.0.0.0/8", "127.0.0.1:8080", "recorder.internal", "Dev.Internal:8443", "::1", "169.254.0.0/16", "localhost:9000", "fd00::/8")
	for raw, ok := range map[string]bool{
		"http://10.9.9.9/": true, "http://127.0.0.1:8080/": true, "http://127.0.0.1/": false, "http://[::1]:99/": true, "http://[::ffff:10.0.0.1]/": true,
		"http://[64:ff9b::a00:1]/": true, "http://localhost:9000/": true, "http://localhost/": false, "http://169.254.3.3/": true,
		"http://169.254.169.254/": false, "http://[fd00:ec2::254]/": false, "http://[::ffff:169.254.169.254]/": false, "http://[64:ff9b::a9fe:a9fe]/": false,
	} {
		if err := g.CheckURL(raw); (err == nil) != ok {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, c := range []struct {
		host, to string
		ok       bool
	}{
		{"recorder.internal", "192.168.1.1:80", true},
		{"RECORDER.internal.", "127.0.0.1:80", true},
		{"dev.internal", "192.168.1.1:8443", true},
		{"dev.internal", "192.168.1.1:80", false},
		{"evil.example", "192.168.1.1:80", false},
		{"evil.example", "10.1.1.1:80", true},
		{"recorder.internal", "169.254.169.254:80", false},
		{"recorder.internal", "[64:ff9b::a9fe:a9fe]:80", false},
		{"evil.example", "8.8.8.8:80", true},
		{"evil.example", "[::ffff:127.0.0.1]:80", false},
		{"evil.example", "[fe80::1%eth0]:80", false},
	} {
		if err := g.CheckDial(c.host, netip.MustParseAddrPort(c.to)); (err == nil) != c.ok {
			t.Errorf("%s at %s: %v", c.host, c.to, err)
		}
	}
	for _, bad := range []string{"", "/", "http://h", "10.0.0.0/99", "h:port", "h:0", "a b", "h:1:2"} {
		if _, err := guard.New([]string{bad}); err == nil {
			t.Errorf("allow %q is taken", bad)
		}
	}
}

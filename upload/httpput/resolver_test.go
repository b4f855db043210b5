package httpput_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"callrec/upload"
	"callrec/upload/httpput"
)

// fakeDNS answers every question for an A or AAAA record with the next of its
// addresses, over and over.
type fakeDNS struct {
	mu    sync.Mutex
	addrs [][]netip.Addr
	asked int
}

func (f *fakeDNS) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go f.serve(ours)
		return theirs, nil
	}}
}

// serve speaks DNS over a stream: two bytes of length before each message.
func (f *fakeDNS) serve(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		q := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		end := 12
		for q[end] != 0 {
			end += int(q[end]) + 1
		}
		end += 5
		kind := binary.BigEndian.Uint16(q[end-4:])
		a := append(append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...), f.records(kind)...)
		for at := end; at < len(a); at += 12 + int(binary.BigEndian.Uint16(a[at+10:])) {
			a[7]++
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)); err != nil {
			return
		}
	}
}

func (f *fakeDNS) records(kind uint16) (b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.addrs[min(f.asked/2, len(f.addrs)-1)] // A and AAAA are two questions
	f.asked++
	for _, a := range list {
		if (kind == 1) == a.Is4() && (kind == 1 || kind == 28) {
			b = append(b, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0)
			b = binary.BigEndian.AppendUint16(b, uint16(len(a.AsSlice())))
			b = append(b, a.AsSlice()...)
		}
	}
	return b
}

func answers(lists ...string) *fakeDNS {
	f := &fakeDNS{}
	for _, l := range lists {
		var list []netip.Addr
		for _, a := range strings.Fields(l) {
			list = append(list, netip.MustParseAddr(a))
		}
		f.addrs = append(f.addrs, list)
	}
	return f
}

// TestTheAddressDialledDecides: a name says nothing, and may say something else
// the next time it is asked.
func TestTheAddressDialledDecides(t *testing.T) {
	hits := 0
	url := serve(t, func(http.ResponseWriter, *http.Request) { hits++ })
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	name := "http://tenant.example:" + port + "/rec"
	for _, addrs := range []string{
		"127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::1", "2001:0:1::80ff:fffe", "::127.0.0.1",
		"::ffff:0:7f00:1", "2a00::200:5efe:7f00:1", "10.0.0.1", "100.64.0.1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "fe80::1", "fc00::1", "169.254.169.254", "fd00:ec2::254",
		"168.63.129.16", "100.100.100.200", "127.0.0.1 ::1 10.1.1.1",
	} {
		p := target(t, httpput.Config{Guard: allow(t), Resolver: answers(addrs).resolver()})
		err := put(t, p, name, "audio")
		wantClass(t, err, upload.Permanent)
		if err != nil && !strings.Contains(err.Error(), "invalid client URL") {
			t.Errorf("%s: %v", addrs, err)
		}
	}
	if hits != 0 {
		t.Fatalf("%d requests reached what is denied", hits)
	}

	// First it is where it may be, then it is not: each dial is judged by itself.
	moving := target(t, httpput.Config{Guard: allow(t, "127.0.0.0/8"), Resolver: answers("127.0.0.1", "10.0.0.1").resolver()})
	if err := put(t, moving, name, "audio"); err != nil || hits != 1 {
		t.Errorf("an address that is allowed: %v, %d requests", err, hits)
	}
	_ = moving.Close() // no connection is kept
	wantClass(t, put(t, moving, name, "audio"), upload.Permanent)

	// A host that is listed may be anywhere but at a cloud's credentials.
	for addrs, ok := range map[string]bool{"127.0.0.1": true, "169.254.169.254": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::a9fe:a9fe": false} {
		listed := target(t, httpput.Config{Guard: allow(t, "tenant.example"), Resolver: answers(addrs).resolver()})
		if err := put(t, listed, name, "audio"); (err == nil) != ok || (!ok && upload.ClassOf(err) != upload.Permanent) {
			t.Errorf("a listed host at %s: %v", addrs, err)
		}
	}
}

// TestProxiesAreForTheOperator: tenants' recordings never go through one, as it
// would see addresses that the guard does not. TestMain has set HTTP_PROXY.
func TestProxiesAreForTheOperator(t *testing.T) {
	before := proxied.Load()
	if err := put(t, target(t, httpput.Config{}), "http://storage.example/rec", "audio"); err != nil || proxied.Load() != before+1 {
		t.Errorf("the operator's: %v, %d requests at the proxy", err, proxied.Load()-before)
	}
	// The guard would let it through to the proxy, and to where the name leads,
	// where nobody listens.
	tenants := target(t, httpput.Config{Guard: allow(t, "127.0.0.0/8"), Resolver: answers("127.9.9.9").resolver()})
	wantClass(t, put(t, tenants, "http://tenant.example:9/rec", "audio"), upload.Retry)
	if n := proxied.Load(); n != before+1 {
		t.Errorf("a tenant's went to the proxy")
	}
}

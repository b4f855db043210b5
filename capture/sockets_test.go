package capture_test

import (
	"net/netip"
	"strings"
	"testing"

	"callrec/capture"
	"callrec/capture/capturetest"
)

func TestSockets(t *testing.T) {
	capturetest.TestSet(t, newSockets)
}

func newSockets(t *testing.T, cfg capture.SocketsConfig) capture.Set {
	t.Helper()
	s, err := capture.NewSockets(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWrongConfig: every mistake is named, in one error.
func TestWrongConfig(t *testing.T) {
	f := func(cfg capture.SocketsConfig, want ...string) {
		t.Helper()
		s, err := capture.NewSockets(cfg)
		if err == nil {
			_ = s.Close()
			t.Fatalf("%+v is accepted", cfg)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q is missing in %q", w, err)
			}
		}
	}
	lo := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	f(capture.SocketsConfig{Slots: -1, Rest: -1}, "--rtp-address", "--rtp-ports", "slots", "rest")
	f(capture.SocketsConfig{Addrs: []netip.Addr{netip.IPv4Unspecified()}, FirstPort: 2, LastPort: 3}, "0.0.0.0 cannot be told")
	f(capture.SocketsConfig{Addrs: []netip.Addr{netip.MustParseAddr("fe80::1%lo")}, FirstPort: 2, LastPort: 3}, "zone")
	f(capture.SocketsConfig{Addrs: lo, FirstPort: 21001, LastPort: 21002}, "21001-21002 hold no pair")
	f(capture.SocketsConfig{Addrs: lo, FirstPort: 21000, LastPort: 21001, Of: 2, Share: 1}, "for share 1 of 2")
	f(capture.SocketsConfig{Addrs: lo, FirstPort: 21000, LastPort: 21001, Of: 2, Share: 2}, "share 2 of 2 does not exist")
}

// TestAdvertisedElsewhere: an address of a NAT is told, the wildcard is bound,
// and two of them share its ports.
func TestAdvertisedElsewhere(t *testing.T) {
	a, b := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")
	first := capturetest.FreePorts(t, 4)
	s := newSockets(t, capture.SocketsConfig{Addrs: []netip.Addr{a, b}, FirstPort: first, LastPort: first + 3})
	defer func() { _ = s.Close() }()
	for tag, want := range []netip.Addr{b, a} {
		if p, err := s.Open(capture.Tag(tag), 0, want); err != nil || p.Addr != want {
			t.Errorf("wanted %v, got %+v, %v", want, p, err)
		}
	}
	if p, err := s.Open(3, 0, a); err == nil {
		t.Errorf("a third pair of two: %+v", p)
	}
}

package recording

import (
	"net/netip"
	"testing"
	"time"
)

// Who may send to a leg: what was announced, else the first from a permitted
// network; and another only after the time-out.
func TestSourceAdmits(t *testing.T) {
	addr := netip.MustParseAddrPort
	allow := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	nobody, port, host := netip.AddrPort{}, addr("192.0.2.7:1000"), addr("192.0.2.7:0")
	for _, c := range []struct {
		name          string
		want, latched netip.AddrPort
		from          string
		silence       time.Duration
		admitted      bool
	}{
		{"announced", port, nobody, "192.0.2.7:1000", 0, true},
		{"another port of it", port, nobody, "192.0.2.7:1002", 5 * time.Second, false},
		{"another port of it, at last", port, nobody, "192.0.2.7:1002", 5*time.Second + 1, true},
		{"another address, at last", port, nobody, "192.0.2.8:1000", time.Hour, false},
		{"any port", host, nobody, "192.0.2.7:1002", 0, true},
		{"any port, but one is heard", host, port, "192.0.2.7:1002", 5 * time.Second, false},
		{"any port, none is heard any more", host, port, "192.0.2.7:1002", 6 * time.Second, true},
		{"any port of another address", host, nobody, "192.0.2.8:1002", time.Hour, false},
		{"first sender", nobody, nobody, "192.0.2.9:5", 0, true},
		{"first sender from outside", nobody, nobody, "203.0.113.9:5", time.Hour, false},
		{"second sender", nobody, port, "192.0.2.9:5", 5 * time.Second, false},
		{"second sender, at last", nobody, port, "192.0.2.9:5", 6 * time.Second, true},
		{"the one heard", nobody, port, "192.0.2.7:1000", time.Hour, true},
	} {
		s := source{want: c.want, latched: c.latched, since: time.Minute}
		if got := s.admits(addr(c.from), time.Minute+c.silence, allow, 5*time.Second); got != c.admitted {
			t.Errorf("%s: admitted %v, want %v", c.name, got, c.admitted)
		}
	}
}

// What is under way at a goodbye is taken for one hold, when another has the leg;
// then no more.
func TestSourceLeaves(t *testing.T) {
	one, other := netip.MustParseAddrPort("192.0.2.7:1000"), netip.MustParseAddrPort("192.0.2.8:1000")
	var s source
	s.bye(1, 0, time.Second) // of nobody
	if s.leaving(one, 0) {
		t.Error("nobody was heard, and somebody is leaving")
	}
	s.latch(one, 1, 9*time.Second)
	s.bye(1, 10*time.Second, time.Second)
	if !s.latch(other, 2, 10*time.Second) {
		t.Error("another sender is not another")
	}
	for at, want := range map[time.Duration]bool{10 * time.Second: true, 11 * time.Second: true, 11*time.Second + 1: false, time.Hour: false} {
		if got := s.leaving(one, at); got != want {
			t.Errorf("at %v leaving is %v, want %v", at, got, want)
		}
		if s.leaving(other, at) {
			t.Errorf("at %v the one who stays is leaving", at)
		}
	}
}

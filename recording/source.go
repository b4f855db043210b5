package recording

import (
	"net/netip"
	"time"
)

// source decides who may send to one leg. What was announced comes first, then
// whoever sends first from a permitted network; a latched sender keeps the leg
// until it has been silent for the time-out.
type source struct {
	want    netip.AddrPort // announced; port 0 allows all; the zero value announces nobody
	latched netip.AddrPort
	since   time.Duration // when the leg was opened, or the latched sender last heard
}

// admits reports whether a datagram from addr at that time belongs to the leg.
func (s *source) admits(from netip.AddrPort, at time.Duration, allow []netip.Prefix, timeout time.Duration) bool {
	if from == s.latched {
		return true
	}
	silent := at-s.since > timeout
	if s.latched.IsValid() && !silent {
		return false
	}
	if !s.want.Addr().IsValid() {
		return inside(from.Addr(), allow)
	}
	// Another port of the announced address may speak only once the announced
	// one is silent; another address never.
	return from.Addr() == s.want.Addr() && (s.want.Port() == 0 || from.Port() == s.want.Port() || silent)
}

// latch gives the leg to a sender that admits let in and that sent real media.
func (s *source) latch(from netip.AddrPort, at time.Duration) {
	s.latched = from
	s.since = max(s.since, at)
}

// mayReport reports whether RTCP from addr is about this leg's stream. Its port
// is not checked: reports come from any port of the sender.
func (s *source) mayReport(from netip.AddrPort) bool {
	switch {
	case s.latched.IsValid():
		return from.Addr() == s.latched.Addr()
	case s.want.Addr().IsValid():
		return from.Addr() == s.want.Addr()
	}
	return false
}

func inside(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

package recording

import (
	"net/netip"
	"time"
)

// source decides who may speak on one leg. What was announced comes first, then
// whoever sends first from a permitted network; a latched sender keeps the leg
// until it has been silent for the time-out or has said goodbye.
type source struct {
	want    netip.AddrPort // announced; port 0 allows all; the zero value announces nobody
	latched netip.AddrPort
	since   time.Duration // when the leg was opened, or the latched sender last heard
	gone    goodbye
}

// goodbye is the last RTCP BYE of the leg: that stream has ended, and what of it
// is still under way is taken all the same.
type goodbye struct {
	from  netip.AddrPort // zero: there was none
	ssrc  uint32
	until time.Duration // when nothing can be under way any more
}

// admits reports whether a datagram from addr at that time belongs to the leg.
func (s *source) admits(from netip.AddrPort, at time.Duration, allow []netip.Prefix, timeout time.Duration) bool {
	if from == s.latched {
		return true
	}
	silent := at-s.since > timeout || s.over()
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

// over reports whether the latched sender has said goodbye and nobody has spoken since.
func (s *source) over() bool { return s.gone.from.IsValid() && s.gone.from == s.latched }

// leaving reports whether a datagram that admits refuses may be the rest of a
// stream that has ended; its SSRC decides.
func (s *source) leaving(from netip.AddrPort, at time.Duration) bool {
	return from == s.gone.from && at <= s.gone.until
}

// latch gives the leg to a sender that admits let in and that sent real media, and
// reports whether that is another than before. The rest of a stream that has ended
// does not hold it any longer.
func (s *source) latch(from netip.AddrPort, ssrc uint32, at time.Duration) (another bool) {
	if s.over() && from == s.latched {
		if ssrc == s.gone.ssrc && at <= s.gone.until {
			return false
		}
		s.gone = goodbye{} // another stream of the same sender, or one that goes on in spite of its goodbye
	}
	another = from != s.latched
	s.latched = from
	s.since = max(s.since, at)
	return another
}

// bye notes that the stream of the latched sender has ended.
func (s *source) bye(ssrc uint32, at, hold time.Duration) {
	if s.latched.IsValid() {
		s.gone = goodbye{s.latched, ssrc, at + hold}
	}
}

// announce names another source, who may speak at once; who is latched and is not
// that one may not any more.
func (s *source) announce(want netip.AddrPort, at time.Duration) {
	s.want = want
	if s.latched.Addr() == want.Addr() && (want.Port() == 0 || s.latched.Port() == want.Port()) {
		return
	}
	s.latched, s.since, s.gone = netip.AddrPort{}, at, goodbye{}
}

// mayReport reports whether RTCP from addr is about this leg's stream. Its port
// is not checked: reports come from any port of the sender, or from reports, the
// address that SDP names for them.
func (s *source) mayReport(from, reports netip.AddrPort, allow []netip.Prefix) bool {
	switch {
	case reports.IsValid() && from.Addr() == reports.Addr():
		return true
	case s.latched.IsValid():
		return from.Addr() == s.latched.Addr()
	case s.want.Addr().IsValid():
		return from.Addr() == s.want.Addr()
	}
	return inside(from.Addr(), allow)
}

func inside(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

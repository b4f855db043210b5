package control

import (
	"fmt"
	"net/netip"
	"strings"

	"callrec/recording"
)

// discard is the port that an answer names for a leg that has none yet; 0 would
// refuse the leg for good.
const discard = 9

// Answer returns the SDP answer: every m= line of the offer in its place, those
// of legs with our ports and receiving only. A leg without ports, because
// nothing of the call is to be recorded yet, is answered inactive.
func (o Offer) Answer(legs []recording.LegInfo) string {
	byLeg := make(map[recording.Leg]recording.LegInfo, len(legs))
	session := netip.IPv4Unspecified()
	for _, l := range legs {
		if l.Ports.RTP == 0 {
			continue
		}
		byLeg[l.Leg] = l
		if session.IsUnspecified() {
			session = l.Ports.Addr
		}
	}
	var b strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\r\n")
	}
	line("v=0")
	line("o=callrec %d %d IN %s", o.session, o.version+1, inet(session))
	line("s=-")
	line("c=IN %s", inet(session))
	line("t=0 0")
	for _, m := range o.media {
		if m.refused != "" {
			line("m=%s 0 %s %s", m.kind, m.proto, m.format)
			continue
		}
		ours, armed := byLeg[m.leg.Leg]
		m.answer(line, ours, session, armed)
	}
	return b.String()
}

// answer writes the section of one leg.
func (m media) answer(line func(string, ...any), ours recording.LegInfo, session netip.Addr, armed bool) {
	port := uint16(discard)
	if armed {
		port = ours.Ports.RTP
	}
	var types strings.Builder
	for _, f := range m.chosen {
		fmt.Fprintf(&types, " %d", f.pt)
	}
	line("m=audio %d %s%s", port, m.proto, types.String())
	if armed && ours.Ports.Addr != session {
		line("c=IN %s", inet(ours.Ports.Addr))
	}
	for _, f := range m.chosen {
		line("a=rtpmap:%d %s", f.pt, f.rtpmap)
		if f.fmtp != "" {
			line("a=fmtp:%d %s", f.pt, f.fmtp)
		}
	}
	if m.ptime != "" {
		line("a=ptime:%s", m.ptime)
	}
	if m.inactive || !armed {
		line("a=inactive")
	} else {
		line("a=recvonly")
	}
	if m.leg.Mux {
		line("a=rtcp-mux")
	}
	if armed && ours.Ports.RTCP != 0 && ours.Ports.RTCP != port+1 {
		line("a=rtcp:%d", ours.Ports.RTCP)
	}
	if m.leg.Label != "" {
		line("a=label:%s", m.leg.Label)
	}
}

// inet is an address as o= and c= lines have it.
func inet(a netip.Addr) string {
	if a.Is4() || a.Is4In6() {
		return "IP4 " + a.Unmap().String()
	}
	return "IP6 " + a.String()
}

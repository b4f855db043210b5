package control

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"callrec/recording"
)

// read takes from an m= section what a leg needs.
func (m *media) read(desc *sdp.SessionDescription, d *sdp.MediaDescription) {
	m.leg.Label, _ = d.Attribute("label")
	m.ptime, _ = d.Attribute("ptime")
	m.leg.Source, m.leg.NoReports = source(desc, d)
	m.leg.Offered = m.leg.Source
	m.elsewhere = unaddressed(desc, d)
	_, m.leg.Mux = d.Attribute("rtcp-mux")
	m.leg.Reports = reports(m.leg, d)
	switch direction(desc, d) {
	case sdp.AttrKeyInactive, sdp.AttrKeyRecvOnly:
		m.inactive = true // nothing will be sent to us for now
	}
	formats := formatsOf(d)
	m.leg.Payloads = make(map[uint8]recording.Payload, len(formats))
	var names []string
	for _, f := range formats {
		m.leg.Payloads[f.pt] = f.codec
		names = append(names, f.rtpmap)
	}
	m.chosen = choose(formats)
	if m.chosen == nil {
		m.refused = fmt.Sprintf("it offers %s; PCMU or PCMA at 8000 Hz is needed", list(names))
	}
}

// source is where the m= section says its packets come from; zero when it does
// not say, or not as the address of one host. held: it says 0.0.0.0, the hold of
// old, to which neither RTP nor RTCP may be sent (RFC 3264 §8.4).
func source(desc *sdp.SessionDescription, d *sdp.MediaDescription) (from netip.AddrPort, held bool) {
	c := d.ConnectionInformation
	if c == nil {
		c = desc.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return netip.AddrPort{}, false
	}
	addr, ok := host(c.Address.Address)
	if !ok {
		return netip.AddrPort{}, addr.IsUnspecified()
	}
	port := d.MediaName.Port.Value
	if port <= 0 || port > 65535 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr, uint16(port)), false
}

// unaddressed is what c= says when that is not the address of one host: a name,
// which we do not look up, or a group. "" when it is, or says nothing, or holds.
func unaddressed(desc *sdp.SessionDescription, d *sdp.MediaDescription) string {
	c := d.ConnectionInformation
	if c == nil {
		c = desc.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return ""
	}
	if addr, ok := host(c.Address.Address); ok || addr.IsUnspecified() {
		return ""
	}
	return c.Address.Address
}

// host reads the address of one host.
func host(text string) (addr netip.Addr, ok bool) {
	addr, err := netip.ParseAddr(text)
	ok = err == nil && !addr.IsUnspecified() && !addr.IsMulticast() && addr.Zone() == ""
	return addr.Unmap(), ok
}

// reports is where a leg wants RTCP: at its RTP port when both share one (RFC
// 5761), else where a=rtcp says (RFC 3605), else at the port after (RFC 3550 §11).
func reports(leg recording.LegSpec, d *sdp.MediaDescription) netip.AddrPort {
	if !leg.Source.IsValid() || leg.Mux {
		return leg.Source
	}
	addr, port := leg.Source.Addr(), leg.Source.Port()+1
	if text, ok := d.Attribute("rtcp"); ok {
		f := strings.Fields(text)
		n, err := uint64(0), strconv.ErrSyntax
		if len(f) > 0 {
			n, err = strconv.ParseUint(f[0], 10, 16)
		}
		if err == nil && n > 0 {
			port = uint16(n)
		}
		if len(f) == 4 && err == nil {
			if other, ok := host(f[3]); ok {
				addr = other
			}
		}
	}
	if port == 0 { // RTP at 65535
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, port)
}

// direction of a section: its own, else the session's, else sendrecv.
func direction(desc *sdp.SessionDescription, d *sdp.MediaDescription) string {
	for _, attributes := range [][]sdp.Attribute{d.Attributes, desc.Attributes} {
		for _, a := range attributes {
			switch a.Key {
			case sdp.AttrKeySendRecv, sdp.AttrKeySendOnly, sdp.AttrKeyRecvOnly, sdp.AttrKeyInactive:
				return a.Key
			}
		}
	}
	return sdp.AttrKeySendRecv
}

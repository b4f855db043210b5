package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"callrec/control"
	"callrec/policy"
	"callrec/recording"
)

// announce answers PUT channels.
func (s *server) announce(r *request) (reply, error) {
	data, err := s.read(r)
	if err != nil {
		return reply{}, err
	}
	data, bad := s.schemas.Accept("channels.announce", data)
	o := objectOf(data)
	c := s.callSpec(r, o, &bad)
	flow, err := s.flowOf(r, o, &c, &bad)
	if err != nil {
		return reply{}, err
	}
	if c.CallflowID == "" {
		c.Flow = flow
	} else {
		c.DecidedFlow = flow
	}
	requests, warnings := s.decider.Announced(&c)
	for _, w := range warnings {
		r.warn("%s", w)
	}
	c.Decided = requests
	info, created, err := s.Recorder.Announce(r.Context(), c)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: http.StatusOK, location: location(c.ID)}
	if created {
		out.status = http.StatusCreated
		r.warnLate(c.At, false)
	}
	r.warnAbout(info)
	out.data = s.view(r, info)
	return out, nil
}

// callSpec reads the announcement, without its flow.
func (s *server) callSpec(r *request, o object, bad *policy.Problems) recording.CallSpec {
	r.call.Call = o.callID("call_id", bad)
	return recording.CallSpec{
		ID:              r.call,
		OtherLegCallID:  o.text("other_leg_call_id"),
		From:            o.text("from"),
		To:              o.text("to"),
		CallerIDName:    o.text("caller_id_name"),
		CallerIDNumber:  o.text("caller_id_number"),
		FromNetwork:     o.text("from_network"),
		ToNetwork:       o.text("to_network"),
		Parties:         [2]recording.Party{party(o.object("caller")), party(o.object("callee"))},
		ForwardedBy:     party(o.object("forwarded_by")),
		OriginalNetwork: o.object("forwarded_by").text("from_network"),
		Answered:        o.flag("answered"),
		Bridged:         o.flag("bridged"),
		Legs:            legs(r, o, bad),
		Offer:           o.text("sdp"),
		CallflowID:      o.text("callflow_id"),
		At:              s.instant(r, o, "at", bad),
	}
}

func party(o object) recording.Party {
	return recording.Party{UserID: o.text("user_id"), DeviceID: o.text("device_id")}
}

// legs puts together what legs and sdp say. The source of an entry of legs beats
// that of the offer; its label finds the leg's place in the offer.
func legs(r *request, o object, bad *policy.Problems) []recording.LegSpec {
	said, named := saidLegs(o, bad)
	text := o.text("sdp")
	if text == "" {
		return said
	}
	offer, err := control.ParseOffer(text)
	if err == nil {
		r.offer, r.sdp = offer, text
		offer, err = offer.Assign(named)
	}
	if err != nil {
		*bad = append(*bad, policy.Problem{Path: "sdp", Rule: "error", Message: err.Error()})
		return said
	}
	r.warnOffer(offer.Warnings)
	return control.Merge(offer.Legs(), said)
}

// change reads what an update says of a call.
func change(r *request, o object, info recording.CallInfo, bad *policy.Problems) recording.Change {
	said, _ := saidLegs(o, bad)
	c := recording.Change{Legs: said}
	if text := o.text("sdp"); text != "" {
		var warnings []string
		var err error
		if c, warnings, err = control.Revise(info, text, said); err != nil {
			*bad = append(*bad, policy.Problem{Path: "sdp", Rule: "error", Message: err.Error()})
		}
		r.warnOffer(warnings)
	}
	c.Facts = recording.Facts{
		From: o.text("from"), To: o.text("to"), CallerIDName: o.text("caller_id_name"), CallerIDNumber: o.text("caller_id_number"),
		FromNetwork: o.text("from_network"), ToNetwork: o.text("to_network"),
	}
	c.OtherLegCallID = o.callID("other_leg_call_id", bad)
	c.Parties = [2]recording.Party{party(o.object("caller")), party(o.object("callee"))}
	return c
}

func (r *request) warnOffer(warnings []string) {
	for _, w := range warnings {
		r.warn("sdp: %s", w)
	}
}

// saidLegs reads legs, and which leg each label there names.
func saidLegs(o object, bad *policy.Problems) (said []recording.LegSpec, named map[string]recording.Leg) {
	named = make(map[string]recording.Leg)
	var seen [2]bool
	list, _ := o["legs"].([]any)
	for i, item := range list {
		entry, path := objectOf(item), "legs."+strconv.Itoa(i)
		leg := recording.LegSpec{Leg: entry.leg("leg"), Label: entry.text("label")}
		if entry.text("leg") == leg.Leg.String() { // else the schema has refused it
			if seen[leg.Leg] {
				*bad = append(*bad, policy.Problem{Path: path + ".leg", Rule: "uniqueItems", Message: "The leg is given more than once", Value: leg.Leg.String()})
			}
			seen[leg.Leg] = true
		}
		if text := entry.text("source"); text != "" || entry["source"] == "" {
			source, err := parseSource(text)
			if err != nil {
				*bad = append(*bad, policy.Problem{Path: path + ".source", Rule: "wrong_format", Message: err.Error(), Value: text})
			}
			leg.Source = source
		}
		if leg.Label != "" {
			if _, twice := named[leg.Label]; twice {
				*bad = append(*bad, policy.Problem{Path: path + ".label", Rule: "uniqueItems", Message: "The label is given more than once", Value: leg.Label})
			}
			named[leg.Label] = leg.Leg
		}
		said = append(said, leg)
	}
	return said, named
}

// parseSource reads "ip:port" or "ip"; IPv6 stands in brackets.
func parseSource(text string) (netip.AddrPort, error) {
	var source netip.AddrPort
	bare, bracketed := strings.CutPrefix(text, "[")
	if inner, ok := strings.CutSuffix(bare, "]"); bracketed && ok {
		if addr, err := netip.ParseAddr(inner); err == nil && addr.Is6() {
			source = netip.AddrPortFrom(addr, 0)
		}
	} else if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() {
		source = netip.AddrPortFrom(addr, 0)
	} else if ap, err := netip.ParseAddrPort(text); err == nil {
		source = ap
	}
	addr := source.Addr()
	switch {
	case !source.IsValid():
		return source, errors.New("not ip:port or ip, with IPv6 in brackets")
	case addr.IsUnspecified(), addr.IsMulticast(), addr.Zone() != "":
		return netip.AddrPort{}, fmt.Errorf("%s is not the address of a sender", addr)
	}
	return netip.AddrPortFrom(addr.Unmap(), source.Port()), nil
}

// location is the path of a call.
func location(id recording.CallID) string {
	call := url.PathEscape(id.Call)
	if strings.Trim(call, ".") == "" { // a dot segment would be resolved away
		call = strings.ReplaceAll(call, ".", "%2E")
	}
	return "/v2/accounts/" + id.Account + "/channels/" + call
}

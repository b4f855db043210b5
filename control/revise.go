package control

import (
	"fmt"
	"net/netip"
	"slices"

	"callrec/recording"
)

// OfferOf is the offer that a call stands at, its media given to the legs as they
// are, with the session of its answers: one a call, whose version counts what the
// answers have told differently (RFC 3264 §8).
func OfferOf(info recording.CallInfo) (Offer, error) {
	o, err := ParseReoffer(info.Spec.Offer)
	if err != nil {
		return o, err
	}
	return o.Of(info)
}

// Of is OfferOf for who has the offer that the call stands at parsed already.
func (o Offer) Of(info recording.CallInfo) (Offer, error) {
	o, err := o.Adopt(info.Spec.Legs)
	o.session = fingerprint(fmt.Sprintf("%q %q %d", info.Spec.ID.Account, info.Spec.ID.Call, info.Spec.At.UnixNano()))
	o.version = info.Revision
	return o, err
}

// Revise reads new SDP of a live call, with what was said of its legs beside it:
// labels, and sources that go before those of the SDP. The Warnings are those of
// the offer.
func Revise(info recording.CallInfo, text string, said []recording.LegSpec) (change recording.Change, warnings []string, err error) {
	o, err := ParseReoffer(text)
	if err != nil {
		return change, nil, err
	}
	named := make(map[string]recording.Leg)
	for _, l := range said {
		if l.Label != "" {
			named[l.Label] = l.Leg
		}
	}
	if len(named) > 0 {
		o, err = o.Assign(named)
	} else {
		o, err = o.Adopt(info.Spec.Legs)
	}
	if err != nil {
		return change, nil, err
	}
	legs := o.Legs()
	keepSources(legs, info.Spec.Legs)
	return recording.Change{Offer: text, Legs: Merge(legs, said)}, o.Warnings, nil
}

// keepSources takes the sources out of legs that SDP has named before: who has been
// announced in place of one, or has taken over since, goes on.
func keepSources(legs, known []recording.LegSpec) {
	for i := range legs {
		l := &legs[i]
		k := slices.IndexFunc(known, func(k recording.LegSpec) bool { return k.Leg == l.Leg })
		if k >= 0 && l.Source.IsValid() && l.Source == known[k].Offered {
			overrule(l, known[k].Source)
			l.Source = netip.AddrPort{}
		}
	}
}

// Merge lays what was said of legs over what an offer says of them.
func Merge(offered, said []recording.LegSpec) []recording.LegSpec {
	for _, leg := range said {
		i := slices.IndexFunc(offered, func(l recording.LegSpec) bool { return l.Leg == leg.Leg })
		if i < 0 {
			offered = append(offered, leg)
		} else if leg.Source.IsValid() {
			overrule(&offered[i], leg.Source)
			offered[i].Source = leg.Source
		}
	}
	return offered
}

// overrule takes the place for reports out of an offered leg whose SDP has another
// address than the leg really comes from: behind a NAT neither can be reached there.
func overrule(offered *recording.LegSpec, source netip.AddrPort) {
	if source.IsValid() && source.Addr() != offered.Offered.Addr() && offered.Reports.Addr() == offered.Offered.Addr() {
		offered.Reports = netip.AddrPort{}
	}
}

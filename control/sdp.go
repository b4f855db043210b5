package control

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"callrec/recording"
)

// Bounds of an offer. The largest seen from real SBCs are below 8 KB.
const (
	maxOffer = 64 << 10
	maxMedia = 16
)

// Offer is an SBC's SDP offer as far as it matters to a recorder.
type Offer struct {
	// Warnings tell which m= lines that might have been meant to be recorded
	// are refused, and why, and of which the sender is not known.
	Warnings []string

	media   []media
	session uint64 // of our o= line: the same offer gets the same answer
	version int    // and how often it was answered differently before
}

// media is one m= line of an offer.
type media struct {
	kind, proto string
	format      string // the first one: a refused m= line must still have one
	refused     string // why it gets port 0; empty when it is a leg

	leg       recording.LegSpec
	elsewhere string // its c=, when that is not the address of one host
	inactive  bool
	ptime     string
	chosen    []format // what the answer accepts, the G.711 first
}

// format is one payload type of an m= line.
type format struct {
	pt     uint8
	rtpmap string // as we write it
	fmtp   string // as offered
	codec  recording.Payload
}

// ParseOffer reads an SDP offer. The first m=audio is the caller, the second the
// callee; Assign changes that. A usable m=audio is plain RTP and
// lists PCMU or PCMA at 8000 Hz, at whatever place. The error says what is
// missing and is meant for whoever wrote the offer.
func ParseOffer(text string) (Offer, error) {
	o, err := parse(text)
	if err != nil {
		return Offer{}, err
	}
	return o, o.usable()
}

// ParseReoffer reads the offer of a call that is live. An SBC that has nothing to
// send for now may then give every m=audio the port 0: that is no error.
func ParseReoffer(text string) (Offer, error) {
	o, err := parse(text)
	if err != nil {
		return Offer{}, err
	}
	if slices.ContainsFunc(o.media, func(m media) bool { return m.kind == "audio" && m.refused == closedPort }) {
		return o, nil
	}
	return o, o.usable()
}

func parse(text string) (Offer, error) {
	if len(text) > maxOffer {
		return Offer{}, fmt.Errorf("the offer has %d bytes; the limit is %d", len(text), maxOffer)
	}
	clean, all, err := normalize(text)
	if err != nil {
		return Offer{}, err
	}
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(clean); err != nil {
		return Offer{}, fmt.Errorf("not an SDP offer: %w", err)
	}
	o := Offer{media: all, session: fingerprint(text)}
	next := 0
	for i := range o.media {
		m := &o.media[i]
		if m.refused != "" {
			continue
		}
		m.read(&desc, desc.MediaDescriptions[next])
		next++
	}
	o.order()
	return o, nil
}

// order gives the usable media their legs and refuses what is left over. Of two
// m=audio lines the second is the callee's even when the first is refused.
func (o *Offer) order() {
	audio, usable := 0, 0
	for _, m := range o.media {
		if m.kind == "audio" {
			audio++
		}
	}
	place := 0
	for i := range o.media {
		m := &o.media[i]
		if m.kind != "audio" {
			continue
		}
		if m.refused == "" && usable == 2 {
			m.refused = "a call has two legs, and two m=audio lines come before it"
		}
		if m.refused != "" {
			o.Warnings = append(o.Warnings, fmt.Sprintf("m= line %d is not recorded: %s", i+1, m.refused))
			if audio <= 2 {
				place++
			}
			continue
		}
		if m.elsewhere != "" {
			o.Warnings = append(o.Warnings, fmt.Sprintf(
				"m= line %d has %.60q in c=, which is not the address of one host and is not looked up: without a source in legs, whoever sends first inside --rtp-allow has the leg", i+1, m.elsewhere))
		}
		m.leg.Leg = recording.Leg(place)
		place++
		usable++
	}
}

// usable is an error when no m=audio can be recorded.
func (o *Offer) usable() error {
	if slices.ContainsFunc(o.media, func(m media) bool { return m.refused == "" }) {
		return nil
	}
	if len(o.Warnings) > 0 {
		return errors.New(strings.Join(o.Warnings, "; "))
	}
	return errors.New("the offer has no m=audio; one or two with PCMU or PCMA at 8000 Hz are needed")
}

// Assign returns the offer with its media given to legs by label. Media whose
// label is not named takes the leg that is left.
func (o Offer) Assign(legs map[string]recording.Leg) (Offer, error) {
	if len(legs) == 0 {
		return o, nil
	}
	o.media = slices.Clone(o.media)
	var taken [2]bool
	named := make(map[string]bool, len(legs))
	for i := range o.media {
		m := &o.media[i]
		leg, ok := legs[m.leg.Label]
		if !ok || m.refused != "" {
			continue
		}
		if taken[leg] || named[m.leg.Label] {
			return o, fmt.Errorf("two m=audio lines for the %s", leg)
		}
		m.leg.Leg, taken[leg], named[m.leg.Label] = leg, true, true
	}
	for _, label := range slices.Sorted(maps.Keys(legs)) {
		if !named[label] {
			return o, fmt.Errorf("no usable m=audio has the label %q", label)
		}
	}
	for i := range o.media {
		m := &o.media[i]
		if m.refused != "" || named[m.leg.Label] {
			continue
		}
		m.leg.Leg = recording.Caller
		if taken[recording.Caller] {
			m.leg.Leg = recording.Callee
		}
		taken[m.leg.Leg] = true
	}
	return o, nil
}

// Adopt returns the offer with its media given to legs as an earlier reading of
// it, with or without labels, gave them: legs are those of the call it became.
func (o Offer) Adopt(legs []recording.LegSpec) (Offer, error) {
	named := make(map[string]recording.Leg, len(legs))
	for _, l := range legs {
		if _, twice := named[l.Label]; twice {
			return o, nil // labels that are not unique have decided nothing
		}
		if l.Label != "" && slices.ContainsFunc(o.media, func(m media) bool { return m.leg.Label == l.Label }) {
			named[l.Label] = l.Leg
		}
	}
	return o.Assign(named)
}

// Legs returns what the offer says of each leg, caller first.
func (o Offer) Legs() []recording.LegSpec {
	var legs []recording.LegSpec
	for _, m := range o.media {
		if m.refused == "" {
			legs = append(legs, m.leg)
		}
	}
	slices.SortFunc(legs, func(a, b recording.LegSpec) int { return int(a.Leg) - int(b.Leg) })
	return legs
}

package control

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"callrec/recording"
)

// formatsOf lists the payload types of an m= section in the order offered.
func formatsOf(d *sdp.MediaDescription) []format {
	rtpmaps, fmtps := make(map[string]string), make(map[string]string)
	for _, a := range d.Attributes {
		pt, value, ok := strings.Cut(a.Value, " ")
		switch {
		case !ok:
		case a.Key == "rtpmap":
			rtpmaps[pt] = strings.TrimSpace(value)
		case a.Key == "fmtp":
			fmtps[pt] = strings.TrimSpace(value)
		}
	}
	var out []format
	for _, text := range d.MediaName.Formats {
		pt, err := strconv.ParseUint(text, 10, 7)
		if err != nil || slices.ContainsFunc(out, func(f format) bool { return f.pt == uint8(pt) }) {
			continue
		}
		f := format{pt: uint8(pt), fmtp: fmtps[text]}
		f.rtpmap, f.codec = codecOf(uint8(pt), rtpmaps[text])
		out = append(out, f)
	}
	return out
}

// codecOf names a payload type: by its rtpmap, else by RFC 3551's static table.
func codecOf(pt uint8, rtpmap string) (name string, p recording.Payload) {
	if rtpmap == "" {
		switch pt {
		case 0:
			rtpmap = "PCMU/8000"
		case 8:
			rtpmap = "PCMA/8000"
		case 13, 19:
			rtpmap = "CN/8000"
		default:
			return fmt.Sprintf("payload type %d", pt), recording.PayloadNone
		}
	}
	encoding, rest, _ := strings.Cut(rtpmap, "/")
	rate, channels, _ := strings.Cut(rest, "/")
	name = rtpmap
	switch strings.ToUpper(encoding) {
	case "PCMU":
		p = recording.PayloadPCMU
	case "PCMA":
		p = recording.PayloadPCMA
	case "CN":
		return name, recording.PayloadNoise
	case "TELEPHONE-EVENT":
		return name, recording.PayloadEvents
	default:
		return name, recording.PayloadNone
	}
	if rate != "8000" || channels != "" && channels != "1" {
		return name, recording.PayloadNone
	}
	return strings.ToUpper(encoding) + "/8000", p
}

// list is at most a line's worth of names.
func list(names []string) string {
	const most = 10
	switch {
	case len(names) == 0:
		return "no payload type"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// choose returns what the answer accepts: the first G.711, and the
// telephone-event of the same clock when there is one.
func choose(formats []format) []format {
	var voice, events []format
	for _, f := range formats {
		switch {
		case f.codec == recording.PayloadPCMU || f.codec == recording.PayloadPCMA:
			voice = append(voice, f)
		case f.codec == recording.PayloadEvents && strings.HasSuffix(f.rtpmap, "/8000"):
			events = append(events, f)
		}
	}
	if len(voice) == 0 {
		return nil
	}
	return append(voice[:1], events[:min(1, len(events))]...)
}

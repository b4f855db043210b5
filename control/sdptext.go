package control

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// normalize prepares an offer for the SDP parser, which is strict about order,
// line ends and lines that have nothing to say to a recorder. What comes out has
// the lines v o s c t a and the m= sections that may be legs; all lists every m=
// line, those that cannot be legs with the reason.
func normalize(text string) (clean string, all []media, err error) {
	var c string
	var attributes, sections strings.Builder
	inMedia, keep, versioned := false, false, false
	rest := text
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimRight(line, "\r \t")
		key, value, ok := strings.Cut(line, "=")
		switch {
		case line == "":
			continue
		case !ok || len(key) != 1 || strings.ContainsAny(line, "\r\x00"):
			return "", nil, fmt.Errorf("not an SDP offer: line %.60q", line)
		case !versioned && line != "v=0":
			return "", nil, fmt.Errorf("not an SDP offer: it starts with %.60q, not with v=0", line)
		}
		versioned = true
		switch {
		case key == "m":
			if len(all) == maxMedia {
				return "", nil, fmt.Errorf("the offer has more than %d m= lines", maxMedia)
			}
			m, err := mediaLine(value)
			if err != nil {
				return "", nil, err
			}
			all = append(all, m)
			inMedia, keep = true, m.refused == ""
			if keep {
				writeLine(&sections, line)
			}
		case key != "a" && key != "c":
		case inMedia && keep:
			writeLine(&sections, line)
		case !inMedia && key == "c":
			c = line + "\r\n"
		case !inMedia:
			writeLine(&attributes, line)
		}
	}
	if !versioned {
		return "", nil, errors.New("the offer is empty")
	}
	return "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\n" + c + "t=0 0\r\n" + attributes.String() + sections.String(), all, nil
}

func writeLine(b *strings.Builder, line string) {
	b.WriteString(line)
	b.WriteString("\r\n")
}

// closedPort is why an m= line with port 0 is no leg.
const closedPort = "its port is 0"

// mediaLine reads the value of an m= line and says whether it may be a leg.
func mediaLine(value string) (media, error) {
	f := strings.Fields(value)
	if len(f) < 4 {
		return media{}, fmt.Errorf("m=%.60s has %d of the four parts media, port, transport, formats", value, len(f))
	}
	m := media{kind: f[0], proto: f[2], format: f[3]}
	digits, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(digits, 10, 16)
	switch {
	case err != nil:
		return media{}, fmt.Errorf("m=%.60s has the port %.20q", value, f[1])
	case m.kind != "audio":
		m.refused = "not audio"
	case port == 0:
		m.refused = closedPort // RFC 3264 §6: so must be the answer's
	case m.proto == "RTP/AVP", m.proto == "RTP/AVPF":
	case strings.Contains(m.proto, "SAVP"):
		return media{}, fmt.Errorf("m=audio over %.40s: SRTP (SDES, DTLS) is not supported yet; offer RTP/AVP", m.proto)
	default:
		return media{}, fmt.Errorf("m=audio over %.40s: RTP/AVP is needed", m.proto)
	}
	return m, nil
}

// fingerprint is a number that every answer to the same offer has in common.
func fingerprint(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum64() >> 1
}

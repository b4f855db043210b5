package control_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"callrec/capture"
	"callrec/control"
	"callrec/recording"
)

// The shape of what rtpengine offers for a fork: c= per media, one m= a party.
const forkOffer = `v=0
o=- 7300512204 7300512204 IN IP4 192.0.2.7
s=rtpengine-10-5
t=0 0
m=audio 30010 RTP/AVP 0 101
c=IN IP4 192.0.2.7
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendonly
a=rtcp:30011
a=ptime:20
m=audio 30026 RTP/AVP 0 101
c=IN IP4 192.0.2.8
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendonly
a=rtcp:30027
a=ptime:20
`

const (
	pcmu   = recording.PayloadPCMU
	pcma   = recording.PayloadPCMA
	events = recording.PayloadEvents
	noise  = recording.PayloadNoise
	none   = recording.PayloadNone
)

type payloads = map[uint8]recording.Payload

func leg(l recording.Leg, label, source string, p payloads) recording.LegSpec {
	out := recording.LegSpec{Leg: l, Label: label, Payloads: p}
	if source != "" {
		out.Source = netip.MustParseAddrPort(source)
		out.Offered = out.Source
		out.Reports = netip.AddrPortFrom(out.Source.Addr(), out.Source.Port()+1)
	}
	return out
}

// reports is a leg with its own word on RTCP.
func reports(l recording.LegSpec, to string, mux bool) recording.LegSpec {
	l.Reports, l.Mux = netip.AddrPort{}, mux
	if to != "" {
		l.Reports = netip.MustParseAddrPort(to)
	}
	return l
}

// mute is a leg that is held by c=0.0.0.0.
func mute(l recording.LegSpec) recording.LegSpec {
	l.NoReports = true
	return l
}

var offers = []struct {
	name, text string
	want       []recording.LegSpec
	warnings   int
}{
	{"fork", forkOffer, []recording.LegSpec{
		leg(recording.Caller, "", "192.0.2.7:30010", payloads{0: pcmu, 101: events}),
		leg(recording.Callee, "", "192.0.2.8:30026", payloads{0: pcmu, 101: events}),
	}, 0},
	{"CRLF", strings.ReplaceAll(forkOffer, "\n", "\r\n"), []recording.LegSpec{
		leg(recording.Caller, "", "192.0.2.7:30010", payloads{0: pcmu, 101: events}),
		leg(recording.Callee, "", "192.0.2.8:30026", payloads{0: pcmu, 101: events}),
	}, 0},
	{"labels, no c=, o= of zeros, no final newline", "v=0\no=siprec 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 8\na=label:a_leg\na=sendonly\nm=audio 4002 RTP/AVP 8\na=label:b_leg\na=sendonly", []recording.LegSpec{
		leg(recording.Caller, "a_leg", "", payloads{8: pcma}),
		leg(recording.Callee, "b_leg", "", payloads{8: pcma}),
	}, 0},
	{"other codecs first", "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 111 18 9 0 8 101 13\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000\n", []recording.LegSpec{
		leg(recording.Caller, "", "192.0.2.9:5000", payloads{111: none, 18: none, 9: none, 0: pcmu, 8: pcma, 101: events, 13: noise}),
	}, 0},
	{"dynamic types", "v=0\nm=audio 5000 RTP/AVP 96 97 98 99 19\na=rtpmap:96 pcma/8000/1\na=rtpmap:97 PCMU/16000\na=rtpmap:98 telephone-event/16000\na=rtpmap:99 CN/16000\n", []recording.LegSpec{
		leg(recording.Caller, "", "", payloads{96: pcma, 97: none, 98: events, 99: noise, 19: noise}),
	}, 0},
	{"IPv6", "v=0\nc=IN IP6 2001:db8::7\nm=audio 5000 RTP/AVP 0\n", []recording.LegSpec{
		leg(recording.Caller, "", "[2001:db8::7]:5000", payloads{0: pcmu}),
	}, 0},
	{"held by 0.0.0.0", "v=0\nc=IN IP4 0.0.0.0\nm=audio 5000 RTP/AVP 0\n", []recording.LegSpec{mute(leg(recording.Caller, "", "", payloads{0: pcmu}))}, 0},
	{"rtcp elsewhere", "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 0\na=rtcp:6001\nm=audio 5002 RTP/AVP 0\na=rtcp:6003 IN IP4 192.0.2.10\n", []recording.LegSpec{
		reports(leg(recording.Caller, "", "192.0.2.9:5000", payloads{0: pcmu}), "192.0.2.9:6001", false),
		reports(leg(recording.Callee, "", "192.0.2.9:5002", payloads{0: pcmu}), "192.0.2.10:6003", false),
	}, 0},
	{"rtcp-mux", "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 0\na=rtcp:5001\na=rtcp-mux\n", []recording.LegSpec{
		reports(leg(recording.Caller, "", "192.0.2.9:5000", payloads{0: pcmu}), "192.0.2.9:5000", true),
	}, 0},
	{"odd words on rtcp", "v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 0\na=rtcp:\nm=audio 65535 RTP/AVP 0\na=rtcp:0 IN IP4 192.0.2.10\n", []recording.LegSpec{
		leg(recording.Caller, "", "192.0.2.9:5000", payloads{0: pcmu}),
		reports(leg(recording.Callee, "", "192.0.2.9:65535", payloads{0: pcmu}), "", false),
	}, 0},
	{"host name", "v=0\nc=IN IP4 sbc.example\nm=audio 5000 RTP/AVP 0\n", []recording.LegSpec{leg(recording.Caller, "", "", payloads{0: pcmu})}, 1},
	{"host name of the session, address of one leg", "v=0\nc=IN IP4 sbc.example\nm=audio 5000 RTP/AVP 0\nm=audio 5002 RTP/AVP 0\nc=IN IP4 192.0.2.9\n", []recording.LegSpec{leg(recording.Caller, "", "", payloads{0: pcmu}), leg(recording.Callee, "", "192.0.2.9:5002", payloads{0: pcmu})}, 1},
	{"multicast", "v=0\nc=IN IP4 233.252.0.1/127\nm=audio 5000 RTP/AVP 0\n", []recording.LegSpec{leg(recording.Caller, "", "", payloads{0: pcmu})}, 1},
	{"no other lines, odd order, unknown types", "v=0\nt=0 0\nx=1\nb=FOO:a\nm=audio 5000 RTP/AVPF 0 0 foo\nb=FOO:a\na=odd\na=:\nc=IN IP4 192.0.2.9\n", []recording.LegSpec{leg(recording.Caller, "", "192.0.2.9:5000", payloads{0: pcmu})}, 0},
	{"video and fax beside audio", "v=0\nm=image 4000 udptl t38\nm=audio 5000 RTP/AVP 0\nm=video 5002 RTP/AVP 96\na=rtpmap:96 VP8/90000\n", []recording.LegSpec{leg(recording.Caller, "", "", payloads{0: pcmu})}, 0},
	{"first leg without G.711: the second stays the callee", "v=0\nm=audio 5000 RTP/AVP 111\na=rtpmap:111 opus/48000/2\nm=audio 5002 RTP/AVP 8\n", []recording.LegSpec{leg(recording.Callee, "", "", payloads{8: pcma})}, 1},
	{"second leg with port 0", "v=0\nm=audio 5000 RTP/AVP 8\nm=audio 0 RTP/SAVP 8\n", []recording.LegSpec{leg(recording.Caller, "", "", payloads{8: pcma})}, 1},
	{"three streams", "v=0\nm=audio 5000 RTP/AVP 0\nm=audio 5002 RTP/AVP 0\nm=audio 5004 RTP/AVP 0\n", []recording.LegSpec{leg(recording.Caller, "", "", payloads{0: pcmu}), leg(recording.Callee, "", "", payloads{0: pcmu})}, 1},
}

func TestParseOffer(t *testing.T) {
	for _, c := range offers {
		t.Run(c.name, func(t *testing.T) {
			o, err := control.ParseOffer(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.Legs(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("legs\n%+v, want\n%+v", got, c.want)
			}
			if len(o.Warnings) != c.warnings {
				t.Errorf("warnings %q, want %d", o.Warnings, c.warnings)
			}
		})
	}
}

var badOffers = []struct{ name, text, want string }{
	{"empty", "", "empty"},
	{"blank", "\r\n\r\n", "empty"},
	{"too long", "v=0\n" + strings.Repeat("a=x\n", 20000), "limit is 65536"},
	{"too many media", "v=0\n" + strings.Repeat("m=audio 5000 RTP/AVP 0\n", 17), "more than 16"},
	{"not SDP", "hello", `"hello"`},
	{"no version", "m=audio 5000 RTP/AVP 0\n", "v=0"},
	{"no media", "v=0\ns=-\n", "PCMU or PCMA at 8000 Hz"},
	{"only video", "v=0\nm=video 5000 RTP/AVP 96\n", "no m=audio"},
	{"only G.722", "v=0\nm=audio 5000 RTP/AVP 9\na=rtpmap:9 G722/8000\n", "offers G722/8000; PCMU or PCMA at 8000 Hz"},
	{"wide PCMU", "v=0\nm=audio 5000 RTP/AVP 96\na=rtpmap:96 PCMU/16000\n", "offers PCMU/16000"},
	{"0 mapped to something else", "v=0\nm=audio 5000 RTP/AVP 0\na=rtpmap:0 GSM/8000\n", "offers GSM/8000"},
	{"SRTP", "v=0\nm=audio 5000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\n", "SRTP (SDES"},
	{"SRTP in one leg", "v=0\nm=audio 5000 RTP/AVP 0\nm=audio 5002 UDP/TLS/RTP/SAVPF 0\n", "not supported yet"},
	{"other transport", "v=0\nm=audio 5000 TCP/MRCPv2 0\n", "RTP/AVP is needed"},
	{"port", "v=0\nm=audio 70000 RTP/AVP 0\n", `"70000"`},
	{"short m=", "v=0\nm=audio 5000\n", "2 of the four"},
	{"ports 0", "v=0\nm=audio 0 RTP/AVP 0\n", "port is 0"},
	{"bad c=", "v=0\nm=audio 5000 RTP/AVP 0\nc=ATM NSAP x\n", "not an SDP offer"},
}

// A name where an address belongs leaves the leg to whoever is first: that is told.
func TestOfferWithAHostName(t *testing.T) {
	o, err := control.ParseOffer("v=0\nc=IN IP4 sbc.example.com\nm=audio 5000 RTP/AVP 0\n")
	if err != nil || len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], `"sbc.example.com"`) || !strings.Contains(o.Warnings[0], "--rtp-allow") {
		t.Errorf("%q, %v", o.Warnings, err)
	}
}

func TestParseOfferRefuses(t *testing.T) {
	for _, c := range badOffers {
		t.Run(c.name, func(t *testing.T) {
			_, err := control.ParseOffer(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func ports(addr string, rtp uint16) capture.Ports {
	return capture.Ports{Addr: netip.MustParseAddr(addr), RTP: rtp, RTCP: rtp + 1}
}

func TestAnswer(t *testing.T) {
	both := []recording.LegInfo{{Leg: recording.Caller, Ports: ports("192.0.2.20", 20000)}, {Leg: recording.Callee, Ports: ports("192.0.2.20", 20002)}}
	tests := []struct {
		name, offer string
		legs        []recording.LegInfo
		want        string // without the o= line
	}{
		{"fork", forkOffer, both, `v=0
s=-
c=IN IP4 192.0.2.20
t=0 0
m=audio 20000 RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=recvonly
m=audio 20002 RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=recvonly
`},
		{
			"everything at once", "v=0\na=inactive\nm=image 4000 udptl t38\nm=audio 5000 RTP/AVP 111 96 8 98 99\na=rtpmap:111 opus/48000/2\na=rtpmap:96 pcma/8000\na=rtpmap:98 telephone-event/48000\na=rtpmap:99 telephone-event/8000\na=label:7\na=sendrecv\nm=audio 5002 RTP/AVPF 0\na=label:9\n",
			[]recording.LegInfo{
				{Leg: recording.Caller, Ports: ports("2001:db8::20", 20000)},
				{Leg: recording.Callee, Ports: capture.Ports{Addr: netip.MustParseAddr("192.0.2.20"), RTP: 20002, RTCP: 20009}},
			},
			`v=0
s=-
c=IN IP6 2001:db8::20
t=0 0
m=image 0 udptl t38
m=audio 20000 RTP/AVP 96 99
a=rtpmap:96 PCMA/8000
a=rtpmap:99 telephone-event/8000
a=recvonly
a=label:7
m=audio 20002 RTP/AVPF 0
c=IN IP4 192.0.2.20
a=rtpmap:0 PCMU/8000
a=inactive
a=rtcp:20009
a=label:9
`,
		},
		{"no ports yet", "v=0\nm=audio 5000 RTP/AVP 0\n", nil, `v=0
s=-
c=IN IP4 0.0.0.0
t=0 0
m=audio 9 RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=inactive
`},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			o, err := control.ParseOffer(c.offer)
			if err != nil {
				t.Fatal(err)
			}
			got := o.Answer(c.legs)
			if strings.Count(got, "\n") != strings.Count(got, "\r\n") {
				t.Error("lines do not all end in CRLF")
			}
			lines := strings.Split(strings.ReplaceAll(got, "\r\n", "\n"), "\n")
			if !strings.HasPrefix(lines[1], "o=callrec ") {
				t.Errorf("second line %q", lines[1])
			}
			if got := strings.Join(append(lines[:1:1], lines[2:]...), "\n"); got != c.want {
				t.Errorf("answer\n%s\nwant\n%s", got, c.want)
			}
			if again := o.Answer(c.legs); again != got {
				t.Error("the same offer and ports got another answer")
			}
		})
	}
}

func TestAssign(t *testing.T) {
	const offer = "v=0\nm=audio 5000 RTP/AVP 0\na=label:1\nm=audio 5002 RTP/AVP 8\na=label:2\n"
	o, err := control.ParseOffer(offer)
	if err != nil {
		t.Fatal(err)
	}
	swapped, err := o.Assign(map[string]recording.Leg{"1": recording.Callee})
	if err != nil {
		t.Fatal(err)
	}
	want := []recording.LegSpec{leg(recording.Caller, "2", "", payloads{8: pcma}), leg(recording.Callee, "1", "", payloads{0: pcmu})}
	if got := swapped.Legs(); !reflect.DeepEqual(got, want) {
		t.Errorf("legs %+v, want %+v", got, want)
	}
	again, err := o.Adopt(swapped.Legs())
	if err != nil || !reflect.DeepEqual(again.Legs(), want) {
		t.Errorf("adopted %+v, %v; want %+v", again.Legs(), err, want)
	}
	if o.Legs()[0].Label != "1" {
		t.Error("Assign changed the offer it was called on")
	}
	for _, bad := range []map[string]recording.Leg{
		{"3": recording.Caller},
		{"1": recording.Caller, "2": recording.Caller},
	} {
		if _, err := o.Assign(bad); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func FuzzParseOffer(f *testing.F) {
	for _, c := range offers {
		f.Add(c.text)
	}
	for _, c := range badOffers {
		f.Add(c.text[:min(len(c.text), 200)])
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := control.ParseOffer(text)
		if err != nil {
			return
		}
		legs := o.Legs()
		if len(legs) < 1 || len(legs) > 2 || len(legs) == 2 && legs[0].Leg == legs[1].Leg {
			t.Fatalf("legs %+v", legs)
		}
		if _, err := control.ParseReoffer(text); err != nil {
			t.Fatalf("refused as a re-offer: %v", err)
		}
		same, err := o.Adopt(legs)
		if err != nil || !reflect.DeepEqual(same.Legs(), legs) {
			t.Fatalf("adopted %+v, %v; want %+v", same.Legs(), err, legs)
		}
		answer := o.Answer([]recording.LegInfo{{Leg: legs[0].Leg, Ports: ports("192.0.2.20", 20000)}})
		if strings.Count(answer, "\n") != strings.Count(answer, "\r\n") || strings.Count(answer, "\r") != strings.Count(answer, "\n") {
			t.Fatalf("line ends in %q", answer)
		}
		if n := strings.Count("\n"+answer, "\nm="); n != strings.Count("\n"+strings.ReplaceAll(text, "\r", ""), "\nm=") {
			t.Fatalf("%d m= lines in the answer %q to %q", n, answer, text)
		}
		if _, err := control.ParseOffer(answer); err != nil {
			t.Fatalf("our answer is refused: %v\n%q", err, answer)
		}
	})
}

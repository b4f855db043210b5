package control_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"callrec/control"
	"callrec/recording"
)

// live is a call that was announced with an offer, as the recorder tells of it.
func live(t *testing.T, text string, said ...recording.LegSpec) recording.CallInfo {
	t.Helper()
	o, err := control.ParseOffer(text)
	if err != nil {
		t.Fatal(err)
	}
	info := recording.CallInfo{Spec: recording.CallSpec{
		ID: recording.CallID{Account: "a", Call: "c"}, At: time.Unix(1, 0), Offer: text, Legs: control.Merge(o.Legs(), said),
	}}
	for i, l := range info.Spec.Legs {
		info.Legs = append(info.Legs, recording.LegInfo{Leg: l.Leg, Label: l.Label, Ports: ports("192.0.2.20", uint16(20000+2*i))})
	}
	return info
}

// answer is what the SBC reads after it has offered text.
func answer(t *testing.T, info recording.CallInfo, text string) (lines []string) {
	t.Helper()
	info.Spec.Offer = text
	info.Revision++
	o, err := control.OfferOf(info)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(o.Answer(info.Legs), "\r\n", "\n")), "\n")
}

// A re-offer names a new source only when it does not repeat the one before, and
// what was said beside an offer goes on to overrule it.
func TestRevise(t *testing.T) {
	const offer = "v=0\nc=IN IP4 192.0.2.7\nm=audio 5000 RTP/AVP 0\nm=audio 5002 RTP/AVP 0\n"
	nat := recording.LegSpec{Leg: recording.Callee, Source: netip.MustParseAddrPort("198.51.100.1:0")}
	info := live(t, offer, nat)
	if got := info.Spec.Legs[1]; got.Source != nat.Source || got.Reports.IsValid() {
		t.Errorf("the source said beside the offer: %+v", got)
	}
	for _, c := range []struct {
		name, text string
		said       []recording.LegSpec
		sources    [2]string
		reports    [2]string
	}{
		{"the same", offer, nil, [2]string{}, [2]string{"192.0.2.7:5001", ""}},
		{"another port", strings.Replace(offer, "5000", "5010", 1), nil, [2]string{"192.0.2.7:5010", ""}, [2]string{"192.0.2.7:5011", ""}},
		{"another address", strings.Replace(offer, "2.7", "2.8", 1), nil, [2]string{"192.0.2.8:5000", "192.0.2.8:5002"}, [2]string{"192.0.2.8:5001", "192.0.2.8:5003"}},
		{
			"the same, and another word", offer,
			[]recording.LegSpec{{Leg: recording.Callee, Source: netip.MustParseAddrPort("198.51.100.2:0")}},
			[2]string{"", "198.51.100.2:0"},
			[2]string{"192.0.2.7:5001", ""},
		},
		{"held by 0.0.0.0", strings.Replace(offer, "192.0.2.7", "0.0.0.0", 1), nil, [2]string{}, [2]string{}},
	} {
		change, _, err := control.Revise(info, c.text, c.said)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var sources, to [2]string
		for i, l := range change.Legs {
			if l.Source.IsValid() {
				sources[i] = l.Source.String()
			}
			if l.Reports.IsValid() {
				to[i] = l.Reports.String()
			}
			if l.Payloads == nil || int(l.Leg) != i || l.NoReports != strings.Contains(c.text, "0.0.0.0") {
				t.Errorf("%s: %+v", c.name, l)
			}
		}
		if sources != c.sources || to != c.reports || change.Offer != c.text {
			t.Errorf("%s: sources %q, reports to %q; want %q, %q", c.name, sources, to, c.sources, c.reports)
		}
	}
}

// Every kind of hold gets the answer of RFC 3264 §8.4 and keeps the m= lines; the
// o= line keeps its session and counts.
func TestHoldIsAnswered(t *testing.T) {
	const offer = "v=0\nc=IN IP4 192.0.2.7\nm=audio 5000 RTP/AVP 0\na=label:x\nm=audio 5002 RTP/AVP 0\na=label:y\n"
	info := live(t, offer)
	first := answer(t, info, offer)[1]
	for _, c := range []struct{ name, text, want string }{
		{"sendonly", offer + "a=sendonly\n", "m=audio 20002 RTP/AVP 0|a=recvonly"},
		{"recvonly", offer + "a=recvonly\n", "m=audio 20002 RTP/AVP 0|a=inactive"},
		{"inactive", offer + "a=inactive\n", "m=audio 20002 RTP/AVP 0|a=inactive"},
		{"c=0.0.0.0", offer + "c=IN IP4 0.0.0.0\n", "m=audio 20002 RTP/AVP 0|a=recvonly"},
		{"port 0", strings.Replace(offer, "5002", "0", 1), "m=audio 0 RTP/AVP 0"},
		{"ports 0", strings.NewReplacer("5000", "0", "5002", "0").Replace(offer), "m=audio 0 RTP/AVP 0"},
		{"mux", offer + "a=rtcp-mux\n", "m=audio 20002 RTP/AVP 0|a=recvonly|a=rtcp-mux"},
		{"ptime", offer + "a=ptime:40\n", "m=audio 20002 RTP/AVP 0|a=ptime:40|a=recvonly"},
	} {
		change, _, err := control.Revise(info, c.text, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		lines := answer(t, info, c.text)
		if lines[1] != first {
			t.Errorf("%s: %q, want %q", c.name, lines[1], first)
		}
		media := 0
		got := ""
		for _, l := range lines {
			if strings.HasPrefix(l, "m=") {
				media++
				got = ""
			}
			if !strings.HasPrefix(l, "a=rtpmap") && !strings.HasPrefix(l, "a=label") {
				got += "|" + l
			}
		}
		if media != 2 || strings.TrimPrefix(got, "|") != c.want {
			t.Errorf("%s: %d m= lines, the second %q, want %q", c.name, media, got, c.want)
		}
		for _, l := range change.Legs {
			if l.Label != []string{"x", "y"}[l.Leg] {
				t.Errorf("%s: %+v", c.name, l)
			}
		}
	}
	if !strings.Contains(first, " 2 IN IP4") {
		t.Errorf("the second answer is %q", first)
	}
	later := info
	later.Spec.At = time.Unix(2, 0)
	if answer(t, later, offer)[1] == first {
		t.Error("two calls have one session")
	}
}

// A re-offer that leaves nothing to record, and is no hold, is refused.
func TestReviseRefuses(t *testing.T) {
	info := live(t, forkOffer)
	for _, text := range []string{"", "x", "v=0\nm=audio 5000 RTP/AVP 9\n", "v=0\nm=video 5000 RTP/AVP 96\n"} {
		if change, _, err := control.Revise(info, text, nil); err == nil || !reflect.DeepEqual(change, recording.Change{}) {
			t.Errorf("%q: %+v, %v", text, change, err)
		}
	}
	if _, _, err := control.Revise(info, forkOffer, []recording.LegSpec{{Label: "nobody"}}); err == nil {
		t.Error("a label that no m=audio has was accepted")
	}
}

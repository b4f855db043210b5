package report

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/pion/rtcp"
)

// What Append writes, an independent parser reads back.
func TestAppend(t *testing.T) {
	for n := range 40 {
		cname := strings.Repeat("x", n)
		block := Block{SSRC: 1, Fraction: 3, Lost: 0x123456, Highest: 7, Jitter: 8, LSR: 9, DLSR: 10}
		for _, b := range []*Block{&block, nil} {
			data := Append([]byte("before"), 42, cname, b)
			if !bytes.HasPrefix(data, []byte("before")) {
				t.Fatal("what was there is gone")
			}
			packets, err := rtcp.Unmarshal(data[6:])
			if err != nil {
				t.Fatalf("a name of %d: %v in % x", n, err, data[6:])
			}
			if err := rtcp.CompoundPacket(packets).Validate(); err != nil {
				t.Fatalf("a name of %d: no compound packet: %v", n, err)
			}
			rr, sdes := packets[0].(*rtcp.ReceiverReport), packets[1].(*rtcp.SourceDescription)
			var want []rtcp.ReceptionReport
			if b != nil {
				want = []rtcp.ReceptionReport{{SSRC: 1, FractionLost: 3, TotalLost: 0x123456, LastSequenceNumber: 7, Jitter: 8, LastSenderReport: 9, Delay: 10}}
			}
			if rr.SSRC != 42 || len(packets) != 2 || !reflect.DeepEqual(rr.Reports, want) {
				t.Errorf("a name of %d: report %+v", n, rr)
			}
			if !reflect.DeepEqual(sdes, rtcp.NewCNAMESourceDescription(42, cname)) {
				t.Errorf("a name of %d: %+v", n, sdes)
			}
		}
	}
	if _, err := rtcp.Unmarshal(Append(nil, 42, strings.Repeat("x", 999), nil)); err != nil {
		t.Error("a name too long:", err)
	}
}

// items collects what a datagram says.
func items(t testing.TB, data []byte) (out []Item, err error) {
	t.Helper()
	c, err := Parse(data)
	if err != nil {
		return nil, err
	}
	var it Item
	for c.Next(&it) {
		it.Text = append([]byte{}, it.Text...)
		out = append(out, it)
		if len(out) > len(data) {
			t.Fatal("more items than octets")
		}
	}
	return out, nil
}

// compound is one of everything.
func compound(t testing.TB) []byte {
	t.Helper()
	data, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.SenderReport{SSRC: 1, NTPTime: 2, RTPTime: 3, PacketCount: 4, OctetCount: 5, Reports: []rtcp.ReceptionReport{{SSRC: 9}}},
		&rtcp.ReceiverReport{SSRC: 6, Reports: []rtcp.ReceptionReport{{SSRC: 9}, {SSRC: 10}}},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{
			{Source: 1, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESTool, Text: "a tool"}, {Type: rtcp.SDESCNAME, Text: "me@there"}}},
			{Source: 2},
			{Source: 3, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: ""}}},
		}},
		&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 2},
		&rtcp.Goodbye{Sources: []uint32{1, 77}, Reason: "lunch"},
		&rtcp.Goodbye{Sources: []uint32{78}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNext(t *testing.T) {
	got, err := items(t, compound(t))
	if err != nil {
		t.Fatal(err)
	}
	none := []byte{}
	want := []Item{
		{Kind: KindSender, SSRC: 1, Sender: Sender{1, 2, 3, 4, 5}, Text: none},
		{Kind: KindName, SSRC: 1, Text: []byte("me@there")},
		{Kind: KindName, SSRC: 3, Text: none},
		{Kind: KindBye, SSRC: 1, Text: []byte("lunch")},
		{Kind: KindBye, SSRC: 77, Text: []byte("lunch")},
		{Kind: KindBye, SSRC: 78, Text: none},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// A datagram with anything wrong in it says nothing at all.
func TestMalformedIsRefused(t *testing.T) {
	good := compound(t)
	for n := range len(good) {
		if got, err := items(t, good[:n]); err == nil && n%4 != 0 {
			t.Errorf("the first %d of %d octets say %+v", n, len(good), got)
		}
	}
	sr := []byte{0x80, 200, 0, 6}
	for name, data := range map[string][]byte{
		"empty":                     {},
		"version 1":                 {0x40, 201, 0, 1, 0, 0, 0, 1},
		"sender report too short":   append(sr[:3:3], 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"report block missing":      {0x81, 201, 0, 1, 0, 0, 0, 1},
		"bye without its sources":   {0x82, 203, 0, 1, 0, 0, 0, 1},
		"bye with half a reason":    {0x81, 203, 0, 2, 0, 0, 0, 1, 4, 'a', 'b', 'c'},
		"chunk without an end":      {0x81, 202, 0, 3, 0, 0, 0, 1, 1, 6, 'a', 'b', 'c', 'd', 'e', 'f'},
		"item longer than chunk":    {0x81, 202, 0, 2, 0, 0, 0, 1, 1, 60, 0, 0},
		"fewer chunks than claimed": {0x82, 202, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0},
		"more chunks than claimed":  {0x80, 202, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0},
		"padding of nothing":        {0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0},
		"padding past the packet":   {0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 12},
		"padding into the report":   {0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 8},
	} {
		if got, err := items(t, data); err == nil {
			t.Errorf("%s: taken, and says %+v", name, got)
		}
	}
	if got, err := items(t, []byte{0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4}); err != nil || got != nil {
		t.Errorf("honest padding: %+v, %v", got, err)
	}
}

func TestMuxed(t *testing.T) {
	for _, c := range []struct {
		data []byte
		want bool
	}{
		{nil, false},
		{[]byte{0x80}, false},
		{[]byte{0x80, 0}, false},
		{[]byte{0x80, 0x80}, false},      // PCMU with the marker
		{[]byte{0x80, 0x80 | 8}, false},  // PCMA with the marker
		{[]byte{0x80, 0x80 | 63}, false}, // the last below
		{[]byte{0x80, 192}, true},
		{[]byte{0x80, 200}, true},
		{[]byte{0xA1, 223}, true},
		{[]byte{0x80, 0x80 | 96}, false}, // the first above
		{[]byte{0x80, 0x80 | 101}, false},
		{[]byte{0x40, 200}, false},
	} {
		if got := Muxed(c.data); got != c.want {
			t.Errorf("% x: %v", c.data, got)
		}
	}
}

// Reports are made and read between packets: they make no garbage.
func TestNothingAllocates(t *testing.T) {
	data := compound(t)
	buf := make([]byte, 0, 256)
	var s Source
	timer := NewTimer(0, 1)
	seq := uint16(0)
	if n := testing.AllocsPerRun(100, func() {
		seq++
		s.Add(7, seq, uint32(seq)*160, true, 0)
		c, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		var it Item
		for c.Next(&it) {
			if it.Kind == KindSender {
				s.Report(it.Sender, 0)
			}
		}
		timer.Due(0)
		b, ok := s.Block(0)
		if !ok {
			t.Fatal("no block")
		}
		buf = Append(buf[:0], 1, "0123456789abcdef", &b)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse: what pion/rtcp reads, we read to the same effect; what it refuses we
// refuse, but for types and paddings that it takes more or less exactly than us.
func FuzzParse(f *testing.F) {
	f.Add(compound(f))
	f.Add(Append(nil, 7, "name", &Block{SSRC: 1}))
	f.Add([]byte{0x81, 203, 0, 2, 0, 0, 0, 1, 3, 'a', 'b', 'c'})
	f.Add([]byte{0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4})
	f.Add([]byte{0x82, 202, 0, 4, 0, 0, 0, 1, 1, 2, 'a', 'b', 0, 0, 0, 0, 0, 0, 0, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := items(t, data)
		packets, theirs := rtcp.Unmarshal(data)
		if !plain(data) {
			return
		}
		if (err == nil) != (theirs == nil) {
			t.Fatalf("we say %v, pion says %v", err, theirs)
		}
		var want []Item
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.SenderReport:
				want = append(want, Item{Kind: KindSender, SSRC: p.SSRC, Sender: Sender{p.SSRC, p.NTPTime, p.RTPTime, p.PacketCount, p.OctetCount}, Text: []byte{}})
			case *rtcp.SourceDescription:
				for _, c := range p.Chunks {
					for _, it := range c.Items {
						if it.Type == rtcp.SDESCNAME {
							want = append(want, Item{Kind: KindName, SSRC: c.Source, Text: []byte(it.Text)})
						}
					}
				}
			case *rtcp.Goodbye:
				for _, ssrc := range p.Sources {
					want = append(want, Item{Kind: KindBye, SSRC: ssrc, Text: []byte(p.Reason)})
				}
			}
		}
		if theirs == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("we read %+v, pion %+v", got, want)
		}
	})
}

// plain reports whether a datagram has only packets that both read alike: without
// padding, and of the types that we look into.
func plain(data []byte) bool {
	for rest := data; len(rest) > 0; {
		if rest[0]&0x20 != 0 {
			return false
		}
		p, ok := cut(&rest)
		if !ok {
			return true // both refuse
		}
		if p.kind < typeSender || p.kind > typeBye {
			return false
		}
	}
	return true
}

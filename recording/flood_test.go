package recording

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"callrec/capture"
	"callrec/policy"
)

// Whatever comes to a leg, from whomever, costs no memory, and neither does what
// is sent back. How much is taken in one sweep, the Set bounds.
func TestFloodsCostNoMemory(t *testing.T) {
	r := newRig(t, 1, policy.Settings{Format: "wav"})
	r.turn()
	l := r.calls[0].legs[Caller]
	ours, stranger := r.set.from, netip.MustParseAddrPort("192.0.2.66:4000")
	marshal := func(packets ...rtcp.Packet) []byte {
		b, err := rtcp.Marshal(packets)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	all := marshal(
		&rtcp.SenderReport{SSRC: 1, Reports: make([]rtcp.ReceptionReport, 31)},
		rtcp.NewCNAMESourceDescription(1, "somebody"),
		&rtcp.Goodbye{Sources: make([]uint32, 31), Reason: "a long story"},
		&rtcp.PictureLossIndication{},
	)
	for name, d := range map[string]capture.Datagram{
		"RTP of a stranger":    {From: stranger, Data: r.set.packet[:]},
		"RTCP of a stranger":   {From: stranger, RTCP: true, Data: all},
		"RTCP":                 {From: ours, RTCP: true, Data: all},
		"RTCP on the RTP port": {From: ours, Data: all},
		"a goodbye":            {From: ours, Data: marshal(&rtcp.Goodbye{Sources: []uint32{uint32(l.tag)}})},
		"broken RTCP":          {From: ours, RTCP: true, Data: all[:len(all)-5]},
		"broken RTP":           {From: ours, Data: []byte{0x80, 0, 0}},
		"another codec":        {From: ours, Data: append([]byte{0x80, 99}, r.set.packet[2:]...)},
		"the same packet":      {From: ours, Data: r.set.packet[:]},
		"another stream":       {From: ours, Data: append([]byte{0x80, 0, 0, 9, 0, 0, 0, 9}, make([]byte, 160)...)},
	} {
		d.Tag, d.At = l.tag, r.now
		took := l.counts.received
		if n := testing.AllocsPerRun(2000, func() { l.receive(&d, &r.shard.gate) }); n != 0 {
			t.Errorf("%s: %v allocations a datagram", name, n)
		}
		if l.counts.received-took != 2001 {
			t.Errorf("%s: %d datagrams counted", name, l.counts.received-took)
		}
	}
	now := r.now
	if n := testing.AllocsPerRun(100, func() {
		now += 5 * time.Second
		r.shard.sendReport(l, now)
	}); n != 0 {
		t.Errorf("%v allocations a report", n)
	}
}

// BenchmarkForeign is what a datagram of a stranger costs a shard, and BenchmarkRTCP
// one of a sender, of the usual size.
func BenchmarkForeign(b *testing.B) {
	r := newRig(b, 1, policy.Settings{Format: "wav"})
	r.turn()
	l := r.calls[0].legs[Caller]
	d := capture.Datagram{From: netip.MustParseAddrPort("192.0.2.66:4000"), At: r.now, Data: r.set.packet[:]}
	for b.Loop() {
		l.receive(&d, &r.shard.gate)
	}
}

func BenchmarkRTCP(b *testing.B) {
	r := newRig(b, 1, policy.Settings{Format: "wav"})
	r.turn()
	l := r.calls[0].legs[Caller]
	data, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.SenderReport{SSRC: 1, Reports: make([]rtcp.ReceptionReport, 1)}, rtcp.NewCNAMESourceDescription(1, "0123456789abcdef"),
	})
	if err != nil {
		b.Fatal(err)
	}
	d := capture.Datagram{From: r.set.from, RTCP: true, At: r.now, Data: data}
	for b.Loop() {
		l.receive(&d, &r.shard.gate)
	}
	if l.counts.badRTCP+l.counts.foreign > 0 {
		b.Fatalf("%+v", l.counts)
	}
}

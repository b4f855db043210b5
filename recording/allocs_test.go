package recording

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/codec/wav"
	"callrec/policy"
	"callrec/upload/spool"
)

// Packets and turns of a running call allocate nothing, whatever it is recorded to.
func TestTurnsAllocateNothing(t *testing.T) {
	sp, err := spool.Open(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sp.Close(t.Context()) }()
	all, err := newFilters()
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{cfg: Config{Spool: sp, Hold: time.Second, SourceTimeout: time.Second}, clock: capture.NewClock(), filters: all, epoch: time.Now()}
	s := newShard(m, capturetest.NewFake(20000, Slots))
	c := &call{spec: CallSpec{ID: CallID{"acc", "c"}, Legs: []LegSpec{{Leg: Caller}, {Leg: Callee}}}}
	for _, r := range []int{8000, 11025} {
		for _, channels := range []string{"mono", "stereo"} {
			spec, err := NewSpec(policy.Settings{Format: "wav", RecordSampleRate: &r, Channels: channels}, Defaults{})
			if err != nil {
				t.Fatal(err)
			}
			c.spec.Start = append(c.spec.Start, Request{Spec: spec})
		}
	}
	if _, err := s.begin(c); err != nil {
		t.Fatal(err)
	}
	p := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 1}, Payload: make([]byte, 160)}
	from := netip.MustParseAddrPort("192.0.2.7:30010")
	buf := make([]byte, wav.HeaderLen+200)
	at := c.epoch
	for _, l := range c.legs {
		l.source.latch(from, at)
	}
	turn := func() {
		for range 10 {
			at += 20 * time.Millisecond
			p.SequenceNumber++
			p.Timestamp += 160
			n, err := p.MarshalTo(buf)
			if err != nil {
				t.Fatal(err)
			}
			d := capture.Datagram{From: from, At: at, Data: buf[:n]}
			for _, l := range c.legs {
				l.receive(&d, &s.gate)
			}
		}
		s.tick(c, at)
		time.Sleep(time.Millisecond) // the writer gives its chunks back
	}
	for range 50 {
		turn()
	}
	if n := testing.AllocsPerRun(200, turn); n >= 1 {
		t.Errorf("%v allocations for each turn", n)
	}
}

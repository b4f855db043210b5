package recording

import (
	"net/netip"
	"testing"
	"time"

	"callrec/capture"
	"callrec/capture/jitter"
	"callrec/capture/report"
	"callrec/codec/resample"
)

// FuzzReceive gives a leg whatever a network peer can send: it may not crash,
// place anything beyond its bounds, or grow.
func FuzzReceive(f *testing.F) {
	rtp := append([]byte{0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7}, make([]byte, 160)...)
	f.Add(rtp, false)
	f.Add(append([]byte{0xB1, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0, 0, 1, 0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0}, 1, 2, 3, 1), false)
	f.Add([]byte{0x80, 200, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{0x81, 203, 0, 1, 0, 0, 0, 7}, true)
	f.Add([]byte{0x81, 203, 0, 1, 0, 0, 0, 7}, false)
	warp := resample.NewWarp()
	f.Fuzz(func(t *testing.T, data []byte, rtcp bool) {
		from := netip.MustParseAddrPort("192.0.2.7:30010")
		rules := Config{Hold: time.Second, SourceTimeout: 5 * time.Second}
		pool := jitter.NewPool(rules.Hold)
		l := &leg{source: source{want: from}, payloads: payloadTable(nil), buffer: jitter.New(pool, 0)}
		g := gate{rules: &rules}
		l.voice.buffer = l.buffer
		e := newEar(warp)
		for i := range 20 {
			at := time.Duration(i) * 150 * time.Millisecond
			l.receive(&capture.Datagram{From: from, RTCP: rtcp, At: at, Data: data}, &g)
			if i >= 7 {
				l.voice.hear(int64(i-7)*stretch, stretch, &e)
			}
		}
		if n := l.counts.received; n != 20 {
			t.Errorf("%d datagrams counted", n)
		}
		if sum := l.counts.rtp + l.counts.ignored + l.counts.foreign; !rtcp && !report.Muxed(data) && sum != 20 {
			t.Errorf("%d datagrams accounted for", sum)
		}
	})
}

package testkit

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
)

func TestAppendRTP(t *testing.T) {
	h := rtp.Header{SequenceNumber: 65535, Timestamp: 1 << 31, SSRC: 7, PayloadType: 8, Marker: true}
	raw := AppendRTP([]byte("before"), h, []byte{1, 2, 3})
	var p rtp.Packet
	if err := p.Unmarshal(raw[len("before"):]); err != nil {
		t.Fatal(err)
	}
	if p.SequenceNumber != 65535 || p.Timestamp != 1<<31 || p.SSRC != 7 || p.PayloadType != 8 || !p.Marker ||
		!bytes.Equal(p.Payload, []byte{1, 2, 3}) {
		t.Errorf("the packet came back as %v", p)
	}
}

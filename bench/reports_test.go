package bench

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// offerOf is an SBC's SDP for one leg, sent from and reported to these sockets.
func offerOf(rtp, rtcp netip.AddrPort) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\na=rtcp:%d\r\n",
		rtp.Addr(), rtp.Port(), rtcp.Port())
}

// A sender that offered SDP gets receiver reports of its stream, and, when an
// update has moved it in mid-call, from the same port at its new place.
func TestReceiverReportsReachTheSender(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24860-24869")
	var call callData
	for n, ssrc := range []uint32{0x1234, 0x5678} {
		media, reports := udp(t, "127.0.0.1:0"), udp(t, "127.0.0.1:0")
		sdp := offerOf(media.LocalAddr().(*net.UDPAddr).AddrPort(), reports.LocalAddr().(*net.UDPAddr).AddrPort())
		if n == 0 {
			call = w.announce("c", map[string]any{"format": "wav"}, map[string]any{"sdp": sdp})
		} else {
			a := w.do(http.MethodPost, "/channels/c", map[string]any{"action": "update", "sdp": sdp})
			if a.Code != http.StatusOK || !strings.Contains(a.Data.SDP, fmt.Sprintf("m=audio %d ", call.Legs[0].RTPPort)) || a.Data.Legs[0] != call.Legs[0] {
				t.Fatalf("update: %d %s", a.Code, a.Raw)
			}
		}
		k := newTalk(uint64(70+n), 20)
		k.ssrc = ssrc
		sent := make(chan int)
		stop := make(chan struct{})
		go func() {
			defer close(sent)
			for i := range k.sent {
				select {
				case <-stop:
					return
				case <-time.After(frameTime):
				}
				if i != 3 {
					k.send(t, media, call.port(t, "caller"), i)
				}
			}
		}()
		report, from := awaitReport(t, reports, ssrc)
		close(stop)
		<-sent
		if int(from.Port()) != call.Legs[0].RTCPPort || report.LastSequenceNumber < uint32(k.seq) || report.TotalLost > 1 {
			t.Errorf("from %v: %+v", from, report)
		}
	}
	w.act("c", "hangup")
}

// awaitReport waits for a report about ssrc; the next is due within 6.2 s.
func awaitReport(t *testing.T, conn *net.UDPConn, ssrc uint32) (rtcp.ReceptionReport, netip.AddrPort) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			t.Fatal(err)
		}
		if err := rtcp.CompoundPacket(packets).Validate(); err != nil {
			t.Fatal(err)
		}
		if rr, ok := packets[0].(*rtcp.ReceiverReport); ok && len(rr.Reports) == 1 && rr.Reports[0].SSRC == ssrc {
			return rr.Reports[0], from
		}
	}
}

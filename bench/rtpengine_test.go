package bench

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"callrec/internal/testkit"
)

// agent is one of the two parties that talk through the SBC.
type agent struct {
	name      string
	rtp, rtcp *net.UDPConn
	to        atomic.Pointer[netip.AddrPort] // where the SBC wants its media; RTCP goes to the next port
	version   int                            // of its SDP
	talk      *talk
	mood      mood         // changed between two turns of talkFor
	pressed   int          // packets of the key so far,
	key       int          // and the packet of the talk with which it began
	heard     atomic.Int64 // packets of the other party
}

// mood is what becomes of the packets that a party has to send.
type mood uint8

const (
	speaking mood = iota
	muted         // they are not made: the sequence numbers go on where they were, the timestamps do not
	unheard       // they are lost on the way to the SBC
	pressing      // a key is pressed
)

func newAgent(t *testing.T, name string, k *talk) *agent {
	a := &agent{name: name, talk: k, rtp: udp(t, "127.0.0.1:0"), rtcp: udp(t, "127.0.0.1:0")}
	go func() {
		buf := make([]byte, 2048)
		for {
			if _, err := a.rtp.Read(buf); err != nil {
				return // closed at the end of the test
			}
			a.heard.Add(1)
		}
	}()
	return a
}

// sdp offers or answers µ-law in the given direction.
func (a *agent) sdp(direction string) string {
	a.version++
	port := func(c *net.UDPConn) int { return c.LocalAddr().(*net.UDPAddr).Port }
	return strings.ReplaceAll(fmt.Sprintf(`v=0
o=%s 1 %d IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio %d RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=rtcp:%d
a=%s
a=ptime:20
`, a.name, a.version, port(a.rtp), port(a.rtcp), direction), "\n", "\r\n")
}

// report sends an RTCP sender report of the talk so far.
func (a *agent) report(t *testing.T, n int) {
	wall := time.Now()
	fraction := uint64(wall.Nanosecond()) << 32 / 1e9
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.SenderReport{
			SSRC: a.talk.ssrc, NTPTime: uint64(wall.Unix()+2208988800)<<32 | fraction,
			RTPTime: a.talk.ts + uint32(n*frame), PacketCount: uint32(n), OctetCount: uint32(n * frame),
		},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: a.talk.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: a.name + "@test"}},
		}}},
	})
	if err == nil {
		_, err = a.rtcp.WriteToUDPAddrPort(b, netip.AddrPortFrom(a.to.Load().Addr(), a.to.Load().Port()+1))
	}
	if err != nil {
		t.Errorf("cannot report: %v", err)
	}
}

// press sends the next packet of a key in place of the n-th of the talk.
func (a *agent) press(t *testing.T, n int) {
	if a.pressed == 0 {
		a.key = n
	}
	h := rtp.Header{
		PayloadType: 101, Marker: a.pressed == 0, SSRC: a.talk.ssrc,
		SequenceNumber: a.talk.seq + uint16(n-a.talk.muted), Timestamp: a.talk.ts + uint32(a.key*frame),
	}
	if _, err := a.rtp.WriteToUDPAddrPort(testkit.AppendRTP(nil, h, testkit.DigitPayload(5, a.pressed)), *a.to.Load()); err != nil {
		t.Errorf("cannot send: %v", err)
	}
	a.pressed++
}

// forked is a call between two agents through rtpengine, recorded by the worker.
type forked struct {
	t     *testing.T
	sbc   *rtpengine
	w     *worker
	id    string
	ab    [2]*agent
	start time.Time // of tick 0
	tick  int

	tag          string // of the fork
	call         callData
	began, ended time.Time // announcement and hang-up
	loose        [2][]span // when the legs were changed
}

// startForked sets the call up. The SBC has 60 ports from port on, the worker the
// next 20.
func startForked(t *testing.T, id string, port int, talks [2]*talk) *forked {
	f := &forked{t: t, id: id, sbc: startRTPEngine(t, port, port+59)}
	f.w = startWorker(t, t.TempDir(), "--rtp-ports", fmt.Sprintf("%d-%d", port+60, port+79), "--shards", "1")
	f.ab = [2]*agent{newAgent(t, "alice", talks[0]), newAgent(t, "bob", talks[1])}
	f.negotiate("sendrecv", "sendrecv")
	f.start = time.Now().Add(frameTime)
	return f
}

// negotiate is the caller's offer and the callee's answer, the first or another.
func (f *forked) negotiate(offered, answered string) {
	f.t.Helper()
	params := func(sdp string) map[string]any {
		return map[string]any{
			"call-id": f.id, "from-tag": "alice", "ICE": "remove", "sdp": sdp, "replace": []string{"origin", "session-connection"},
		}
	}
	f.ab[1].to.Store(mediaOf(f.t, f.sbc.do("offer", params(f.ab[0].sdp(offered)))))
	p := params(f.ab[1].sdp(answered))
	p["to-tag"] = "bob"
	f.ab[0].to.Store(mediaOf(f.t, f.sbc.do("answer", p)))
}

// mediaOf is where the SDP of a reply wants media.
func mediaOf(t *testing.T, reply map[string]any) *netip.AddrPort {
	t.Helper()
	sdp, _ := reply["sdp"].(string)
	for line := range strings.Lines(sdp) {
		if word := strings.Fields(line); strings.HasPrefix(line, "m=audio ") && len(word) > 1 {
			port, err := strconv.ParseUint(word[1], 10, 16)
			if err != nil {
				break
			}
			to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
			return &to
		}
	}
	t.Fatalf("no media in %q", sdp)
	return nil
}

// fork announces the call to the worker with the SBC's offer, and gives the SBC
// the worker's answer, while the parties talk on.
func (f *forked) fork() {
	f.t.Helper()
	f.unsteady(both, func() {
		offer := f.subscribe(nil)
		f.began = time.Now()
		more := twoFiles()
		more["sdp"], more["at"] = offer["sdp"], f.began.Format(time.RFC3339Nano)
		f.call = f.w.announce(f.id, nil, more)
		f.accept(offer, f.call.SDP)
	})
}

// subscribe asks the SBC for a fork of both parties; more may change one it has.
func (f *forked) subscribe(more map[string]any) map[string]any {
	f.t.Helper()
	params := map[string]any{"call-id": f.id, "flags": []string{"all"}, "ICE": "remove"}
	maps.Copy(params, more)
	return f.sbc.do("subscribe request", params)
}

// accept gives the SBC the worker's answer to its offer of a fork.
func (f *forked) accept(offer map[string]any, answer string) {
	f.t.Helper()
	f.tag, _ = offer["to-tag"].(string)
	f.sbc.do("subscribe answer", map[string]any{
		"call-id": f.id, "to-tag": f.tag, "sdp": answer, "flags": []string{"allow-transcoding"},
	})
}

// update tells the worker what the SBC offers in mid-call, and returns its answer.
func (f *forked) update(offer map[string]any) (answer string) {
	f.t.Helper()
	a := f.w.do(http.MethodPost, "/channels/"+f.id, map[string]any{"action": "update", "sdp": offer["sdp"]})
	if a.Code != http.StatusOK || len(a.Data.Legs) != 2 || a.Data.Legs[0] != f.call.Legs[0] || a.Data.Legs[1] != f.call.Legs[1] {
		f.t.Fatalf("update: %d %s", a.Code, a.Raw)
	}
	return a.Data.SDP
}

// both legs, for unsteady.
var both = []int{0, 1}

// settles is how long after a change of media a packet may still be caught by it.
const settles = 150 * time.Millisecond

// unsteady does what may cost a packet of the given legs, and notes when.
func (f *forked) unsteady(legs []int, do func()) {
	f.t.Helper()
	s := span{from: time.Now().Add(-frameTime)}
	do()
	s.to = time.Now().Add(settles)
	for _, leg := range legs {
		f.loose[leg] = append(f.loose[leg], s)
	}
}

// span is a stretch of time.
type span struct{ from, to time.Time }

// talkFor lets both parties talk, in step: each sends in the same turn. What
// happens meanwhile runs beside it, as a call does not wait for its signalling.
func (f *forked) talkFor(d time.Duration, meanwhile func()) {
	f.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if meanwhile != nil {
			meanwhile() // may end this goroutine by Fatal; the test then ends below
		}
	}()
	for range int(d / frameTime) {
		time.Sleep(time.Until(f.start.Add(time.Duration(f.tick) * frameTime)))
		for _, a := range f.ab {
			n := f.tick - a.talk.began
			switch a.mood {
			case muted:
				a.talk.muted++
				a.talk.marker = true
			case unheard:
			case pressing:
				a.press(f.t, n)
			case speaking:
				a.talk.send(f.t, a.rtp, *a.to.Load(), n)
				if f.tick%50 == 25 {
					a.report(f.t, n)
				}
			}
		}
		f.tick++
	}
	<-done
	if f.t.Failed() {
		f.t.FailNow()
	}
}

func (f *forked) hangup() {
	f.ended = time.Now()
	a := f.w.do(http.MethodPost, "/channels/"+f.id, map[string]any{"action": "hangup", "at": f.ended.Format(time.RFC3339Nano)})
	if a.Code != http.StatusOK {
		f.t.Fatalf("hangup: %d %s", a.Code, a.Raw)
	}
}

// reported is how many receiver reports the SBC has got for each leg of the fork.
func (f *forked) reported() (n [2]int) {
	f.t.Helper()
	tags, _ := f.sbc.do("query", map[string]any{"call-id": f.id})["tags"].(map[string]any)
	fork, _ := tags[f.tag].(map[string]any)
	medias, _ := fork["medias"].([]any)
	for i, media := range medias {
		m, _ := media.(map[string]any)
		streams, _ := m["streams"].([]any)
		if i > 1 || len(streams) != 2 { // RTP and RTCP
			f.t.Fatalf("rtpengine has %v of the fork", fork)
		}
		s, _ := streams[1].(map[string]any)
		stats, _ := s["stats"].(map[string]any)
		n[i], _ = stats["packets"].(int)
	}
	return n
}

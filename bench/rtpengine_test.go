package bench

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// agent is one of the two parties that talk through the SBC.
type agent struct {
	name      string
	rtp, rtcp *net.UDPConn
	to        atomic.Pointer[netip.AddrPort] // where the SBC wants its media; RTCP goes to the next port
	version   int                            // of its SDP
	talk      *talk
	heard     atomic.Int64 // packets of the other party
}

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
m=audio %d RTP/AVP 0
a=rtpmap:0 PCMU/8000
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

// forked is a call between two agents through rtpengine, recorded by the worker.
type forked struct {
	t     *testing.T
	sbc   *rtpengine
	w     *worker
	id    string
	ab    [2]*agent
	start time.Time // of tick 0
	tick  int

	call       callData
	before     time.Time // the announcement
	subscribed time.Time // the SBC was told our ports
	after      time.Time // the hang-up
}

// startForked sets the call up.
func startForked(t *testing.T, id string, enginePorts, workerPorts int, talks [2]*talk) *forked {
	f := &forked{t: t, id: id, sbc: startRTPEngine(t, enginePorts, enginePorts+99)}
	f.w = startWorker(t, t.TempDir(), "--rtp-ports", fmt.Sprintf("%d-%d", workerPorts, workerPorts+99))
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
	offer := f.sbc.do("subscribe request", map[string]any{"call-id": f.id, "flags": []string{"all"}, "ICE": "remove"})
	f.before = time.Now()
	more := twoFiles()
	more["sdp"] = offer["sdp"]
	f.call = f.w.announce(f.id, nil, more)
	f.subscribed = time.Now()
	f.sbc.do("subscribe answer", map[string]any{
		"call-id": f.id, "to-tag": offer["to-tag"], "sdp": f.call.SDP, "flags": []string{"allow-transcoding"},
	})
}

// talkFor lets both parties talk, in step: each sends in the same turn. What
// happens meanwhile runs beside it, as a call does not wait for its signalling.
func (f *forked) talkFor(d time.Duration, mute bool, meanwhile func()) {
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
		for i, a := range f.ab {
			n := f.tick - a.talk.began
			if i == 1 && mute {
				a.talk.muted++
				continue
			}
			a.talk.send(f.t, a.rtp, *a.to.Load(), n)
			if f.tick%50 == 25 {
				a.report(f.t, n)
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
	f.w.act(f.id, "hangup")
	f.after = time.Now()
}

// firstHeard is the first packet of a talk that is in the channel.
func firstHeard(ch []int16, offset, packets int) int {
	for p, v := range ch {
		if v != 0 && p >= offset {
			return min((p-offset)/frame, packets)
		}
	}
	return packets
}

// TestRTPEngine: a running call that a real SBC forks to the worker is recorded,
// both parties, byte for byte from the first packet that was forked.
func TestRTPEngine(t *testing.T) {
	t.Parallel()
	talks := [2]*talk{newTalk(11, 8), newTalk(12, 8)}
	f := startForked(t, "fork@test", 24000, 24200, talks)
	f.talkFor(500*time.Millisecond, false, nil)
	f.talkFor(6*time.Second, false, f.fork)
	f.talkFor(500*time.Millisecond, false, f.hangup)
	for _, a := range f.ab {
		if heard := a.heard.Load(); heard < 300 {
			t.Errorf("%s heard %d packets of 350: the SBC does not carry the call", a.name, heard)
		}
	}
	f.check([2][]*talk{{talks[0]}, {talks[1]}})
}

// TestRTPEngineTransferAndHold: the callee's media come from another source in
// mid-call, and later pause. Nothing is lost by it, and the pause is as long in
// the file as it was.
func TestRTPEngineTransferAndHold(t *testing.T) {
	t.Parallel()
	talks := [2]*talk{newTalk(21, 10), newTalk(22, 3)}
	f := startForked(t, "transfer@test", 24100, 24300, talks)
	f.talkFor(300*time.Millisecond, false, nil)
	f.talkFor(2*time.Second, false, f.fork)
	next := newTalk(23, 8)
	next.began, next.marker = f.tick, true
	f.ab[1].talk = next
	f.talkFor(2*time.Second, false, nil)
	f.talkFor(1500*time.Millisecond, true, func() { f.negotiate("sendonly", "recvonly") })
	next.marker = true
	f.talkFor(time.Second, false, func() { f.negotiate("sendrecv", "sendrecv") })
	f.talkFor(300*time.Millisecond, false, f.hangup)
	f.check([2][]*talk{{talks[0]}, {talks[1], next}})
	silent := 0
	for n := range next.sent[:f.tick-next.began] {
		if next.sent[n].IsZero() {
			silent++
		}
	}
	if silent != 75 {
		t.Errorf("the hold was %d packets: the test has lost its teeth", silent)
	}
}

// check compares the files with what each leg said, one talk after the other.
func (f *forked) check(legs [2][]*talk) {
	t := f.t
	t.Helper()
	stereo := f.w.fetch(f.call.Recordings[0].ID, 15*time.Second)
	mono := f.w.fetch(f.call.Recordings[1].ID, 15*time.Second)
	if stereo.channels != 2 || mono.channels != 1 {
		t.Fatalf("%d and %d channels", stereo.channels, mono.channels)
	}
	n := len(mono.pcm)
	if most := int(f.after.Sub(f.before) / sample); n > most || n < most-4000 {
		t.Errorf("the file has %d samples, the call lasted %d", n, most)
	}
	var want [2]*channel
	var place [2]int // of tick 0
	for leg, talks := range legs {
		got := stereo.leg(leg)
		want[leg] = newChannel(n)
		for i, k := range talks {
			lo := 0
			if i == 0 { // of the talk that was under way, what left before the fork is not there
				for lo < len(k.sent) && !k.sent[lo].IsZero() && k.sent[lo].Before(f.subscribed.Add(200*time.Millisecond)) {
					lo++
				}
			}
			// What rtpengine needs to forward a packet comes on top of the sending.
			offset, off := k.locate(got, stereo.Started, lo, len(k.sent), 80)
			if i == 0 {
				lo = firstHeard(got, offset, len(k.sent))
				place[leg] = offset
				missed := k.sent[lo].Sub(f.subscribed)
				t.Logf("%s: first packet %.1f ms after the SBC knew our ports", f.ab[leg].name, missed.Seconds()*1000)
				if missed > 150*time.Millisecond {
					t.Errorf("%s: the first %v of the fork are missing", f.ab[leg].name, missed)
				}
			} else if shift := offset - k.began*frame - place[leg]; math.Abs(float64(shift)) > 16 {
				t.Errorf("%s: after the change of source %d samples from where it was before", f.ab[leg].name, shift)
			} else {
				t.Logf("%s: after the change of source %d samples from where it was before", f.ab[leg].name, shift)
			}
			t.Logf("%s: talk %d is %d samples (%.2f ms) from when it was sent; sender's worst lag %v", f.ab[leg].name, i, off, float64(off)/8, k.lag())
			k.lay(want[leg], offset, lo, len(k.sent))
		}
		wantSame(t, f.ab[leg].name, got, want[leg].pcm)
	}
	if apart := place[1] - place[0]; math.Abs(float64(apart)) > 16 {
		t.Errorf("the legs are %.3f ms apart, they were sent in step", float64(apart)/8)
	} else {
		t.Logf("the legs are %.3f ms apart, they were sent in step", float64(apart)/8)
	}
	wantSame(t, "mix", mono.pcm, sum(want[0].pcm, want[1].pcm))
	// What is no media, foreign or useless was a report that was understood.
	reports := f.w.fate("received") - f.w.fate("rtp") - f.w.fate("foreign") - f.w.fate("ignored")
	if reports < 6 || f.w.fate("foreign")+f.w.fate("ignored") > 0 {
		t.Errorf("%v sender reports, %v foreign datagrams, %v ignored", reports, f.w.fate("foreign"), f.w.fate("ignored"))
	}
}

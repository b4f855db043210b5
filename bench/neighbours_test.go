package bench

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/internal/testkit"
)

// stereoCall announces a call recorded in stereo.
func (w *worker) stereoCall(id string, more map[string]any) callData {
	w.t.Helper()
	return w.announce(id, map[string]any{"format": "wav", "channels": "stereo"}, more)
}

// wantOnly checks that a stereo file holds on each leg the one talk and nothing
// else; nil is silence.
func wantOnly(t *testing.T, f recorded, talks [2]*talk) {
	t.Helper()
	for leg, k := range talks {
		got := f.leg(leg)
		want := newChannel(len(got))
		if k != nil {
			offset, off := k.locate(got, f.Started, 0, len(k.sent), 8)
			t.Logf("leg %d: %d samples, off by %d from when they were sent, sender's worst lag %v", leg, len(got), off, k.lag())
			k.lay(want, offset, 0, len(k.sent))
		}
		wantSame(t, fmt.Sprint("leg ", leg), got, want.pcm)
	}
}

// speak sends a whole talk, paced.
func (k *talk) speak(t testing.TB, from *net.UDPConn, to netip.AddrPort) {
	start := time.Now()
	for n := range k.sent {
		time.Sleep(time.Duration(n)*frameTime - time.Since(start))
		k.send(t, from, to, n)
	}
}

// junk is what may come to an open port by mistake or ill will, much of it made
// to look like the packets of k.
func junk(k *talk, r *rand.Rand, n int) []byte {
	media := k.packet(n % len(k.sent))
	like := func(h rtp.Header) []byte {
		h.SSRC, h.SequenceNumber, h.Timestamp = k.ssrc, k.seq+uint16(n), k.ts+uint32(n*frame)
		return testkit.AppendRTP(nil, h, media[12:])
	}
	switch r.IntN(10) {
	case 0:
		return media[:r.IntN(12)]
	case 1, 2:
		return append(media[:12:12], make([]byte, 2048+r.IntN(2000))...) // longer than any RTP that is taken
	case 3:
		return like(rtp.Header{PayloadType: uint8(1 + r.IntN(7))}) // static types that are not ours
	case 4:
		return like(rtp.Header{PayloadType: 101})
	case 5: // a sender report on the RTP port, then garbage
		return append([]byte{0x80, 200, 0, 6}, random(r, 24+r.IntN(100))...)
	case 6: // more contributing sources than there are bytes
		return append([]byte{0x8F}, media[1:40]...)
	case 7: // an extension that is longer than the packet
		b := append([]byte{0x90}, media[1:16]...)
		return append(b[:12], 0xBE, 0xDE, 0xFF, 0xFF)
	case 8: // padding that is longer than the packet
		b := append([]byte{0xA0}, media[1:]...)
		b[len(b)-1] = 255
		return b
	}
	b := random(r, 1+r.IntN(600))
	b[0] &= 0x3F // of no RTP version
	return b
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Strangers, broken packets and impossible ones at the ports of a call whose
// stream goes on: counted, and nothing of them in the file.
func TestJunkStaysOut(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24800-24819")
	caller, callee, stranger := udp(t, "127.0.0.1:0"), udp(t, "127.0.0.1:0"), udp(t, "127.0.0.2:0")
	call := w.stereoCall("c", map[string]any{"legs": []map[string]any{
		{"leg": "caller", "source": caller.LocalAddr().String()}, {"leg": "callee"},
	}})
	talks := [2]*talk{newTalk(41, 4), newTalk(42, 4)}
	likeness := [2]talk{*talks[0], *talks[1]} // the senders have the originals
	mimic := likeness[0]                      // what strangers send is good RTP, of this very stream
	mimic.octets = babble(99, len(mimic.octets))
	done := make(chan struct{}, 2)
	for leg, conn := range []*net.UDPConn{caller, callee} {
		go func() {
			talks[leg].speak(t, conn, call.port(t, []string{"caller", "callee"}[leg]))
			done <- struct{}{}
		}()
	}
	time.Sleep(300 * time.Millisecond) // so that the callee, who was not announced, is the first
	r := rand.New(rand.NewPCG(4, 4))
	other := udp(t, "127.0.0.1:0") // of the right address, but another port
	for n := range 600 {
		to := call.port(t, []string{"caller", "callee"}[n%2])
		reports := netip.AddrPortFrom(to.Addr(), to.Port()+1)
		for _, p := range []struct {
			from *net.UDPConn
			to   netip.AddrPort
			data []byte
		}{
			{[]*net.UDPConn{caller, callee}[n%2], to, junk(&likeness[n%2], r, n)},
			{[]*net.UDPConn{caller, callee}[n%2], reports, junk(&likeness[n%2], r, n)},
			{caller, reports, append([]byte{0x81, byte(200 + n%8), 0, byte(r.IntN(20))}, random(r, r.IntN(80))...)},
			{stranger, to, mimic.packet(n % len(mimic.sent))},
			{other, to, mimic.packet(n % len(mimic.sent))},
		} {
			if _, err := p.from.WriteToUDPAddrPort(p.data, p.to); err != nil {
				t.Fatalf("%d bytes to %v: %v", len(p.data), p.to, err)
			}
		}
		// The longest a datagram can be. Half a dozen of them fill the socket's buffer
		// until the next sweep, and a flood is another test's matter.
		if n%50 < 2 {
			longest := append(mimic.packet(n%len(mimic.sent)), make([]byte, 65507-172)...)
			if _, err := stranger.WriteToUDPAddrPort(longest, to); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	<-done
	<-done
	w.act("c", "hangup")
	f := w.fetch(call.Recordings[0].ID, 15*time.Second)
	wantOnly(t, f, talks)
	if foreign, ignored := w.fate("foreign"), w.fate("ignored"); foreign < 1100 || ignored < 400 {
		t.Errorf("counted: %v foreign, %v ignored", foreign, ignored)
	}
}

// A flood at one call's port is that call's trouble alone: of somebody who may
// speak there, or of a stranger, by turns.
func TestFloodSparesNeighbours(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24820-24839", "--shards", "1") // the flooded call's own shard has the neighbour too
	victim, neighbour := w.stereoCall("victim", nil), w.stereoCall("neighbour", nil)
	guarded := w.stereoCall("guarded", map[string]any{"legs": []any{map[string]any{"leg": "caller", "source": "127.0.0.2"}}})
	talks := [2]*talk{newTalk(51, 4), newTalk(52, 4)}
	done := make(chan struct{}, 2)
	for leg, name := range []string{"caller", "callee"} {
		conn := udp(t, "127.0.0.1:0")
		go func() {
			talks[leg].speak(t, conn, neighbour.port(t, name))
			done <- struct{}{}
		}()
	}
	time.Sleep(500 * time.Millisecond)
	flood, to := udp(t, "127.0.0.1:0"), [2]netip.AddrPort{victim.port(t, "caller"), guarded.port(t, "caller")}
	packet := newTalk(53, 1).packet(0)
	start, sent := time.Now(), 0
	const perSecond, seconds = 20000, 2
	for time.Since(start) < seconds*time.Second {
		for due := int(time.Since(start).Seconds() * perSecond); sent < due; sent++ {
			if _, err := flood.WriteToUDPAddrPort(packet, to[sent%2]); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("%d packets in %v", sent, time.Since(start))
	<-done
	<-done
	before := time.Now()
	w.act("neighbour", "hangup")
	w.act("victim", "hangup")
	w.act("guarded", "hangup")
	wantOnly(t, w.fetch(neighbour.Recordings[0].ID, 15*time.Second), talks)
	for _, call := range []callData{victim, guarded} {
		f := w.fetch(call.Recordings[0].ID, 15*time.Second)
		if length := time.Duration(len(f.pcm)/2) * sample; (before.Sub(f.Started) - length).Abs() > 250*time.Millisecond {
			t.Errorf("%s: the flooded call's file holds %v of %v", call.CallID, length, before.Sub(f.Started))
		}
		if call.CallID == "guarded" {
			wantOnly(t, f, [2]*talk{})
		}
	}
}

// Ports that had a call rest before they have another; when all rest, that is
// said with the number and the flag. What still comes for the old call goes
// nowhere. Whatever the shards, the whole range is used up first.
func TestPortsRest(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24840-24855", "--shards", "2") // 8 pairs, 4 calls
	stale := newTalk(61, 6)
	conn := udp(t, "127.0.0.1:0")
	done := make(chan struct{})
	var ids []string
	used := map[int]bool{}
	var refusal answer
	for n := 0; n < 6 && refusal.Code == 0; n++ {
		id := fmt.Sprint("call-", n)
		a := w.do(http.MethodPut, "/channels", map[string]any{"call_id": id, "flow": map[string]any{
			"module": "record_call", "data": map[string]any{"action": "start", "format": "wav", "channels": "stereo"},
		}})
		if a.Code != http.StatusCreated {
			refusal = a
			break
		}
		for _, l := range a.Data.Legs {
			if used[l.RTPPort] {
				t.Errorf("%s has port %d again", id, l.RTPPort)
			}
			used[l.RTPPort] = true
		}
		if n == 0 { // its party never hears of the hang-up
			to := a.Data.port(t, "caller")
			go func() {
				defer close(done)
				stale.speak(t, conn, to)
			}()
		}
		ids = append(ids, a.Data.Recordings[0].ID)
		time.Sleep(300 * time.Millisecond)
		w.act(id, "hangup")
		time.Sleep(1300 * time.Millisecond) // the hold; then the ports are the worker's again
	}
	var data struct{ Message string }
	if err := json.Unmarshal(refusal.Raw, &data); err != nil {
		t.Fatalf("refused with %d %s: %v", refusal.Code, refusal.Raw, err)
	}
	said := refusal.Message + " " + string(refusal.Raw)
	if len(ids) == 0 {
		t.Skipf("somebody has the ports of this test: %s", said)
	}
	if refusal.Code != http.StatusServiceUnavailable || !strings.Contains(said, "--rtp-ports") || !regexp.MustCompile(`\d+ of \d+ pairs free`).MatchString(said) {
		t.Errorf("refused with %d %s", refusal.Code, said)
	}
	if len(ids) < 4 && !strings.Contains(said, "other programs") {
		t.Errorf("%d calls had ports, there were ports for 4: %s", len(ids), said)
	}
	if retry := w.retryAfter(map[string]any{"call_id": "late", "flow": map[string]any{"module": "record_call", "data": map[string]any{"action": "start", "format": "wav"}}}); retry == "" {
		t.Error("no Retry-After")
	}
	<-done
	for n, id := range ids {
		f := w.fetch(id, 15*time.Second)
		if n > 0 {
			wantOnly(t, f, [2]*talk{})
			continue
		}
		wantOnly(t, f, [2]*talk{stale}) // up to the hang-up it was the call's own
	}
	if !long() {
		return
	}
	// A minute after the last of them, all but the stale stream's have rested.
	time.Sleep(62 * time.Second)
	if again := w.stereoCall("rested", nil); !used[again.Legs[0].RTPPort] || !used[again.Legs[1].RTPPort] {
		t.Errorf("ports that nobody had: %+v", again.Legs)
	}
}

// retryAfter announces and returns that header of the answer.
func (w *worker) retryAfter(call map[string]any) string {
	w.t.Helper()
	b, err := json.Marshal(map[string]any{"data": call})
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPut, "http://"+w.api+"/v2/accounts/acc/channels", strings.NewReader(string(b)))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", w.token)
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusServiceUnavailable {
		w.t.Errorf("announced with %d", resp.StatusCode)
	}
	return resp.Header.Get("Retry-After")
}

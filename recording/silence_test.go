package recording_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"callrec/codec/g711"
	"callrec/recording"
)

// watched is what is told of a call's silence, with the second of its time.
type watched struct {
	name   string
	second int
}

func (w *world) watched(start time.Time) (out []watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Name == "silent" || e.Name == "heard" || e.Name == "ended" {
			out = append(out, watched{e.Name, int(e.At.Sub(start) / time.Second)})
		}
	}
	return out
}

// Each silence of both legs is told of once, after a minute, and its end too; after
// the time-out the call ends. What counts as media is RTP that can be recorded, and
// RTCP. RTP that cannot be, such as another codec, does not end a silence, but it
// keeps the call; what others send does nothing.
func TestSilenceIsTold(t *testing.T) {
	stranger := netip.MustParseAddrPort("192.0.2.66:30010")
	speech := func(pt uint8) []byte {
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SSRC: 1}, Payload: make([]byte, 160)}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 1}})
	if err != nil {
		t.Fatal(err)
	}
	goodbye, err := rtcp.Marshal([]rtcp.Packet{&rtcp.Goodbye{Sources: []uint32{1}}})
	if err != nil {
		t.Fatal(err)
	}
	every := func(step, from, to int) (at []int) {
		for s := from; s < to; s += step {
			at = append(at, s)
		}
		return at
	}
	for _, c := range []struct {
		name string
		at   []int // seconds
		leg  int
		rtcp bool
		from netip.AddrPort
		data []byte
		want []watched
	}{
		{"nothing", nil, 0, false, callerFrom, nil, []watched{{"silent", 60}, {"ended", 200}}},
		{"one leg goes on", every(20, 0, 300), 1, false, calleeFrom, speech(8), []watched{{"silent", 340}, {"ended", 480}}},
		{"two silences", []int{0, 100, 190}, 0, false, callerFrom, speech(0), []watched{{"silent", 60}, {"heard", 100}, {"silent", 160}, {"heard", 190}, {"silent", 250}, {"ended", 390}}},
		{"reports go on", every(5, 0, 300), 0, true, callerFrom, report, []watched{{"silent", 355}, {"ended", 495}}},
		{"a goodbye is a sign too", []int{100}, 0, true, callerFrom, goodbye, []watched{{"silent", 60}, {"heard", 100}, {"silent", 160}, {"ended", 300}}},
		{"comfort noise", every(20, 0, 300), 0, false, callerFrom, speech(13), []watched{{"silent", 340}, {"ended", 480}}},
		{"another codec", every(20, 0, 300), 0, false, callerFrom, speech(18), []watched{{"silent", 60}, {"ended", 480}}},
		{"strangers", every(20, 0, 300), 0, false, stranger, speech(0), []watched{{"silent", 60}, {"ended", 200}}},
		{"strangers' reports", every(20, 0, 300), 0, true, stranger, report, []watched{{"silent", 60}, {"ended", 200}}},
		{"garbage", every(20, 0, 300), 0, false, callerFrom, []byte("hello, is anybody there?"), []watched{{"silent", 60}, {"ended", 200}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				start := time.Now()
				info := w.announceLegs("c", recording.LegSpec{Leg: recording.Caller, Source: callerFrom}, recording.LegSpec{Leg: recording.Callee, Source: calleeFrom})
				port := info.Legs[c.leg].Ports.RTP
				if c.rtcp {
					port++
				}
				for _, s := range c.at {
					w.push(port, c.from, w.now()+time.Duration(s)*second, c.data)
				}
				w.sleep(500 * second)
				if got := w.watched(start); !reflect.DeepEqual(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}, func(cfg *recording.Config) { cfg.MediaTimeout = 200 * second })
		})
	}
}

// Packets that cannot be recorded give nobody the leg: whoever sends what can is
// still the first.
func TestUnknownPayloadDoesNotLatch(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		port := info.Legs[0].Ports.RTP
		start := w.now()
		for i := range 100 {
			b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SSRC: 5, SequenceNumber: uint16(i)}, Payload: make([]byte, 100)}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			w.push(port, calleeFrom, start+time.Duration(i)*20*ms, b)
		}
		k := talk{from: callerFrom, start: start + 500*ms, octets: babble(rate, 1, g711.MuLaw), ssrc: 1}
		w.send(port, k)
		w.sleep(3 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(3 * rate)
		want.hear(0, rate/2, k.octets, k.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 3*rate))
	})
}

package recording_test

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/codec/g711"
	"callrec/recording"
)

// pushDigit sends a key as a telephone does: packets that tell of a growing
// duration, the last three times, at 50 a second from a packet of the stream on.
func (w *world) pushDigit(port uint16, k talk, packet int, event byte, packets int) {
	for i := range packets + 2 {
		n := min(i+1, packets)
		end := byte(10)
		if n == packets {
			end |= 0x80
		}
		p := rtp.Packet{
			Header: rtp.Header{
				Version: 2, PayloadType: 101, Marker: i == 0, SSRC: k.ssrc,
				SequenceNumber: k.seq + uint16(packet+i), Timestamp: k.ts + uint32(packet*160),
			},
			Payload: []byte{event, end, byte(n * 160 >> 8), byte(n * 160)},
		}
		b, err := p.Marshal()
		if err != nil {
			w.t.Fatal(err)
		}
		w.push(port, k.from, k.start+time.Duration(packet+min(i, packets-1))*20*ms, b)
	}
}

// Keys are told of once, with their time, where that was asked for and no mask is
// on; they are always counted, and never heard.
func TestDigitsAreTold(t *testing.T) {
	for _, told := range []bool{false, true} {
		inWorld(t, func(w *world) {
			spec := callSpec("c", request(t, `{}`))
			spec.Legs = []recording.LegSpec{{Leg: recording.Caller, Payloads: map[uint8]recording.Payload{0: recording.PayloadPCMU, 101: recording.PayloadEvents}}}
			info, _, err := w.m.Announce(w.t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			k := talk{
				from: callerFrom, start: w.now(), octets: babble(6*rate, 1, g711.MuLaw), ssrc: 1,
				drop: func(i int) bool { return i >= 50 && i < 62 || i >= 100 && i < 112 || i >= 200 && i < 212 },
			}
			port := info.Legs[0].Ports.RTP
			w.send(port, k)
			w.pushDigit(port, k, 50, 5, 10)
			w.pushDigit(port, k, 100, 11, 10)
			w.pushDigit(port, k, 200, 9, 10)
			w.sleep(3 * second)
			w.do("c", recording.Command{Action: recording.Mask})
			w.sleep(3 * second)
			w.do("c", recording.Command{Action: recording.Hangup})
			f := w.file(info.Recordings[0].ID)
			pcm := f.wav(t, rate, 1)
			for i, x := range pcm[50*160 : 62*160] {
				if x != 0 {
					t.Fatalf("a digit is heard at sample %d", 8000+i)
				}
			}
			var got []string
			for _, e := range w.events {
				if e.Name == "digit" {
					got = append(got, e.Digit)
					if want := begun.Add(time.Second * time.Duration(len(got))); e.At.Sub(want).Abs() > ms || e.Detail != "caller" {
						t.Errorf("digit %s of the %s at %v, want the caller's at %v", e.Digit, e.Detail, e.At, want)
					}
				}
			}
			if n := len(got); told && (n != 2 || got[0] != "5" || got[1] != "#") || !told && n != 0 {
				t.Errorf("told %v: digits %v", told, got)
			}
			now, _ := w.m.Info(info.Spec.ID)
			if q := now.Recordings[0].Quality.Legs[0]; q.Digits != 3 || q.Lost != 0 {
				t.Errorf("counted as %+v, want 3 digits and no loss", q)
			}
		}, func(c *recording.Config) { c.ReportDigits = told })
	}
}

// A sender that stamps its digits by another clock than its audio does not get them
// past a mask.
func TestMaskHidesDigitsOfAnotherClock(t *testing.T) {
	for _, off := range []int{-20 * rate, -2 * rate, 2 * rate, 1 << 30} {
		inWorld(t, func(w *world) {
			info := w.announce("c", `{}`)
			port := info.Legs[0].Ports.RTP
			k := talk{from: callerFrom, start: w.now(), octets: babble(6*rate, 1, g711.MuLaw), ssrc: 1}
			w.send(port, k)
			k.ts += uint32(off)
			w.pushDigit(port, k, 200, 9, 10)
			w.sleep(3 * second)
			w.do("c", recording.Command{Action: recording.Mask})
			w.sleep(2 * second)
			w.do("c", recording.Command{Action: recording.Unmask})
			w.sleep(second)
			w.do("c", recording.Command{Action: recording.Hangup})
			w.file(info.Recordings[0].ID)
			for _, e := range w.events {
				if e.Name == "digit" {
					t.Errorf("stamped %d samples off: told of %s", off, e.Digit)
				}
			}
			now, _ := w.m.Info(info.Spec.ID)
			if q := now.Recordings[0].Quality.Legs[0]; q.Digits != 1 {
				t.Errorf("stamped %d samples off: counted %d digits, want 1", off, q.Digits)
			}
		}, func(c *recording.Config) { c.ReportDigits = true })
	}
}

package bench

import (
	"context"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/internal/testkit"
)

// Two parties say the same, one by our clock, the other by one that is 200 ppm fast.
// Uncorrected, they would be 18 ms apart after 90 s. The bounds leave room for a busy
// machine, which delivers packets late: the least delayed ones of a window are what counts.
func TestLegsStayInStepThoughAClockIsFast(t *testing.T) {
	if !long() {
		t.Skip("takes 90 s: CALLREC_LONG=1")
	}
	t.Parallel()
	const seconds, ppm = 90, 200.0
	w := startWorker(t, t.TempDir(), "--rtp-ports", "26960-26979")
	call := w.announce("drift", map[string]any{"format": "wav", "channels": "stereo"}, nil)
	k := newTalk(500, seconds)
	var legs [2][]testkit.Packet
	for leg := range legs {
		for n := range k.sent {
			due := float64(n) * float64(frameTime)
			if leg == 1 {
				due /= 1 + ppm/1e6
			}
			h := rtp.Header{SSRC: k.ssrc + uint32(leg), SequenceNumber: k.seq + uint16(n), Timestamp: k.ts + uint32(n*frame)}
			legs[leg] = append(legs[leg], testkit.Packet{Leg: leg, Due: time.Duration(due), Data: testkit.AppendRTP(nil, h, k.payload(n))})
		}
	}
	time.Sleep(100 * time.Millisecond)
	s, err := testkit.StartSender(context.Background(), testkit.SenderConfig{
		Legs: []netip.AddrPort{call.port(t, "caller"), call.port(t, "callee")}, LegsPerSocket: 1, Schedule: testkit.Prepared(testkit.Merged(legs[0], legs[1])),
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.Wait()
	if err != nil {
		t.Fatal(err)
	}
	w.act("drift", "hangup")
	f := w.fetch(call.Recordings[0].ID, 15*time.Second)
	place := findPacket(f.leg(0), k.octets[:frame])
	if place < 0 {
		t.Fatal("the first packet is not there")
	}
	// The callee says each word earlier by and by: with true time, not with the caller.
	worst := 0.0
	for at := 10; at < seconds-1; at++ {
		from := at * 8000
		caller := where(f.leg(0), k, from, place)
		callee := where(f.leg(1), k, from, place-int(float64(from)*ppm/1e6))
		apart := float64(callee-caller)/8 + float64(from)/8*ppm/1e6
		if at%10 == 0 {
			t.Logf("at %d s the callee is %.3f ms from where it belongs beside the caller", at, apart)
		}
		worst = max(worst, math.Abs(apart))
		if at >= 30 && math.Abs(apart) > 5 {
			t.Errorf("at %d s the legs are %.3f ms out of step", at, apart)
		}
	}
	q := f.Quality.Legs
	t.Logf("at worst %.3f ms; sender's worst lag %v; caller %+v, callee %+v", worst, report.Lag, q[0], q[1])
	for leg, want := range []float64{0, ppm} {
		if math.Abs(q[leg].DriftPPM-want) > 20 {
			t.Errorf("leg %d drifts by %.1f ppm, want %v", leg, q[leg].DriftPPM, want)
		}
		if q[leg].Lost+q[leg].Late+q[leg].SSRCChanges > 0 {
			t.Errorf("leg %d: %+v", leg, q[leg])
		}
	}
}

// where is the place at which half a second of a talk fits a channel best, within
// 40 ms of that expected, less the place of the sample in the talk.
func where(ch []int16, k *talk, from, near int) (place int) {
	const length, reach = 4000, 320
	best := math.Inf(-1)
	for p := near - reach; p <= near+reach; p++ {
		like := 0.0
		for i, o := range k.octets[from : from+length] {
			if at := p + from + i; at >= 0 && at < len(ch) {
				like += float64(ch[at]) * float64(expanded[o])
			}
		}
		if like > best {
			best, place = like, p
		}
	}
	return place
}

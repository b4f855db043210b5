package bench

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// departure is one sending of one packet.
type departure struct {
	leg, n int
	due    time.Duration
}

// onTime is a timetable without any fault: both legs every 20 ms, the callee in
// the middle between two packets of the caller.
func onTime(packets int) (all []departure) {
	for n := range packets {
		for leg := range 2 {
			all = append(all, departure{leg, n, time.Duration(n)*frameTime + time.Duration(leg)*frameTime/2})
		}
	}
	return all
}

// troubled is the same timetable on a bad network: up to 200 ms of jitter on all
// packets but one a second, another 500 ms on a fifth of them, so that they arrive
// out of order, and a twentieth twice. Without a packet now and then that meets no
// queue, what a busy machine adds here to the few that nearly meet none would look
// like a clock that drifts.
func troubled(packets int) []departure {
	r := rand.New(rand.NewPCG(20, 5))
	upTo := func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
	var all []departure
	for _, d := range onTime(packets) {
		if d.n%50 != 7 {
			d.due += upTo(200 * time.Millisecond)
			if r.IntN(5) == 0 {
				d.due += upTo(500 * time.Millisecond)
			}
		}
		all = append(all, d)
		if r.IntN(20) == 0 {
			d.due += upTo(300 * time.Millisecond)
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b departure) int { return int(a.due - b.due) })
	return all
}

// play sends a timetable and returns by how much it lagged behind.
func play(t testing.TB, all []departure, talks [2]*talk, from [2]*net.UDPConn, to [2]netip.AddrPort) (lag time.Duration) {
	start := time.Now()
	for _, d := range all {
		time.Sleep(d.due - time.Since(start))
		lag = max(lag, time.Since(start)-d.due)
		talks[d.leg].send(t, from[d.leg], to[d.leg], d.n)
	}
	return lag
}

// The file is right: over real UDP each leg's samples are those that were sent,
// at the place their sending gives them, and the mix is their sum.
func TestFileIsRight(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24400-24499")
	seconds := 10.0
	if long() {
		seconds = 60
	}
	for name, timetable := range map[string]func(int) []departure{"clean": onTime, "troubled": troubled} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.in(t)
			talks := [2]*talk{newTalk(1, seconds), newTalk(2, seconds)}
			from := [2]*net.UDPConn{udp(t, "127.0.0.1:0"), udp(t, "127.0.0.1:0")}
			before := time.Now()
			call := w.announce(name, nil, twoFiles())
			to := [2]netip.AddrPort{call.port(t, "caller"), call.port(t, "callee")}
			time.Sleep(50 * time.Millisecond)

			// The hang-up comes when the last word has been said; on the bad network
			// much of that is still on its way.
			said := time.Now().Add(time.Duration(seconds * float64(time.Second)))
			lag := make(chan time.Duration, 1)
			go func() { lag <- play(t, timetable(len(talks[0].sent)), talks, from, to) }()
			time.Sleep(time.Until(said))
			w.act(name, "hangup")
			after := time.Now()
			most := 250 * time.Millisecond // what the sender adds to a delay of 700 ms must leave some of the hold
			if name == "troubled" {        // a packet a second meets no queue, and is to show the sender's clock
				most = 50 * time.Millisecond
			}
			switch l := <-lag; {
			case l > most:
				t.Skipf("the machine is too busy: the sender lagged %v behind", l)
			case l > 20*time.Millisecond:
				t.Logf("the sender lagged %v behind; judged by when packets really left", l)
			}
			checkCall(t, w, call, talks, before, after)
		})
	}
}

// checkCall compares the stereo and the mono file of a call with what was sent.
func checkCall(t *testing.T, w *worker, call callData, talks [2]*talk, before, after time.Time) {
	t.Helper()
	stereo := w.fetch(call.Recordings[0].ID, 15*time.Second)
	mono := w.fetch(call.Recordings[1].ID, 15*time.Second)
	if stereo.channels != 2 || mono.channels != 1 || stereo.Stopped || mono.Stopped {
		t.Fatalf("%d and %d channels, interrupted: %v, %v", stereo.channels, mono.channels, stereo.Stopped, mono.Stopped)
	}
	n := len(mono.pcm)
	if most := int(after.Sub(before) / sample); n > most || n < most-8000/2 {
		t.Errorf("the file has %d samples, the call lasted %d", n, most)
	}
	var want [2]*channel
	for leg, name := range []string{"caller", "callee"} {
		k, got := talks[leg], stereo.leg(leg)
		offset, off := k.locate(got, stereo.Started, 0, len(k.sent), 8)
		t.Logf("%s: %d samples, off by %d from when they were sent", name, n, off)
		want[leg] = newChannel(n)
		k.lay(want[leg], offset, 0, len(k.sent))
		wantSame(t, name, got, want[leg].pcm)
	}
	mix := sum(want[0].pcm, want[1].pcm)
	wantSame(t, "mix", mono.pcm, mix)
	clipped := 0
	for _, v := range mix {
		if v == 32767 || v == -32768 {
			clipped++
		}
	}
	if clipped < 100 {
		t.Errorf("only %d samples clip: the test has lost its teeth", clipped)
	}
}

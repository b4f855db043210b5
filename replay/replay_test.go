package replay

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/capture/pcap"
	"callrec/codec/g711"
	"callrec/policy"
	"callrec/recording"
	"callrec/upload/spool"
)

// Known octets in, exact samples out: what was sent is where it was sent, to the
// sample, and nothing is lost at either end.
func TestSamplesAreThoseSent(t *testing.T) {
	a, b := noise(5*rate+37, 1), noise(3*rate, 2)
	file := captureOf(traffic(
		stream{from: fromA, to: toA, octets: a, ssrc: 1, seq: 65500, ts: 0xffff_ff00},
		stream{from: fromB, to: toB, at: 300 * ms, octets: b, pt: 8, ssrc: 2, seq: 7, ts: 5},
	))
	legs := legsOf(t, file)
	r := run(t, file, legs, []recording.Request{request(t, policy.Settings{})})
	if r.Cut != nil || len(r.Refused) > 0 || r.Late > 0 {
		t.Errorf("%+v", r.Result)
	}
	got := channels(t, r.files[0])
	same(t, "caller", got[0], decoded(g711.MuLaw, a))
	same(t, "callee", got[1], placed(len(a), 300*8, g711.ALaw, b))
	if q := r.Call.Recordings[0].Quality; q.Legs[0].Packets != 251 || q.Legs[1].Packets != 150 || q.Legs[0].Lost+q.Legs[1].Lost > 0 {
		t.Errorf("%+v", q.Legs)
	}
}

// A first packet that was delayed, and an end that arrives early, cut nothing off.
func TestDelayedFirstPacket(t *testing.T) {
	a := noise(4*rate, 1)
	file := captureOf(traffic(stream{from: fromA, to: toA, octets: a, ssrc: 1, at: 100 * ms, shape: func(i int, p sent) []sent {
		if i < 3 {
			p.at += 47 * ms
		}
		return []sent{p}
	}}))
	r := run(t, file, legsOf(t, file), []recording.Request{request(t, policy.Settings{})})
	got := channels(t, r.files[0])
	same(t, "caller", got[0], decoded(g711.MuLaw, a))
	same(t, "callee", got[1], make([]int16, len(a)))
	if q := r.Call.Recordings[0].Quality; !q.Legs[1].NoMedia {
		t.Errorf("%+v", q.Legs)
	}
}

// Packets that were overtaken by the first one to come are not cut off.
func TestOvertakenFirstPackets(t *testing.T) {
	a := noise(4*rate, 1)
	file := captureOf(traffic(stream{from: fromA, to: toA, octets: a, ssrc: 1, ts: 100, shape: func(i int, p sent) []sent {
		if i < 3 {
			p.at += time.Duration(3-i) * 30 * ms
		}
		return []sent{p}
	}}))
	r := run(t, file, legsOf(t, file), []recording.Request{request(t, policy.Settings{})})
	same(t, "caller", channels(t, r.files[0])[0], decoded(g711.MuLaw, a))
}

// A microsecond's rounding moves no sample.
func TestTimesInMicroseconds(t *testing.T) {
	a := noise(4*rate, 1)
	file := captureOf(traffic(stream{from: fromA, to: toA, octets: a, ssrc: 1, shape: func(i int, p sent) []sent {
		p.at -= time.Duration(i*7%1000) * time.Nanosecond
		return []sent{p}
	}}))
	r := run(t, file, legsOf(t, file), []recording.Request{request(t, policy.Settings{})})
	same(t, "caller", channels(t, r.files[0])[0], decoded(g711.MuLaw, a))
}

// impaired loses, delays, reorders and repeats packets, and leaves out a talkspurt.
func impaired(i int, p sent) []sent {
	switch {
	case i%29 == 11, i > 120 && i < 160:
		return nil
	case i%17 == 3:
		p.at += 90 * ms
	case i%31 == 5:
		return []sent{p, {p.at + 30*ms, p.from, p.to, p.data}}
	}
	p.at += time.Duration(i*i%13) * ms
	return []sent{p}
}

// The same packets, sent to a worker that runs by itself, give the same samples.
func TestReplayHearsWhatAWorkerHears(t *testing.T) {
	a, b := noise(5*rate, 1), noise(5*rate, 2)
	packets := traffic(
		stream{from: fromA, to: toA, octets: a, ssrc: 1, seq: 100, ts: 4000, shape: impaired},
		stream{from: fromB, to: toB, at: 120*ms + 375*time.Microsecond, octets: b, ssrc: 2, seq: 7, ts: 5, shape: impaired},
	)
	file := captureOf(packets)
	legs := legsOf(t, file)
	r := run(t, file, legs, []recording.Request{request(t, policy.Settings{})})
	got := channels(t, r.files[0])

	const ahead = 500 * ms // the worker's call is announced before its first packet
	heard := live(t, packets, ahead, legs.end(begin).Sub(begin)+ahead+second)
	for leg := range got {
		n := len(got[leg])
		from := int(ahead * rate / second)
		same(t, recording.Leg(leg).String(), got[leg], heard[leg][from:from+n])
		same(t, "before", heard[leg][:from], make([]int16, from))
		same(t, "after", heard[leg][from+n:], make([]int16, len(heard[leg])-from-n))
	}
}

// live sends packets to a worker in fake time, and returns the legs of its file.
func live(t *testing.T, packets []sent, ahead, length time.Duration) (legs [2][]int16) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var whole []byte
		sp, err := spool.Open(spool.Config{Dir: dir, Repair: recording.Repair, OnReady: func(r spool.Ready) {
			f, err := r.Open()
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			var b bytes.Buffer
			if _, err := b.ReadFrom(f); err != nil {
				t.Error(err)
			}
			whole = b.Bytes()
		}})
		if err != nil {
			t.Fatal(err)
		}
		fake, clock := capturetest.NewFake(20000, recording.Slots), capture.NewClock()
		m, err := recording.New(recording.Config{
			Sets: []capture.Set{fake}, Spool: sp, Clock: clock, Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
		})
		if err != nil {
			t.Fatal(err)
		}
		id := recording.CallID{Account: "acc", Call: "c"}
		info, _, err := m.Announce(t.Context(), recording.CallSpec{ID: id, At: time.Now(), Start: []recording.Request{request(t, policy.Settings{})}})
		if err != nil {
			t.Fatal(err)
		}
		epoch := clock.Now().Mono
		for _, p := range packets {
			port := info.Legs[0].Ports.RTP
			if p.to == toB {
				port = info.Legs[1].Ports.RTP
			}
			if !fake.PushTo(port, p.from, epoch+ahead+p.at, p.data) {
				t.Fatal("the port is not open")
			}
		}
		time.Sleep(length)
		if _, err := m.Do(t.Context(), id, recording.Command{Action: recording.Hangup, At: time.Now()}); err != nil {
			t.Error(err)
		}
		m.Drain(t.Context())
		m.Close()
		if err := sp.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		legs = channels(t, whole)
	})
	return legs
}

// Replaying twice gives the same bytes, and so does a capture whose packets are not
// in order of time.
func TestReplaysAreEqual(t *testing.T) {
	packets := traffic(
		stream{from: fromA, to: toA, octets: noise(5*rate, 1), ssrc: 1, shape: impaired},
		stream{from: fromB, to: toB, octets: noise(5*rate, 2), ssrc: 2, shape: impaired},
	)
	file := captureOf(packets)
	start := []recording.Request{request(t, policy.Settings{}), request(t, policy.Settings{Channels: "mono", MediaName: "x"})}
	one, two := run(t, file, legsOf(t, file), start), run(t, file, legsOf(t, file), start)
	for i := range one.files {
		if len(one.files[i]) == 0 || !bytes.Equal(one.files[i], two.files[i]) {
			t.Errorf("file %d differs", i)
		}
	}
	// One interface's packets were written a second and a half after the other's.
	var shuffled []sent
	for from := time.Duration(0); from < 7*second; from += 1500 * ms {
		for _, to := range []netip.AddrPort{toB, toA} {
			for _, p := range packets {
				if p.to == to && p.at >= from && p.at < from+1500*ms {
					shuffled = append(shuffled, p)
				}
			}
		}
	}
	if len(shuffled) != len(packets) {
		t.Fatal("the test lost packets")
	}
	other := captureOf(shuffled)
	if r := run(t, other, legsOf(t, other), start); r.Late > 0 || !bytes.Equal(r.files[0], one.files[0]) {
		t.Errorf("out of order: %d late, another file", r.Late)
	}
}

// Commands act at their sample.
func TestCommands(t *testing.T) {
	a := noise(5*rate, 1)
	file := captureOf(traffic(stream{from: fromA, to: toA, octets: a, ssrc: 1}))
	at := func(d time.Duration, c recording.Command) Command {
		c.At = begin.Add(d)
		return Command{"command at " + d.String(), c}
	}
	r := run(t, file, legsOf(t, file), []recording.Request{request(t, policy.Settings{RecordOnAnswer: true})},
		at(4500*ms, recording.Command{Action: recording.Hangup}),
		at(1001*ms, recording.Command{Action: recording.Answer}),
		at(2*second, recording.Command{Action: recording.Mask}),
		at(2500*ms+125*time.Microsecond, recording.Command{Action: recording.Unmask}),
		at(3*second, recording.Command{Action: recording.Start, Start: []recording.Request{request(t, policy.Settings{})}}),
		at(4*second, recording.Command{Action: recording.Stop}),
		at(4600*ms, recording.Command{Action: recording.Mask}),
		at(500*ms, recording.Command{Action: recording.Mask, MediaName: "nobody"}),
	)
	want := decoded(g711.MuLaw, a)
	clear(want[2*rate : 2*rate+4001])
	same(t, "first", channels(t, r.files[0])[0], want[8008:4500*8])
	same(t, "second", channels(t, r.files[1])[0], want[3*rate:4*rate])
	var missing *recording.NotFoundError
	if len(r.Refused) != 2 || !errors.As(r.Refused[0], &missing) || !strings.HasPrefix(r.Refused[0].Error(), "command at 500ms: ") ||
		!strings.HasPrefix(r.Refused[1].Error(), "command at 4.6s: ") {
		t.Errorf("refused: %v", r.Refused)
	}
}

// What a damaged capture holds before the damage is recorded.
func TestDamagedCapture(t *testing.T) {
	a := noise(5*rate, 1)
	file := captureOf(traffic(stream{from: fromA, to: toA, octets: a, ssrc: 1}))
	file = file[:24+100*(16+28+12+size)+5]
	r := run(t, file, legsOf(t, file), []recording.Request{request(t, policy.Settings{})})
	same(t, "caller", channels(t, r.files[0])[0], decoded(g711.MuLaw, a[:100*size]))
	var damage *pcap.FileError
	if !errors.As(r.Cut, &damage) || damage.Offset != int64(len(file)-5) {
		t.Errorf("%v", r.Cut)
	}
}

// Times that cannot be true are refused, not stepped through.
func TestImpossibleTimes(t *testing.T) {
	packets := traffic(stream{from: fromA, to: toA, octets: noise(rate, 1), ssrc: 1})
	packets[len(packets)-1].at = 50 * 365 * 24 * time.Hour
	file := captureOf(packets)
	legs := legsOf(t, file)
	sp, err := spool.Open(spool.Config{Dir: t.TempDir(), Repair: recording.Repair})
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close(context.WithoutCancel(t.Context()))
	_, err = Run(t.Context(), Config{Capture: bytes.NewReader(file), Legs: legs, Spool: sp, Call: recording.CallSpec{
		ID: recording.CallID{Account: "acc", Call: "c"}, At: legs.Begin(),
	}})
	if err == nil || !strings.Contains(err.Error(), "are the times of the capture right?") {
		t.Errorf("%v", err)
	}
}

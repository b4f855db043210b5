package recording_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"callrec/capture/capturetest"
	"callrec/codec/g711"
	"callrec/recording"
)

// Nothing that is not the leg's own stream may reach its file, crash or hang us.
func TestForeignAndBrokenPacketsStayOut(t *testing.T) {
	inWorld(t, func(w *world) {
		spec := recording.CallSpec{
			ID: recording.CallID{Account: "acc", Call: "c"}, At: time.Now(), Start: []recording.Request{request(t, `{}`)},
			Legs: []recording.LegSpec{{Leg: recording.Caller, Source: callerFrom}, {Leg: recording.Callee}},
		}
		info, _, err := w.m.Announce(w.t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		start := w.now() + 100*ms
		good := talk{from: callerFrom, start: start, octets: babble(4*rate, 1, g711.MuLaw), ssrc: 7}
		w.send(info.Legs[0].Ports.RTP, good)
		port := info.Legs[0].Ports.RTP
		stranger := netip.MustParseAddrPort("192.0.2.66:30010")
		outside := netip.MustParseAddrPort("203.0.113.5:4000")
		w.send(port, talk{from: stranger, start: start, octets: babble(4*rate, 2, g711.MuLaw), ssrc: 7})
		w.send(info.Legs[1].Ports.RTP, talk{from: outside, start: start, octets: babble(4*rate, 3, g711.MuLaw), ssrc: 7})
		whole, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7, SequenceNumber: 50, Timestamp: 8000}, Payload: make([]byte, 160)}).Marshal()
		other, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 7, Timestamp: 100}, Payload: bytes.Repeat([]byte{1}, 160)}).Marshal()
		padded := bytes.Clone(whole)
		padded[0] |= 0x20
		padded[len(padded)-1] = 255
		garbage := [][]byte{
			{},
			{0x80},
			whole[:11], bytes.Repeat([]byte{0xFF}, 1400), make([]byte, 12), append([]byte{0x40}, whole[1:]...),
			append([]byte{0x8F}, whole[1:40]...), append([]byte{0x90}, whole[1:14]...), other, padded,
			bytes.Repeat([]byte{0x80}, 65535),
		}
		for i, b := range garbage {
			w.push(port, callerFrom, start+time.Duration(i)*ms, b)
			w.push(port+1, callerFrom, start+time.Duration(i)*ms, b)
		}
		w.sleep(5 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(5 * rate)
		want.hear(0, 800, good.octets, good.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 5*rate))
		now, _ := w.m.Info(info.Spec.ID)
		q := now.Recordings[0].Quality
		if q.Legs[0].Foreign < 200 || q.Legs[1].Foreign < 200 || q.Legs[0].Ignored < 9 {
			t.Errorf("not counted: %+v", q)
		}
		if !q.Legs[1].NoMedia || q.Legs[0].NoMedia {
			t.Errorf("no_media: %+v", q)
		}
	})
}

// The one who sends first has the leg until it is silent; then another may.
func TestFirstSenderKeepsTheLeg(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		port := info.Legs[0].Ports.RTP
		start := w.now()
		want := newExpect(20 * rate)
		first := talk{from: callerFrom, start: start, octets: babble(2*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(port, first)
		want.hear(0, 0, first.octets, first.law)
		w.send(port, talk{from: calleeFrom, start: start + 10*ms, octets: babble(5*rate, 2, g711.MuLaw), ssrc: 2}) // too soon
		next := talk{from: calleeFrom, start: start + 12*second, octets: babble(2*rate, 3, g711.MuLaw), ssrc: 3, ts: 99}
		w.send(port, next)
		want.hear(0, 12*rate, next.octets, next.law)
		w.sleep(16 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 16*rate))
	})
}

// Sender reports and goodbyes are read and counted, and cost no audio.
func TestRTCPIsHarmless(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		k := talk{from: callerFrom, start: w.now(), octets: babble(3*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		b, err := rtcp.Marshal([]rtcp.Packet{
			&rtcp.SenderReport{SSRC: 1, RTPTime: 5}, &rtcp.SourceDescription{}, &rtcp.Goodbye{Sources: []uint32{1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.push(info.Legs[0].Ports.RTCP, netip.AddrPortFrom(callerFrom.Addr(), 30011), w.now()+second, b)
		w.sleep(4 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(4 * rate)
		want.hear(0, 0, k.octets, k.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 4*rate))
	})
}

// Two accounts may use the same call id; neither sees the other's call.
func TestTenantsNeverMeet(t *testing.T) {
	inWorld(t, func(w *world) {
		id := func(account string) recording.CallID { return recording.CallID{Account: account, Call: "same"} }
		var infos []recording.CallInfo
		for _, account := range []string{"a", "b"} {
			info, created, err := w.m.Announce(w.t.Context(), recording.CallSpec{ID: id(account), At: time.Now(), Start: []recording.Request{request(t, `{}`)}})
			if err != nil || !created {
				t.Fatal(created, err)
			}
			infos = append(infos, info)
		}
		if infos[0].Legs[0].Ports == infos[1].Legs[0].Ports {
			t.Error("two calls have the same ports")
		}
		if calls := w.m.Calls("a"); len(calls) != 1 || calls[0].Spec.ID != id("a") {
			t.Errorf("account a sees %+v", calls)
		}
		w.sleep(second)
		if _, err := w.m.Do(w.t.Context(), id("a"), recording.Command{Action: recording.Hangup, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if info, _ := w.m.Info(id("b")); info.State != "early" || info.Recordings[0].State != recording.Recording {
			t.Errorf("hanging up a's call did this to b's: %+v", info)
		}
	})
}

// The same announcement again is the same call; another one is a conflict until
// the hang-up, and then a call of its own, whose file gets a name of its own.
func TestAnnouncedTwice(t *testing.T) {
	inWorld(t, func(w *world) {
		spec := recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "c@h"}, From: "1001", At: time.Now(), Start: []recording.Request{request(t, `{}`)}}
		one, created, err := w.m.Announce(w.t.Context(), spec)
		if err != nil || !created {
			t.Fatal(created, err)
		}
		w.sleep(300 * ms)
		again := spec
		again.At = time.Now()
		again.Start = []recording.Request{request(t, `{}`)}
		two, created, err := w.m.Announce(w.t.Context(), again)
		if err != nil || created || two.Recordings[0].ID != one.Recordings[0].ID || two.Legs[0] != one.Legs[0] {
			t.Errorf("announced again: created %v, %v, %+v", created, err, two)
		}
		other := spec
		other.From = "1002"
		var conflict *recording.ConflictError
		if _, _, err := w.m.Announce(w.t.Context(), other); !errors.As(err, &conflict) {
			t.Errorf("announced differently: %v", err)
		}
		if _, err := w.m.Do(w.t.Context(), spec.ID, recording.Command{Action: recording.Hangup, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		three, created, err := w.m.Announce(w.t.Context(), other)
		if err != nil || !created {
			t.Fatalf("announced after the hang-up: created %v, %v", created, err)
		}
		w.sleep(second)
		if _, err := w.m.Do(w.t.Context(), spec.ID, recording.Command{Action: recording.Hangup, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		a, b := w.file(one.Recordings[0].ID), w.file(three.Recordings[0].ID)
		if got := a.manifest.Destination.Name; got != "call_recording_c%40h.wav" {
			t.Errorf("the first file's name is %q", got)
		}
		if got, want := b.manifest.Destination.Name, "call_recording_c%40h_"+three.Recordings[0].ID+".wav"; got != want {
			t.Errorf("the second file's name is %q, want %q", got, want)
		}
	})
}

// No ports left is a refusal with the number and the flag, and leaves no trace.
func TestNoPortsLeft(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("one", `{}`)
		spec := recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "two"}, At: time.Now(), Start: []recording.Request{request(t, `{}`)}}
		var full *recording.RefusedError
		_, _, err := w.m.Announce(w.t.Context(), spec)
		if !errors.As(err, &full) || !strings.Contains(err.Error(), "--rtp-ports") || full.RetryAfter <= 0 {
			t.Errorf("refused with %v", err)
		}
		if _, ok := w.m.Info(spec.ID); ok {
			t.Error("the refused call is known")
		}
		if got := w.fake.Stats().Open; got != 2 {
			t.Errorf("%d pairs are open, want the first call's 2", got)
		}
		// A call without recordings needs no ports.
		spec.Start = nil
		info, _, err := w.m.Announce(w.t.Context(), spec)
		if err != nil || len(info.Legs) != 0 {
			t.Errorf("a call without recordings: %+v, %v", info, err)
		}
	}, func(c *recording.Config) { c.Sets[0].(*capturetest.Fake).Limit = 3 })
}

// A call gives its ports back one hold after its hang-up, not before: audio sent
// before it may still be on the way.
func TestHangupWaitsForTheHold(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		start := w.now()
		k := talk{
			from: callerFrom, start: start, octets: babble(3*rate, 1, g711.MuLaw), ssrc: 1,
			delay: func(i int) time.Duration {
				if i == 0 {
					return 0
				}
				return 700 * ms
			},
		}
		w.send(info.Legs[0].Ports.RTP, k)
		w.sleep(2 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		f := w.file(info.Recordings[0].ID)
		want := newExpect(2 * rate)
		want.hear(0, 0, k.octets, k.law)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 2*rate))
		if got := w.fake.Stats().Open; got != 0 {
			t.Errorf("%d pairs are still open", got)
		}
	})
}

// A worker that drains takes no calls, lets the running ones end, and at the
// second signal ends them; every file is with the spool.
func TestDrain(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		ctx, again := context.WithCancel(w.t.Context())
		done := make(chan struct{})
		go func() { w.m.Drain(ctx); close(done) }()
		w.sleep(2 * time.Second)
		var draining *recording.RefusedError
		if _, _, err := w.m.Announce(w.t.Context(), recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "new"}, At: time.Now()}); !errors.As(err, &draining) {
			t.Errorf("announced while draining: %v", err)
		}
		w.do("c", recording.Command{Action: recording.Mask})
		select {
		case <-done:
			t.Fatal("drained with a running call")
		default:
		}
		again()
		<-done
		f := w.file(info.Recordings[0].ID)
		if got := len(f.wav(t, rate, 1)); got != 2*rate {
			t.Errorf("%d samples, want %d", got, 2*rate)
		}
	})
}

// Calls whose SBC has forgotten them do not stay for ever.
func TestMediaTimeout(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		k := talk{from: callerFrom, start: w.now(), octets: babble(rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		w.sleep(100 * time.Second)
		now, _ := w.m.Info(info.Spec.ID)
		if now.State == "ended" {
			t.Error("ended before the time-out")
		}
		w.sleep(25 * time.Second)
		if now, ok := w.m.Info(info.Spec.ID); ok && now.State != "ended" {
			t.Errorf("still %s after the time-out", now.State)
		}
		f := w.file(info.Recordings[0].ID)
		if got := len(f.wav(t, rate, 1)); got < 120*rate || got > 122*rate {
			t.Errorf("%d samples", got)
		}
		silent := 0
		for _, e := range w.events {
			if e.Name == "silent" {
				silent++
			}
		}
		if silent != 1 {
			t.Errorf("%d events about silence, want 1", silent)
		}
	}, func(c *recording.Config) { c.MediaTimeout = 2 * time.Minute })
}

package recording_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"callrec/capture/capturetest"
	"callrec/codec/g711"
	"callrec/recording"
)

// offered is a leg as SDP announces it.
func offered(leg recording.Leg, source netip.AddrPort) recording.LegSpec {
	return recording.LegSpec{
		Leg: leg, Source: source, Offered: source, Payloads: map[uint8]recording.Payload{0: recording.PayloadPCMU, 8: recording.PayloadPCMA},
		Reports: netip.AddrPortFrom(source.Addr(), source.Port()+1),
	}
}

// announceLegs brings in a recorded call with legs of which something is known.
func (w *world) announceLegs(id string, legs ...recording.LegSpec) recording.CallInfo {
	w.t.Helper()
	info, _, err := w.m.Announce(w.t.Context(), recording.CallSpec{
		ID: recording.CallID{Account: "acc", Call: id}, At: time.Now(), Legs: legs, Start: []recording.Request{request(w.t, `{}`)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// reports pushes RTCP to a port at a time.
func (w *world) reports(port uint16, from netip.AddrPort, at time.Duration, packets ...rtcp.Packet) {
	w.t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		w.t.Fatal(err)
	}
	w.push(port, from, at, b)
}

// readReport reads one of ours with another parser.
func readReport(t *testing.T, s capturetest.Sent) (*rtcp.ReceiverReport, string) {
	t.Helper()
	packets, err := rtcp.Unmarshal(s.Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := rtcp.CompoundPacket(packets).Validate(); err != nil {
		t.Fatal(err)
	}
	name, err := rtcp.CompoundPacket(packets).CNAME()
	if err != nil {
		t.Fatal(err)
	}
	return packets[0].(*rtcp.ReceiverReport), name
}

// A sender that has offered SDP is told every few seconds what of its stream has
// arrived, at the place that it named, and by nobody but the port it sends to.
func TestReceiverReports(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announceLegs("c", offered(recording.Caller, callerFrom), offered(recording.Callee, calleeFrom))
		start := w.now()
		k := talk{
			from: callerFrom, start: start, octets: babble(60*rate, 1, g711.MuLaw), ssrc: 77, seq: 65000,
			drop: func(i int) bool { return i%10 == 5 },
		}
		w.send(info.Legs[0].Ports.RTP, k)
		for i := range 12 {
			at := start + time.Duration(i)*5*second
			w.reports(info.Legs[0].Ports.RTCP, netip.AddrPortFrom(callerFrom.Addr(), 30011), at, &rtcp.SenderReport{SSRC: 77, NTPTime: uint64(at) << 8, RTPTime: uint32(i * 5 * rate)})
		}
		seen, empty := 0, 0
		last := w.now()
		names := map[string]bool{}
		for range 299 { // the last sender report is of 55 s
			w.sleep(200 * ms)
			for _, s := range w.fake.Sent() {
				rr, name := readReport(t, s)
				names[name] = true
				if s.From.Port() == info.Legs[1].Ports.RTCP {
					empty++
					if s.To.String() != "192.0.2.7:30021" || len(rr.Reports) != 0 {
						t.Errorf("about a leg without media: %+v to %v", rr, s.To)
					}
					continue
				}
				now := w.now()
				if gap := now - last; gap < second || gap > 6600*ms || seen > 0 && gap < 2*second {
					t.Errorf("%v after the one before", gap)
				}
				last = now
				seen++
				if s.From.Port() != info.Legs[0].Ports.RTCP || s.To.String() != "192.0.2.7:30011" || len(rr.Reports) != 1 {
					t.Fatalf("%+v from %v to %v", rr, s.From, s.To)
				}
				b := rr.Reports[0]
				packets := int64((now - start) / (20 * ms))
				sr := (now - start) / (5 * second) * (5 * second)
				if b.SSRC != 77 || rr.SSRC == 77 || b.FractionLost < 20 || b.FractionLost > 31 || (int64(b.TotalLost)-packets/10) > 2 || (int64(b.TotalLost)-packets/10) < -2 ||
					int64(b.LastSequenceNumber)-65000-packets > 1 || int64(b.LastSequenceNumber)-65000-packets < -2 || b.Jitter != 0 ||
					b.LastSenderReport != uint32(uint64(start+sr)<<8>>16) || time.Duration(b.Delay)*second/65536 > now-start-sr || time.Duration(b.Delay)*second/65536 < now-start-sr-ms {
					t.Errorf("after %v, %d packets: %+v", now-start, packets, b)
				}
			}
		}
		if seen < 10 || seen > 30 || empty < 10 || len(names) != 1 {
			t.Errorf("%d reports in a minute, %d empty ones, names %v", seen, empty, names)
		}
		w.do("c", recording.Command{Action: recording.Hangup})
		w.sleep(20 * second)
		if late := w.fake.Sent(); len(late) != 0 {
			t.Errorf("%d reports after the hang-up", len(late))
		}
	})
}

// Who gets reports, and where: as SDP says, else where its own come from, else
// beside its RTP.
func TestWhoGetsReports(t *testing.T) {
	sdp := func(mod func(*recording.LegSpec)) recording.LegSpec {
		l := offered(recording.Caller, callerFrom)
		mod(&l)
		return l
	}
	plain := recording.LegSpec{Leg: recording.Caller}
	nowhere := sdp(func(l *recording.LegSpec) { l.Reports = netip.AddrPort{} })
	for _, c := range []struct {
		name   string
		policy recording.RTCP
		leg    recording.LegSpec
		rtcp   string // the sender's RTCP comes from here, to our port +1
		muxed  bool   // or to our RTP port
		want   string // where reports go
		from   uint16 // after the RTP port
	}{
		{"SDP", recording.RTCPAuto, offered(recording.Caller, callerFrom), "", false, "192.0.2.7:30011", 1},
		{"SDP, though RTCP comes from elsewhere", recording.RTCPAuto, offered(recording.Caller, callerFrom), "192.0.2.7:5", false, "192.0.2.7:30011", 1},
		{"SDP with mux", recording.RTCPAuto, sdp(func(l *recording.LegSpec) { l.Mux, l.Reports = true, l.Source }), "", false, "192.0.2.7:30010", 0},
		{"SDP that does not say where", recording.RTCPAuto, nowhere, "", false, "192.0.2.7:30011", 1},
		{"SDP that does not say where, RTCP does", recording.RTCPAuto, nowhere, "192.0.2.7:5", false, "192.0.2.7:5", 1},
		{"SDP that does not say where, muxed RTCP does", recording.RTCPAuto, nowhere, "192.0.2.7:30010", true, "192.0.2.7:30010", 0},
		{"SDP that wants nothing", recording.RTCPAlways, sdp(func(l *recording.LegSpec) { l.NoReports = true }), "", false, "", 0},
		{"no SDP", recording.RTCPAuto, plain, "192.0.2.7:5", false, "", 0},
		{"no SDP, always", recording.RTCPAlways, plain, "", false, "192.0.2.7:30011", 1},
		{"no SDP, always, where RTCP comes from", recording.RTCPAlways, plain, "192.0.2.7:5", false, "192.0.2.7:5", 1},
		{"never", recording.RTCPNever, offered(recording.Caller, callerFrom), "", false, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				port := w.announceLegs("c", c.leg).Legs[0].Ports.RTP
				w.send(port, talk{from: callerFrom, start: w.now(), octets: babble(10*rate, 1, g711.MuLaw), ssrc: 1})
				if c.rtcp != "" {
					to := port + 1
					if c.muxed {
						to = port
					}
					w.reports(to, netip.MustParseAddrPort(c.rtcp), w.now()+100*ms, &rtcp.ReceiverReport{SSRC: 1})
				}
				w.sleep(10 * second)
				sent := w.fake.Sent()
				if (len(sent) > 0) != (c.want != "") {
					t.Errorf("%d reports, want any: %v", len(sent), c.want != "")
				}
				for _, s := range sent {
					if s.To.String() != c.want || s.From.Port() != port+c.from {
						t.Errorf("from %v to %v, want %v to %v", s.From, s.To, port+c.from, c.want)
					}
				}
			}, func(cfg *recording.Config) { cfg.RTCP = c.policy })
		})
	}
}

// A BYE ends its stream and neither the call nor what is still under way: another
// source may speak at once.
func TestByeEndsTheSource(t *testing.T) {
	for _, muxed := range []bool{false, true} {
		t.Run(fmt.Sprint("muxed ", muxed), func(t *testing.T) {
			inWorld(t, func(w *world) {
				info := w.announce("c", `{}`)
				port := info.Legs[0].Ports.RTP
				start := w.now()
				want := newExpect(10 * rate)
				first := talk{
					from: callerFrom, start: start, octets: babble(2*rate, 1, g711.MuLaw), ssrc: 1,
					delay: func(i int) time.Duration { return time.Duration(i%2) * 300 * ms }, // every other is under way when the BYE comes
				}
				w.send(port, first)
				want.hear(0, 0, first.octets, first.law)
				to := port
				if !muxed {
					to++
				}
				w.reports(to, callerFrom, start+2*second, &rtcp.ReceiverReport{SSRC: 1}, &rtcp.Goodbye{Sources: []uint32{1}, Reason: "transfer"})
				next := talk{from: calleeFrom, start: start + 2500*ms, octets: babble(2*rate, 2, g711.MuLaw), ssrc: 2}
				w.send(port, next)
				want.hear(0, 2500*rate/1000, next.octets, next.law)
				w.sleep(6 * second)
				now, _ := w.m.Info(info.Spec.ID)
				if now.State == "ended" {
					t.Error("the BYE ended the call")
				}
				w.do("c", recording.Command{Action: recording.Hangup})
				f := w.file(info.Recordings[0].ID)
				same(t, "mix", f.wav(t, rate, 1), want.mono(0, 6*rate))
			})
		})
	}
}

// What is still under way comes after the new source has begun, too; but the one
// who has left does not get the leg back by it.
func TestTheRestOfAStream(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		port := info.Legs[0].Ports.RTP
		start := w.now()
		first := talk{from: callerFrom, start: start, octets: bytes.Repeat([]byte{1, 17, 129, 60}, 2*rate/4), ssrc: 1}
		first.delay = func(i int) time.Duration {
			if i >= 80 {
				return 410 * ms
			}
			return 0
		}
		w.send(port, first)
		w.reports(port, callerFrom, start+1700*ms, &rtcp.Goodbye{Sources: []uint32{1}})
		next := talk{from: calleeFrom, start: start + 2*second, octets: babble(3*rate, 2, g711.MuLaw), ssrc: 2}
		w.send(port, next)
		w.send(port, talk{from: callerFrom, start: start + 2*second, octets: babble(3*rate, 3, g711.MuLaw), ssrc: 9}) // another stream of it
		w.sleep(6 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(6 * rate)
		want.hear(0, 0, first.octets, first.law)
		want.hear(0, 2*rate, next.octets, next.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 6*rate))
		now, _ := w.m.Info(info.Spec.ID)
		if q := now.Recordings[0].Quality.Legs[0]; q.Packets != 250 || q.Foreign != 150 {
			t.Errorf("%d packets of the leg, %d foreign; want 250, 150", q.Packets, q.Foreign)
		}
	})
}

// A BYE of another stream, or from anybody else, changes nothing.
func TestOtherByes(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		port := info.Legs[0].Ports.RTP
		start := w.now()
		k := talk{from: callerFrom, start: start, octets: babble(4*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(port, k)
		w.reports(port+1, callerFrom, start+second, &rtcp.Goodbye{Sources: []uint32{2}})
		w.reports(port+1, netip.MustParseAddrPort("192.0.2.66:30011"), start+second, &rtcp.Goodbye{Sources: []uint32{1}})
		w.reports(port, netip.MustParseAddrPort("192.0.2.66:30011"), start+second, &rtcp.Goodbye{Sources: []uint32{1}})
		w.send(port, talk{from: calleeFrom, start: start + 1500*ms, octets: babble(2*rate, 2, g711.MuLaw), ssrc: 2})
		w.sleep(5 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(5 * rate)
		want.hear(0, 0, k.octets, k.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 5*rate))
		now, _ := w.m.Info(info.Spec.ID)
		if q := now.Recordings[0].Quality.Legs[0]; q.Foreign != 102 {
			t.Errorf("%d foreign datagrams, want 102", q.Foreign)
		}
	})
}

// A sender that says goodbye and goes on has not gone: nobody else gets its leg.
func TestByeOfOneWhoStays(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		port := info.Legs[0].Ports.RTP
		start := w.now()
		k := talk{from: callerFrom, start: start, octets: babble(8*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(port, k)
		w.reports(port, callerFrom, start+second, &rtcp.Goodbye{Sources: []uint32{1}})
		w.send(port, talk{from: calleeFrom, start: start + 3*second, octets: babble(2*rate, 2, g711.MuLaw), ssrc: 2})
		w.sleep(9 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		want := newExpect(9 * rate)
		want.hear(0, 0, k.octets, k.law)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, 9*rate))
		now, _ := w.m.Info(info.Spec.ID)
		if q := now.Recordings[0].Quality.Legs[0]; q.Foreign != 100 {
			t.Errorf("%d foreign datagrams, want 100", q.Foreign)
		}
	})
}

// Where the leg's sender changes, the one before gets no more reports, though it has
// sent RTCP and the new one does not.
func TestReportsFollowTheSource(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{}`)
		port := info.Legs[0].Ports.RTP
		start := w.now()
		other := netip.MustParseAddrPort("192.0.2.8:40010")
		w.send(port, talk{from: callerFrom, start: start, octets: babble(2*rate, 1, g711.MuLaw), ssrc: 1})
		w.reports(port+1, netip.MustParseAddrPort("192.0.2.7:5"), start+100*ms, &rtcp.ReceiverReport{SSRC: 1})
		w.send(port, talk{from: other, start: start + 8*second, octets: babble(12*rate, 2, g711.MuLaw), ssrc: 2})
		w.sleep(8*second - 100*ms)
		for _, s := range w.fake.Sent() {
			if s.From.Port() < info.Legs[1].Ports.RTP && s.To.String() != "192.0.2.7:5" {
				t.Errorf("of the first sender: to %v", s.To)
			}
		}
		w.sleep(400 * ms)
		w.fake.Sent() // either's
		w.sleep(12 * second)
		sent := w.fake.Sent()
		if len(sent) == 0 {
			t.Error("no reports of the second sender")
		}
		for _, s := range sent {
			if s.To.String() != "192.0.2.8:40011" {
				t.Errorf("of the second sender: to %v", s.To)
			}
		}
	}, func(cfg *recording.Config) { cfg.RTCP = recording.RTCPAlways })
}

// What came of a payload type that is not ours has come, and its sender is not told
// that it was lost.
func TestReportsCountWhatIsIgnored(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announceLegs("c", offered(recording.Caller, callerFrom))
		port := info.Legs[0].Ports.RTP
		start := w.now()
		for i := range 500 {
			p := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 1, SequenceNumber: uint16(i), Timestamp: uint32(160 * i)}, Payload: make([]byte, 160)}
			if i%5 == 4 {
				p.PayloadType = 96
			}
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			w.push(port, callerFrom, start+time.Duration(i)*20*ms, b)
		}
		w.sleep(10 * second)
		sent := w.fake.Sent()
		if len(sent) == 0 {
			t.Fatal("no reports")
		}
		for _, s := range sent {
			rr, _ := readReport(t, s)
			for _, b := range rr.Reports {
				if b.TotalLost != 0 || b.FractionLost != 0 || b.Jitter != 0 {
					t.Errorf("%+v, want nothing lost", b)
				}
			}
		}
	})
}

// Reports from an address that SDP does not name for them are not about the leg.
func TestReportsFromElsewhere(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announceLegs("c", offered(recording.Caller, callerFrom))
		port := info.Legs[0].Ports.RTP
		start := w.now()
		w.send(port, talk{from: callerFrom, start: start, octets: babble(2*rate, 1, g711.MuLaw), ssrc: 1})
		w.reports(port+1, netip.MustParseAddrPort("192.0.2.66:30011"), start+second, &rtcp.Goodbye{Sources: []uint32{1}})
		w.sleep(3 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		w.file(info.Recordings[0].ID)
		now, _ := w.m.Info(info.Spec.ID)
		if q := now.Recordings[0].Quality.Legs[0]; q.Foreign != 1 {
			t.Errorf("%d foreign datagrams, want 1", q.Foreign)
		}
	})
}

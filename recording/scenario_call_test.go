package recording_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"callrec/recording"
)

// A leg of which only RTCP comes has had no media, and is silent.
func TestOnlyReportsAreNoMedia(t *testing.T) {
	play(t, []scenario{{
		name: "reports and no media", source: "rtpengine mr26: hold inactive, RTCP still comes",
		legs: [2]func(*sender){nil, func(s *sender) {
			b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 5, RTPTime: 9, PacketCount: 1}, &rtcp.SourceDescription{}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				s.w.push(s.port+1, s.from, time.Duration(i+1)*3*second, b)
			}
		}},
		spec: func(c *recording.CallSpec) {
			c.Legs = []recording.LegSpec{{Leg: recording.Caller}, {Leg: recording.Callee, Source: calleeFrom}}
		},
		want: [2]counts{1: {noMedia: true}},
	}})
}

// Media may come while the announcement is still being answered, and long before
// the party answers: the file begins at the answer, and holds what was said then.
func TestMediaBeforeTheAnswer(t *testing.T) {
	inWorld(t, func(w *world) {
		const answered, length = 3333 * ms, 10 * second
		info := w.announce("c", `{"channels":"stereo","record_on_answer":true}`)
		var truths [2]*truth
		for leg := range truths {
			truths[leg] = w.script(info, leg, samples(answered), samples(length), nil)
		}
		w.sleep(answered)
		w.do("c", recording.Command{Action: recording.Answer})
		w.sleep(length - answered)
		w.do("c", recording.Command{Action: recording.Hangup})
		f := w.file(info.Recordings[0].ID)
		for leg, got := range parted(f.wav(t, rate, 2)) {
			truths[leg].check(t, recording.Leg(leg).String(), got)
		}
	})
}

// A call begins when its announcement was read, not when there were ports for it.
func TestAnnouncementReadBefore(t *testing.T) {
	inWorld(t, func(w *world) {
		const ago, length = 80 * ms, 5 * second
		spec := callSpec("c", request(t, `{"channels":"stereo"}`))
		spec.At = spec.At.Add(-ago)
		info, _, err := w.m.Announce(w.t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		caller := w.script(info, 0, -samples(ago), samples(length), nil)
		w.sleep(length)
		w.do("c", recording.Command{Action: recording.Hangup})
		f := w.file(info.Recordings[0].ID)
		caller.check(t, "caller", parted(f.wav(t, rate, 2))[0])
	})
}

// sipp sends the same file in every call: SSRC, numbers and timestamps are alike in
// both legs and in all calls. Only the port says whose a packet is.
func TestEveryPacketAlikeInEveryCall(t *testing.T) {
	inWorld(t, func(w *world) {
		const calls, length = 30, 6 * second
		var infos []recording.CallInfo
		var truths [][2]*truth
		for i := range calls {
			info := w.announce(fmt.Sprint("call", i), `{"channels":"stereo"}`)
			var both [2]*truth
			for leg := range both {
				both[leg] = w.script(info, leg, 0, samples(length), func(s *sender) {
					s.leg = 2*i + leg // what is said differs
					s.from = callerFrom
					s.next.SSRC, s.next.SequenceNumber, s.next.Timestamp = 0xDEADBEEF, 1, 160
					s.talk(length)
				})
			}
			infos, truths = append(infos, info), append(truths, both)
		}
		w.sleep(length)
		for _, info := range infos {
			w.do(info.Spec.ID.Call, recording.Command{Action: recording.Hangup})
		}
		for i, info := range infos {
			f := w.file(info.Recordings[0].ID)
			for leg, got := range parted(f.wav(t, rate, 2)) {
				truths[i][leg].check(t, fmt.Sprintf("call %d, leg %d", i, leg), got)
			}
		}
	})
}

// Three hours after its beginning a call's samples are where they were said: of a
// leg that has been quiet, one whose clock stood still, one that is another, and
// ones that begin.
func TestThreeHours(t *testing.T) {
	const hours, length = 3 * time.Hour, 4 * second
	inWorld(t, func(w *world) {
		calls := map[string]func(*sender){
			"quiet":               func(s *sender) { s.quiet(hours - 2*second) },
			"a clock that stands": func(s *sender) { s.stand(hours - 2*second) },
			"another SSRC":        func(s *sender) { s.stand(hours - 2*second); s.again(9) },
		}
		infos, truths := map[string]recording.CallInfo{}, map[string][2]*truth{}
		for name, pause := range calls {
			info := w.announce(name, `{"channels":"stereo","record_on_answer":true}`)
			var both [2]*truth
			for leg := range both {
				both[leg] = w.script(info, leg, samples(hours), samples(hours+length), func(s *sender) {
					if leg == 0 {
						s.talk(2 * second)
					} else {
						s.at = 2 * rate
					}
					pause(s)
					s.talk(length)
				})
			}
			infos[name], truths[name] = info, both
		}
		w.sleep(hours)
		for name := range calls {
			w.do(name, recording.Command{Action: recording.Answer})
		}
		w.sleep(length)
		for name := range calls {
			w.do(name, recording.Command{Action: recording.Hangup})
		}
		for name, both := range truths {
			f := w.file(infos[name].Recordings[0].ID)
			for leg, got := range parted(f.wav(t, rate, 2)) {
				both[leg].check(t, fmt.Sprint(name, ", ", recording.Leg(leg)), got)
			}
		}
	})
}

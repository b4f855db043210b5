package bench

import (
	"time"

	"callrec/internal/testkit"
)

// stories are what happens to calls. Each begins when the parties have talked for a
// while and the fork has begun, and goes on until they have hung up.
var stories = []story{
	{name: "a call", seconds: 8, tell: func(f *forked) [2][]part {
		f.talkFor(6*time.Second, nil) // long enough for receiver reports to go out
		if got := f.reported(); got[0] == 0 || got[1] == 0 {
			f.t.Errorf("the SBC has got %v receiver reports", got)
		}
		return f.straight()
	}},
	{name: "hold and resume", seconds: 6, tell: func(f *forked) [2][]part {
		f.ab[1].mood = muted
		f.talkFor(1500*time.Millisecond, func() { f.negotiate("sendonly", "recvonly") })
		f.ab[1].mood = speaking
		f.talkFor(1200*time.Millisecond, func() { f.unsteady([]int{1}, func() { f.negotiate("sendrecv", "sendrecv") }) })
		return f.straight()
	}},
	{name: "inactive, and the caller goes on sending", seconds: 6, tell: func(f *forked) [2][]part {
		f.ab[1].mood = muted
		f.talkFor(1500*time.Millisecond, func() { f.negotiate("inactive", "inactive") })
		f.ab[1].mood = speaking
		f.talkFor(1200*time.Millisecond, func() { f.unsteady([]int{1}, func() { f.negotiate("sendrecv", "sendrecv") }) })
		return f.straight()
	}},
	{name: "mute and resume", seconds: 6, tell: func(f *forked) [2][]part {
		f.ab[0].mood = muted
		f.talkFor(1500*time.Millisecond, nil)
		f.ab[0].mood = speaking
		f.talkFor(1200*time.Millisecond, nil)
		return f.straight()
	}},
	{name: "a key is pressed", seconds: 6, digits: 1, tell: func(f *forked) [2][]part {
		f.ab[0].mood = pressing
		f.talkFor(testkit.DigitFrames*frameTime, nil)
		f.ab[0].mood = speaking
		f.talkFor(1200*time.Millisecond, nil)
		return f.straight()
	}},
	{name: "numbers and timestamps jump", seconds: 6, conceals: true, tell: func(f *forked) [2][]part {
		f.ab[0].mood = unheard
		f.talkFor(1500*time.Millisecond, nil)
		f.ab[0].mood = speaking
		f.talkFor(1200*time.Millisecond, nil)
		return f.straight()
	}},
	{name: "transfer", seconds: 6, tell: func(f *forked) [2][]part {
		legs := f.straight()
		next := newTalk(99, 4)
		next.began, next.marker = f.tick, true
		f.ab[1].talk = next
		f.talkFor(2*time.Second, nil)
		legs[1] = append(legs[1], whole(next))
		return legs
	}},
	{name: "the fork is offered again", seconds: 6, tell: func(f *forked) [2][]part {
		f.talkFor(2*time.Second, func() {
			f.unsteady(both, func() {
				offer := f.subscribe(map[string]any{"to-tag": f.tag})
				f.accept(offer, f.update(offer))
			})
		})
		return f.straight()
	}},
	{name: "another fork takes over", seconds: 6, foreign: true, tell: func(f *forked) [2][]part {
		f.talkFor(2*time.Second, func() {
			f.unsteady(both, func() {
				before := f.tag
				offer := f.subscribe(nil)
				f.accept(offer, f.update(offer))
				f.sbc.do("unsubscribe", map[string]any{"call-id": f.id, "to-tag": before})
			})
		})
		return f.straight()
	}},
	{name: "transcoding begins", seconds: 6, late: true, tell: func(f *forked) (legs [2][]part) {
		f.talkFor(2500*time.Millisecond, func() {
			f.unsteady(both, func() {
				offer := f.subscribe(map[string]any{"to-tag": f.tag, "codec": map[string]any{"transcode": []string{"PCMA"}, "strip": []string{"PCMU"}}})
				f.accept(offer, f.update(offer))
			})
		})
		for i, a := range f.ab {
			change := f.loose[i][len(f.loose[i])-1]
			before, after := whole(a.talk), whole(a.talk)
			before.hi, after.lo, after.table = a.talk.until(change.to), a.talk.until(change.from), &alawed
			legs[i] = []part{before, after}
		}
		return legs
	}},
	{name: "unsubscribe", seconds: 6, tell: func(f *forked) (legs [2][]part) {
		f.talkFor(time.Second, func() {
			f.unsteady(both, func() { f.sbc.do("unsubscribe", map[string]any{"call-id": f.id, "to-tag": f.tag}) })
		})
		f.talkFor(time.Second, nil)
		for i, a := range f.ab {
			legs[i] = []part{whole(a.talk)}
			legs[i][0].hi = a.talk.until(f.loose[i][len(f.loose[i])-1].to)
		}
		return legs
	}},
}

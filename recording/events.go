package recording

import "time"

// Event is one thing that happened to a call or to a recording of it.
type Event struct {
	At   time.Time
	Call CallID
	// Name is "announced", "answered", "bridged", "updated", "transferred", "ended",
	// "silent" (no media that can be recorded, on either leg, for a minute), "heard" (again,
	// after that), "resumed" (the worker was restarted) or "digit" (see Config.ReportDigits)
	// for a call, and the new state's name for a recording. "caller_recorded" says that a
	// record_caller is over and its callflow goes on: At is where it ended, Detail is
	// "digit", "silence", "time_limit", "hangup", "stop", "transfer", "failed", or
	// "interrupted" if it ended while no worker ran.
	Name   string
	Detail string // which leg, or why
	Digit  string // of a digit: 0-9, *, #, A-D; At is when it was pressed. Empty under a mask
	// Recording is nil when the event is the call's. Of a recording whose call is
	// forgotten only ID, State and Reason are known, and Call has the id of the leg
	// that was recorded.
	Recording *Info

	Spec        CallSpec // of the call, as it is now
	Interaction string   // as in CallInfo
}

func (s *shard) emitCall(c *call, name, detail string) {
	if s.rules.OnEvent != nil {
		s.rules.OnEvent(Event{At: s.m.clock.wall(), Call: c.spec.ID, Name: name, Detail: detail, Spec: c.current(), Interaction: c.interaction})
	}
}

func (s *shard) emitDigit(c *call, leg Leg, digit byte, pos int64) {
	if s.rules.OnEvent != nil {
		s.rules.OnEvent(Event{At: c.wall(pos), Call: c.spec.ID, Name: "digit", Detail: leg.String(), Digit: string(rune(digit)), Spec: c.current(), Interaction: c.interaction})
	}
}

func (s *shard) emitDictated(c *call, t *track, pos int64, reason, digit string) {
	if s.rules.OnEvent != nil {
		info := t.info(c)
		s.rules.OnEvent(Event{At: c.wall(pos), Call: c.spec.ID, Name: "caller_recorded", Detail: reason, Digit: digit, Recording: &info, Spec: c.specOf(t), Interaction: c.interaction})
	}
}

// emit tells that t has entered its state.
func (s *shard) emit(c *call, t *track) {
	s.count.ends[t.state].Add(1)
	if s.rules.OnEvent != nil {
		info := t.info(c)
		s.rules.OnEvent(Event{At: s.m.clock.wall(), Call: c.spec.ID, Name: t.state.String(), Detail: t.reason, Recording: &info, Spec: c.specOf(t), Interaction: c.interaction})
	}
}

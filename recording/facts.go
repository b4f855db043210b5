package recording

import "cmp"

// facts are those of the announcement, or of the call as it is now.
func (s *CallSpec) facts() Facts {
	return Facts{s.From, s.To, s.CallerIDName, s.CallerIDNumber, s.FromNetwork, s.ToNetwork}
}

func (s *CallSpec) setFacts(f Facts) {
	s.From, s.To, s.CallerIDName, s.CallerIDNumber = f.From, f.To, f.CallerIDName, f.CallerIDNumber
	s.FromNetwork, s.ToNetwork = f.FromNetwork, f.ToNetwork
}

// over lays what is told anew over what was known.
func (f Facts) over(known Facts) Facts {
	return Facts{
		From: cmp.Or(f.From, known.From), To: cmp.Or(f.To, known.To),
		CallerIDName: cmp.Or(f.CallerIDName, known.CallerIDName), CallerIDNumber: cmp.Or(f.CallerIDNumber, known.CallerIDNumber),
		FromNetwork: cmp.Or(f.FromNetwork, known.FromNetwork), ToNetwork: cmp.Or(f.ToNetwork, known.ToNetwork),
	}
}

// Told is the announcement with what a change says of the parties.
func (s CallSpec) Told(change *Change) CallSpec {
	s.setFacts(change.Facts.over(s.facts()))
	s.OtherLegCallID = cmp.Or(change.OtherLegCallID, s.OtherLegCallID)
	for leg, p := range change.Parties {
		s.Parties[leg] = cmp.Or(p, s.Parties[leg])
	}
	return s
}

// tell lets a call know what a change says of its parties. Recordings that have
// begun keep what was known then.
func (s *shard) tell(c *call, change *Change) {
	now := c.current().Told(change)
	renamed := c.callIDs[Callee] != now.OtherLegCallID
	c.facts, c.parties, c.callIDs[Callee] = now.facts(), now.Parties, now.OtherLegCallID
	for _, t := range c.tracks {
		if renamed && t.state == Armed && t.leg == Callee {
			s.name(c, t)
		}
	}
}

// namesCallee reports whether an announcement says who is called. An answered call
// that does not may be talking to a machine of the caller's side, and ring later.
func (s *CallSpec) namesCallee() bool {
	return s.Parties[Callee] != Party{} || s.ForwardedBy != Party{}
}

const calleeWaits = `recordings of the callee wait for {"action":"answer","leg":"callee"} or a bridge`

// calleeWaits reports whether a recording waits for the answer of the callee's leg.
func (c *call) calleeWaits() bool {
	for _, t := range c.tracks {
		if t.state == Armed && t.leg == Callee && t.spec.onAnswer {
			return true
		}
	}
	return false
}

// missing leaves out what a called endpoint has already: it rang before, and is
// told again. What a transfer or another's answer has taken from it, it has no more.
func (c *call) missing(requests []Request) (out []Request) {
	for _, r := range requests {
		has := false
		for _, t := range c.tracks {
			none := t.state == Cancelled || t.state == Failed && !t.begun
			has = has || t.called.Same(r.Called) && !none && t.reason != "transfer"
		}
		if !has {
			out = append(out, r)
		}
	}
	return out
}

// othersRang cancels, when the callee's leg is answered, the recordings of called
// endpoints who are not the callee: nobody answered there.
func (s *shard) othersRang(c *call, pos int64) {
	callee := c.parties[Callee]
	if callee == (Party{}) {
		return
	}
	for _, t := range c.tracks {
		if t.state == Armed && t.called != (Party{}) && !t.called.Same(callee) {
			s.endTrack(c, t, pos, "another answered")
		}
	}
}

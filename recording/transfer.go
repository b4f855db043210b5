package recording

// transfer gives a leg of the call to somebody else at pos. Recordings that do not
// follow end there.
func (s *shard) transfer(c *call, cmd *Command, pos int64) error {
	if len(cmd.Start) > 0 {
		if err := s.openPorts(c); err != nil {
			return refused(err)
		}
	}
	for _, t := range c.tracks {
		if t.changes(pos) && t.asked <= pos && !t.follows() {
			s.endTrack(c, t, pos, "transfer")
		}
	}
	c.late.moved = max(c.late.moved, pos)
	if cmd.CallID != "" {
		c.callIDs[cmd.Leg] = cmd.CallID
	}
	c.parties[cmd.Leg] = cmd.Party
	s.emitCall(c, "transferred", cmd.Leg.String())
	return s.startAll(c, cmd.Start, pos)
}

// follows reports whether a transfer leaves the recording alone. A record_caller
// is part of a callflow, which the call leaves.
func (t *track) follows() bool { return t.spec.follow && t.dictation == nil }

// callID is the call id of a leg: the callee's is that of the other leg, if it is known.
func (c *call) callID(leg Leg) CallID {
	id := c.spec.ID
	if c.callIDs[leg] != "" {
		id.Call = c.callIDs[leg]
	}
	return id
}

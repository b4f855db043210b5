package recording

import (
	"net/netip"
	"slices"
	"time"
)

// update tells a call anew about its legs and parties; what a new callee wants
// recorded is asked for at pos. Ports stay. What had arrived before is taken by the
// rules there were. If there are no ports for what is new, nothing has changed.
func (s *shard) update(c *call, cmd *Command, pos int64) error {
	change, start, at := &cmd.Change, c.missing(cmd.Start), s.m.clock.Now()
	s.sweep(c.slot, at)
	known := slices.Clone(c.known)
	for _, told := range change.Legs {
		i := slices.IndexFunc(known, func(l LegSpec) bool { return l.Leg == told.Leg })
		if i < 0 {
			known = append(known, told)
		} else {
			known[i] = known[i].merged(told)
		}
	}
	if c.open {
		added := known[len(c.known):]
		for i, spec := range added {
			if err := s.openLeg(c, spec, at.Mono); err != nil {
				for _, opened := range added[:i] {
					s.closeLeg(c, opened.Leg, at.Mono)
				}
				return refused(err)
			}
		}
	} else if len(start) > 0 {
		before := c.known
		c.known = known
		if err := s.openPorts(c); err != nil {
			c.known = before
			return refused(err)
		}
	}
	for _, told := range change.Legs {
		if l := c.legs[told.Leg]; l != nil {
			l.update(told, at.Mono)
		}
	}
	c.known = known
	if change.Offer != "" && change.Offer != c.offer {
		c.offer = change.Offer
		c.revision++
	}
	s.tell(c, change)
	s.emitCall(c, "updated", "")
	return s.startAll(c, start, pos)
}

// merged is the spec with what is told anew.
func (s LegSpec) merged(told LegSpec) LegSpec {
	if told.Label != "" {
		s.Label = told.Label
	}
	if told.Source.IsValid() {
		s.Source = told.Source
	}
	if told.Offered.IsValid() {
		s.Offered = told.Offered
	}
	if told.Payloads != nil {
		s.Payloads, s.Reports, s.Mux, s.NoReports = told.Payloads, told.Reports, told.Mux, told.NoReports
	}
	return s
}

// update tells an open leg. Payload types that are not given a new meaning keep
// theirs: packets of before are still under way (RFC 3264 §8.3.2).
func (l *leg) update(told LegSpec, now time.Duration) {
	l.spec = l.spec.merged(told)
	for pt, p := range told.Payloads {
		if pt < 128 {
			l.payloads[pt] = p
		}
	}
	if told.Source.IsValid() {
		l.source.announce(told.Source, now)
		l.reporter.from = netip.AddrPort{} // the one before must not get reports about this one
	}
}

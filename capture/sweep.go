package capture

// Read implements Set.
func (s *sockets) Read(b *Batch, slot int, now Instant) (more bool, err error) {
	b.Reset()
	if err := s.usable(slot); err != nil {
		return false, err
	}
	s.times.sample(now)
	s.swept = now.Mono
	s.expire(now.Mono)
	sl := &s.slots[slot]
	withRTCP := (sl.sweeps+slot)%rtcpEvery == 0
	for sl.at < len(sl.pairs) {
		p := sl.pairs[sl.at]
		if !sl.onRTCP {
			if !s.take(b, sl, p, &p.rtp, false) {
				return true, nil
			}
			sl.onRTCP, sl.taken = true, 0
		}
		if withRTCP && !s.take(b, sl, p, &p.rtcp, true) {
			return true, nil
		}
		if (sl.sweeps+slot)%dropsEvery == 0 {
			s.countDrops(&p.rtp)
			s.countDrops(&p.rtcp)
		}
		sl.at, sl.onRTCP, sl.taken = sl.at+1, false, 0
	}
	sl.at, sl.onRTCP, sl.taken = 0, false, 0
	sl.sweeps++
	return false, nil
}

// take reads one socket until it is empty or has had its share of this sweep.
// It reports false when b is full before that.
func (s *sockets) take(b *Batch, sl *slot, p *pair, l *leg, rtcp bool) bool {
	for sl.taken < perSweep {
		want := min(burst, perSweep-sl.taken, b.Room())
		if want == 0 {
			return false
		}
		first := len(b.Datagrams)
		n, err := l.sock.receive(b, want, s.opts)
		s.label(b.Datagrams[first:], p.tag, rtcp, l)
		if err != nil {
			s.stats.ReadErrors++ // nothing can be done, and the neighbours wait
			return true
		}
		sl.taken += n
		if n < want {
			l.after = s.swept
			break
		}
	}
	return true
}

// label completes what receive has put into a Batch, where At still is the
// kernel's stamp.
func (s *sockets) label(got []Datagram, tag Tag, rtcp bool, l *leg) {
	for i := range got {
		d := &got[i]
		stamp := int64(d.At)
		if s.restamp != nil {
			stamp = s.restamp(stamp, d.Data)
		}
		if s.cfg.Clock != nil && s.times.beyond(stamp) {
			s.times.sample(s.cfg.Clock())
		}
		d.Tag, d.RTCP, d.At = tag, rtcp, s.times.mono(stamp, l.after)
		if d.Truncated {
			s.stats.Truncated++
		}
		l.after = d.At
	}
	s.stats.Datagrams += uint64(len(got))
}

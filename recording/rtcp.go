package recording

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"callrec/capture"
	"callrec/capture/report"
)

// RTCP says to which senders receiver reports go.
type RTCP uint8

// RTCPAuto suits SBCs: one that has offered SDP has agreed to RTP, and with it to
// reports (RFC 3550 §6); one that only named ports may have nobody who reads them.
const (
	RTCPAuto   RTCP = iota // to those of which there is SDP
	RTCPAlways             // to all
	RTCPNever
)

// reporter is what a leg needs to send reports.
type reporter struct {
	timer report.Timer
	ssrc  uint32         // ours
	from  netip.AddrPort // where the leg's last RTCP came from,
	muxed bool           // and whether to the RTP port
}

// newReporter begins at now.
func newReporter(now time.Duration) reporter {
	return reporter{timer: report.NewTimer(now, rand.Uint64()), ssrc: rand.Uint32()}
}

// follow forgets where RTCP came from, when the leg's sender is another now and it was
// not from there: the one before must not get reports about this one.
func (r *reporter) follow(sender netip.AddrPort) {
	if r.from.Addr() != sender.Addr() {
		r.from = netip.AddrPort{}
	}
}

// receiveRTCP takes one datagram of RTCP, which came to either port of the leg.
func (l *leg) receiveRTCP(d *capture.Datagram, rules *Config) {
	if !l.source.mayReport(d.From, l.spec.Reports, rules.Allow) {
		l.counts.foreign++
		return
	}
	items, err := report.Parse(d.Data)
	if err != nil || d.Truncated {
		l.counts.badRTCP++
		return
	}
	l.reporter.from, l.reporter.muxed = d.From, !d.RTCP
	l.heard, l.seen = max(l.heard, d.At), max(l.seen, d.At)
	var it report.Item
	for items.Next(&it) {
		switch it.Kind {
		case report.KindSender:
			l.counts.reports++
			l.received.Report(it.Sender, d.At)
			l.buffer.Report(it.Sender.SSRC, it.Sender.NTP, it.Sender.RTP)
		case report.KindBye:
			l.counts.byes++
			if ssrc, ok := l.received.SSRC(); ok && ssrc == it.SSRC {
				l.source.bye(ssrc, d.At, rules.Hold)
			}
		case report.KindName: // the streams of one leg follow each other; who they belong to changes nothing
		}
	}
}

// sendReports sends the receiver reports of a call that are due.
func (s *shard) sendReports(c *call, now time.Duration) {
	if s.rules.RTCP == RTCPNever || c.ended {
		return
	}
	for _, l := range c.legs {
		if l == nil || l.spec.NoReports || l.spec.Payloads == nil && s.rules.RTCP == RTCPAuto {
			continue
		}
		if l.reporter.timer.Due(now) {
			s.sendReport(l, now)
		}
	}
}

// sendReport sends one, if it is known where to. That one is lost is nothing that
// anybody waits for.
func (s *shard) sendReport(l *leg, now time.Duration) {
	to, muxed := l.reportTo()
	if to.Port() == 0 {
		return
	}
	if theirs, ok := l.received.SSRC(); ok && theirs == l.reporter.ssrc {
		l.reporter.ssrc = rand.Uint32() // RFC 3550 §8.2
	}
	var about *report.Block
	block, ok := l.received.Block(now)
	if ok {
		about = &block
	}
	s.scratch.encoded = report.Append(s.scratch.encoded[:0], l.reporter.ssrc, s.m.cname, about)
	if err := s.set.Send(l.tag, !muxed, to, s.scratch.encoded); err != nil {
		s.rules.Log.Debug("cannot send a receiver report", "leg", l.spec.Leg.String(), "rtp_port", l.ports.RTP, "err", err)
	}
}

// reportTo is where the leg's sender wants its reports: where SDP says, else where
// its own come from, else beside its RTP. muxed: they leave from our RTP port.
func (l *leg) reportTo() (to netip.AddrPort, muxed bool) {
	switch {
	case l.spec.Reports.IsValid():
		return l.spec.Reports, l.spec.Mux
	case l.reporter.from.IsValid():
		return l.reporter.from, l.reporter.muxed
	}
	rtp := l.source.latched
	if !rtp.IsValid() {
		rtp = l.source.want
	}
	if !rtp.IsValid() || rtp.Port() == 0 {
		return netip.AddrPort{}, false
	}
	if l.spec.Mux {
		return rtp, true
	}
	return netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1), false // past 65535: port 0, nowhere
}

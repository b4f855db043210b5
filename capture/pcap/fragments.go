package pcap

import (
	"net/netip"
	"time"
)

// Bounds of reassembly: datagrams of which a part is missing, how long their parts
// may be apart, and how many parts and bytes one has.
const (
	mostOpen   = 64
	longestGap = 30 * time.Second
	mostParts  = 64
	mostBytes  = 64 << 10
)

// flow names the datagram a fragment is of.
type flow struct {
	src, dst netip.Addr
	proto    uint8
	id       uint32
}

// open is a datagram of which parts have come.
type open struct {
	flow  flow
	last  time.Time
	bytes []byte
	have  []span // in order, apart from each other
	total int    // 0: its end has not come
	parts int
}

type span struct{ from, to int }

// fragments puts datagrams together. The zero value is empty.
type fragments struct {
	open      []*open // the one that has waited longest first
	abandoned uint64
	whole     []byte // the newest datagram
}

// add takes a fragment. It returns the datagram that is whole with it, or
// fragment. One whose parts overlap is dropped: RFC 5722 wants that of IPv6, and
// for RTP nothing else is worth having either. So is one that the capture has cut.
func (s *fragments) add(p *packet, at time.Time) (packet, verdict) {
	o := s.find(flow{p.src, p.dst, p.proto, p.id}, at)
	end := p.offset + len(p.payload)
	o.last = at
	o.parts++
	bad := p.cut || end > mostBytes || o.parts > mostParts || (p.more && (len(p.payload) == 0 || len(p.payload)%8 != 0)) ||
		(o.total > 0 && end > o.total) || !o.put(p.offset, p.payload)
	if !p.more && !bad {
		bad = (o.total > 0 && o.total != end) || o.have[len(o.have)-1].to > end
		o.total = end
	}
	if bad {
		s.drop(o)
		s.abandoned++
		return packet{}, fragment
	}
	if o.total == 0 || len(o.have) != 1 || o.have[0] != (span{0, o.total}) {
		return packet{}, fragment
	}
	s.drop(o)
	s.whole = append(s.whole[:0], o.bytes[:o.total]...)
	return packet{src: p.src, dst: p.dst, proto: p.proto, payload: s.whole}, sound
}

// find returns the datagram of a flow, a new one if need be.
func (s *fragments) find(f flow, at time.Time) *open {
	for _, o := range s.open {
		if o.flow == f {
			if at.Sub(o.last).Abs() <= longestGap {
				return o
			}
			s.drop(o) // its id has come round again
			s.abandoned++
			break
		}
	}
	if len(s.open) == mostOpen {
		s.drop(s.open[0])
		s.abandoned++
	}
	o := &open{flow: f}
	s.open = append(s.open, o)
	return o
}

func (s *fragments) drop(o *open) {
	for i := range s.open {
		if s.open[i] == o {
			s.open = append(s.open[:i], s.open[i+1:]...)
			return
		}
	}
}

// put notes and copies a part. It reports false if there was something already. A
// part that comes a second time, as it does when two interfaces are captured, is
// no fault.
func (o *open) put(from int, b []byte) bool {
	to := from + len(b)
	i := 0
	for i < len(o.have) && o.have[i].to <= from {
		i++
	}
	if i < len(o.have) && o.have[i].from < to {
		return from >= o.have[i].from && to <= o.have[i].to && string(o.bytes[from:to]) == string(b)
	}
	if len(o.bytes) < to {
		o.bytes = append(o.bytes, make([]byte, to-len(o.bytes))...)
	}
	copy(o.bytes[from:to], b)
	o.have = append(o.have[:i], append([]span{{from, to}}, o.have[i:]...)...)
	for j := 1; j < len(o.have); {
		if o.have[j-1].to == o.have[j].from {
			o.have[j-1].to = o.have[j].to
			o.have = append(o.have[:j], o.have[j+1:]...)
		} else {
			j++
		}
	}
	return true
}

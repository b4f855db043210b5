package replay

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"

	"callrec/capture/clock"
	"callrec/capture/pcap"
)

// What makes packets a stream: so many that follow each other, none of them this
// far ahead of the one before. Bounds on what is followed at one time.
const (
	enough      = 4
	ahead       = 16
	mostFlows   = 4096
	mostStreams = 16 // to one address
	mostTypes   = 8

	anchored = 2 * time.Second // how long a stream's beginning is sought: more than a hold and a turn
)

// Static payload types of G.711, RFC 3551 §6.
const (
	typePCMU = 0
	typePCMA = 8
)

// Stream is an RTP stream found in a capture.
type Stream struct {
	Src, Dst    netip.AddrPort // Src as in its first packet
	SSRC        uint32
	Packets     int
	Types       []uint8   // payload types, in the order they came; the first few
	Octets      int64     // of G.711: 8000 a second
	First, Last time.Time // when its audio begins, by the packet that was least delayed, and ends

	seq     uint16
	ordered int
	came    time.Time     // the first packet
	ts      uint32        // its timestamp,
	zero    time.Time     // and when that was due, by the packet that was least delayed
	early   time.Duration // how much audio comes before it, 0 or less: it may have overtaken others
}

// Audio is how much G.711 it holds.
func (s *Stream) Audio() time.Duration { return time.Duration(s.Octets) * clock.Sample }

func (s *Stream) established() bool { return s.ordered >= enough }

// extent is what came to, or from, an address that was asked for.
type extent struct {
	packets     int
	first, last time.Time
	streams     map[uint32]*Stream
}

// Survey is what there is in a capture.
type Survey struct {
	Stats pcap.Stats
	Cut   error // why it could not be read to its end; nil: it was

	flows      map[netip.AddrPort][]*Stream
	tries      int
	asked      []netip.AddrPort
	to, source []extent // of those asked for
}

// Look reads a capture through and finds its RTP streams. The addresses asked for
// are those that Choose will be told. The error is nil when anything could be read.
func Look(r io.Reader, asked []netip.AddrPort) (*Survey, error) {
	rd, err := open(r)
	if err != nil {
		return nil, err
	}
	s := &Survey{
		flows: map[netip.AddrPort][]*Stream{}, asked: asked,
		to: make([]extent, len(asked)), source: make([]extent, len(asked)),
	}
	for {
		d, err := rd.Next()
		if err != nil {
			if s.Stats = rd.Stats(); !errors.Is(err, io.EOF) {
				s.Cut = err
			}
			return s, nil
		}
		s.see(&d)
	}
}

func (s *Survey) see(d *pcap.Datagram) {
	for i, a := range s.asked {
		if d.Dst == a {
			s.to[i].see(d)
		}
		if d.Src == a {
			s.source[i].see(d)
		}
	}
	if len(d.Data) < 12 || d.Data[0]>>6 != 2 {
		return
	}
	if pt := d.Data[1] & 0x7f; pt > 34 && pt < 96 {
		return // RTCP, or unassigned: RFC 3551 §6, RFC 5761 §4
	}
	if st := s.stream(d); st != nil {
		st.see(d)
	}
}

// stream finds the stream of a packet. When there is no room for another, those
// that have not become one are forgotten first.
func (s *Survey) stream(d *pcap.Datagram) *Stream {
	ssrc := binary.BigEndian.Uint32(d.Data[8:])
	all := s.flows[d.Dst]
	for _, st := range all {
		if st.SSRC == ssrc {
			return st
		}
	}
	if all == nil && len(s.flows) >= mostFlows {
		if s.tries++; s.tries%mostFlows != 1 {
			return nil
		}
		for dst, streams := range s.flows {
			if !slices.ContainsFunc(streams, (*Stream).established) {
				delete(s.flows, dst)
			}
		}
		if len(s.flows) >= mostFlows {
			return nil
		}
	}
	st := &Stream{Src: d.Src, Dst: d.Dst, SSRC: ssrc}
	if len(all) == mostStreams {
		i := slices.IndexFunc(all, func(st *Stream) bool { return !st.established() })
		if i < 0 {
			return nil
		}
		all[i] = st
		return st
	}
	s.flows[d.Dst] = append(all, st)
	return st
}

// see counts one RTP packet.
func (s *Stream) see(d *pcap.Datagram) {
	pt, seq := d.Data[1]&0x7f, binary.BigEndian.Uint16(d.Data[2:])
	if step := seq - s.seq; s.Packets > 0 && step > 0 && step < ahead {
		s.ordered++
	}
	s.seq = seq
	var n int64
	if pt == typePCMU || pt == typePCMA {
		n = max(int64(len(d.Data)-12-4*int(d.Data[0]&15)), 0)
	}
	s.Octets += n
	s.place(d.At, binary.BigEndian.Uint32(d.Data[4:]), time.Duration(n)*clock.Sample)
	s.Packets++
	if len(s.Types) < mostTypes && !slices.Contains(s.Types, pt) {
		s.Types = append(s.Types, pt)
	}
}

// place moves First and Last by a packet's timestamp, as far as its arrival bears
// that out. The first packet may have been delayed more than those after it, and the
// sender's clock may run fast, or the first may have overtaken others: nothing of that
// may cut off what was said.
func (s *Stream) place(at time.Time, ts uint32, length time.Duration) {
	if s.Packets == 0 {
		s.zero, s.came, s.ts = at, at, ts
	}
	since := time.Duration(int32(ts-s.ts)) * clock.Sample
	if at.Sub(s.came) < anchored {
		if due := at.Add(-since); due.Before(s.zero) && s.came.Sub(due) < anchored {
			s.zero = due
		}
		if length > 0 && since > -anchored {
			s.early = min(s.early, since)
		}
	}
	s.First = s.zero.Add(s.early)
	s.Last = latest(s.Last, at.Add(length))
	if place := s.zero.Add(since); place.Sub(at).Abs() < anchored {
		s.Last = latest(s.Last, place.Add(length))
	}
}

// see counts any packet of an address that was asked for.
func (e *extent) see(d *pcap.Datagram) {
	if e.packets == 0 || d.At.Before(e.first) {
		e.first = d.At
	}
	e.last = latest(e.last, d.At)
	e.packets++
	if len(d.Data) < 12 || d.Data[0]>>6 != 2 {
		return
	}
	ssrc := binary.BigEndian.Uint32(d.Data[8:])
	st := e.streams[ssrc]
	if st == nil {
		if len(e.streams) >= mostStreams {
			return
		}
		if e.streams == nil {
			e.streams = map[uint32]*Stream{}
		}
		st = &Stream{Src: d.Src, Dst: d.Dst, SSRC: ssrc}
		e.streams[ssrc] = st
	}
	st.see(d)
	e.last = latest(e.last, st.Last)
	if st.First.Before(e.first) {
		e.first = st.First
	}
}

// Streams are the RTP streams, in the order of where they went.
func (s *Survey) Streams() []Stream {
	var out []Stream
	for _, all := range s.flows {
		for _, st := range all {
			if st.established() {
				out = append(out, *st)
			}
		}
	}
	slices.SortFunc(out, func(a, b Stream) int {
		if c := compareAddrPorts(a.Dst, b.Dst); c != 0 {
			return c
		}
		return a.First.Compare(b.First)
	})
	return out
}

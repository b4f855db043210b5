package replay

import (
	"bytes"
	"container/heap"
	"io"
	"net/netip"
	"time"

	"callrec/capture"
	"callrec/capture/pcap"
	"callrec/recording"
)

// Window is how long packets wait to be put in order of time: a capture of several
// interfaces need not have them so.
const Window = 2 * time.Second

// mostWindow is how many packets wait at most.
const mostWindow = 8192

// packet is one datagram of a leg.
type packet struct {
	leg       recording.Leg
	rtcp      bool
	truncated bool
	from      netip.AddrPort
	at        time.Duration // since the epoch
	order     uint64        // in the file
	data      []byte
}

// source reads the legs' packets of a capture, in order of time.
type source struct {
	reader *pcap.Reader
	legs   Legs
	epoch  time.Time
	wait   queue
	newest time.Duration // that has been read
	taken  time.Duration // that has been handed out
	count  uint64
	late   uint64
	err    error // the end, once there
}

func newSource(r io.Reader, legs Legs, epoch time.Time) (*source, error) {
	rd, err := open(r)
	if err != nil {
		return nil, err
	}
	return &source{reader: rd, legs: legs, epoch: epoch}, nil
}

// peek returns the next packet, nil at the end.
func (s *source) peek() *packet {
	for s.err == nil && (len(s.wait) == 0 || (s.newest-s.wait[0].at < Window && len(s.wait) < mostWindow)) {
		s.read()
	}
	if len(s.wait) == 0 {
		return nil
	}
	return s.wait[0]
}

// pop takes away what peek returns.
func (s *source) pop() {
	p := heap.Pop(&s.wait).(*packet)
	s.taken = max(s.taken, p.at)
}

// read puts the next datagram into the window, if it is of a leg.
func (s *source) read() {
	d, err := s.reader.Next()
	if err != nil {
		s.err = err
		return
	}
	leg, rtcp, ok := s.legs.match(d.Src, d.Dst)
	if !ok {
		return
	}
	p := &packet{leg: leg, rtcp: rtcp, truncated: d.Truncated, from: d.Src, at: d.At.Sub(s.epoch), order: s.count}
	p.data = bytes.Clone(d.Data[:min(len(d.Data), capture.BufferSize+1)]) // a Batch holds no more of it
	s.count++
	if p.at < s.taken {
		p.at = s.taken // its time has passed: it comes late, as on a network
		s.late++
	}
	s.newest = max(s.newest, p.at)
	heap.Push(&s.wait, p)
}

// queue is a heap by time, then by place in the file.
type queue []*packet

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || (q[i].at == q[j].at && q[i].order < q[j].order)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*packet)) }
func (q *queue) Pop() any {
	old := *q
	p := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return p
}

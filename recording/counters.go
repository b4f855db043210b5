package recording

import (
	"sync/atomic"

	"callrec/capture"
)

// counters are a shard's figures for the outside. The shard alone writes them.
type counters struct {
	made    atomic.Uint64            // recordings
	resumed atomic.Uint64            // calls of an earlier process
	ends    [numStates]atomic.Uint64 // afterwards counts in those of the first shard

	received, rtp, foreign, ignored, late, duplicate, lost, restarts atomic.Uint64 // of legs that are closed

	datagrams, truncated, kernelDrops, readErrors  atomic.Uint64
	portsFree, portsOpen, portsResting, portsTotal atomic.Int64
}

// retire adds up what a closing leg has counted.
func (n *counters) retire(l *leg) {
	s := l.buffer.Stats()
	n.received.Add(l.counts.received)
	n.rtp.Add(l.counts.rtp)
	n.foreign.Add(l.counts.foreign + s.Foreign)
	n.ignored.Add(l.counts.ignored + l.counts.badRTCP)
	n.late.Add(s.Late + s.Overrun)
	n.duplicate.Add(s.Duplicate)
	n.lost.Add(s.Lost)
	n.restarts.Add(s.Restarts)
}

// store takes over the figures of the ports.
func (n *counters) store(s capture.Stats) {
	n.datagrams.Store(s.Datagrams)
	n.truncated.Store(s.Truncated)
	n.kernelDrops.Store(s.KernelDrops)
	n.readErrors.Store(s.ReadErrors)
	n.portsFree.Store(int64(s.Free))
	n.portsOpen.Store(int64(s.Open))
	n.portsResting.Store(int64(s.Resting))
	n.portsTotal.Store(int64(s.Pairs))
}

// Stats are the worker's figures. Those of packets are of legs that have ended;
// the rest is as of now.
type Stats struct {
	Shards     []int             // live calls of each
	Busy       []float64         // share of the time, 0..1, that each works, over the last seconds
	Calls      int               // live
	Recordings uint64            // made since the start
	Resumed    uint64            // calls that an earlier process began, and that went on
	Entered    [numStates]uint64 // how often a recording has entered each state
	Packets    map[string]uint64 // by what became of them
	Ports      struct{ Free, Open, Resting, Total int64 }
	Datagrams  struct{ Read, Truncated, KernelDrops, ReadErrors uint64 }
}

// Live is how many calls are live. It is cheap enough for every announcement.
func (m *Manager) Live() (calls int) {
	for _, sh := range m.shards {
		calls += int(sh.load.Load())
	}
	return calls
}

// Stats adds up all shards.
func (m *Manager) Stats() Stats {
	s := Stats{Packets: map[string]uint64{}}
	for _, sh := range m.shards {
		n := &sh.count
		calls := int(sh.load.Load())
		s.Shards = append(s.Shards, calls)
		s.Busy = append(s.Busy, sh.usage.share())
		s.Calls += calls
		s.Recordings += n.made.Load()
		s.Resumed += n.resumed.Load()
		for i := range n.ends {
			s.Entered[i] += n.ends[i].Load()
		}
		for name, v := range map[string]*atomic.Uint64{
			"received": &n.received, "rtp": &n.rtp, "foreign": &n.foreign, "ignored": &n.ignored,
			"late": &n.late, "duplicate": &n.duplicate, "lost": &n.lost, "restarts": &n.restarts,
		} {
			s.Packets[name] += v.Load()
		}
		s.Ports.Free += n.portsFree.Load()
		s.Ports.Open += n.portsOpen.Load()
		s.Ports.Resting += n.portsResting.Load()
		s.Ports.Total += n.portsTotal.Load()
		s.Datagrams.Read += n.datagrams.Load()
		s.Datagrams.Truncated += n.truncated.Load()
		s.Datagrams.KernelDrops += n.kernelDrops.Load()
		s.Datagrams.ReadErrors += n.readErrors.Load()
	}
	return s
}

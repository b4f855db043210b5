package recording

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// New calls are refused before running ones suffer. A call that is not read for
// 1.5 s (jitter.Reach) loses packets; sockets hold more. A round takes 200 ms as
// long as a shard works less than all of the time, so that is what is measured: the
// share of the time in which it works, by the wall clock. CPU time would not see
// that somebody else has the CPU (neighbours, the hypervisor), and wakes with a
// delay are no measure either: they are common on a busy machine, and harmless,
// because a late turn reads more at once.
const (
	sampleEvery = 500 * time.Millisecond // how often shards are looked at
	averageOver = 5 * time.Second        // time constant of what is averaged
	reopenBelow = 0.05                   // a full shard takes calls again when it is so far below the mark

	// patience is how long a due turn may wait for a CPU before that counts as work.
	// A few slices of the scheduler are no sign of anything.
	patience = 20 * time.Millisecond

	// A call costs what the calls of now cost, as if guessCalls more cost guess of
	// the time each: what one recorded as MP3 takes (bench/results), so that a burst on
	// an idle worker ends in time. What is measured soon outweighs it.
	guess      = 0.00035
	guessCalls = 100
)

// stint adds up the time in which a shard works: its turns, not the requests,
// which are paid once and cease when new calls are refused.
type stint struct {
	since time.Duration // run's alone: up to here the time is counted, or was rest
	total atomic.Int64
}

// begin starts work at now that was due at due.
func (s *stint) begin(now, due time.Duration) {
	s.since = max(s.since, min(now, due+patience))
}

// lap counts the work up to now.
func (s *stint) lap(now time.Duration) {
	s.total.Add(int64(now - s.since))
	s.since = now
}

// meter averages which share of the time a shard works, and how many calls it
// has. Both are of the same past, so that their quotient is what a call costs, and
// calls that have come or gone since can be reckoned with before they are measured.
type meter struct {
	share float64 // 0..1
	calls float64
}

// sample takes in a stretch of time: how long the shard worked in it and how many
// calls it had. A turn counts when it ends, so it may have worked for longer than
// the stretch.
func (m *meter) sample(stretch, worked time.Duration, calls int) {
	if stretch <= 0 {
		return
	}
	k := 1 - math.Exp(-stretch.Seconds()/averageOver.Seconds())
	m.share += k * (worked.Seconds()/stretch.Seconds() - m.share)
	m.calls += k * (float64(calls) - m.calls)
}

// with is the share of the time that the shard will work with so many calls.
func (m *meter) with(calls int) float64 {
	each := (m.share + guess*guessCalls) / (m.calls + guessCalls)
	return max(m.share+each*(float64(calls)-m.calls), 0)
}

// occupancy says whether a shard takes another call. It is anybody's.
type occupancy struct {
	mu     sync.Mutex
	meter  meter
	full   bool          // it has been at the mark, and has not come down far enough since
	at     time.Duration // of the last sample
	worked time.Duration // until then
}

// sample takes in the time since the last sample.
func (o *occupancy) sample(now, worked time.Duration, calls int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.meter.sample(now-o.at, worked-o.worked, calls)
	o.at, o.worked = now, worked
}

// share is the measured one.
func (o *occupancy) share() float64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.meter.share
}

// with is the share of the time that the shard works with so many calls, and
// whether that is too much, which it remains until it is well below most; 0 is no
// limit.
func (o *occupancy) with(calls int, most float64) (share float64, full bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	share = o.meter.with(calls)
	o.full = most > 0 && (share >= most || o.full && share >= reopensAt(most))
	return share, o.full
}

// reopensAt is where a shard that was full takes calls again. A gap between the
// two keeps /readyz, and so a load balancer, from going to and fro.
func reopensAt(most float64) float64 { return max(most-reopenBelow, most/2) }

// measure samples the shards until stop is closed.
func (m *Manager) measure() {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-t.C:
		}
		now := m.clock.Now().Mono
		for _, sh := range m.shards {
			sh.usage.sample(now, time.Duration(sh.work.total.Load()), int(sh.load.Load()))
		}
	}
}

package recording

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"callrec/capture"
	"callrec/capture/clock"
	"callrec/upload/spool"
)

// call is one live call. A shard owns it from announcement to forgetting; others
// read its picture through info.
type call struct {
	// Never mutated.
	spec        CallSpec
	epoch       time.Duration // position 0 of the timeline, on the worker's clock
	epochWall   time.Time
	interaction string
	slot        int
	announced   string // fingerprint of the announcement, of a call from before a restart

	// The shard's alone.
	had      map[Leg]capture.Ports // the ports it had before a restart, until it has them again
	resumed  int64                 // where it went on then
	named    uint8                 // kinds of plain names that it had used up by then
	waiting  bool                  // for its recordings, which are still read
	memo     *spool.Memo           // nil before its beginning, and after its end
	touched  time.Duration         // when that was last saved, or touched
	print    string                // fingerprint, once somebody has asked
	legs     [2]*leg               // nil until something is armed or recording, or if not announced
	open     bool                  // the ports were opened
	offer    string                // as of the last update; spec has the first
	known    []LegSpec
	revision int // of the answer to offer
	tracks   []*track
	made     int     // how many there were
	commands []noted // bounded: the newest
	told     int     // how many there were
	mix      mixers
	callIDs  [2]string // by leg, as of the last transfer or update; "" is not known
	parties  [2]Party  // by leg, as of the last transfer or update
	facts    Facts     // as of the last update
	keys     *keypad   // the caller's, once there is a record_caller
	late     overtaken // what a callflow may still have to catch up with
	answered [2]int64  // where each leg was answered, or never
	bridged  int64
	fixed    int64 // the timeline has been read up to here
	ended    bool
	end      int64         // where, once ended
	quiet    bool          // the silence of both legs has been reported
	heard    time.Duration // last media that can be recorded on either leg, or the announcement
	seen     time.Duration // last media of any kind

	info atomic.Pointer[CallInfo]
}

// position is the sample of the timeline that begins nearest to an instant: what has
// been read already cannot be changed any more. Instants that requests say are whole
// samples apart, but have come by way of the wall clock, which is read some nanoseconds
// apart from ours: rounded down, some would be a sample early.
func (c *call) position(at time.Duration) int64 {
	return max(clock.Samples(at-c.epoch+clock.Sample/2), c.fixed, 0)
}

// never is the position of what has not happened.
const never = math.MaxInt64

// beginning is where a recording begins, or never, as far as is known: not
// before it was asked for, and at the first of the events that it waits for.
func (c *call) beginning(t *track) int64 {
	if !t.spec.onAnswer && !t.spec.onBridge {
		return t.asked
	}
	pos := int64(never)
	if t.spec.onAnswer {
		pos = c.answered[t.leg]
	}
	if t.spec.onBridge {
		pos = min(pos, c.bridged)
	}
	return max(pos, t.asked)
}

// wall is the time of day of a position.
func (c *call) wall(pos int64) time.Time {
	return c.epochWall.Add(time.Duration(pos) * clock.Sample)
}

// alive reports whether the shard still has to read the call's timeline.
func (c *call) alive() bool {
	if !c.ended || c.fixed < c.end {
		return true
	}
	for _, t := range c.tracks {
		if t.state == Finishing && !t.committed {
			return true
		}
	}
	return false
}

func (c *call) legInfo() []LegInfo {
	var out []LegInfo
	for _, l := range c.legs {
		if l != nil {
			out = append(out, LegInfo{Leg: l.spec.Leg, Label: l.spec.Label, Ports: l.ports})
		}
	}
	return out
}

// publish makes the picture that Manager.Info hands out.
func (c *call) publish() *CallInfo {
	info := &CallInfo{Spec: c.current(), State: c.stateName(), Legs: c.legInfo(), Revision: c.revision, Interaction: c.interaction}
	info.Spec.Start, info.Spec.Decided, info.Spec.Flow, info.Spec.DecidedFlow = nil, nil, nil, nil
	info.Spec.Answered = c.isAnswered()
	info.Spec.Bridged = c.bridged < never
	for _, t := range c.tracks {
		info.Recordings = append(info.Recordings, t.info(c))
	}
	c.info.Store(info)
	return info
}

// current is what is known of the call, with its updates.
func (c *call) current() CallSpec {
	spec := c.spec
	spec.Offer, spec.Legs = c.offer, slices.Clone(c.known)
	spec.OtherLegCallID, spec.Parties = c.callIDs[Callee], c.parties
	spec.setFacts(c.facts)
	return spec
}

// specOf is what is known of the call, as far as it goes with a recording.
func (c *call) specOf(t *track) CallSpec {
	spec := c.current()
	if t.begun {
		spec.setFacts(t.facts)
	}
	return spec
}

func (c *call) isAnswered() bool { return min(c.answered[Caller], c.answered[Callee]) < never }

func (c *call) stateName() string {
	switch {
	case c.ended:
		return "ended"
	case c.bridged < never:
		return "bridged"
	case c.isAnswered():
		return "answered"
	default:
		return "early"
	}
}

package recording

import (
	"fmt"
	"slices"
	"time"

	"callrec/capture/clock"
	"callrec/mixer"
	"callrec/upload/spool"
)

// keptCommands bounds what a manifest tells of a call's past.
const keptCommands = 64

// request is one thing a shard is asked to do. Exactly one of its kinds is set.
type request struct {
	open    *call       // begin this call
	reopen  *call       // go on with this call of an earlier process
	attach  *attachment // and with these recordings of it
	command *Command    // do this to call
	call    *call
	outcome *outcome // what became of a finished recording

	reply chan reply // capacity 1; nil: nobody waits
}

type reply struct {
	info  *CallInfo
	err   error
	saved []<-chan struct{} // each closed once a manifest that knows of the command is safe from a kill
}

// outcome is what the spool or the deliverer says of a recording.
type outcome struct {
	call      CallID // of those that may come when the call is forgotten
	recording string
	on        trigger
	reason    string
}

func (s *shard) handle(r request) {
	var out reply
	switch {
	case r.open != nil:
		if out.info, out.err = s.begin(r.open); out.err == nil {
			out.saved = s.keep(r.open)
		}
	case r.reopen != nil:
		out.info, out.err = s.reopen(r.reopen)
	case r.attach != nil:
		s.attach(r.call, r.attach)
	case r.command != nil:
		out.info, out.err = s.do(r.call, r.command)
		if out.err == nil {
			out.saved = s.note(r.call, r.command)
		}
	case r.outcome != nil:
		s.settle(r.outcome)
	}
	if r.reply != nil {
		r.reply <- out
	}
}

// begin takes a call in and makes the recordings it asks for. If their ports
// cannot be had, there is no call.
func (s *shard) begin(c *call) (*CallInfo, error) {
	s.adopt(c)
	c.heard, c.seen = c.epoch, c.epoch
	c.offer, c.known = c.spec.Offer, slices.Clone(c.spec.Legs)
	c.mix = mixers{mono: mixer.New(1), stereo: mixer.New(2)}
	c.answered, c.bridged = [2]int64{never, never}, never
	if c.spec.Answered || c.spec.Bridged {
		c.answered[Caller] = 0
	}
	if c.spec.Bridged {
		c.bridged = 0
	}
	if c.spec.Bridged || c.spec.Answered && c.spec.namesCallee() {
		c.answered[Callee] = 0
	}
	c.callIDs, c.parties = [2]string{c.spec.ID.Call, c.spec.OtherLegCallID}, c.spec.Parties
	c.facts = c.spec.facts()
	var missed []string
	err := s.startAll(c, slices.Concat(c.spec.Decided, c.spec.Start), 0)
	if err == nil {
		missed, err = s.runFlow(c, slices.Concat(c.spec.Flow, c.spec.DecidedFlow), 0, "")
	}
	if err != nil {
		calls := s.calls[c.slot]
		s.calls[c.slot] = calls[:len(calls)-1]
		return nil, err
	}
	info := c.publish().answer(missed, c.unrecorded(0), 0)
	s.emitCall(c, "announced", "")
	return info, nil
}

// do carries one command out at its instant. What the hang-up has overtaken may
// still change what was said before it.
func (s *shard) do(c *call, cmd *Command) (*CallInfo, error) {
	pos := c.position(s.m.since(cmd.At))
	changes := cmd.Action == Stop || cmd.Action == Mask || cmd.Action == Unmask || cmd.Action == Toggle
	if c.ended && cmd.Action == Hangup {
		return c.info.Load(), nil // said twice
	}
	if c.ended && (!changes || pos >= c.end) {
		return nil, &NotFoundError{"call", c.spec.ID.Call}
	}
	s.forgetOver(c)
	before := len(c.tracks)
	var missed []string
	switch cmd.Action {
	case Answer:
		s.answer(c, cmd.Leg, pos)
		s.beginDue(c)
	case Bridge:
		s.answer(c, Callee, pos)
		if c.bridged == never {
			s.emitCall(c, "bridged", "")
		}
		c.bridged = min(c.bridged, pos)
		s.beginDue(c)
	case Start:
		if err := permit(s.rules.Begin, c.spec.ID.Account); err != nil {
			return nil, refusal(err.Error())
		}
		if c.going()+len(cmd.Start) > MaxRecordings {
			return nil, &CrowdedError{c.spec.ID}
		}
		if err := s.startAll(c, cmd.Start, pos); err != nil {
			return nil, err
		}
	case Update:
		if err := s.update(c, cmd, pos); err != nil {
			return nil, err
		}
	case Transfer:
		if err := s.transfer(c, cmd, pos); err != nil {
			return nil, err
		}
	case RunFlow:
		var err error
		if missed, err = s.runFlow(c, cmd.Flow, pos, ""); err != nil {
			return nil, err
		}
	case Hangup:
		s.hangup(c, pos, "hangup")
	case Stop, Mask, Unmask, Toggle:
		if err := s.onTracks(c, cmd, pos); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("cannot do action %d", cmd.Action)
	}
	warnings := c.unrecorded(before)
	if cmd.Action == Answer && c.calleeWaits() {
		warnings = append(warnings, calleeWaits)
	}
	late := time.Duration(pos)*clock.Sample - (s.m.since(cmd.At) - c.epoch)
	return c.publish().answer(missed, warnings, late), nil
}

// note remembers a command in the manifests of the call's running recordings.
func (s *shard) note(c *call, cmd *Command) (saved []<-chan struct{}) {
	c.told++
	if len(c.commands) == keptCommands {
		c.commands = append(c.commands[:0], c.commands[1:]...)
	}
	c.commands = append(c.commands, noted{cmd.At.UTC(), cmd.Action, cmd.Leg, cmd.Recording, cmd.MediaName})
	return s.save(c)
}

// save writes what is known of the call into the manifests of its recordings, and
// into its memo.
func (s *shard) save(c *call) (saved []<-chan struct{}) {
	for _, t := range c.tracks {
		if t.begun && !t.committed {
			saved = append(saved, t.part.Update(t.manifest(c)))
		}
	}
	return append(saved, s.keep(c)...)
}

func (s *shard) answer(c *call, leg Leg, pos int64) {
	if c.answered[leg] == never {
		s.emitCall(c, "answered", leg.String())
	}
	c.answered[leg] = min(c.answered[leg], pos)
	if leg == Callee {
		s.othersRang(c, pos)
	}
}

// beginDue begins the recordings that an answer or a bridge lets begin. One that
// has begun begins earlier when the earlier of two events is told last: nothing
// of that time has been read yet.
func (s *shard) beginDue(c *call) {
	for _, t := range c.tracks {
		switch pos := c.beginning(t); {
		case t.state == Armed && pos < never:
			s.beginTrack(c, t, pos)
		case t.begun && t.state.live() && pos < t.start:
			t.place(pos)
		}
	}
}

// startAll makes recordings: armed, or begun at pos. Ports come first, so that
// nothing is half made. Those that the call has no room for have failed.
func (s *shard) startAll(c *call, requests []Request, pos int64) error {
	if len(requests) == 0 {
		return nil
	}
	if err := s.openPorts(c); err != nil {
		return refused(err)
	}
	for _, r := range requests {
		t := s.newTrack(c, r)
		t.asked = pos
		c.tracks = append(c.tracks, t)
		s.tracks[t.id] = tracked{c, t}
		s.count.made.Add(1)
		switch begin := c.beginning(t); {
		case c.going() > MaxRecordings:
			s.cannotBegin(c, t, pos, &CrowdedError{c.spec.ID})
		case begin < never:
			s.beginTrack(c, t, begin)
		default:
			s.emit(c, t)
		}
	}
	return nil
}

// beginTrack opens the recording's file and starts it at pos.
func (s *shard) beginTrack(c *call, t *track, pos int64) {
	err := permit(s.rules.Begin, c.spec.ID.Account)
	var out chain
	if err == nil {
		out, err = newChain(&t.spec, s.m.filters)
	}
	if err == nil {
		t.out, t.facts = out, c.facts
		t.begin(pos)
		t.clipped = c.mix.mono.Clipped()
		t.part, err = s.rules.Spool.Create(t.manifest(c), out.encoder.Header(nil, t.tags(c)))
	}
	if err != nil {
		s.cannotBegin(c, t, pos, err)
		return
	}
	s.emit(c, t)
}

// cannotBegin tells of a recording that there will not be. A callflow goes on.
func (s *shard) cannotBegin(c *call, t *track, pos int64, err error) {
	t.begun, t.committed = false, true
	s.change(c, t, onFault, err.Error())
	s.rules.Log.Error("cannot begin a recording", "recording", t.id, "err", err)
	if t.dictation != nil {
		s.goOn(c, t, pos, "failed", nil)
	}
}

// onTracks stops or masks the recordings that a command is about.
func (s *shard) onTracks(c *call, cmd *Command, pos int64) error {
	hit := false
	unnamed := cmd.Recording == "" && cmd.MediaName == ""
	if unnamed && cmd.Action != Stop && c.keys != nil {
		c.late.note(c, cmd, pos)
	}
	for i := len(c.tracks) - 1; i >= 0; i-- {
		t := c.tracks[i]
		if !t.changes(pos) || !cmd.names(t) {
			continue
		}
		if cmd.Action == Stop {
			if t.asked > pos && cmd.Recording == "" {
				continue // newer than the stop
			}
			if unnamed && t.dictation != nil {
				continue // what a callflow waits for is not what it stops
			}
			s.endTrack(c, t, pos, "stop")
			return nil // the newest, and no other
		}
		hit = true
		before := t.state
		t.forget(c.fixed)
		t.mask(pos, cmd.hides(t, pos))
		if t.state != before {
			s.emit(c, t)
		}
	}
	if !hit {
		name := cmd.Recording
		if name == "" {
			name = cmd.MediaName
		}
		return &NotFoundError{"recording", name}
	}
	return nil
}

// names reports whether the command is about t.
func (cmd *Command) names(t *track) bool {
	return (cmd.Recording == "" || cmd.Recording == t.id) && (cmd.MediaName == "" || cmd.MediaName == t.mediaName)
}

// hides reports whether the command, which masks or unmasks, masks t from pos on.
func (cmd *Command) hides(t *track, pos int64) bool {
	return cmd.Action == Mask || cmd.Action == Toggle && !t.maskedAt(pos)
}

func (s *shard) endTrack(c *call, t *track, pos int64, reason string) {
	if t.end(pos, reason) {
		s.emit(c, t)
	}
}

// hangup ends the call at pos. The shard goes on reading it for one hold.
func (s *shard) hangup(c *call, pos int64, reason string) {
	for _, t := range c.tracks {
		s.endTrack(c, t, pos, reason)
	}
	c.ended, c.end = true, pos
	s.emitCall(c, "ended", reason)
}

// settle takes news from the spool and the deliverers.
func (s *shard) settle(o *outcome) {
	tr, ok := s.tracks[o.recording]
	if !ok {
		s.m.afterwards(o)
		return
	}
	s.change(tr.call, tr.track, o.on, o.reason)
	if tr.track.state == Delivered {
		delete(s.tracks, o.recording)
	}
	s.forgetOver(tr.call)
	tr.call.publish()
}

// change moves a recording and tells of it.
func (s *shard) change(c *call, t *track, on trigger, reason string) {
	if !t.move(on) {
		return
	}
	if reason != "" {
		t.reason = reason
	}
	s.emit(c, t)
}

// since is an instant on the worker's clock.
func (m *Manager) since(at time.Time) time.Duration { return at.Sub(m.epoch) }

// newTrack makes a recording.
func (s *shard) newTrack(c *call, r Request) *track {
	t := &track{
		id: s.m.newID(), created: s.m.clock.wall().Round(0), origin: r.Origin, spec: r.Spec, leg: r.Leg, owner: r.Owner, called: r.Called,
		mediaName: r.Spec.settings.MediaName, order: c.made, after: r.after,
	}
	c.made++
	if t.mediaName == "" {
		t.mediaName = s.m.hex32() + "." + r.Spec.format
	}
	if t.owner == "" {
		t.owner = c.parties[r.Leg].UserID
	}
	if r.CallerOnly {
		t.dictation = &dictation{then: r.Then}
		c.listenForKeys()
	}
	s.name(c, t)
	s.m.owners.Store(t.id, s)
	return t
}

// name gives a recording the call id of its leg and the name it has at its target.
// The first of a call id gets the plain one; that of a record_caller is another
// than that of other recordings.
func (s *shard) name(c *call, t *track) {
	id := c.callID(t.leg)
	t.callID = id.Call
	name, kind := spool.ObjectName, wholeName
	if t.dictation != nil {
		name, kind = spool.CallerName, callerName
	}
	suffix := t.id
	held := s.rules.Spool.Holds(id.Account, id.Call) || s.rules.Used != nil && s.rules.Used(id.Account, id.Call)
	if s.m.names.first(id, kind, held) {
		suffix = ""
	}
	t.objectName = name(id.Call, suffix, t.spec.format)
}

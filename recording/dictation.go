package recording

import (
	"callrec/capture/clock"
	"callrec/codec/tones"
)

// enoughSilence ends a record_caller recording: Kazoo's 5 s, in samples.
const enoughSilence = 5 * clock.Rate

// dictation is what a record_caller recording has besides other recordings: what
// ends it, and what the callflow does then.
type dictation struct {
	then    Flow
	silence tones.Silence
	reason  string // why it ends at the track's stop, if nothing ends it before
	over    bool   // its end is known for good
}

// overtaken is what commands without a name, or with effect on the whole call,
// have said of positions that a callflow has not come to yet.
type overtaken struct {
	masks []Command
	at    []int64 // of masks
	moved int64   // the latest transfer
}

// note remembers a command on every recording of the call, as long as something
// might still begin before it.
func (o *overtaken) note(c *call, cmd *Command, pos int64) {
	n := 0
	for i, at := range o.at {
		if at >= c.fixed {
			o.masks[n], o.at[n] = o.masks[i], at
			n++
		}
	}
	o.masks, o.at = append(o.masks[:n], *cmd), append(o.at[:n], pos)
}

// attend listens to the caller for what ends a record_caller recording.
func (s *shard) attend(c *call, n int64, caller []int16) (changed bool) {
	if !c.wants(c.fixed, c.fixed+n).caller {
		c.keys.running = false
		return false
	}
	if l := c.legs[Caller]; l != nil {
		c.keys.listen(l, &s.scratch.ears[Caller])
	}
	return s.endDictations(c, n, caller)
}

// endDictations ends the record_caller recordings whose end lies in the next n
// samples of the timeline, of which the caller's are given, and lets their flows
// go on. What comes first counts: a key, silence, or what has been said to end
// them, be it the limit or a hang-up. That is only known now: a hang-up is told at
// once, a key within the hold, silence when it is read.
func (s *shard) endDictations(c *call, n int64, caller []int16) (ended bool) {
	for i := 0; i < len(c.tracks); i++ { // what begins where another ends is appended
		t := c.tracks[i]
		d := t.dictation
		if d == nil || d.over || !t.begun || t.start > c.fixed+n {
			continue
		}
		from := max(c.fixed, t.start)
		end, reason := min(c.fixed+n, t.stop), ""
		key := c.keys.first(t.start)
		if key != nil && max(key.pos, from) < end {
			end, reason = max(key.pos, from), "digit"
		}
		if from < end {
			if k, enough := d.silence.Write(caller[from-c.fixed:end-c.fixed], enoughSilence); enough {
				end, reason = from+int64(k), "silence"
			}
		}
		switch {
		case reason != "":
		case t.stop > c.fixed+n:
			continue
		case c.ended && t.stop >= c.end:
			reason = "hangup"
		case d.reason != "":
			reason = d.reason
		default:
			reason = "time_limit"
		}
		if reason != "digit" {
			key = nil
		}
		s.endTrack(c, t, end, reason)
		t.reason = reason // though the end was told before with another
		s.goOn(c, t, end, reason, key)
		ended = true
	}
	if ended {
		s.save(c) // what follows is there by now
	}
	return ended
}

// goOn tells why a record_caller recording ended at pos and carries out what
// follows it, as if that had been asked for at that instant. Of a call that is over
// or goes elsewhere there is nothing more to record.
func (s *shard) goOn(c *call, t *track, pos int64, reason string, key *keyPress) {
	t.dictation.over = true
	digit := ""
	if key != nil && !key.hidden && !c.maskedAt(key.pos) {
		digit = string(rune(key.digit))
		if !key.told {
			key.told = true
			s.emitDigit(c, Caller, key.digit, key.pos)
		}
	}
	s.emitDictated(c, t, pos, reason, digit)
	if c.ended && pos >= c.end || reason == "transfer" {
		return
	}
	before := len(c.tracks)
	missed, err := s.runFlow(c, t.dictation.then, pos, t.id)
	for _, path := range missed {
		s.rules.Log.Info("there was no recording to stop", "account", c.spec.ID.Account, "call", c.spec.ID.Call, "node", path)
	}
	if err != nil {
		s.rules.Log.Error("a callflow cannot go on", "account", c.spec.ID.Account, "call", c.spec.ID.Call, "err", err)
	}
	for _, after := range c.tracks[before:] {
		s.catchUpWith(c, after, t.maskedAt(pos))
	}
}

// catchUpWith lets a recording that a flow has just made have what was said to
// the whole call after its beginning, and the mask of what it follows.
func (s *shard) catchUpWith(c *call, t *track, masked bool) {
	state := t.state
	if masked {
		t.mask(t.asked, true)
	}
	for i, at := range c.late.at {
		if at >= t.asked {
			t.mask(at, c.late.masks[i].hides(t, at))
		}
	}
	if t.state != state {
		s.emit(c, t)
	}
	if c.late.moved > t.asked && !t.follows() {
		s.endTrack(c, t, c.late.moved, "transfer")
	}
	if c.ended {
		s.endTrack(c, t, c.end, "hangup")
	}
}

package recording

import (
	"time"

	"callrec/capture/clock"
	"callrec/codec/resample"
	"callrec/mixer"
)

// stretch is the longest part of a timeline that is worked on at once: what
// comes in between two turns of a call.
const stretch = 200 * clock.Rate / 1000

// flushEvery is how many turns of a slot pass between two hand-overs to the
// disk: encoded bytes reach the page cache within a second.
const flushEvery = 4

// scratch is a shard's working memory, used anew for each call.
type scratch struct {
	ears      [2]ear
	mono      []int16
	stereo    []int16
	resampled []int16
	encoded   []byte
	silence   []int16 // never written
}

func newScratch(warp *resample.Warp) *scratch {
	s := &scratch{
		mono: make([]int16, 0, stretch), stereo: make([]int16, 0, 2*stretch),
		encoded: make([]byte, 0, 4*6*stretch), resampled: make([]int16, 0, 2*6*stretch), silence: make([]int16, 2*stretch),
	}
	for i := range s.ears {
		s.ears[i] = newEar(warp)
	}
	return s
}

// mixers are those a call needs: one for each number of channels.
type mixers struct{ mono, stereo mixer.Mixer }

// advance reads the call's timeline up to a position, one stretch after the
// other, and writes each to the recordings that it belongs to.
// It reports whether that has changed the call's picture.
func (s *shard) advance(c *call, upTo int64) (changed bool) {
	if c.ended {
		upTo = min(upTo, c.end)
	}
	for c.fixed < upTo {
		n := min(upTo-c.fixed, stretch)
		if w := c.wants(c.fixed, c.fixed+n); w != (wants{}) {
			changed = s.render(c, n) || changed
		} else {
			for i, l := range c.legs {
				if l != nil {
					l.voice.pass(c.fixed, n, &s.scratch.ears[i])
				}
			}
		}
		c.fixed += n
	}
	return changed
}

// wants is what somebody records of a call: its mixes, the caller alone.
type wants struct{ mono, stereo, caller bool }

// wants tells what [from, to) is wanted as.
func (c *call) wants(from, to int64) (w wants) {
	for _, t := range c.tracks {
		switch {
		case !t.begun || t.committed || t.stop <= from:
		case t.dictation != nil:
			w.caller = w.caller || t.start-earlyEar < to
		case t.start >= to:
		case t.spec.channels == 2:
			w.stereo = true
		default:
			w.mono = true
		}
	}
	return w
}

// render decodes both legs, mixes once for each number of channels asked for,
// and gives every recording its part. Before that, what is heard may end
// recordings, and begin others. It reports whether it has.
func (s *shard) render(c *call, n int64) (changed bool) {
	w := s.scratch
	pcm := [2][]int16{w.silence[:n], w.silence[:n]}
	for i, l := range c.legs {
		if l != nil {
			pcm[i] = l.voice.hear(c.fixed, n, &w.ears[i])
		}
	}
	caller, callee := pcm[Caller], pcm[Callee]
	if c.keys != nil {
		changed = s.attend(c, n, caller)
	}
	wanted := c.wants(c.fixed, c.fixed+n)
	w.mono, w.stereo = w.mono[:0], w.stereo[:0] // what they held is of another stretch, or call
	if wanted.mono {
		w.mono = c.mix.mono.Append(w.mono, caller, callee)
	}
	if wanted.stereo {
		w.stereo = c.mix.stereo.Append(w.stereo, caller, callee)
	}
	for _, t := range c.tracks {
		if !t.begun || t.committed {
			continue
		}
		switch {
		case t.dictation != nil:
			t.write(c.fixed, caller, w)
		case t.spec.channels == 2:
			t.write(c.fixed, w.stereo, w)
		default:
			t.write(c.fixed, w.mono, w)
		}
	}
	return changed
}

// tick is one turn of a call: everything pushed up to the instant at is read, up
// to one hold before it. Limits are kept, recordings that are complete are
// finished, the others given to the disk if flush says so. It reports whether the
// shard is done with the call.
func (s *shard) tick(c *call, at time.Duration, flush bool) (done bool) {
	changed := s.keepLimits(c, at)
	if !c.waiting { // else it is not known what is masked
		s.tellDigits(c, at)
	}
	if c.memo != nil && at-c.touched >= s.m.touchEvery() {
		c.touched = at
		c.memo.Touch()
	}
	changed = s.advance(c, clock.Samples(at-s.rules.Hold-c.epoch)-ahead) || changed
	if c.keys != nil {
		changed = s.endDictations(c, 0, nil) || changed // what is not to be read any more
	}
	for _, t := range c.tracks {
		if !t.begun || t.committed {
			continue
		}
		if t.state == Finishing && c.fixed >= t.stop && s.finish(c, t) {
			changed = true
		} else if flush {
			t.part.Flush() // also to make room for what could not be finished
		}
	}
	if changed {
		c.publish()
	}
	return !c.alive()
}

// keepLimits ends what has reached its limit by the instant at.
func (s *shard) keepLimits(c *call, at time.Duration) (changed bool) {
	now := clock.Samples(at - c.epoch)
	for _, t := range c.tracks {
		if t.begun && t.state.live() && now >= t.stop {
			s.endTrack(c, t, t.stop, "time_limit")
			changed = true
		}
	}
	for _, l := range c.legs {
		if l != nil {
			c.seen = max(c.seen, l.seen)
		}
	}
	limit := s.rules.MediaTimeout
	if !c.open {
		limit = forgottenAfter
	}
	if limit > 0 && at-c.seen > limit && !c.ended {
		s.hangup(c, c.position(at), "no media for "+limit.String())
		s.save(c)
		return true
	}
	s.listen(c, at)
	return changed
}

// listen tells when both legs have fallen silent, and when one is heard again.
// Media that cannot be recorded does not end a silence: whoever watches wants to
// know of the recording. It does keep the call, which is still somebody's.
func (s *shard) listen(c *call, at time.Duration) {
	if !c.open || c.ended {
		return
	}
	for _, l := range c.legs {
		if l == nil || l.heard <= c.heard {
			continue
		}
		if c.quiet {
			s.emitCall(c, "heard", "media again after "+(l.heard-c.heard).Round(time.Second).String())
		}
		c.heard, c.quiet = l.heard, false
	}
	if !c.quiet && at-c.heard > quietAfter {
		c.quiet = true
		s.emitCall(c, "silent", "no media on either leg for "+quietAfter.String())
	}
}

// finish writes the end of a file and gives it to the spool, or removes a file
// that is shorter than it must be. It reports whether that could be done: a
// spool that is full has to take what is owed first.
func (s *shard) finish(c *call, t *track) bool {
	length := t.stop - t.start
	if length/clock.Rate < int64(t.spec.min) {
		t.part.Abandon()
		t.committed = true
		s.change(c, t, onTooShort, "shorter than record_min_sec")
		return true
	}
	if !t.settle(s.scratch) {
		return false
	}
	if !t.spent {
		t.spent = true
		t.quality = s.quality(c, t)
		s.scratch.encoded = t.out.finish(s.scratch.encoded[:0], t.tags(c), s.scratch)
		t.hand(s.scratch.encoded)
		if len(t.unsent) > 0 {
			return false
		}
	}
	t.part.Commit(t.out.encoder.Header(nil, t.tags(c)), t.manifest(c))
	t.committed = true
	t.out, t.unsent = chain{}, nil // the track may be kept for hours
	return true
}

// quality is the record of how the recording went.
func (s *shard) quality(c *call, t *track) *Quality {
	q := &Quality{LostToDisk: float64(t.lost) * 1000 / clock.Rate, AwayMS: float64(t.away) * 1000 / clock.Rate}
	for i := range c.legs {
		q.Legs[i] = c.legs[i].quality()
	}
	if t.spec.channels == 1 && t.dictation == nil {
		q.Clipped = c.mix.mono.Clipped() - t.clipped
	}
	if !q.Legs[Caller].NoMedia && !q.Legs[Callee].NoMedia {
		q.OffsetMS = inMS(c.legs[Callee].voice.course.Off() - c.legs[Caller].voice.course.Off())
	}
	return q
}

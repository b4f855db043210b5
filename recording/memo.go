package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"callrec/capture/clock"
	"callrec/policy"
	"callrec/upload/spool"
)

// memo is what a restart needs to know of a call besides its running recordings,
// which have manifests. Every live call has one in the spool, so that it goes on
// even if nothing of it is recorded.
type memo struct {
	keptCall
	Position int64   `json:"position"`        // how far the call was
	Made     int     `json:"made,omitempty"`  // how many recordings it has had
	Named    uint8   `json:"named,omitempty"` // the kinds of plain names that are used up
	Armed    []armed `json:"armed,omitempty"` // those of them that wait
}

// armed is a recording that waits, of which the memo is all there is on the disk.
type armed struct {
	ID        string `json:"id"`
	MediaName string `json:"media_name"`
	Object    string `json:"object"`
	CallID    string `json:"call_id"`
	keptTrack
}

// keep writes the call's memo, or removes it when the call is over. The channel is
// as in reply.
func (s *shard) keep(c *call) (saved []<-chan struct{}) {
	switch {
	case s.m.stepper != nil, c.ended && c.memo == nil: // a replay does not go on
		return nil
	case c.ended:
		saved = append(saved, c.memo.Remove())
		c.memo = nil
		return saved
	case c.memo == nil:
		c.memo = s.rules.Spool.Memo(s.m.newID())
	}
	c.touched = s.m.clock.Now().Mono
	k := memo{keptCall: c.kept(), Position: clock.Samples(c.touched - c.epoch), Made: c.made, Named: s.m.names.kinds(c.spec.ID)}
	for _, t := range c.tracks {
		if t.state == Armed {
			k.Armed = append(k.Armed, armed{t.id, t.mediaName, t.objectName, t.callID, t.kept(c)})
		}
	}
	return append(saved, c.memo.Save(asJSON(k)))
}

// longestAway is how long after a crash a call is gone on with.
func (m *Manager) longestAway() time.Duration {
	if m.cfg.MediaTimeout == 0 {
		return longestAway
	}
	return m.cfg.MediaTimeout
}

// touchEvery is how old a memo of a live call may look.
func (m *Manager) touchEvery() time.Duration { return min(m.longestAway()/8, time.Minute) }

// readMemo reads one, and says why it makes no sense.
func readMemo(b []byte) (k memo, err error) {
	if err := json.Unmarshal(b, &k); err != nil {
		return k, fmt.Errorf("its call is not known: %w", err)
	}
	sound := k.sound() && k.Position >= 0 && k.Made >= len(k.Armed)
	for i := range k.Armed {
		a := &k.Armed[i]
		sound = sound && a.sound() && (spool.Name{ID: a.ID, Ext: "wav"}).Check() == nil && a.CallID != ""
	}
	if !sound {
		return k, errors.New("it does not say enough of its call")
	}
	return k, nil
}

// sound reports whether a call can be made of it.
func (k *keptCall) sound() bool {
	c := &k.Call
	ok := c.ID.Account != "" && c.ID.Call != "" && !c.At.IsZero() && len(c.Legs) > 0 && len(c.Legs) <= 2
	for i, l := range c.Legs {
		ok = ok && l.Leg <= Callee && (i == 0 || l.Leg != c.Legs[0].Leg)
	}
	return ok
}

// sound reports whether a recording can be made of it.
func (k *keptTrack) sound() bool {
	return k.Leg <= Callee && k.Asked >= 0 && k.Start >= 0 && k.Then.sound(0)
}

// sound reports whether a flow that follows so many nodes can be run.
func (f Flow) sound(nodes int) bool {
	if nodes += len(f); nodes > MaxNodes {
		return false
	}
	for i := range f {
		if r := f[i].Start; r != nil {
			fits := r.Spec.format != "" && r.Leg <= Callee && (!r.CallerOnly || r.Spec.channels == 1)
			if !fits || !r.Then.sound(nodes) {
				return false
			}
		}
	}
	return true
}

// specAgain makes the spec that a recording had, whatever the defaults are now.
func specAgain(k *keptTrack) (Spec, error) {
	sp, err := NewSpec(k.Settings, Defaults{TimeLimit: k.Limit})
	if err != nil {
		return Spec{}, err
	}
	if sp.format == "mp3" {
		sp.kbps = k.Kbps
		if _, err := newEncoder(&sp); err != nil {
			return Spec{}, err
		}
	}
	if k.CallerOnly && sp.channels != 1 {
		return Spec{}, errors.New("it is of the caller alone, but stereo")
	}
	return sp, nil
}

// fingerprint tells announcements of a call apart, their instants and what
// documents decided left aside.
func (c *call) fingerprint() string {
	if c.announced != "" {
		return c.announced
	}
	if c.print == "" {
		c.print = fingerprint(&c.spec)
	}
	return c.print
}

func fingerprint(spec *CallSpec) string {
	type asked struct {
		Settings policy.Settings
		Origin   string
		Leg      Leg
		Owner    string
	}
	s := *spec
	s.At, s.Decided, s.DecidedFlow = time.Time{}, nil, nil
	var start []asked
	for _, r := range s.Start {
		start = append(start, asked{r.Spec.settings, r.Origin, r.Leg, r.Owner})
	}
	sum := sha256.Sum256(asJSON([]any{s, start, s.Flow}))
	return hex.EncodeToString(sum[:16])
}

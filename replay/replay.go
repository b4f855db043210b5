// Package replay owns the recording of calls from capture files: it finds which
// streams of a capture are a call's two legs, and takes a recording.Manager through
// the capture's time, so that the files are those a worker would have made that had
// been sent the same packets. cmd calls it.
//
// It waits for nothing and reads no clock; an hour of a call takes seconds.
package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"callrec/capture"
	"callrec/capture/clock"
	"callrec/capture/pcap"
	"callrec/recording"
	"callrec/upload/spool"
)

// longest bounds the time between a call's first packet and its last: a capture
// whose times are damaged must not be stepped through for ever.
const longest = 48 * time.Hour

// stride is how much of the call passes between two looks at the spool, and
// mostQueued how many bytes may wait for its disk then. A worker that is ahead of
// its disk makes silence; a replay waits.
const (
	stride     = time.Second
	mostQueued = 32 << 20
)

// Command is something that happened to the call.
type Command struct {
	Name string // for complaints
	Do   recording.Command
}

// Config is one replay. Commands may be nil; Hold and
// SourceTimeout may be 0, for the defaults.
type Config struct {
	Capture  io.Reader          // from its beginning
	Legs     Legs               // as Survey.Choose found them
	Call     recording.CallSpec // announced at Call.At, which is the epoch
	Commands []Command          // in any order; without a hangup, the call ends with its media
	Spool    *spool.Spool

	Hold, SourceTimeout time.Duration // as in recording.Config
}

// Result is what came of a replay. The files are in the spool.
type Result struct {
	Call    recording.CallInfo
	Refused []error // commands that a worker would have refused too
	Late    uint64  // packets that were in the file so far from their place that they could not be put there
	Cut     error   // why the capture could not be read to its end
}

// Run records the call. The error is nil when there is a result, whatever that is
// like.
func Run(ctx context.Context, cfg Config) (r Result, err error) {
	src, err := newSource(cfg.Capture, cfg.Legs, cfg.Call.At)
	if err != nil {
		return r, err
	}
	set := &set{src: src, legs: cfg.Legs, order: []recording.Leg{recording.Caller, recording.Callee}, tags: map[capture.Tag]recording.Leg{}}
	if cfg.Call.Legs != nil {
		set.order = nil
		for _, l := range cfg.Call.Legs {
			set.order = append(set.order, l.Leg)
		}
	}
	m, err := recording.NewStepped(recording.Config{
		Sets: []capture.Set{set}, Spool: cfg.Spool, Hold: cfg.Hold, SourceTimeout: cfg.SourceTimeout, RTCP: recording.RTCPNever,
		Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
	}, cfg.Call.At)
	if err != nil {
		return r, err
	}
	defer m.Close()
	p := player{cfg: &cfg, m: m}
	if err := p.play(ctx, &r); err != nil {
		return r, err
	}
	r.Late, r.Cut = src.late, src.err
	if errors.Is(r.Cut, io.EOF) {
		r.Cut = nil
	}
	return r, nil
}

// player takes the Manager through the call.
type player struct {
	cfg *Config
	m   *recording.Manager
	now time.Duration // since the epoch
}

func (p *player) play(ctx context.Context, r *Result) error {
	id := p.cfg.Call.ID
	if _, _, err := p.m.Announce(ctx, p.cfg.Call); err != nil {
		return err
	}
	commands := slices.Clone(p.cfg.Commands)
	slices.SortStableFunc(commands, func(a, b Command) int { return a.Do.At.Compare(b.Do.At) })
	if !slices.ContainsFunc(commands, func(c Command) bool { return c.Do.Action == recording.Hangup }) {
		end := p.cfg.Legs.end(p.cfg.Call.At)
		for _, c := range commands {
			end = latest(end, c.Do.At)
		}
		length := end.Sub(p.cfg.Call.At).Round(clock.Sample) // a nanosecond must not cost the last sample
		end = p.cfg.Call.At.Add(length)
		commands = append(commands, Command{"the end of the capture", recording.Command{Action: recording.Hangup, At: end}})
	}
	for _, c := range commands {
		if err := p.step(ctx, c.Do.At.Sub(p.cfg.Call.At)); err != nil {
			return err
		}
		if _, err := p.m.Do(ctx, id, c.Do); err != nil {
			r.Refused = append(r.Refused, fmt.Errorf("%s: %w", c.Name, err))
		}
	}
	// The call is read to its end one hold after it, and the spool has room by then.
	for p.m.Stats().Calls > 0 {
		if err := p.step(ctx, p.now+stride); err != nil {
			return err
		}
	}
	r.Call, _ = p.m.Info(id)
	if err := p.cfg.Spool.Flush(ctx); err != nil {
		return err
	}
	return nil
}

// step lets time pass until to.
func (p *player) step(ctx context.Context, to time.Duration) error {
	if to > longest {
		return fmt.Errorf("cannot replay %v of a call: want at most %v; are the times of the capture right?", to, longest)
	}
	for p.now < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.now = min(p.now+stride, to)
		p.m.Step(p.now)
		if p.cfg.Spool.Stats().BytesQueued > mostQueued {
			if err := p.cfg.Spool.Flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// open reads the beginning of a capture, and words what is wrong with it.
func open(r io.Reader) (*pcap.Reader, error) {
	rd, err := pcap.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("cannot read the capture: %w", err)
	}
	return rd, nil
}

// compareAddrPorts is the order of addresses, then ports.
func compareAddrPorts(a, b netip.AddrPort) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Port(), b.Port()))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"callrec/codec/mp3"
	"callrec/policy"
	"callrec/recording"
	"callrec/replay"
	"callrec/upload/spool"
)

// replayCmd is the command line of replay.
type replayCmd struct {
	File          string           `arg:"" name:"file" help:"A pcap or pcapng file."`
	Leg           []netip.AddrPort `help:"Where a leg was sent, or where it came from; the first is the caller, the second the callee. Default: the two RTP streams with the most audio, if there is no doubt." placeholder:"ADDR:PORT"`
	Events        string           `help:"What happened to the call: JSON lines. Default: it is recorded from its first packet to its last." placeholder:"FILE"`
	Out           string           `help:"Folder the files are put in. Default: that of the capture." placeholder:"DIR"`
	Format        string           `help:"Format of the recording: ${enum}." enum:"wav,mp3" default:"wav"`
	Channels      string           `help:"The legs mixed, or apart: ${enum}." enum:"mono,stereo" default:"mono"`
	SampleRate    int              `help:"Sample rate of the recording in Hz; 0: 8000, and 16000 for MP3." default:"0"`
	MP3Bitrate    int              `name:"mp3-bitrate" help:"As of serve." default:"0" env:"CALLREC_MP3_BITRATE"`
	Hold          time.Duration    `help:"How long audio waits for packets that are late." default:"1s"`
	SourceTimeout time.Duration    `help:"Silence after which another source may speak on a leg." default:"5s"`
}

// Help is what callrec replay --help adds to the flags.
func (*replayCmd) Help() string {
	return `Records a call from a capture with the code that serve records with, on the capture's own clock: a call of an hour takes ` +
		`seconds. Then it tells of each file what inspect tells. The same capture always gives the same bytes.

Ethernet (also with VLAN tags), Linux cooked, loopback and raw IP captures are read, fragments put together. When the capture ` +
		`is damaged, what comes before is recorded, and the exit code is 1.

An event is {"at": …, "action": …} with what the API takes beside the action; "at" is a time (RFC 3339) or seconds from the ` +
		`start of the capture. Actions: announce, answer, bridge, update, callflow, hangup; start, stop, mask, unmask, toggle. The recording ` +
		`of the flags above is made at the announcement, unless an event starts one. Example:

  {"at": 0, "action": "announce", "call_id": "abc123", "from": "1001", "to": "1002"}
  {"at": 2.5, "action": "start", "format": "mp3", "channels": "stereo"}
  {"at": 7.25, "action": "mask"}
  {"at": "2026-11-26T08:30:11.5Z", "action": "unmask"}

Nothing is overwritten: where a file has the name already, another gets a number.`
}

// Run replays the capture.
func (c *replayCmd) Run(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // as in the demo: the temporary files must go
	return c.run(ctx, newScreen(os.Stdout))
}

func (c *replayCmd) run(ctx context.Context, show *screen) error {
	name := strings.TrimSuffix(filepath.Base(c.File), filepath.Ext(c.File))
	request, err := c.request(name)
	if err != nil {
		return usageError{err}
	}
	legs, survey, err := c.survey()
	if err != nil {
		return err
	}
	p, err := readEvents(c.Events, survey.Stats.First, recording.Defaults{MP3Kbps: c.MP3Bitrate})
	if err != nil {
		return err
	}
	call := p.call(name, legs.Begin(), request)
	show.title("callrec replay: " + printable(c.File))
	c.tell(show, legs, survey)
	files, result, err := c.record(ctx, replay.Config{
		Legs: legs, Call: call, Commands: p.commands, Hold: c.Hold, SourceTimeout: c.SourceTimeout,
	}, name)
	for _, f := range files {
		show.line("")
		show.print(inspect(f, inspectMost).text())
	}
	if err != nil {
		return err
	}
	return errors.Join(show.err, c.verdict(show, result, len(files)))
}

// request is the recording that the flags ask for. All faults of them are told.
func (c *replayCmd) request(name string) (recording.Request, error) {
	var bad []error
	s := policy.Settings{Format: c.Format, Channels: c.Channels, MediaName: name[:min(len(name), 200)] + "." + c.Format}
	if c.SampleRate != 0 {
		s.RecordSampleRate = &c.SampleRate
	}
	if legal := mp3.BitRates(16000); c.MP3Bitrate != 0 && !slices.Contains(legal, c.MP3Bitrate) {
		bad = append(bad, fmt.Errorf("--mp3-bitrate: want one of %v, or 0 for the default, got %d", legal, c.MP3Bitrate))
	}
	if c.Hold <= 0 || c.Hold > 10*time.Second || c.SourceTimeout <= 0 {
		bad = append(bad, fmt.Errorf("--hold %v, --source-timeout %v: want more than 0, and a hold of at most 10s", c.Hold, c.SourceTimeout))
	}
	if len(c.Leg) > 2 {
		bad = append(bad, fmt.Errorf("--leg: a call has two legs, the caller and the callee; got %d", len(c.Leg)))
	}
	spec, err := recording.NewSpec(s, recording.Defaults{MP3Kbps: c.MP3Bitrate})
	if err != nil {
		bad = append(bad, fmt.Errorf("--sample-rate: want one of %v, got %d", recording.Rates, c.SampleRate))
	}
	return recording.Request{Spec: spec, Origin: "replay"}, errors.Join(bad...)
}

// survey reads the capture through and finds the legs.
func (c *replayCmd) survey() (legs replay.Legs, s *replay.Survey, err error) {
	f, err := os.Open(c.File)
	if err != nil {
		return legs, nil, err
	}
	defer func() { _ = f.Close() }()
	if s, err = replay.Look(f, c.Leg); err != nil {
		return legs, nil, fmt.Errorf("%s: %w", c.File, err)
	}
	if legs, err = s.Choose(); err != nil && s.Cut != nil {
		err = errors.Join(err, s.Cut)
	}
	return legs, s, err
}

// tell says what was found, and what of it is taken.
func (c *replayCmd) tell(show *screen, legs replay.Legs, s *replay.Survey) {
	n := &s.Stats
	show.step("capture", "%s frames in %.1f s from %s, %s UDP datagrams", thousands(int(n.Frames)), n.Last.Sub(n.First).Seconds(),
		n.First.Format("2006-01-02T15:04:05.000Z"), thousands(int(n.Datagrams)))
	for _, odd := range []struct {
		n    uint64
		what string
	}{
		{n.Truncated, "datagrams were cut by the capture (snap length); they are not decoded"},
		{n.Malformed, "frames are malformed"},
		{n.Abandoned, "datagrams lack fragments"},
		{n.Untimed, "packets have no time and were left out"},
	} {
		if odd.n > 0 {
			show.step("", "%s %s", thousands(int(odd.n)), odd.what)
		}
	}
	if len(n.Links) > 0 {
		show.step("", "link types %v cannot be read", n.Links)
	}
	for i, l := range legs.Leg {
		if !l.Addr.IsValid() {
			show.step(parties[i], "none")
			continue
		}
		way := "to"
		if l.Source {
			way = "from"
		}
		show.step(parties[i], "%s %v", way, l.Addr)
		for j := range l.Streams {
			st := &l.Streams[j]
			other := fmt.Sprintf("from %v", st.Src)
			if l.Source {
				other = fmt.Sprintf("to %v", st.Dst)
			}
			show.step("", "%s: %s", other, st.Content())
		}
	}
	show.step("legs", "%s", legs.Why)
}

// record replays the call into a spool of its own, and takes the files out of it.
func (c *replayCmd) record(ctx context.Context, cfg replay.Config, name string) (files []string, r replay.Result, err error) {
	out := c.Out
	if out == "" {
		out = filepath.Dir(c.File)
	} else if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, r, fmt.Errorf("cannot make the folder of the files (--out): %w", err)
	}
	state, err := os.MkdirTemp(out, ".callrec-replay-")
	if err != nil {
		return nil, r, fmt.Errorf("cannot write into the folder of the files (--out): %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	f, err := os.Open(c.File)
	if err != nil {
		return nil, r, err
	}
	defer func() { _ = f.Close() }()
	cfg.Capture = f
	var got shelf
	if cfg.Spool, err = spool.Open(spool.Config{Dir: state, Repair: recording.Repair, OnReady: got.put, OnLost: got.lost}); err != nil {
		return nil, r, err
	}
	defer func() { err = errors.Join(err, cfg.Spool.Close(context.WithoutCancel(ctx))) }()
	if r, err = replay.Run(ctx, cfg); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted; nothing was kept")
		}
		return nil, r, err
	}
	files, err = got.takeOut(r.Call.Recordings, out, name)
	return files, r, err
}

// verdict tells what did not become a file, and fails for what was not as it
// should be.
func (c *replayCmd) verdict(show *screen, r replay.Result, files int) error {
	for _, rec := range r.Call.Recordings {
		switch {
		case rec.State != recording.Finishing:
			show.step("recording", "%s: %s, %s", printable(rec.MediaName), rec.State, rec.Reason)
		case rec.Reason != "hangup":
			show.step("recording", "%s: ended by %s", printable(rec.MediaName), rec.Reason)
		}
	}
	if r.Late > 0 {
		show.step("note", "%s packets are out of order in the capture by more than %v", thousands(int(r.Late)), replay.Window)
	}
	err := r.Cut
	for _, refused := range r.Refused {
		err = errors.Join(err, refused)
	}
	if files == 0 {
		err = errors.Join(err, errors.New("nothing was recorded"))
	}
	return err
}

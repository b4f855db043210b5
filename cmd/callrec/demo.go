package main

import (
	"context"
	_ "embed" // the speech
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

//go:embed speech/caller.ulaw
var callerSpeech []byte

//go:embed speech/callee.ulaw
var calleeSpeech []byte

// demoCmd is the demo's command line.
type demoCmd struct {
	Format  string `help:"Format of the recording: ${enum}." enum:"mp3,wav" default:"wav"`
	Out     string `help:"Folder the files are put in. Default: a new one, callrec-demo-*, among the temporary files." placeholder:"DIR"`
	Verbose bool   `help:"Show the worker's log as well."`
}

// Help is what callrec demo --help adds to the flags.
func (*demoCmd) Help() string {
	return `Starts a worker and a receiver for HTTP PUT on loopback, and plays a session border controller: it announces a ` +
		`call over the API, sends ten seconds of both parties as RTP over UDP, and hangs up. Then it shows the file that ` +
		`the receiver was given and compares it with what was sent, sample by sample.

It needs no network, no privilege and no configuration, takes about 12 seconds, and leaves the files and nothing else.`
}

// Run runs the demo on the process's own terminal.
func (c *demoCmd) Run(ctx context.Context) error {
	// A reader that goes away, as in "| head", must not end the process before it
	// has tidied up; the writes fail instead.
	signal.Ignore(syscall.SIGPIPE)
	log := slog.New(slog.DiscardHandler)
	show := newScreen(os.Stdout)
	if c.Verbose {
		log = newLogger("auto", true)
		show.live = false // a line redrawn among those of a log is no line any more
	}
	d := demo{format: c.Format, out: c.Out, speech: [2][]byte{callerSpeech, calleeSpeech}, log: log, show: show}
	err := d.run(ctx)
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted; the call was hung up and its files removed")
	}
	return err
}

// demo is one run, from nothing to the files on the screen.
type demo struct {
	format string
	out    string    // folder of the files; "" makes one
	speech [2][]byte // µ-law, equally long
	log    *slog.Logger
	show   *screen
}

// run records the call, and when everything has been stopped again, shows what
// there is. Files of a call that was cut short are removed; those that turned
// out wrong are kept, to be looked at.
func (d *demo) run(ctx context.Context) error {
	d.show.title("callrec demo: a simulated call, recorded end to end on this machine\n")
	defer d.show.endLine()
	made := d.out == ""
	var err error
	if made {
		d.out, err = os.MkdirTemp("", "callrec-demo-")
	} else {
		err = os.MkdirAll(d.out, 0o755)
	}
	if err != nil {
		return fmt.Errorf("cannot make a folder for the files (--out): %w", err)
	}
	take, err := d.record(ctx)
	if err != nil {
		for _, a := range take.arrivals {
			_ = os.Remove(a.file)
		}
		if made {
			_ = os.Remove(d.out)
		}
		return err
	}
	verdict, err := d.check(take)
	if err != nil { // the files stay, and the record says what the worker saw
		d.show.files(take)
		d.show.quality(take)
		return fmt.Errorf("the recording is wrong: %w", err)
	}
	d.show.take(d, take, verdict)
	return d.show.err
}

// take is what came of the call.
type take struct {
	arrivals   []arrival // as the receiver was given them
	recordings []recordingAnswer
	talk       talk
	bridge     span // the recordings begin in here
	hangup     span // and end in here
}

// record starts the worker and the receiver, makes the call, waits for its files
// and stops everything again.
func (d *demo) record(ctx context.Context) (t take, err error) {
	state, err := os.MkdirTemp("", "callrec-demo-state-")
	if err != nil {
		return t, fmt.Errorf("cannot make a folder for the worker: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	rec, err := startReceiver(ctx, d.out)
	if err != nil {
		return t, err
	}
	defer func() { // after the worker has stopped: until then it may still deliver
		rec.stop()
		t.arrivals = rec.all()
	}()
	cfg, err := demoWorker(state, rec.addr)
	if err != nil {
		return t, err
	}
	w, err := startWorker(ctx, cfg, d.log)
	if err != nil {
		return t, fmt.Errorf("the worker does not start: %w", err)
	}
	defer func() { err = errors.Join(err, w.stop(ctx)) }()
	d.show.step("worker", "API on %s, RTP on ports %d-%d", w.apiAddr, cfg.firstPort, cfg.lastPort)
	d.show.step("receiver", "HTTP PUT on %s", rec.addr)
	token, err := tokenAt(w.tokenPlace)
	if err != nil {
		return t, err
	}
	return d.call(ctx, w.apiAddr, token, rec)
}

// call is the call itself, as the SBC sees it, and the wait for its files.
func (d *demo) call(ctx context.Context, api, token string, rec *receiver) (t take, err error) {
	s, err := newSBC(api, token)
	if err != nil {
		return t, err
	}
	defer s.close()
	// The recording to listen to, as the worker makes it unless told otherwise, and
	// one that keeps the parties apart, in which what was sent can be found again.
	url := "http://" + rec.addr + "/recordings"
	c, err := s.announce(ctx, url, []string{d.format, "wav"}, []string{"mono", "stereo"})
	if err != nil {
		return t, err
	}
	d.show.step("announced", "call %s: caller to port %d, callee to %d", s.callID, c.Legs[0].RTPPort, c.Legs[1].RTPPort)
	if c, _, err = s.act(ctx, "answer"); err != nil {
		return t, err
	}
	d.show.step("answered", "%d recordings are %s; they begin at the bridge", len(c.Recordings), c.Recordings[0].State)
	if c, t.bridge, err = s.act(ctx, "bridge"); err != nil {
		return t, err
	}
	d.show.step("bridged", "%d recordings are %s", len(c.Recordings), c.Recordings[0].State)
	if t.talk, err = s.talk(ctx, c, d.speech, d.show.talking(d.speech)); err != nil {
		return t, err
	}
	if _, t.hangup, err = s.act(ctx, "hangup"); err != nil {
		return t, err
	}
	d.show.step("hung up", "late packets have a second to arrive, then the files are delivered")
	started := time.Now()
	if err := rec.wait(ctx, len(c.Recordings)); err != nil {
		return t, err
	}
	if c, err = s.delivered(ctx); err != nil {
		return t, err
	}
	d.show.step("delivered", "%d files, %.1f s after the hang-up", len(c.Recordings), time.Since(started).Seconds())
	t.recordings = c.Recordings
	return t, nil
}

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"callrec/control"
	"callrec/recording"
)

// spoolCmd is what an operator does with recordings that were not delivered.
type spoolCmd struct {
	List   spoolListCmd   `cmd:"" help:"List what is parked, and count the rest of the spool."`
	Retry  spoolRetryCmd  `cmd:"" help:"Send parked recordings on their way again."`
	Export spoolExportCmd `cmd:"" help:"Copy finished recordings out of the spool; it keeps them."`
}

// Help is what callrec spool --help adds.
func (*spoolCmd) Help() string {
	return `A recording that its receiver refuses for good, or that could not be delivered for --upload-keep, is parked: it stays in the ` +
		`spool until you act.

While a worker runs on the data folder, list and retry go through its API. The worker says in worker.json, in that folder, where ` +
		`that is, and where its admin token lies. Without a worker the folder is read as it is; what is retried then goes out at the next start. ` +
		`Export always reads the folder, and so runs where that is.

The exit code is 0 when everything was done, 1 when something was not, 2 for wrong usage.`
}

// spoolAccess are the flags that say which spool, and how it answers.
type spoolAccess struct {
	Data      string `help:"The worker's data folder." default:"./callrec-data" placeholder:"DIR"`
	HTTP      string `name:"http" env:"-" help:"The API of the worker, as ADDR:PORT or URL, also of one on another machine. Default: what the data folder says." placeholder:"ADDR"`
	TokenFile string `help:"File that holds the admin token. Default: CALLREC_ADMIN_TOKEN, else the file that the data folder names." placeholder:"FILE"`
	JSON      bool   `help:"One JSON object a line, to be read by programs."`
}

// spoolDesk is a spool that can be asked, through its worker or without one.
type spoolDesk interface {
	Usage() (control.SpoolUsage, error)
	// EachParked tells of every parked recording, by id. It may have told of some
	// when it fails.
	EachParked(tell func(control.Parked) error) error
	Retry(id string) error
	RetryAll() (n int, err error)
	// Running reports whether a worker sends at once what is retried.
	Running() bool
}

type spoolListCmd struct{ spoolAccess }

// Run lists.
func (c *spoolListCmd) Run() error {
	d, err := c.open()
	if err != nil {
		return err
	}
	return c.run(d, os.Stdout)
}

func (c *spoolListCmd) run(d spoolDesk, w io.Writer) error {
	if c.JSON {
		out := json.NewEncoder(w)
		return d.EachParked(func(p control.Parked) error { return out.Encode(p) })
	}
	t := newParkedTable(w)
	listed := d.EachParked(t.add)
	if err := t.flush(); err != nil {
		return err
	}
	u, err := d.Usage()
	if err != nil && (listed == nil || d.Running()) { // of a folder that cannot be read in part, the rest is counted
		return cmp.Or(listed, err)
	}
	if err := spoolSummary(w, u, d.Running()); err != nil {
		return err
	}
	return listed
}

type spoolRetryCmd struct {
	spoolAccess
	IDs []string `arg:"" name:"id" optional:"" help:"Recordings to send again."`
	All bool     `env:"-" help:"Send everything again that is parked."`
}

// Run retries.
func (c *spoolRetryCmd) Run() error {
	ids, err := whichRecordings(c.IDs, c.All)
	if err != nil {
		return err
	}
	d, err := c.open()
	if err != nil {
		return err
	}
	return c.run(d, ids, os.Stdout)
}

func (c *spoolRetryCmd) run(d spoolDesk, ids []string, w io.Writer) error {
	what := "is on its way again"
	if !d.Running() {
		what = "is no longer parked; the next start of the worker sends it"
	}
	if c.All {
		n, err := d.RetryAll()
		return errors.Join(err, c.say(w, map[string]any{"retried": n}, fmt.Sprintf("%s: each %s", counted(n, "recording"), what)))
	}
	failed := 0
	for _, id := range ids {
		err := d.Retry(id)
		var unknown *recording.NotFoundError
		switch {
		case err == nil:
			if err := c.say(w, map[string]any{"id": id, "state": "waiting"}, id+" "+what); err != nil {
				return err
			}
			continue
		case errors.As(err, &unknown):
			err = fmt.Errorf("%s is not parked: it may be on its way again, or delivered (callrec spool list)", id)
		}
		failed++
		fmt.Fprintln(os.Stderr, "callrec:", err)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s could not be sent again", failed, counted(len(ids), "recording"))
	}
	return nil
}

// say tells of one success.
func (c *spoolAccess) say(w io.Writer, object any, text string) (err error) {
	if c.JSON {
		return json.NewEncoder(w).Encode(object)
	}
	_, err = fmt.Fprintln(w, text)
	return err
}

var recordingID = regexp.MustCompile(`^[0-9]{6}-[0-9a-f]{32}$`)

// whichRecordings checks the ids of a command line: each is one, and once.
func whichRecordings(ids []string, all bool) ([]string, error) {
	if (len(ids) > 0) == all {
		return nil, usagef("name the recordings, or say --all (callrec spool list shows them)")
	}
	var bad []error
	for _, id := range ids {
		if !recordingID.MatchString(id) {
			bad = append(bad, fmt.Errorf("%.80q is no recording: an id is YYYYMM- and 32 hexadecimal digits", id))
		}
	}
	if len(bad) > 0 {
		return nil, usageError{errors.Join(bad...)}
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

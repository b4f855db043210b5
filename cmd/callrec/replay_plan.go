package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"callrec/recording"
	"callrec/replay"
)

// plan is what a file of events comes to. It is the control.Recorder behind the
// HTTP door that reads the events: what an event may say, and how it is
// understood, is what the API says of the same request.
type plan struct {
	announced *recording.CallSpec
	announce  string // the line that did it
	commands  []replay.Command
	starts    bool // an event makes a recording

	line string // being read
}

// Announce implements control.Recorder.
func (p *plan) Announce(_ context.Context, c recording.CallSpec) (recording.CallInfo, bool, error) {
	p.announced, p.announce = &c, p.line
	p.starts = p.starts || len(c.Start) > 0
	return recording.CallInfo{Spec: c}, true, nil
}

// Do implements control.Recorder.
func (p *plan) Do(_ context.Context, id recording.CallID, c recording.Command) (recording.CallInfo, error) {
	p.commands = append(p.commands, replay.Command{Name: p.line, Do: c})
	p.starts = p.starts || c.Action == recording.Start
	info, _ := p.Info(id)
	return info, nil
}

// Info implements control.Recorder. Any call is there, so that each event is read.
func (p *plan) Info(id recording.CallID) (recording.CallInfo, bool) {
	info := recording.CallInfo{Spec: recording.CallSpec{ID: id}}
	if p.announced != nil {
		info.Spec = *p.announced
	}
	return info, true
}

// Calls implements control.Recorder.
func (*plan) Calls(string) []recording.CallInfo { return nil }

// The account that a replayed call is of, the call's id until one is known, and the
// token, which opens a door that nobody else can reach.
const (
	replayAccount = "replay"
	replayCall    = "call"
	replayToken   = "replay"
)

// call is the call to announce. Without an announcement among the events, it is
// announced with its first packet, or its first event if that is earlier. request
// is made unless an event starts a recording.
func (p *plan) call(name string, begin time.Time, request recording.Request) recording.CallSpec {
	c := recording.CallSpec{At: begin}
	if p.announced != nil {
		c = *p.announced
	} else {
		for _, cmd := range p.commands {
			if cmd.Do.At.Before(c.At) {
				c.At = cmd.Do.At
			}
		}
	}
	c.ID.Account = replayAccount
	if c.ID.Call == "" || c.ID.Call == replayCall {
		c.ID.Call = name[:min(len(name), 255)]
	}
	if !p.starts {
		c.Start = []recording.Request{request}
	}
	return c
}

// answer is what the door says, kept.
type answer struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.head }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// inMetaflow is where the API has the fields of a metaflow's event.
const inMetaflow = "data.data."

// read lets the door read an event. What it only warns of is a fault here: nobody
// is waiting on the line.
func (p *plan) read(door http.Handler, e event) []error {
	r, err := http.NewRequestWithContext(context.Background(), e.method, e.path, bytes.NewReader(e.data))
	if err != nil {
		return []error{err}
	}
	r.Header.Set("X-Auth-Token", replayToken)
	a := answer{head: http.Header{}}
	door.ServeHTTP(&a, r)
	var said struct {
		Data    json.RawMessage
		Message string
	}
	if err := json.Unmarshal(a.body.Bytes(), &said); err != nil {
		return []error{err}
	}
	var faults []error
	if a.status < 300 {
		var data struct{ Warnings []string }
		_ = json.Unmarshal(said.Data, &data) // without warnings there are none
		for _, w := range data.Warnings {
			faults = append(faults, errors.New(strings.TrimPrefix(w, inMetaflow)))
		}
		return faults
	}
	var fields map[string]map[string]struct{ Message string }
	if json.Unmarshal(said.Data, &fields) != nil {
		var why struct{ Message, Cause string }
		_ = json.Unmarshal(said.Data, &why) // then the message alone is told
		return []error{errors.New(strings.Trim(cmp.Or(why.Message, said.Message)+": "+why.Cause, ": "))}
	}
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		for _, rule := range slices.Sorted(maps.Keys(fields[path])) {
			faults = append(faults, fmt.Errorf("%s: %s", strings.TrimPrefix(path, inMetaflow), fields[path][rule].Message))
		}
	}
	return faults
}

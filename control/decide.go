package control

import (
	"slices"

	"callrec/policy"
	"callrec/recording"
)

// Decider decides from the documents of an account which recordings a call gets.
// It may be used by many at once.
type Decider struct {
	Documents Documents
	Defaults  recording.Defaults // for what documents leave open
}

// Announced returns the recordings that a call gets when it is announced, and what
// its announcer should know. A document is never the reason to refuse a call: one
// whose settings cannot be used costs its recording, with a warning. Where urls may
// point was checked when the document was stored, and is when they are dialled.
func (d *Decider) Announced(c *recording.CallSpec) ([]recording.Request, []policy.Warning) {
	return d.decide(c, policy.Decide, recording.Caller, recording.Callee)
}

// CalleeCame returns the recordings that a callee adds to a call which has the
// others already.
func (d *Decider) CalleeCame(c *recording.CallSpec) ([]recording.Request, []policy.Warning) {
	return d.decide(c, policy.DecideCallees, recording.Callee)
}

type decision func(policy.Call, policy.Docs) ([]policy.Wanted, []policy.Warning)

func (d *Decider) decide(c *recording.CallSpec, decide decision, legs ...recording.Leg) ([]recording.Request, []policy.Warning) {
	account := c.ID.Account
	users, devices := d.endpoint(account, Users), d.endpoint(account, Devices)
	var docs policy.Docs
	docs.Account, _ = d.Documents.Compiled(AccountRef(account)).(*policy.Account)
	call := policy.Call{From: policy.ParseNetwork(c.FromNetwork), To: policy.ParseNetwork(c.ToNetwork)}
	var unknown []policy.Warning
	var owners [2]string
	forwarder := ""
	for _, leg := range legs {
		p := c.Parties[leg]
		party := policy.NewParty(p.UserID, p.DeviceID, users, devices)
		if party == nil {
			continue
		}
		owners[leg] = owner(p, party.Device)
		if docs.Account != nil { // else nobody of the account has a document
			unknown = misspelt(unknown, leg.String(), p, party)
		}
		if leg == recording.Caller {
			docs.Caller = party
		} else {
			docs.Callees = []policy.Party{*party}
		}
	}
	f := policy.NewParty(c.ForwardedBy.UserID, c.ForwardedBy.DeviceID, users, devices)
	if f != nil && slices.Contains(legs, recording.Caller) {
		docs.Caller, call.Forwarded, call.Original = f, true, policy.ParseNetwork(c.OriginalNetwork)
		forwarder = owner(c.ForwardedBy, f.Device)
		if docs.Account != nil {
			unknown = misspelt(unknown, "forwarded_by", c.ForwardedBy, f)
		}
	}
	wanted, warnings := decide(call, docs)
	warnings = append(unknown, warnings...)
	defaults := d.Defaults
	defaults.CheckURL = nil
	if len(wanted) == 0 {
		return nil, warnings
	}
	requests := make([]recording.Request, 0, len(wanted))
	for i := range wanted {
		w := &wanted[i]
		spec, err := recording.NewSpec(w.Settings, defaults)
		if err != nil {
			warnings = append(warnings, policy.Warning{Path: w.Origin, Message: "is not recorded: " + err.Error()})
			continue
		}
		r := recording.Request{Spec: spec, Origin: w.Origin, Leg: recording.Leg(w.Leg), Owner: owners[w.Leg]}
		switch {
		case w.Forward:
			r.Owner = forwarder
		case r.Leg == recording.Callee:
			r.Called = recording.Party{UserID: r.Owner, DeviceID: c.Parties[recording.Callee].DeviceID}
		}
		requests = append(requests, r)
	}
	return requests, warnings
}

// Owner is the user a leg belongs to: the one named, else the first that the
// device belongs to.
func (d *Decider) Owner(c *recording.CallSpec, leg recording.Leg) string {
	p := c.Parties[leg]
	if p.UserID != "" || p.DeviceID == "" {
		return p.UserID
	}
	return owner(p, d.endpoint(c.ID.Account, Devices)(p.DeviceID))
}

func owner(p recording.Party, device *policy.Endpoint) string {
	if owners := device.Owners(); p.UserID == "" && len(owners) > 0 {
		return owners[0]
	}
	return p.UserID
}

// endpoint looks documents of a kind up.
func (d *Decider) endpoint(account, kind string) func(id string) *policy.Endpoint {
	return func(id string) *policy.Endpoint {
		e, _ := d.Documents.Compiled(Ref{Account: account, Kind: kind, ID: id}).(*policy.Endpoint)
		return e
	}
}

// misspelt warns of a user or device that the account does not have: such a call
// is not recorded as somebody wished.
func misspelt(warnings []policy.Warning, path string, p recording.Party, found *policy.Party) []policy.Warning {
	const message = "has no document and so no settings"
	if p.UserID != "" && found.Users[0] == nil {
		warnings = append(warnings, policy.Warning{Path: path + ".user_id", Message: message})
	}
	if p.DeviceID != "" && found.Device == nil {
		warnings = append(warnings, policy.Warning{Path: path + ".device_id", Message: message})
	}
	return warnings
}

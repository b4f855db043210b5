package policy

// Leg is one of the two directions of a call, with the values recording.Leg has.
type Leg uint8

// The caller's leg is Kazoo's A leg, the callee's its B leg.
const (
	CallerLeg Leg = iota
	CalleeLeg
)

// Network is where a party of a call is.
type Network uint8

// UnknownNetwork means either: what is set for any of the two counts.
const (
	UnknownNetwork Network = iota
	Onnet                  // in the switch: another endpoint, an extension
	Offnet                 // reached through a carrier
)

// ParseNetwork reads "onnet" and "offnet"; anything else is unknown.
func ParseNetwork(s string) Network {
	switch s {
	case networks[0]:
		return Onnet
	case networks[1]:
		return Offnet
	default:
		return UnknownNetwork
	}
}

// Call is what the decision needs to know of a call besides documents.
type Call struct {
	From, To Network // where the caller and the callee are

	// Forwarded says that the call is what a forwarding endpoint, Docs.Caller,
	// makes of a call to itself. It is then recorded as a call to that endpoint,
	// on the leg that goes out, from the network of who called it.
	Forwarded bool
	Original  Network
}

// Party is an endpoint of the account: its documents, in the order in which they
// are laid over what the account gives to endpoints. All may be missing.
type Party struct {
	Users  []*Endpoint // the user, or the users a device belongs to
	Device *Endpoint
}

// Docs are the compiled documents of everybody in a call.
type Docs struct {
	Account *Account
	Caller  *Party  // the endpoint that calls; nil when it is none of the account
	Callees []Party // the endpoints that are called, each that rings
}

// Wanted is one recording that a call gets. Its Settings say when it starts
// (RecordOnAnswer and RecordOnBridge; both false: at once) and never follow a
// transfer.
type Wanted struct {
	Origin   string // why, in Kazoo's words: "inbound from offnet to endpoint"
	Leg      Leg    // which is recorded, and whose answer starts it
	Forward  bool   // for the endpoint that has forwarded the call, and no called one
	Settings Settings
}

// rule is one row of Kazoo's matrix: which cells, and what the origin says.
type rule struct {
	direction int
	origin    [2]string // by network
}

var (
	toAccount    = rule{inbound, [2]string{"inbound from onnet to account", "inbound from offnet to account"}}
	fromAccount  = rule{outbound, [2]string{"outbound to onnet from account", "outbound to offnet from account"}}
	fromEndpoint = rule{outbound, [2]string{"outbound to onnet from endpoint", "outbound to offnet from endpoint"}}
	toEndpoint   = rule{inbound, [2]string{"inbound from onnet to endpoint", "inbound from offnet to endpoint"}}
)

// Decide returns the recordings a call gets, those of the account first, and
// warnings about what was not known. Several documents may each ask for one; none
// keeps another from having its own, except that the account records a call once.
func Decide(c Call, docs Docs) ([]Wanted, []Warning) {
	var d decision
	if a := docs.Account; a != nil && !d.add(toAccount, c.From, &d.from, CallerLeg, a.calls, nil) {
		d.add(fromAccount, c.To, &d.to, CallerLeg, a.calls, nil)
	}
	switch {
	case docs.Caller == nil:
	case c.Forwarded:
		if d.add(toEndpoint, c.Original, &d.original, CalleeLeg, docs.Account.inherited(), docs.Caller) {
			d.wanted[len(d.wanted)-1].Forward = true
		}
	case c.From != Offnet:
		if c.From != Onnet && says(docs.Account.inherited(), docs.Caller) {
			d.from = true
		}
		d.add(fromEndpoint, c.To, &d.to, CallerLeg, docs.Account.inherited(), docs.Caller)
	}
	d.callees(c, docs)
	return d.wanted, d.warnings()
}

// DecideCallees returns what Decide returns for docs.Callees alone: the
// recordings that callees add to a call which already has the others.
func DecideCallees(c Call, docs Docs) ([]Wanted, []Warning) {
	var d decision
	d.callees(c, docs)
	return d.wanted, d.warnings()
}

// decision is one being made.
type decision struct {
	wanted             []Wanted
	from, to, original bool // networks that were asked for and are not known
}

func (d *decision) callees(c Call, docs Docs) {
	for i := range docs.Callees {
		d.add(toEndpoint, c.From, &d.from, CalleeLeg, docs.Account.inherited(), &docs.Callees[i])
	}
}

// add makes the recording that a rule asks for, if it does. Of a network that is
// not known either will do, and the first that records gives the settings.
func (d *decision) add(r rule, net Network, missing *bool, leg Leg, base *level, p *Party) bool {
	if !says(base, p) {
		return false
	}
	known := net == Onnet || net == Offnet
	*missing = *missing || !known
	for n := range networks {
		if known && n != int(net-Onnet) {
			continue
		}
		c := effective(r.direction, n, base, p)
		if !c.on() {
			continue
		}
		w := Wanted{Origin: r.origin[n], Leg: leg, Settings: c.settings()}
		if leg == CalleeLeg { // before the answer there is nothing on it
			w.Settings.RecordOnAnswer, w.Settings.RecordOnBridge = true, false
		}
		if d.wanted == nil {
			d.wanted = make([]Wanted, 0, 4) // the account, the caller, a callee or two
		}
		d.wanted = append(d.wanted, w)
		return true
	}
	return false
}

// says reports whether any of the documents has settings.
func says(base *level, p *Party) bool {
	if base != nil || p == nil {
		return base != nil
	}
	for _, u := range p.Users {
		if u != nil && u.level != nil {
			return true
		}
	}
	return p.Device != nil && p.Device.level != nil
}

// effective lays the levels over each other, for one cell.
func effective(direction, network int, base *level, p *Party) (c cell) {
	lay := func(l *level) {
		if l != nil {
			c.lay(&l[direction][network])
		}
	}
	lay(base)
	if p == nil {
		return c
	}
	for _, u := range p.Users {
		if u != nil {
			lay(u.level)
		}
	}
	if p.Device != nil {
		lay(p.Device.level)
	}
	return c
}

func (a *Account) inherited() *level {
	if a == nil {
		return nil
	}
	return a.endpoints
}

// warnings tell of the networks that should have been said.
func (d *decision) warnings() []Warning {
	var out []Warning
	for _, w := range []struct {
		missing bool
		path    string
	}{{d.from, "from_network"}, {d.to, "to_network"}, {d.original, "forwarded_by.from_network"}} {
		if w.missing {
			out = append(out, Warning{w.path, "is missing: the settings for onnet and, failing these, for offnet calls count"})
		}
	}
	return out
}

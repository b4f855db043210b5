package recording

import (
	"fmt"
	"net/netip"
	"time"

	"callrec/capture"
)

// Leg is one of the two directions of a call.
type Leg uint8

// The caller is the party that placed the call (Kazoo's A leg).
const (
	Caller Leg = iota
	Callee
)

// String is the name the API uses.
func (l Leg) String() string {
	if l == Callee {
		return "callee"
	}
	return "caller"
}

// CallID names a call: tenants never meet, so the account is part of it.
type CallID struct {
	Account string `json:"account"`
	Call    string `json:"call_id"` // 1..255 bytes, the tenant's own
}

// Party is one end of a call, as far as it belongs to the account.
type Party struct {
	UserID   string `json:"user_id,omitempty"`
	DeviceID string `json:"device_id,omitempty"`
}

// Same reports whether two parties are one endpoint, as far as both are known: a
// user and a device of hers are, two devices of hers are not.
func (p Party) Same(o Party) bool {
	user, device := p.UserID != "" && o.UserID != "", p.DeviceID != "" && o.DeviceID != ""
	return (user || device) && (!user || p.UserID == o.UserID) && (!device || p.DeviceID == o.DeviceID)
}

// CallSpec announces a call. Only ID and At are required.
type CallSpec struct {
	ID             CallID   `json:"id"`
	OtherLegCallID string   `json:"other_leg_call_id,omitempty"`
	From           string   `json:"from,omitempty"`
	To             string   `json:"to,omitempty"`
	CallerIDName   string   `json:"caller_id_name,omitempty"`
	CallerIDNumber string   `json:"caller_id_number,omitempty"`
	FromNetwork    string   `json:"from_network,omitempty"` // "onnet", "offnet" or unknown
	ToNetwork      string   `json:"to_network,omitempty"`
	Parties        [2]Party `json:"parties"` // by Leg
	// ForwardedBy is the endpoint of the account whose forwarding made this call out
	// of one to itself, from a caller on OriginalNetwork ("onnet", "offnet", unknown).
	ForwardedBy     Party     `json:"forwarded_by,omitzero"`
	OriginalNetwork string    `json:"original_network,omitempty"`
	Answered        bool      `json:"answered,omitempty"` // the caller's leg, and the callee's if it is known who that is
	Bridged         bool      `json:"bridged,omitempty"`
	Legs            []LegSpec `json:"legs,omitempty"` // nil means one for each Leg, with nothing said
	Offer           string    `json:"offer,omitempty"`
	CallflowID      string    `json:"callflow_id,omitempty"`
	Start           []Request `json:"-"` // recordings to make at once; kept by their own manifests
	Flow            Flow      `json:"-"` // a callflow to run at once, after Start

	// Decided are recordings to make before those of Start, which nobody named in
	// the announcement: documents asked for them. The same announcement may find
	// other documents the next time and is still the same.
	Decided []Request `json:"-"`
	// DecidedFlow is a stored callflow to run at once, after Flow. As with Decided,
	// it may have become another when the same announcement comes again.
	DecidedFlow Flow `json:"-"`

	// At is when the door had read the announcement: sample 0 of the call.
	At time.Time `json:"at"`
}

// LegSpec says what is known beforehand of one leg's stream.
type LegSpec struct {
	Leg   Leg    `json:"leg"`
	Label string `json:"label,omitempty"` // the SBC's name of the leg (SDP a=label)
	// Source is who may send. Port 0 allows every port of the address; the zero
	// value lets the first permitted sender in.
	Source netip.AddrPort `json:"source"`
	// Offered is the source that the last SDP with one has named, whether it is
	// Source or was overruled.
	Offered netip.AddrPort `json:"offered,omitzero"`
	// Payloads maps RTP payload types as SDP gave them; nil means the static
	// types 0 (PCMU) and 8 (PCMA).
	Payloads map[uint8]Payload `json:"payloads,omitempty"`
	// Reports is where SDP wants RTCP about the leg; the zero value leaves it to
	// where the leg's own RTCP comes from.
	Reports   netip.AddrPort `json:"reports,omitzero"`
	Mux       bool           `json:"mux,omitempty"`        // SDP agreed on RTCP on the RTP port, RFC 5761
	NoReports bool           `json:"no_reports,omitempty"` // SDP wants nothing sent: c=0.0.0.0, RFC 3264 §8.4
}

// Payload is what an RTP payload type carries.
type Payload uint8

// The payloads that mean something to a recorder of G.711.
const (
	PayloadNone   Payload = iota // not ours: counted, never decoded
	PayloadPCMU                  // G.711 µ-law
	PayloadPCMA                  // G.711 A-law
	PayloadEvents                // telephone-event, RFC 4733: kept out of the audio
	PayloadNoise                 // comfort noise, RFC 3389: silence
)

// Request asks for one recording of a call.
type Request struct {
	Spec   Spec   `json:"spec"`
	Origin string `json:"origin,omitempty"` // why it is made, in Kazoo's words: "callflow : sales"
	Leg    Leg    `json:"leg,omitempty"`    // whose recording it is: whose call id it has, and whose answer starts it if record_on_answer
	Owner  string `json:"owner,omitempty"`  // id of the user whose recording it is; empty: the leg's user

	// Called is the endpoint that is called, of a recording which its documents ask
	// for. Of several that ring, those who are not the callee when the callee's leg
	// is answered lose theirs, and none gets two.
	Called Party `json:"called,omitzero"`

	// CallerOnly is Kazoo's record_caller: the caller's leg alone, mono, until the
	// caller presses a key or has been silent for 5 s. Its object name is
	// <call id>.<format>, and its url gets no query. Then is what the callflow does
	// after that, at the sample where the recording ends.
	CallerOnly bool `json:"caller_only,omitempty"`
	Then       Flow `json:"then,omitempty"`

	after string // id of the record_caller whose Then it is of
}

// Action is what a Command does.
type Action uint8

// The commands a live call takes.
const (
	Answer Action = iota + 1 // Leg answered
	Bridge                   // both parties are connected; implies that the callee answered
	Start                    // make the recordings in Start
	Stop                     // end the newest recording, or the one named by Recording or MediaName
	Mask                     // from here on silence, in every recording or the one named
	Unmask
	Toggle // mask what is not masked and the other way round
	Hangup // the call is over
	// Update changes what was announced: Change. Start is what is to be recorded for
	// a new callee; what an endpoint has already is not made again.
	Update
	// Transfer gives Leg to somebody else: its call id is CallID from here on, its
	// party is Party, and Start is what is to be recorded for that one. Recordings
	// that should not follow a transfer end here, whichever leg it is of.
	Transfer
	RunFlow // a callflow: Flow
)

// Command is one thing done to a live call, with its instant.
type Command struct {
	Action Action
	// At is when the door had read the request (or what the request says, at
	// most one hold back): the command takes effect at that sample, whenever it
	// is carried out.
	At        time.Time
	Leg       Leg       // Answer, Transfer
	Start     []Request // Start, Transfer, Update
	Recording string    // Stop, Mask, Unmask, Toggle: the id of one recording
	MediaName string    // Stop, Mask, Unmask, Toggle: the media name of one recording
	Change    Change    // Update
	CallID    string    // Transfer; "" leaves the one there is
	Party     Party     // Transfer
	Flow      Flow      // RunFlow
}

// Facts are what is known of the two parties besides who they are.
type Facts struct {
	From           string `json:"from,omitempty"`
	To             string `json:"to,omitempty"`
	CallerIDName   string `json:"caller_id_name,omitempty"`
	CallerIDNumber string `json:"caller_id_number,omitempty"`
	FromNetwork    string `json:"from_network,omitempty"` // as in CallSpec
	ToNetwork      string `json:"to_network,omitempty"`
}

// Change is what a live call is told anew. What is empty stays as it was.
type Change struct {
	// Facts and OtherLegCallID go with recordings that have not begun yet.
	Facts          Facts
	OtherLegCallID string
	Parties        [2]Party // by Leg, each whole

	Offer string // the SBC's new SDP; "" leaves the one there is
	// Legs, of which zero fields leave what there is. Those with Payloads come
	// from SDP, and their Reports, Mux and NoReports count too. A Source is let in
	// at once, in place of the one there was; a leg that the call had not gets ports.
	Legs []LegSpec
}

// CallInfo is an immutable picture of a call.
type CallInfo struct {
	Spec       CallSpec
	State      string // "early", "answered", "bridged" or "ended"
	Legs       []LegInfo
	Recordings []Info // in the order they were made
	Revision   int    // how often what an SDP answer tells has changed

	// Missed is the answer to a flow: the paths of its stops that found nothing to stop.
	Missed []string
	// Warnings is part of the answer to an announcement or a command: what its
	// sender should know of what was done.
	Warnings []string
	// Late is part of the answer to a command: by how much after its instant it took
	// effect, because what was before is read already, or was before the call.
	Late time.Duration

	// Interaction is Kazoo's id of the call across its legs.
	Interaction string
}

// LegInfo tells where a leg is received. Ports are zero while nothing is armed
// or recording.
type LegInfo struct {
	Leg   Leg
	Label string
	Ports capture.Ports
}

// Info is an immutable picture of one recording.
type Info struct {
	ID        string // `YYYYMM-` and 32 hex digits
	Origin    string
	State     State
	MediaName string
	Format    string
	Rate      int // Hz
	Channels  int
	Caller    bool   // record_caller: the caller's leg alone
	Owner     string // id of the user whose recording it is; may be empty
	Leg       Leg    // whose recording it is, and whose answer starts it
	CallID    string // of that leg, as of when the recording was asked for
	URL       string // where it goes, as given: may hold credentials; empty: the default target
	Object    string // the name it has there

	Created time.Time     // when it was asked for
	Started time.Time     // zero while armed
	Length  time.Duration // of the file, known once finishing
	Reason  string        // why it was discarded, cancelled, parked or failed
	Quality *Quality      // set once finished
}

// NotFoundError says that no live call, or no recording of it, has that name.
type NotFoundError struct {
	What string // "call" or "recording"
	Name string
}

func (e *NotFoundError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("there is no %s that this could be about", e.What)
	}
	return fmt.Sprintf("there is no %s %q", e.What, e.Name)
}

// CrowdedError says that a live call has as many recordings that are not over as it may.
type CrowdedError struct{ ID CallID }

func (e *CrowdedError) Error() string {
	return fmt.Sprintf("call %q has %d recordings that are not over, and may have no more; stop one first", e.ID.Call, MaxRecordings)
}

// ConflictError says that a live call already has the id of a different announcement.
type ConflictError struct{ ID CallID }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("call %q is live and was announced differently; hang it up first or use another call_id", e.ID.Call)
}

// RefusedError says that the worker takes no more: full, or draining. Trying
// again later, or another worker now, may help.
type RefusedError struct {
	Reason     string // with the number and the flag that raises it
	RetryAfter time.Duration
	cause      error
}

func (e *RefusedError) Error() string { return e.Reason }

// Unwrap gives the cause, if it is an error of its own.
func (e *RefusedError) Unwrap() error { return e.cause }

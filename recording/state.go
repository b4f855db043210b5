package recording

import "fmt"

// State is where a recording stands between request and delivery.
//
//	armed ─► recording ⇄ masked ─► finishing ─► spooled ─► delivered
//	  │           │        │           │           ⇅
//	  │           │        │           │         parked
//	  │           └────────┴───────────┴─► discarded
//	  └─► cancelled                       failed: from any state before spooled
type State uint8

// The states. Those from Delivered on are ends: nothing leaves them but an
// operator's retry of a parked file, which waits in the spool again, as if it had
// never been tried.
const (
	Armed     State = iota // waits for the answer or the bridge
	Recording              // its samples are being kept
	Masked                 // silence is being kept instead
	Finishing              // ended; the last samples wait for the hold, the file for the disk
	Spooled                // complete, synced and named in the spool
	Delivered              // the target confirmed it
	Parked                 // the target refuses for good, or retries are exhausted; kept
	Discarded              // shorter than record_min_sec: removed
	Cancelled              // the call ended before the recording began
	Failed                 // our own fault; the reason says which
	numStates
)

var stateNames = [numStates]string{
	"armed", "recording", "masked", "finishing", "spooled",
	"delivered", "parked", "discarded", "cancelled", "failed",
}

func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// trigger is what moves a recording from one state to the next.
type trigger uint8

const (
	onBegin     trigger = iota // the awaited answer or bridge, or the start itself
	onMask                     // silence from here
	onUnmask                   // audio from here
	onEnd                      // stop, limit or hang-up
	onSaved                    // the spool has it
	onDelivered                // the target has it
	onParked                   // the target will not have it
	onRetry                    // the operator wants it tried again
	onTooShort                 // record_min_sec was not reached
	onFault                    // we could not keep it
	numTriggers
)

var triggerNames = [numTriggers]string{
	"begin", "mask", "unmask", "end", "saved", "delivered", "parked", "retry", "too short", "fault",
}

func (t trigger) String() string { return triggerNames[t] }

// moves is the picture above, as data: what is not in it changes nothing.
var moves = map[State]map[trigger]State{
	Armed:     {onBegin: Recording, onEnd: Cancelled, onFault: Failed},
	Recording: {onMask: Masked, onEnd: Finishing, onFault: Failed},
	Masked:    {onUnmask: Recording, onEnd: Finishing, onFault: Failed},
	Finishing: {onSaved: Spooled, onTooShort: Discarded, onFault: Failed},
	Spooled:   {onDelivered: Delivered, onParked: Parked},
	Parked:    {onRetry: Spooled, onDelivered: Delivered},
}

// next is the only function that changes a state. ok is false when the trigger
// means nothing in that state, which is then kept: a stop that meets a stopped
// recording is no fault.
func next(s State, t trigger) (to State, ok bool) {
	if to, ok = moves[s][t]; !ok {
		return s, false
	}
	return to, true
}

// live reports whether samples may still be added.
func (s State) live() bool { return s <= Masked }

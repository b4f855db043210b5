package recording

import "fmt"

// State is where a recording stands between request and delivery.
//
//	armed ─► recording ⇄ masked ─► finishing ─► spooled ─► delivered
//	  │           │        │           │           └─► parked
//	  │           └────────┴───────────┴─► discarded
//	  └─► cancelled                       failed: from any state before spooled
type State uint8

// The states. Those from Delivered on are ends: nothing leaves them but an
// operator's retry of a parked file.
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
	begin    trigger = iota // the awaited answer or bridge, or the start itself
	mask                    // silence from here
	unmask                  // audio from here
	end                     // stop, limit or hang-up
	sync                    // the spool has it
	deliver                 // the target has it
	park                    // the target will not have it
	tooShort                // record_min_sec was not reached
	fault                   // we could not keep it
	numTriggers
)

var triggerNames = [numTriggers]string{
	"begin", "mask", "unmask", "end", "sync", "deliver", "park", "tooShort", "fault",
}

func (t trigger) String() string { return triggerNames[t] }

// next is the only function that changes a state. ok is false when the trigger
// means nothing in that state, which is then kept: a stop that meets a stopped
// recording is no fault.
func next(s State, t trigger) (to State, ok bool) {
	switch s {
	case Armed:
		switch t {
		case begin:
			return Recording, true
		case end:
			return Cancelled, true
		case fault:
			return Failed, true
		}
	case Recording:
		switch t {
		case mask:
			return Masked, true
		case end:
			return Finishing, true
		case fault:
			return Failed, true
		}
	case Masked:
		switch t {
		case unmask:
			return Recording, true
		case end:
			return Finishing, true
		case fault:
			return Failed, true
		}
	case Finishing:
		switch t {
		case sync:
			return Spooled, true
		case tooShort:
			return Discarded, true
		case fault:
			return Failed, true
		}
	case Spooled, Parked:
		switch t {
		case deliver:
			return Delivered, true
		case park:
			return Parked, s == Spooled
		}
	}
	return s, false
}

// live reports whether samples may still be added.
func (s State) live() bool { return s <= Masked }

// settled reports whether nothing is left to do for the call's own goroutine.
func (s State) settled() bool { return s >= Spooled }

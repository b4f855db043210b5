// Package tones owns what a leg says besides speech: the keys its party presses,
// out of band (RFC 4733, Digits) and in band (DTMF, Detector), and how long it has
// said nothing (Silence). The recording shards call it, one of each a leg. It is
// pure: times are arguments, memory is bounded, and nothing is allocated.
//
// Positions and lengths are samples at 8 kHz.
package tones

// Press is one key that was pressed, as far as it is known.
type Press struct {
	// Event is the event code of RFC 4733 §3.2: 0 to 9 are the digits, 10 is *,
	// 11 is #, 12 to 15 are A to D, 16 is a hook flash. Others come as they are.
	Event  uint8
	Start  int64 // where it begins
	Length int64 // how long it is, so far
	Ended  bool  // it gets no longer
}

// Digit is the key's character, one of "0123456789*#ABCD", or 0 when the event is
// not a key of a telephone.
func (p Press) Digit() byte {
	if int(p.Event) < len(keys) {
		return keys[p.Event]
	}
	return 0
}

// End is the position after the press's last sample.
func (p Press) End() int64 { return p.Start + p.Length }

// keys are the keys by their event codes.
const keys = "0123456789*#ABCD"

// pause is the shortest pause between two presses, 40 ms (ITU-T Q.24, annex A).
const pause = 320

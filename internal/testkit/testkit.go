// Package testkit owns what tests and benchmarks share: packets, a sender that
// keeps a timetable, real servers and one that hangs, and a check for leaks. Only
// tests and bench import it.
package testkit

import (
	"fmt"

	"github.com/pion/rtp"
)

// AppendRTP appends one RTP packet to dst. Of h, SequenceNumber, Timestamp,
// SSRC, PayloadType and Marker matter most; the version is always 2.
func AppendRTP(dst []byte, h rtp.Header, payload []byte) []byte {
	h.Version = 2
	at := len(dst)
	dst = append(dst, make([]byte, h.MarshalSize())...)
	if _, err := h.MarshalTo(dst[at:]); err != nil {
		panic(fmt.Sprintf("testkit: RTP header %+v: %v", h, err)) // the test's own mistake
	}
	return append(dst, payload...)
}

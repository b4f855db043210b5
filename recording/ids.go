package recording

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"time"
)

// gregorian is 1970 in Kazoo's seconds, which count from the year 0.
const gregorian = 62167219200

func (m *Manager) hex32() string {
	var b [16]byte
	m.clock.random(b[:])
	return hex.EncodeToString(b[:])
}

// newID is a recording id in Kazoo's shape: the month it was made, UTC, so that
// an archive can be split by it, and 128 random bits.
func (m *Manager) newID() string { return m.clock.wall().UTC().Format("200601-") + m.hex32() }

// newCNAME names this worker in RTCP: 96 random bits in base64 (RFC 7022 §4.2).
func newCNAME() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.StdEncoding.EncodeToString(b[:])
}

// newInteraction is the id Kazoo gives a call across its legs.
func (m *Manager) newInteraction() string {
	return gregorianSeconds(m.clock.wall()) + "-" + m.hex32()[:8]
}

func gregorianSeconds(t time.Time) string { return strconv.FormatInt(t.Unix()+gregorian, 10) }

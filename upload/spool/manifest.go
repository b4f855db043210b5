package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// manifestVersion is the only version this worker reads and writes. What a newer
// worker wrote is quarantined, not guessed at.
const manifestVersion = 1

// maxManifest bounds what is read as one; ours are a few kilobytes.
const maxManifest = 4 << 20

// ErrManifest is why a manifest is quarantined.
var ErrManifest = errors.New("manifest is damaged or of another version")

// Manifest is everything about a recording that must outlive the process.
// The recording fills it in; the last two blocks are the spool's and the
// queue's, and what Create, Update and Commit are given in them is ignored.
type Manifest struct {
	Version     int         `json:"version"`
	ID          string      `json:"id"`
	Ext         string      `json:"ext"`
	Account     string      `json:"account"`
	CallID      string      `json:"call_id"`
	MediaName   string      `json:"media_name,omitempty"`
	ContentType string      `json:"content_type,omitempty"`
	Destination Destination `json:"destination"`
	Meta        []Field     `json:"meta,omitempty"` // in the order receivers know; complete at Commit

	Started     time.Time       `json:"started"`
	DurationMS  int64           `json:"duration_ms"`
	Interrupted bool            `json:"interrupted,omitempty"` // cut short by a crash or a failing disk
	Rate        int             `json:"rate"`
	Channels    int             `json:"channels"`
	Call        json.RawMessage `json:"call,omitempty"`    // what a restart needs of the call; opaque here
	Quality     json.RawMessage `json:"quality,omitempty"` // opaque here

	Complete bool   `json:"complete,omitempty"` // the audio is synced, all of it
	Size     int64  `json:"size,omitempty"`     // of the complete audio
	SHA256   []byte `json:"sha256,omitempty"`   // of the complete audio

	Delivery Delivery `json:"delivery"`
}

// Delivery is the queue's bookkeeping about one recording.
type Delivery struct {
	Tries     int       `json:"tries,omitempty"`
	FirstTry  time.Time `json:"first_try,omitzero"`
	LastTry   time.Time `json:"last_try,omitzero"`
	NotBefore time.Time `json:"not_before,omitzero"` // the next try
	SlowSince time.Time `json:"slow_since,omitzero"` // since when the target refuses without being down
	LastError string    `json:"last_error,omitempty"`
	Parked    string    `json:"parked,omitempty"` // the reason; not empty = parked
	Class     string    `json:"class,omitempty"`  // of the error that parked it
}

// Name is what the recording's files are called.
func (m *Manifest) Name() Name { return Name{ID: m.ID, Ext: m.Ext} }

// bytes is about what the manifest takes in memory: what grows, and something for
// the rest.
func (m *Manifest) bytes() int64 { return int64(len(m.Call)+len(m.Quality)) + 1<<10 }

// checksum is the second line of a manifest file.
type checksum struct {
	CRC32C string `json:"crc32c"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeManifest makes the bytes of a manifest file.
func encodeManifest(m *Manifest) ([]byte, error) {
	c := *m
	c.Version = manifestVersion
	b, err := json.Marshal(&c)
	if err != nil {
		return nil, fmt.Errorf("cannot encode manifest of %s: %w", m.ID, err)
	}
	return withChecksum(b), nil
}

// withChecksum makes the bytes of a file of one line of JSON.
func withChecksum(line []byte) []byte {
	return fmt.Appendf(append(line, '\n'), "{\"crc32c\":\"%08x\"}\n", crc32.Checksum(line, castagnoli))
}

// checked is the inverse. Every error is an ErrManifest.
func checked(b []byte) (line []byte, err error) {
	line, rest, ok := bytes.Cut(b, []byte{'\n'})
	if !ok {
		return nil, fmt.Errorf("%w: it has no checksum", ErrManifest)
	}
	var sum checksum
	d := json.NewDecoder(bytes.NewReader(rest))
	if err := d.Decode(&sum); err != nil {
		return nil, fmt.Errorf("%w: its checksum cannot be read", ErrManifest)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows its checksum", ErrManifest)
	}
	if want := fmt.Sprintf("%08x", crc32.Checksum(line, castagnoli)); sum.CRC32C != want {
		return nil, fmt.Errorf("%w: its checksum is %.16q, should be %s", ErrManifest, sum.CRC32C, want)
	}
	return line, nil
}

// decodeManifest is the inverse of encodeManifest. Every error is an ErrManifest.
func decodeManifest(b []byte) (Manifest, error) {
	line, err := checked(b)
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := json.Unmarshal(line, &m); err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m.Version != manifestVersion {
		return Manifest{}, fmt.Errorf("%w: it has version %d, this worker reads %d", ErrManifest, m.Version, manifestVersion)
	}
	if err := m.Name().Check(); err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m.Complete && (m.Size < 0 || len(m.SHA256) != 32) {
		return Manifest{}, fmt.Errorf("%w: it is complete without size and digest", ErrManifest)
	}
	return m, nil
}

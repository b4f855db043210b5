package upload

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"callrec/upload/spool"
)

// newObject makes the Object of a recording, its manifest m already read.
func newObject(r spool.Ready, m *spool.Manifest) (Object, error) {
	o := Object{
		ID: m.ID, Account: m.Account, CallID: m.CallID,
		Name: m.Destination.Name, Ext: m.Ext, MediaName: m.MediaName, ContentType: m.ContentType,
		Size: m.Size, Started: m.Started, Destination: m.Destination, Meta: m.Meta,
		Open: func() (io.ReadSeekCloser, error) {
			f, err := r.Open()
			switch {
			case errors.Is(err, fs.ErrNotExist): // somebody took it; trying again brings nothing
				return nil, Fail(Permanent, "%w", err)
			case err != nil:
				return nil, err // not f: a nil *os.File is no nil interface
			}
			return f, nil
		},
	}
	copy(o.SHA256[:], m.SHA256)
	var err error
	o.Sidecar, err = Sidecar(m)
	return o, err
}

// Sidecar is what stands beside a recording where a target keeps files: the
// facts of the file, then the metadata in its order, then the quality record.
// A metadata key that would repeat a fact is left out.
func Sidecar(m *spool.Manifest) ([]byte, error) {
	var b bytes.Buffer
	seen := make(map[string]bool)
	var failed error
	add := func(key string, value any) {
		if seen[key] {
			return
		}
		seen[key] = true
		k, _ := json.Marshal(key) // a string always can
		v, err := json.Marshal(value)
		if err != nil && failed == nil {
			failed = fmt.Errorf("cannot encode %q of recording %s: %w", key, m.ID, err)
		}
		sep := ",\n"
		if b.Len() == 0 {
			sep = "{\n"
		}
		fmt.Fprintf(&b, "%s  %s: %s", sep, k, v)
	}
	add("id", m.ID)
	add("account_id", m.Account)
	add("call_id", m.CallID)
	add("media_name", m.MediaName)
	add("content_type", m.ContentType)
	add("started", m.Started.UTC().Format(time.RFC3339Nano))
	add("duration_ms", m.DurationMS)
	add("rate", m.Rate)
	add("channels", m.Channels)
	add("interrupted", m.Interrupted)
	add("size", m.Size)
	add("sha256", hex.EncodeToString(m.SHA256))
	for _, f := range m.Meta {
		add(f.Key, f.Value)
	}
	if len(m.Quality) > 0 {
		add("quality", m.Quality)
	}
	b.WriteString("\n}\n")
	return b.Bytes(), failed
}

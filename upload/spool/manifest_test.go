package spool

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"testing"
)

// sealLine gives the first line of b its right checksum.
func sealLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	return fmt.Appendf(nil, "%s\n{\"crc32c\":\"%08x\"}\n", line, crc32.Checksum(line, castagnoli))
}

func TestManifestKeepsEverything(t *testing.T) {
	m := manifest(1)
	m.Version = manifestVersion
	m.Quality = []byte(`{"lost":1}`)
	m.Delivery = Delivery{Tries: 3, FirstTry: m.Started, LastError: "x\ny"}
	complete(5)(&m)
	b, err := encodeManifest(&m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeManifest(b)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, m)
	}
}

// No single bit of a manifest can change unseen.
func TestManifestEveryBit(t *testing.T) {
	b := encoded(t, 1, nil)
	want, err := decodeManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[i] ^= 1 << bit
			if got, err := decodeManifest(c); err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("bit %d of byte %d changes it to %+v", bit, i, got)
			} else if err != nil && !errors.Is(err, ErrManifest) {
				t.Errorf("bit %d of byte %d: %v", bit, i, err)
			}
		}
		if _, err := decodeManifest(b[:i]); err == nil && i < len(b)-1 {
			t.Errorf("taken when cut at %d", i)
		}
	}
}

func FuzzManifest(f *testing.F) {
	m := manifest(1)
	b, _ := encodeManifest(&m)
	f.Add(b)
	complete(5)(&m)
	b, _ = encodeManifest(&m)
	f.Add(b)
	f.Add([]byte("{}\n{\"crc32c\":\"00000000\"}\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decodeManifest(b)
		m, err := decodeManifest(sealLine(b)) // past the checksum
		if err != nil {
			if !errors.Is(err, ErrManifest) {
				t.Fatal(err)
			}
			return
		}
		if err := m.Name().Check(); err != nil {
			t.Fatal(err)
		}
		again, err := encodeManifest(&m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeManifest(again)
		if err != nil || got.ID != m.ID || got.Account != m.Account || got.Destination != m.Destination {
			t.Fatalf("%v: %+v becomes %+v", err, m, got)
		}
	})
}

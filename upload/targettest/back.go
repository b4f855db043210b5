package targettest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"

	"callrec/upload"
)

// Keeper is a Target that gives back what it keeps.
type Keeper interface {
	upload.Target
	upload.Getter
	upload.Deleter
}

// GivesBack checks that k, which keeps o with the audio given, gives it back,
// whole and from any place, and deletes it.
func GivesBack(t *testing.T, k Keeper, o upload.Object, audio []byte) {
	t.Helper()
	f, err := k.Get(t.Context(), o.Ref())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, audio) {
		t.Errorf("gives back %d bytes, %v; want the %d that it keeps", len(b), err, len(audio))
	}
	if size, err := f.Seek(0, io.SeekEnd); err != nil || size != int64(len(audio)) {
		t.Errorf("its size is %d, %v", size, err)
	}
	if _, err := f.Seek(2, io.SeekStart); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, audio[2:]) {
		t.Errorf("from the third byte on: %d bytes, %v", len(b), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for range 2 { // again does no harm
		if err := k.Delete(t.Context(), o.Ref()); err != nil {
			t.Errorf("delete: %v", err)
		}
		if _, err := k.Get(t.Context(), o.Ref()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("get what is deleted: %v, want fs.ErrNotExist", err)
		}
	}
}

package folder_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callrec/upload"
	"callrec/upload/folder"
	"callrec/upload/targettest"
)

func open(t *testing.T, dir string) *folder.Target {
	t.Helper()
	f, err := folder.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSuite(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		f := open(t, filepath.Join(t.TempDir(), "recordings"))
		return targettest.Subject{Target: f, Stored: func(o upload.Object) ([]byte, error) {
			path, err := f.Path(o.Ref())
			if err != nil {
				return nil, err
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, nil
			}
			return b, err
		}}
	})
}

func TestLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recordings")
	o := targettest.Object(1, upload.Destination{}, []byte("audio"))
	if err := open(t, dir).Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		} else {
			got = append(got, strings.TrimPrefix(path, dir))
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "/acme/2026/11/23/" + o.ID + ".json /acme/2026/11/23/" + o.ID + ".wav"
	if strings.Join(got, " ") != want {
		t.Errorf("files %q, want %s", got, want)
	}
}

func TestOtherContentIsNeverOverwritten(t *testing.T) {
	f := open(t, t.TempDir())
	o := targettest.Object(1, upload.Destination{}, []byte("the first"))
	if err := f.Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	other := targettest.Object(1, upload.Destination{}, []byte("the other"))
	if err := f.Put(t.Context(), other); upload.ClassOf(err) != upload.Permanent {
		t.Errorf("put of other content: %v, want a permanent error", err)
	}
	path, _ := f.Path(o.Ref())
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, []byte("the first")) {
		t.Errorf("file is %q, %v", b, err)
	}
}

func TestNamesThatAreNotOursAreRefused(t *testing.T) {
	f := open(t, t.TempDir())
	for _, c := range [][2]string{{"", "wav"}, {"../x", "wav"}, {"202611-" + strings.Repeat("0", 32), "../wav"}, {"202611-" + strings.Repeat("0", 32), "json"}} {
		o := targettest.Object(1, upload.Destination{}, nil)
		o.ID, o.Ext = c[0], c[1]
		if err := f.Put(t.Context(), o); upload.ClassOf(err) != upload.Permanent {
			t.Errorf("put of %q: %v, want a permanent error", c, err)
		}
	}
}

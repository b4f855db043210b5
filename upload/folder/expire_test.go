package folder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"callrec/upload"
	"callrec/upload/folder"
	"callrec/upload/guard"
	"callrec/upload/targettest"
)

// keep stores a recording that began at an instant.
func keep(t *testing.T, f *folder.Target, n int, account string, started time.Time) upload.Object {
	t.Helper()
	o := targettest.Object(n, upload.Destination{}, []byte("audio"))
	o.Account, o.Started = account, started
	o.Sidecar, _ = json.Marshal(map[string]any{"id": o.ID, "account_id": account, "started": started})
	if err := f.Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

// tree lists what is under dir, folders with a slash.
func tree(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, dir)
		if e.IsDir() {
			name += "/"
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestExpireRemovesWhatIsOldAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	cut := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	var old, young []string
	for i, c := range []struct {
		account string
		started time.Time
	}{
		{"acme", cut.Add(-time.Second)},
		{"acme", cut.AddDate(0, -1, 0)},
		{"../odd", cut.AddDate(-2, 0, 0)},
		{strings.Repeat("long", 40), cut.AddDate(-2, 0, 0)},
		{"acme", cut},
		{"acme", cut.Add(time.Hour)},
		{"young", cut.AddDate(1, 0, 0)},
	} {
		o := keep(t, f, i, c.account, c.started)
		path, _ := f.Path(o.Ref())
		if c.started.Before(cut) {
			old = append(old, path)
		} else {
			young = append(young, path)
		}
	}
	// What looks like ours and is not, or is of another place, stays.
	day := filepath.Join(dir, "acme", "2020", "01", "01")
	id := func(n int) string { return fmt.Sprintf("202611-%032x", n) }
	outside := filepath.Join(t.TempDir(), "outside")
	others := map[string]string{
		filepath.Join(dir, "notes.txt"):                            "x",
		filepath.Join(day, "notes.txt"):                            "x",
		filepath.Join(day, id(90)+".wav"):                          "no sidecar",
		filepath.Join(day, id(91)+".wav"):                          "sidecar of another",
		filepath.Join(day, id(91)+".json"):                         `{"id":"` + id(90) + `","account_id":"acme","started":"2020-01-01T00:00:00Z"}`,
		filepath.Join(day, id(92)+".wav"):                          "sidecar of another account",
		filepath.Join(day, id(92)+".json"):                         `{"id":"` + id(92) + `","account_id":"other","started":"2020-01-01T00:00:00Z"}`,
		filepath.Join(day, id(93)+".wav"):                          "sidecar of another day",
		filepath.Join(day, id(93)+".json"):                         `{"id":"` + id(93) + `","account_id":"acme","started":"2020-01-02T00:00:00Z"}`,
		filepath.Join(day, id(94)+".wav"):                          "torn sidecar",
		filepath.Join(day, id(94)+".json"):                         `{"id":"`,
		filepath.Join(dir, "acme", "2020", "x", id(95)+".wav"):     "another layout",
		filepath.Join(outside, "2020", "01", "01", id(96)+".wav"):  "behind a link",
		filepath.Join(outside, "2020", "01", "01", id(96)+".json"): `{"id":"` + id(96) + `","account_id":"linked","started":"2020-01-01T00:00:00Z"}`,
	}
	for path, text := range others {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	// An earlier sweep was cut short between the audio and its sidecar.
	if err := os.Remove(old[1]); err != nil {
		t.Fatal(err)
	}

	n, err := f.Expire(t.Context(), cut)
	if n != len(old)-1 || err != nil {
		t.Errorf("%d removed, %v; want %d", n, err, len(old)-1)
	}
	for _, path := range old {
		for _, p := range []string{path, strings.TrimSuffix(path, "wav") + "json"} {
			if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there", p)
			}
		}
	}
	for path := range others {
		young = append(young, path)
	}
	for _, path := range young {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("it should have stayed: %v", err)
		}
	}
	if list := tree(t, dir); slices.Contains(list, "/acme/2026/02/10/") || slices.Contains(list, "/~2e2e2f6f6464/2024/") || !slices.Contains(list, "/acme/2026/03/10/") {
		t.Errorf("folders left: %q", list)
	}
	if n, err := f.Expire(t.Context(), cut); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := f.Expire(gone, cut.AddDate(9, 0, 0)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %d, %v", n, err)
	}
}

func TestGivesBackAndDeletes(t *testing.T) {
	f := open(t, t.TempDir())
	o := keep(t, f, 1, "acme", time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
	targettest.GivesBack(t, f, o, []byte("audio"))
	if _, err := f.Get(t.Context(), upload.Ref{ID: "../../etc/passwd", Ext: "wav"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that is not ours: %v", err)
	}
}

// Tenants' file urls lead only where the operator says.
func TestURLs(t *testing.T) {
	dir := t.TempDir()
	g, err := guard.New([]string{filepath.Join(dir, "open")})
	if err != nil {
		t.Fatal(err)
	}
	u := folder.URLs{Guard: g}
	o := targettest.Object(1, upload.Destination{URL: "file://" + dir + "/open/acme"}, []byte("audio"))
	if err := u.Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	f, err := u.Get(t.Context(), o.Ref())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); err != nil || string(b) != "audio" {
		t.Errorf("got %q, %v", b, err)
	}
	_ = f.Close()
	for _, url := range []string{dir + "/closed", dir + "/openly", dir + "/open/../closed", dir + "/open/%2e%2e/closed", dir, "/"} {
		o.Destination.URL = "file://" + url
		if err := u.Put(t.Context(), o); upload.ClassOf(err) != upload.Permanent {
			t.Errorf("%s: %v", url, err)
		}
		if _, err := u.Get(t.Context(), o.Ref()); err == nil {
			t.Errorf("%s is read", url)
		}
		if err := u.Delete(t.Context(), o.Ref()); err == nil {
			t.Errorf("%s is deleted", url)
		}
	}
	if list := tree(t, dir); slices.Contains(list, "/closed/") || slices.Contains(list, "/openly/") {
		t.Errorf("%q", list)
	}
}

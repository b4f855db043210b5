package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var errNoSpace = fmt.Errorf("fake: %w", syscall.ENOSPC)

// encoded is a manifest file's bytes.
func encoded(t *testing.T, n int, change func(*Manifest)) []byte {
	t.Helper()
	m := manifest(n)
	if change != nil {
		change(&m)
	}
	b, err := encodeManifest(&m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func complete(size int) func(*Manifest) {
	return func(m *Manifest) { m.Complete, m.Size, m.SHA256 = true, int64(size), make([]byte, 32) }
}

func flip(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 0x10
	return b
}

// TestFoundOnDisk has every state of the folder by name: what Open makes of it.
func TestFoundOnDisk(t *testing.T) {
	n := Name{id(1), "wav"}
	whole := append(header(1000), audio(1000)...)
	type want struct {
		ready       int // length of the announced audio, -1 for none
		interrupted bool
		left        string // kinds of file that are left: m = manifest, a = audio, others by name
		quarantine  int
	}
	none := want{ready: -1}
	for name, c := range map[string]struct {
		files map[string][]byte
		want  want
	}{
		"part": {
			map[string][]byte{n.manifest(): encoded(t, 1, nil), n.part(): append(header(0), audio(1001)...)},
			want{1008, true, "ma", 0},
		},
		"truncated part":   {map[string][]byte{n.manifest(): encoded(t, 1, nil), n.part(): header(0)[:3]}, want{8, true, "ma", 0}},
		"zero-length part": {map[string][]byte{n.manifest(): encoded(t, 1, nil), n.part(): {}}, want{8, true, "ma", 0}},
		"manifest without audio": {
			map[string][]byte{n.manifest(): encoded(t, 1, nil)},
			want{8, true, "ma", 0},
		},
		"complete manifest without audio": {map[string][]byte{n.manifest(): encoded(t, 1, complete(1008))}, want{-1, false, "", 1}},
		"half-renamed: complete manifest, part": {
			map[string][]byte{n.manifest(): encoded(t, 1, complete(1008)), n.part(): whole},
			want{1008, false, "ma", 0},
		},
		"ready":        {map[string][]byte{n.manifest(): encoded(t, 1, complete(1008)), n.ready(): whole}, want{1008, false, "ma", 0}},
		"ready parked": {map[string][]byte{n.manifest(): encoded(t, 1, func(m *Manifest) { complete(1008)(m); m.Delivery.Parked = "x" }), n.ready(): whole}, want{-1, false, "ma", 0}},
		"ready and truncated": {
			map[string][]byte{n.manifest(): encoded(t, 1, complete(1008)), n.ready(): whole[:509]},
			want{508, true, "ma", 0},
		},
		"ready with an unfinished manifest": {map[string][]byte{n.manifest(): encoded(t, 1, nil), n.ready(): whole}, want{1008, true, "ma", 0}},
		"ready and part":                    {map[string][]byte{n.manifest(): encoded(t, 1, complete(1008)), n.ready(): whole, n.part(): whole}, want{1008, false, "ma", 1}},
		"audio of another format":           {map[string][]byte{n.manifest(): encoded(t, 1, complete(1008)), n.ready(): whole, Name{n.ID, "mp3"}.ready(): whole}, want{1008, false, "ma", 1}},
		"audio without manifest":            {map[string][]byte{n.part(): whole}, want{-1, false, "", 1}},
		"ready without manifest":            {map[string][]byte{n.ready(): whole}, want{-1, false, "", 1}},
		"bit-flipped manifest":              {map[string][]byte{n.manifest(): flip(encoded(t, 1, nil), 30), n.part(): whole}, want{-1, false, "", 2}},
		"bit-flipped checksum":              {map[string][]byte{n.manifest(): flip(encoded(t, 1, nil), len(encoded(t, 1, nil))-5), n.part(): whole}, want{-1, false, "", 2}},
		"truncated manifest":                {map[string][]byte{n.manifest(): encoded(t, 1, nil)[:99], n.part(): whole}, want{-1, false, "", 2}},
		"zero-length manifest":              {map[string][]byte{n.manifest(): {}, n.part(): whole}, want{-1, false, "", 2}},
		"manifest of another recording":     {map[string][]byte{n.manifest(): encoded(t, 2, nil), n.part(): whole}, want{-1, false, "", 2}},
		"manifest of a newer version":       {map[string][]byte{n.manifest(): newer(t), n.part(): whole}, want{-1, false, "", 2}},
		"manifest being replaced": {
			map[string][]byte{n.manifest(): encoded(t, 1, complete(1008)), n.manifest() + tmpSuffix: {'{'}, n.ready(): whole},
			want{1008, false, "ma", 0},
		},
		"first manifest being written": {map[string][]byte{n.manifest() + tmpSuffix: encoded(t, 1, nil)}, none},
		"half removed: audio left":     {map[string][]byte{n.gone(): encoded(t, 1, complete(1008)), n.ready(): whole}, none},
		"half removed: part left":      {map[string][]byte{n.gone(): encoded(t, 1, nil), n.part(): whole}, none},
		"half removed: only the mark":  {map[string][]byte{n.gone(): encoded(t, 1, nil)}, none},
		"delivered: audio left":        {map[string][]byte{n.sent(): encoded(t, 1, complete(1008)), n.ready(): whole}, none},
		"delivered: only the receipt":  {map[string][]byte{n.sent(): encoded(t, 1, complete(1008))}, none},
		"delivered and yet there":      {map[string][]byte{n.sent(): encoded(t, 1, complete(1008)), n.manifest(): encoded(t, 1, complete(1008)), n.ready(): whole}, want{1008, false, "ma", 1}},
		"bit-flipped receipt":          {map[string][]byte{n.sent(): flip(encoded(t, 1, complete(1008)), 30), n.ready(): whole}, want{-1, false, "", 2}},
		"receipt of another recording": {map[string][]byte{n.sent(): encoded(t, 2, complete(1008))}, want{-1, false, "", 1}},
		"removed and yet there":        {map[string][]byte{n.gone(): {}, n.manifest(): encoded(t, 1, complete(1008)), n.ready(): whole}, want{1008, false, "ma", 1}},
		"foreign files": {
			map[string][]byte{
				"README": {'x'}, id(1): {}, id(1) + ".WAV": {}, "a.wav.part": {}, ".x.swp": {},
				n.manifest(): encoded(t, 1, complete(1008)), n.ready(): whole,
			},
			want{1008, false, "ma", 5},
		},
		"duplicate id: a part of a complete recording": {
			map[string][]byte{n.manifest(): encoded(t, 1, complete(1008)), n.ready(): whole, n.part(): whole[:500], Name{n.ID, "mp3"}.part(): whole},
			want{1008, false, "ma", 2},
		},
		"memos, and others being written":   {map[string][]byte{journalFile: memoBytes(1), journalFile + tmpSuffix: {'{'}}, want{-1, false, journalFile, 0}},
		"first memo being written":          {map[string][]byte{journalFile + tmpSuffix: memoBytes(1)}, none},
		"bit-flipped memo":                  {map[string][]byte{journalFile: flip(memoBytes(1), len(memoBytes(1))-5)}, want{-1, false, "", 1}},
		"bit-flipped memo, and a sound one": {map[string][]byte{journalFile: flip(memoBytes(1, 2), len(memoBytes(1))-5)}, want{-1, false, journalFile, 1}},
		"truncated memo":                    {map[string][]byte{journalFile: memoBytes(1, 2)[:len(memoBytes(1))+20]}, want{-1, false, journalFile, 0}},
		"zero-length file of memos":         {map[string][]byte{journalFile: {}}, want{-1, false, "", 1}},
		"memos of a newer version":          {map[string][]byte{journalFile: newerMemos(1)}, want{-1, false, "", 1}},
		"damaged memos beside a recording":  {map[string][]byte{journalFile: make([]byte, 5000), n.manifest(): encoded(t, 1, nil), n.part(): whole}, want{1008, true, "ma", 1}},
		"a file that cannot be repaired":    {map[string][]byte{n.manifest(): encoded(t, 1, nil), n.part(): []byte("unrepairable")}, want{-1, false, "", 2}},
		"a file that repair panics on":      {map[string][]byte{n.manifest(): encoded(t, 1, nil), n.part(): []byte("panic")}, want{-1, false, "", 2}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, b := range c.files {
				put(t, dir, file, b)
			}
			s, in := openTest(t, dir, func(c *Config) { c.Repair = repairOrNot })
			got := want{ready: -1, quarantine: int(s.Stats().Quarantined)}
			for _, r := range in.all() {
				got.ready = len(content(t, r))
				m, err := r.Manifest()
				if err != nil || m.Size != r.Size() || m.Size != int64(got.ready) {
					t.Errorf("%+v, %v", m, err)
				}
				got.interrupted = m.Interrupted
			}
			got.left = left(t, dir, n)
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if q, _ := os.ReadDir(filepath.Join(dir, quarantineDir)); len(q) != c.want.quarantine {
				t.Errorf("quarantine holds %v", q)
			}
		})
	}
}

func newer(t *testing.T) []byte {
	b := []byte(strings.Replace(string(encoded(t, 1, nil)), `"version":1`, `"version":2`, 1))
	return sealLine(b)
}

func left(t *testing.T, dir string, n Name) string {
	var kinds []string
	audio := ""
	for _, f := range files(t, dir) {
		switch f {
		case n.manifest():
			audio = "m" + audio
		case n.ready():
			audio += "a"
		case quarantineDir:
		default:
			kinds = append(kinds, f)
		}
	}
	return audio + strings.Join(kinds, " ")
}

func repairOrNot(m *Manifest, f *os.File) error {
	b := make([]byte, 12)
	n, _ := f.ReadAt(b, 0)
	switch string(b[:n]) {
	case "unrepairable":
		return errors.New("not a file of ours")
	case "panic":
		panic("index out of range")
	}
	return repairTest(m, f)
}

// What is no regular file is moved aside, whatever its name; a recording beside it
// is delivered, and one whose audio it should have been as far as there is any.
func TestFoldersAndLinks(t *testing.T) {
	n := Name{id(1), "wav"}
	mkdir := func(path string) error { return os.Mkdir(path, 0o700) }
	link := func(path string) error { return os.Symlink("/etc/passwd", path) }
	for name, c := range map[string]struct {
		manifest func(*Manifest) // of recording 1; nil for none
		file     string
		make     func(path string) error
		want     int // length of the audio of recording 1 that is announced; -1 for none
		aside    int
	}{
		"a folder for a manifest":            {nil, n.manifest(), mkdir, -1, 1},
		"a link for a manifest":              {nil, n.manifest(), link, -1, 1},
		"a folder for a part":                {func(*Manifest) {}, n.part(), mkdir, headerLen, 1},
		"a link for a part":                  {func(*Manifest) {}, n.part(), link, headerLen, 1},
		"a folder for the complete audio":    {complete(1008), n.ready(), mkdir, -1, 2},
		"a link for the complete audio":      {complete(1008), n.ready(), link, -1, 2},
		"a foreign folder":                   {nil, "backup", mkdir, -1, 1},
		"a foreign link":                     {nil, "latest", link, -1, 1},
		"a folder that is the file system's": {nil, lostAndFound, mkdir, -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.manifest != nil {
				put(t, dir, n.manifest(), encoded(t, 1, c.manifest))
			}
			if err := c.make(filepath.Join(dir, c.file)); err != nil {
				t.Fatal(err)
			}
			put(t, dir, Name{id(2), "wav"}.manifest(), encoded(t, 2, complete(1008)))
			put(t, dir, Name{id(2), "wav"}.ready(), append(header(1000), audio(1000)...))
			s, in := openTest(t, dir, nil)
			got := map[string]int{id(1): -1, id(2): -1}
			for _, r := range in.all() {
				got[r.ID()] = len(content(t, r))
			}
			if got[id(1)] != c.want || got[id(2)] != 1008 || s.Stats().Quarantined != int64(c.aside) {
				t.Errorf("announced %v, %+v", got, s.Stats())
			}
			if q, _ := os.ReadDir(filepath.Join(dir, quarantineDir)); len(q) != c.aside {
				t.Errorf("quarantine holds %v", q)
			}
		})
	}
}

// What may not be read now is left where it is, and delivered once it may: a
// manifest by the next start, audio by this one.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	for i := 1; i <= 3; i++ {
		put(t, dir, Name{id(i), "wav"}.manifest(), encoded(t, i, nil))
		put(t, dir, Name{id(i), "wav"}.part(), append(header(0), audio(1000)...))
	}
	denied := func(op, file string) error {
		if (op == "read" && file == Name{id(1), "wav"}.manifest()) || (op == "open" && file == Name{id(2), "wav"}.part()) {
			return &fs.PathError{Op: op, Path: file, Err: syscall.EACCES}
		}
		return nil
	}
	s, in := openTest(t, dir, func(c *Config) { c.Fault = denied })
	if got := in.all(); len(got) != 1 || got[0].ID() != id(3) {
		t.Errorf("announced %v", got)
	}
	if st := s.Stats(); st.Unreadable != 1 || st.Quarantined != 0 || st.Parts != 1 {
		t.Errorf("%+v", st)
	}
	closeTest(t, s)
	s, in = openTest(t, dir, nil)
	if got := in.all(); len(got) != 3 || s.Stats().Unreadable != 0 {
		t.Errorf("announced %v, %+v", got, s.Stats())
	}
}

// A spool whose quarantine cannot be made starts all the same.
func TestNoQuarantine(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, quarantineDir, []byte("a file"))
	put(t, dir, Name{id(1), "wav"}.part(), audio(10))
	put(t, dir, Name{id(2), "wav"}.manifest(), encoded(t, 2, complete(1008)))
	put(t, dir, Name{id(2), "wav"}.ready(), append(header(1000), audio(1000)...))
	s, in := openTest(t, dir, nil)
	if got := in.all(); len(got) != 1 || got[0].ID() != id(2) || s.Stats().Quarantined != 0 {
		t.Errorf("announced %v, %+v", got, s.Stats())
	}
	if got := files(t, dir); !slices.Contains(got, Name{id(1), "wav"}.part()) {
		t.Errorf("left %v", got)
	}
}

func TestQuarantineOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	for n := range 3 {
		put(t, dir, Name{id(1), "wav"}.part(), audio(n))
		s, _ := openTest(t, dir, nil)
		closeTest(t, s)
	}
	got := files(t, filepath.Join(dir, quarantineDir))
	if len(got) != 3 {
		t.Errorf("quarantine holds %q", got)
	}
}

func TestLeftoversComeOldestFirst(t *testing.T) {
	dir := t.TempDir()
	for n := range 20 {
		m := encoded(t, n, func(m *Manifest) {
			m.Started = m.Started.Add(-time.Duration(2*n) * time.Second)
			if n%2 == 0 {
				complete(8)(m)
			}
		})
		put(t, dir, Name{id(n), "wav"}.manifest(), m)
		put(t, dir, map[bool]string{true: Name{id(n), "wav"}.ready(), false: Name{id(n), "wav"}.part()}[n%2 == 0], header(0))
	}
	_, in := openTest(t, dir, nil)
	got := in.all()
	if len(got) != 20 || !slices.IsSortedFunc(got, func(a, b Ready) int { return a.Started().Compare(b.Started()) }) {
		t.Errorf("%d in order %v", len(got), got)
	}
}

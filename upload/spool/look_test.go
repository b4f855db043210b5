package spool

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// park puts recordings first..last-1 into a spool and parks them.
func park(t *testing.T, s *Spool, in *inbox, first, last int, class string) {
	t.Helper()
	for n := first; n < last; n++ {
		p := create(t, s, n)
		write(t, p, audio(n))
		p.Commit(header(n), manifest(n))
	}
	flush(t, s)
	for _, r := range in.all() {
		if r.ID() < id(first) || r.ID() >= id(last) {
			continue
		}
		if err := r.Park(Delivery{Tries: 2, LastError: "refused", Class: class}, "refused for a day"); err != nil {
			t.Fatal(err)
		}
	}
}

// mixed is a spool with two parts, one recording that waits and five parked.
func mixed(t *testing.T, dir string) (*Spool, *inbox) {
	t.Helper()
	s, in := openTest(t, dir, nil)
	park(t, s, in, 10, 13, "slow")
	park(t, s, in, 13, 15, "")
	for _, n := range []int{20, 30, 40} {
		p := create(t, s, n)
		write(t, p, audio(n))
		if n == 20 {
			p.Commit(header(n), manifest(n))
		} else {
			p.Flush()
		}
	}
	flush(t, s)
	return s, in
}

// What the folder holds is told the same from inside and from outside, and by the
// next process.
func TestUsageIsTheSameFromAllSides(t *testing.T) {
	dir := t.TempDir()
	if _, err := Look(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	s, _ := mixed(t, dir)
	want := Usage{
		Parts: Share{2, 30 + 40 + 2*headerLen}, Ready: Share{1, 20 + headerLen},
		Parked: Share{5, 10 + 11 + 12 + 13 + 14 + 5*headerLen}, ParkedBy: map[string]int{"slow": 3, "": 2},
	}
	if got := s.Usage(); !reflect.DeepEqual(got, want) {
		t.Errorf("inside %+v, want %+v", got, want)
	}
	if all, none := s.Recordings("acme"), s.Recordings("nobody"); all != 8 || none != 0 {
		t.Errorf("%d recordings of the account and %d of another, want 8 and 0", all, none)
	}
	f, err := Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := f.Usage(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("outside %+v, %v, want %+v", got, err, want)
		}
		closeTest(t, s)
	}
	put(t, dir, Name{id(50), "wav"}.ready(), []byte("four")) // no manifest: into quarantine
	s, _ = openTest(t, dir, nil)
	flush(t, s)
	want.Ready, want.Parts = Share{3, 20 + 30 + 40 + 3*headerLen}, Share{}
	if got := s.Usage(); !reflect.DeepEqual(got, want) {
		t.Errorf("reopened %+v, want %+v", got, want)
	}
	for _, quarantine := range []func() (int, int64, error){s.Quarantine, f.Quarantine} {
		if n, b, err := quarantine(); n != 1 || b != 4 || err != nil {
			t.Errorf("quarantine: %d, %d, %v", n, b, err)
		}
	}
}

// While a process has the folder it can be looked into, not changed; without one,
// what is parked can be made to wait for the next.
func TestUnparkWithoutAWorker(t *testing.T) {
	dir := t.TempDir()
	s, _ := mixed(t, dir)
	f, err := Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, held, err := f.Owner(); !held || err != nil {
		t.Errorf("a folder that is in use: %v, %v", held, err)
	}
	if done, err := f.Unpark(nil); err == nil || len(done) > 0 || !strings.Contains(err.Error(), "another worker") {
		t.Errorf("unparked %v behind the owner's back: %v", done, err)
	}
	closeTest(t, s)
	if pid, held, err := f.Owner(); held || err != nil {
		t.Errorf("a folder that nobody has is that of %s: %v", pid, err)
	}
	list, err := f.Parked(id(10), 3)
	if err != nil || len(list) != 3 || list[0].ID != id(11) || list[2].ID != id(13) || list[0].Delivery.Parked != "refused for a day" || list[0].Delivery.Class != "slow" {
		t.Errorf("%+v, %v", list, err)
	}
	done, err := f.Unpark([]string{id(11), id(20), "../../etc/passwd", id(99), id(30), id(11), ""})
	if len(done) != 1 || done[0] != id(11) || !errors.Is(err, ErrNotParked) || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("%v, %v", done, err)
	}
	if done, err := f.Unpark([]string{id(11)}); len(done) != 0 || !errors.Is(err, ErrNotParked) {
		t.Errorf("twice: %v, %v", done, err)
	}
	put(t, dir, Name{ID: id(12)}.manifest(), []byte("nonsense"))
	if list, err := f.Parked("", 100); len(list) != 3 || !errors.Is(err, ErrManifest) {
		t.Errorf("beside a damaged manifest: %d, %v", len(list), err)
	}
	if done, err := f.Unpark(nil); len(done) != 3 || !errors.Is(err, ErrManifest) {
		t.Errorf("all: %v, %v", done, err)
	}
	s, in := openTest(t, dir, nil)
	flush(t, s)
	ready := map[string]bool{}
	for _, r := range in.all() {
		if ready[r.ID()] = true; !reflect.DeepEqual(r.Delivery(), Delivery{}) {
			t.Errorf("%s comes with %+v", r.ID(), r.Delivery())
		}
	}
	for _, n := range []int{10, 11, 13, 14, 20, 30, 40} {
		if !ready[id(n)] || len(ready) != 7 {
			t.Fatalf("ready are %v", ready)
		}
	}
}

// A command run by another user would leave manifests that the worker cannot read.
func TestUnparkOfAnotherUsersFolder(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	s, _ := mixed(t, dir)
	closeTest(t, s)
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	f, err := Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := f.Unpark(nil); len(done) > 0 || err == nil || !strings.Contains(err.Error(), "user 12345") {
		t.Errorf("%v, %v", done, err)
	}
}

// Of many who unpark one recording, one gets it.
func TestUnparkIsWonByOne(t *testing.T) {
	s, in := openTest(t, t.TempDir(), nil)
	park(t, s, in, 1, 2, "slow")
	var won, lost sync.Map
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			r, err := s.Unpark(id(1))
			if err == nil {
				won.Store(i, r)
			} else {
				lost.Store(i, err)
			}
		})
	}
	all.Wait()
	winners := 0
	won.Range(func(any, any) bool { winners++; return true })
	if winners != 1 {
		t.Errorf("%d have it", winners)
	}
	lost.Range(func(_, err any) bool {
		if !errors.Is(err.(error), ErrNotParked) {
			t.Error(err)
		}
		return true
	})
	if u := s.Usage(); u.Parked.Recordings != 0 || u.Ready.Recordings != 1 {
		t.Errorf("%+v", u)
	}
}

// A manifest that has been damaged since the start hides its recording from
// nobody, and a failed attempt leaves it parked.
func TestParkedWithADamagedManifest(t *testing.T) {
	dir := t.TempDir()
	s, in := openTest(t, dir, nil)
	park(t, s, in, 1, 4, "permanent")
	put(t, dir, Name{ID: id(2)}.manifest(), []byte("nonsense"))
	list := s.Parked("", 10)
	if len(list) != 3 || list[1].ID != id(2) || list[1].Account != "acme" || list[1].Size != 2+headerLen ||
		!strings.Contains(list[1].Delivery.Parked, "cannot be read") || list[1].Delivery.Class != "permanent" || list[2].ID != id(3) {
		t.Errorf("%+v", list)
	}
	if _, err := s.Unpark(id(2)); !errors.Is(err, ErrManifest) {
		t.Errorf("%v", err)
	}
	if u := s.Usage(); u.Parked.Recordings != 3 {
		t.Errorf("%+v", u)
	}
}

func TestOpenFromOutside(t *testing.T) {
	dir := t.TempDir()
	s, _ := mixed(t, dir)
	f, err := Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{11, 20} {
		m, r, err := f.Open(id(n))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil || m.ID != id(n) || int64(len(b)) != m.Size || string(b[headerLen:]) != string(audio(n)) {
			t.Errorf("%d: %d bytes, %v", n, len(b), err)
		}
	}
	for _, bad := range []string{id(30), id(99), "../lock", "", id(11) + "/"} {
		if _, _, err := f.Open(bad); err == nil {
			t.Errorf("%q can be opened", bad)
		}
	}
	closeTest(t, s)
}

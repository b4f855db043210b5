package spool

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// memoBytes is a file of memos of these numbers.
func memoBytes(numbers ...int) []byte { return memoLines(journalVersion, numbers...) }

func newerMemos(numbers ...int) []byte { return memoLines(journalVersion+1, numbers...) }

func memoLines(version int, numbers ...int) []byte {
	b, err := appendLine(nil, journalLine{Version: version})
	for _, n := range numbers {
		if err == nil {
			b, err = appendLine(b, journalLine{ID: id(n), Call: fmt.Appendf(nil, `{"n":%d}`, n)})
		}
	}
	if err != nil {
		panic(err)
	}
	return b
}

// told is what the memos say that an earlier process has left.
func told(s *Spool) (calls []string) {
	for _, l := range s.LeftMemos() {
		calls = append(calls, string(l.Call()))
	}
	return calls
}

// A memo is there until it is removed, as it was last saved, and is counted nowhere.
func TestMemoOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	s, in := openTest(t, dir, nil)
	one, two := s.Memo(id(1)), s.Memo(id(2))
	one.Save([]byte(`{"n":0}`))
	two.Save([]byte(`{"n":2}`))
	<-one.Save([]byte(`{"n":1}`))
	if st, u := s.Stats(), s.Usage(); st.Parts+st.Ready+st.Parked != 0 || u.Parts.Recordings != 0 || s.Holds("acme", "call-1") {
		t.Errorf("%+v, %+v", st, u)
	}
	closeTest(t, s)
	<-one.Save([]byte(`{"n":3}`)) // says nothing any more
	f, err := Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := f.Usage(); err != nil || u.Parts.Recordings+u.Ready.Recordings+u.Parked.Recordings != 0 {
		t.Errorf("%+v, %v", u, err)
	}

	s, _ = openTest(t, dir, nil)
	left := s.LeftMemos()
	if len(left) != 2 || string(left[0].Call()) != `{"n":1}` || string(left[1].Call()) != `{"n":2}` {
		t.Fatalf("%+v", left)
	}
	if age := time.Since(left[0].Touched()); age < 0 || age > time.Minute {
		t.Errorf("touched %v ago", age)
	}
	<-left[0].Memo().Remove()
	left[1].Memo().Touch()
	left[1].Reject(errors.New("of no use"))
	if again := s.LeftMemos(); again != nil {
		t.Errorf("given twice: %v", again)
	}
	closeTest(t, s)
	s, _ = openTest(t, dir, nil)
	if got := told(s); got != nil || len(in.all()) > 0 {
		t.Errorf("found %v, announced %v", got, in.all())
	}
	if files, _, err := s.Quarantine(); err != nil || files != 1 {
		t.Errorf("%d files in quarantine, %v", files, err)
	}
}

// TestMemoKilledAtEveryStep ends the process before every single step on the disk:
// a memo says one of two things that were saved one after the other, and once it was
// answered that it is saved, or gone, that holds.
func TestMemoKilledAtEveryStep(t *testing.T) {
	for at, more := 0, true; more; at++ {
		dir, r := memDir(t), &reaper{at: at}
		s, _ := openTest(t, dir, func(c *Config) { c.Fault = r.fault })
		m := s.Memo(id(1))
		states := []string{"", `{"n":1}`, `{"n":2}`, `{"n":2}`, ""}
		last := 0
		for i, do := range []func(){
			func() { m.Save([]byte(states[1])) },
			func() { m.Save([]byte(states[2])) },
			func() { m.Touch() },
			func() { m.Remove() },
		} {
			do()
			if flush(t, s); r.dead() {
				break
			}
			last = i + 1
		}
		more = r.dead()
		closeTest(t, s)
		s, in := openTest(t, dir, nil)
		got := slices.Concat(told(s), []string{""})[0]
		if got != states[last] && (last+1 == len(states) || got != states[last+1]) {
			t.Errorf("step %d: it says %q, want %q or what comes after", at, got, states[last])
		}
		if st := s.Stats(); st.Quarantined != 0 || len(in.all()) != 0 || st.Unreadable != 0 {
			t.Errorf("step %d: %+v, announced %v", at, st, in.all())
		}
		closeTest(t, s)
	}
}

// BenchmarkMemo is what a call costs that nobody records: a memo's life.
func BenchmarkMemo(b *testing.B) {
	s, _ := openTest(b, b.TempDir(), nil)
	call := slices.Concat([]byte(`{"x":"`), slices.Repeat([]byte{'x'}, 1500), []byte(`"}`))
	start := cpuTime()
	for b.Loop() {
		m := s.Memo(id(1))
		<-m.Save(call)
		<-m.Remove()
	}
	b.ReportMetric(float64(cpuTime()-start)/float64(time.Microsecond)/float64(b.N), "cpu-µs/call")
}

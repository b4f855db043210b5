package recording_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// A wall clock that was set while the call was running changes the silence of the
// time away by no more than is promised, and no sample outside it.
func TestClockSetDuringACall(t *testing.T) {
	for _, c := range []struct{ step, most time.Duration }{ // of the clock, after the announcement
		{-time.Hour, 3 * second}, {-2 * second, 3 * second}, {30 * second, 33 * second}, {24 * time.Hour, 3 * second},
	} {
		inWorldOn(t, keepParts, func(w *world) {
			info := w.announce("c", `{}`)
			id, begun := info.Recordings[0].ID, time.Now()
			p := party{begun, talk{from: callerFrom, ssrc: 1}, babble(20*rate, 5, g711.MuLaw)}
			w.speak(&p, info.Legs[0].Ports.RTP, 0, 5*second)
			w.sleep(4 * second)
			held := w.kill(2 * second)
			end := int(held[id]-44) / 2
			for _, kind := range []string{"*.json", "calls"} { // of the recording, of the call
				files, err := filepath.Glob(filepath.Join(w.home, kind))
				if err != nil || len(files) != 1 {
					t.Fatalf("%v, %v", files, err)
				}
				setAnnounced(t, files[0], begun.Add(-c.step))
			}
			w.resume(20000, 1)
			w.speak(&p, info.Legs[0].Ports.RTP, 6*second, 10*second)
			w.sleep(4 * second)
			w.do("c", recording.Command{Action: recording.Hangup})
			f := w.file(id)
			got := f.wav(t, rate, 1)
			after := len(got) - 4*rate
			if gap := time.Duration(after-end)*second/rate - 2*second; gap < 0 || gap > c.most {
				t.Errorf("%v: the silence is %v too long", c.step, gap)
			}
			want := newExpect(len(got))
			want.hear(0, 0, p.octets[:end], g711.MuLaw)
			want.hear(0, after, p.octets[6*rate:10*rate], g711.MuLaw)
			same(t, c.step.String(), got, want.mono(0, len(got)))
		})
	}
}

func crc32c(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// memoLine adds a line to the file of memos.
func memoLine(b []byte, line string) []byte {
	return fmt.Appendf(b, "%08x %s\n", crc32c([]byte(line)), line)
}

// setAnnounced rewrites when the call of a manifest, or of a memo, was announced.
func setAnnounced(t *testing.T, file string, at time.Time) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	again := func(line []byte) []byte {
		head, rest, ok := bytes.Cut(line, []byte(`"at":"`))
		_, tail, ok2 := bytes.Cut(rest, []byte{'"'})
		if !ok || !ok2 {
			t.Fatalf("no announcement in %s", line)
		}
		return fmt.Appendf(nil, `%s"at":"%s"%s`, head, at.UTC().Format(time.RFC3339Nano), tail)
	}
	lines := bytes.Split(bytes.TrimSuffix(b, []byte{'\n'}), []byte{'\n'})
	if strings.HasSuffix(file, ".json") {
		line := again(lines[0])
		b = fmt.Appendf(nil, "%s\n{\"crc32c\":\"%08x\"}\n", line, crc32c(line))
	} else {
		b = append(lines[0], '\n')
		for _, line := range lines[1:] {
			b = memoLine(b, string(again(line[9:])))
		}
	}
	st, err := os.Stat(file)
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err == nil {
		err = os.Chtimes(file, st.ModTime(), st.ModTime())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Files that are slow to be read cost what is said meanwhile, past the first hold,
// and move nothing.
func TestResumeFromASlowDisk(t *testing.T) {
	inWorldOn(t, keepParts, func(w *world) {
		info := w.announce("c", `{}`)
		id, begun := info.Recordings[0].ID, time.Now()
		p := party{begun, talk{from: callerFrom, ssrc: 1}, babble(20*rate, 5, g711.MuLaw)}
		w.speak(&p, info.Legs[0].Ports.RTP, 0, 5*second)
		w.sleep(4 * second)
		held := w.kill(2 * second)
		w.sc.Fault = func(op, _ string) error {
			if op == "truncate" {
				time.Sleep(2500 * ms)
			}
			return nil
		}
		w.boot(20000)
		done := make(chan int)
		go func() { done <- w.m.Resume(w.t.Context()) }()
		w.sleep(ms)
		w.speak(&p, info.Legs[0].Ports.RTP, 6020*ms, 16*second)
		if n := <-done; n != 1 {
			t.Fatalf("%d calls go on", n)
		}
		w.sleep(16*second - time.Since(begun))
		w.do("c", recording.Command{Action: recording.Hangup})
		f := w.file(id)
		got, end := f.wav(t, rate, 1), int(held[id]-44)/2
		want := newExpect(16 * rate)
		want.hear(0, 0, p.octets, g711.MuLaw)
		on := end
		for on < len(got) && got[on] == 0 || on < 6*rate {
			on++
		}
		if on > 8*rate { // 2.5 s, less one hold, and a turn
			t.Errorf("it is silent until %d", on)
		}
		want.hush(0, end, on)
		same(t, "after a slow disk", got, want.mono(0, 16*rate))
	})
}

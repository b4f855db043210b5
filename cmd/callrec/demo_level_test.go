package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

// tone is a sine of so many seconds at 500 Hz.
func tone(seconds, amplitude float64) []int16 {
	pcm := make([]int16, int(seconds*telephony))
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * 32767 * math.Sin(2*math.Pi*500*float64(i)/telephony)))
	}
	return pcm
}

// TestMeasure: pauses, and a hum under them, do not make speech quieter.
func TestMeasure(t *testing.T) {
	pcm := append(make([]int16, telephony), tone(1, 0.1)...)
	pcm = append(pcm, tone(2, 0.002)...)
	l := measure(pcm)
	if math.Abs(l.active - -23.01) > 0.05 || math.Abs(l.peak - -20) > 0.05 || l.speaks != time.Second {
		t.Errorf("a second of a sine at -20 dB of full scale is %+v", l)
	}
	for _, quiet := range [][]int16{nil, make([]int16, telephony), tone(1, 0.0005)} {
		if l := measure(quiet); !math.IsInf(l.active, -1) || l.speaks != 0 {
			t.Errorf("silence is %+v", l)
		}
	}
}

// TestSpeech: the embedded speech is two parties who take turns, at the levels
// that make.sh gives them.
func TestSpeech(t *testing.T) {
	for i, speech := range [][]byte{callerSpeech, calleeSpeech} {
		if len(speech) != 10*telephony {
			t.Fatalf("the %s has %d octets, want ten seconds", parties[i], len(speech))
		}
		peak := []float64{-4, -9}[i]
		if l := measure(decoded(speech)); math.Abs(l.peak-peak) > 0.5 || l.speaks < 2*time.Second || l.speaks > 6*time.Second {
			t.Errorf("the %s is %+v", parties[i], l)
		}
	}
}

func TestWaveform(t *testing.T) {
	legs := [2][]int16{append(tone(1, 0.5), make([]int16, telephony)...), append(make([]int16, telephony), tone(1, 0.125)...)}
	rows := waveform(legs, 4, blockSteps)
	if rows != [2]string{"██  ", "  ▄▄"} { // 12 of 24 dB below
		t.Errorf("drawn as %q", rows)
	}
	if rows = waveform(legs, 4, asciiSteps); rows != [2]string{"##  ", "  =="} {
		t.Errorf("drawn without UTF-8 as %q", rows)
	}
	for _, columns := range []int{1, 7, 80} {
		for _, empty := range [][]int16{nil, make([]int16, 3)} { // fewer samples than columns
			rows = waveform([2][]int16{empty, empty}, columns, asciiSteps)
			if want := strings.Repeat(" ", columns); rows != [2]string{want, want} {
				t.Errorf("silence in %d columns is %q", columns, rows)
			}
		}
	}
}

func TestRuler(t *testing.T) {
	if got := ruler(20, 4*time.Second); got != "|0 s |1 s |2 s |3 s " && got != "|0 s |1 s |2 s |3 s" {
		t.Errorf("%q", got)
	}
	if got := ruler(20, 20*time.Second); len(got) > 20 || !strings.HasPrefix(got, "|0 s|4 s") {
		t.Errorf("narrow: %q", got)
	}
}

// TestProgress: on a terminal the line is drawn over itself and fits; the
// sentence after it begins a new one.
func TestProgress(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		var out bytes.Buffer
		s := &screen{w: &out, live: true, width: width}
		progress := s.talking([2][]byte{callerSpeech, calleeSpeech})
		for n := 0; n <= 500; n += 5 {
			progress(n)
		}
		s.step("hung up", "now")
		drawn := strings.Split(strings.TrimSuffix(out.String(), "\n  hung up    now\n"), "\r\x1b[K")
		if len(drawn) != 102 {
			t.Fatalf("%d columns: drawn %d times\n%q", width, len(drawn), &out)
		}
		for _, line := range drawn {
			if len(line) >= max(width, 70) || strings.Contains(line, "\n") {
				t.Errorf("%d columns: %q", width, line)
			}
		}
	}
}

func TestLocale(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "C"}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "C.utf8"}, true},
		{map[string]string{}, false},
	} {
		if got := localeIsUTF8(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
}

func TestWrapped(t *testing.T) {
	var out bytes.Buffer
	s := &screen{w: &out, width: 24}
	s.wrapped("  ", "PUT /a/long/name.wav?from=1&to=2&unbreakably=0123456789012345678901234567890", "?&")
	want := "  PUT /a/long/name.wav\n    ?from=1&to=2\n    &unbreakably=012345\n    6789012345678901234\n    567890\n"
	if out.String() != want {
		t.Errorf("\n%s, want\n%s", &out, want)
	}
}

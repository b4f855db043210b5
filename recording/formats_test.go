package recording_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"callrec/codec/g711"
	"callrec/codec/mp3"
	"callrec/recording"
)

// Every rate and number of channels, in both formats, holds exactly the time that
// was recorded, as a decoder that is not ours counts it.
func TestEveryFormatHasTheExactLength(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed (apt-get install ffmpeg)")
	}
	for _, format := range []string{"wav", "mp3"} { // a call for each: so many recordings may one have
		var docs []string
		for _, channels := range []string{"mono", "stereo"} {
			for _, hz := range recording.Rates {
				docs = append(docs, fmt.Sprintf(`{"format":%q,"channels":%q,"record_sample_rate":%d}`, format, channels, hz))
			}
		}
		haveTheExactLength(t, ffmpeg, docs)
	}
}

func haveTheExactLength(t *testing.T, ffmpeg string, docs []string) {
	t.Helper()
	inWorld(t, func(w *world) {
		info := w.announce("c", docs...)
		k := talk{from: callerFrom, start: w.now() + 300*ms, octets: babble(2*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		w.sleep(2*second + 777*ms)
		w.do("c", recording.Command{Action: recording.Hangup})
		for i, r := range info.Recordings {
			f := w.file(r.ID)
			if f.manifest.Rate != recording.Rates[i%len(recording.Rates)] {
				t.Fatalf("%s: manifest says %d Hz", docs[i], f.manifest.Rate)
			}
			want := (22216*f.manifest.Rate + 7999) / 8000 // 2.777 s at 8 kHz, at this rate
			name := filepath.Join(w.dir, r.ID+"."+r.Format)
			if err := os.WriteFile(name, f.bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd := exec.Command(ffmpeg, "-v", "error", "-xerror", "-i", name, "-f", "s16le", "-")
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || stderr.Len() > 0 {
				t.Errorf("%s: ffmpeg: %v %s", docs[i], err, stderr.String())
			}
			if got := len(out) / 2 / f.manifest.Channels; got != want {
				t.Errorf("%s: %d samples, want %d", docs[i], got, want)
			}
			loud := 0
			for i := 0; i+1 < len(out); i += 2 {
				if s := int16(binary.LittleEndian.Uint16(out[i:])); s > 3000 || s < -3000 {
					loud++
				}
			}
			if loud < 100 {
				t.Errorf("%s: %d loud samples; the speech is missing", docs[i], loud)
			}
		}
	})
}

// A file that was being written when the process died is made whole: it decodes,
// and its length is what it says.
func TestRepairMakesTornFilesWhole(t *testing.T) {
	inWorld(t, func(w *world) {
		info := w.announce("c", `{"format":"mp3"}`, `{"format":"wav"}`)
		k := talk{from: callerFrom, start: w.now(), octets: babble(3*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		w.sleep(4 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		for _, r := range info.Recordings {
			whole := w.file(r.ID)
			for _, size := range []int{0, 10, 1000, 1050, len(whole.bytes) / 2, len(whole.bytes) - 1} {
				m := whole.manifest
				name := filepath.Join(w.dir, fmt.Sprintf("torn-%d.%s", size, r.Format))
				if err := os.WriteFile(name, whole.bytes[:size], 0o600); err != nil {
					t.Fatal(err)
				}
				f, err := os.OpenFile(name, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				err = recording.Repair(&m, f)
				_ = f.Close()
				if err != nil {
					t.Errorf("%s cut to %d bytes: %v", r.Format, size, err)
					continue
				}
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				var ms int64
				if r.Format == "mp3" {
					s := mp3.Walk(b, nil)
					if s.Faults > 0 || s.End != len(b) {
						t.Errorf("mp3 cut to %d bytes: %v", size, s.Fault)
					}
					ms = s.Samples * 1000 / int64(m.Rate)
				} else {
					ms = int64(binary.LittleEndian.Uint32(b[40:])) / 16
				}
				if m.DurationMS != ms {
					t.Errorf("%s cut to %d bytes: duration_ms %d, the file holds %d", r.Format, size, m.DurationMS, ms)
				}
			}
		}
	})
}

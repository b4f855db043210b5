package bench

import (
	"cmp"
	endian "encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// inbox is a receiver that takes everything, and knows what came.
type inbox struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string][]delivery // by recording id
}

// delivery is one request.
type delivery struct {
	method, path, kind string // path as it came, escaped; kind is the Content-Type
	query              url.Values
	queried            bool // with a query, be it empty
	body               []byte
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{got: map[string][]delivery{}}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		id := r.Header.Get("Idempotency-Key")
		in.got[id] = append(in.got[id], delivery{
			r.Method, r.URL.EscapedPath(), r.Header.Get("Content-Type"), r.URL.Query(), r.URL.RawQuery != "" || r.URL.ForceQuery, b,
		})
	}))
	t.Cleanup(in.Close)
	return in
}

// take waits for a recording, which must come once.
func (in *inbox) take(t *testing.T, id string) delivery {
	t.Helper()
	var got []delivery
	eventually(t, "recording "+id+" comes", time.Minute, func() bool {
		in.mu.Lock()
		defer in.mu.Unlock()
		got = in.got[id]
		return len(got) > 0
	})
	if len(got) > 1 {
		t.Errorf("%s came %d times", id, len(got))
	}
	return got[0]
}

// paths are all that files have been sent to, and how many to each.
func (in *inbox) paths() map[string]int {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := map[string]int{}
	for _, all := range in.got {
		for _, d := range all {
			out[d.path]++
		}
	}
	return out
}

// sound is what a file holds: samples of full scale 32768, by channel.
type sound struct {
	format   string
	rate     int
	channels [][]int16
}

// listen reads a file that came.
func (d delivery) listen(t *testing.T) sound {
	t.Helper()
	formats := map[string]string{"audio/x-wav": "wav", "audio/mpeg": "mp3"}
	if name := cmp.Or(d.query.Get("recording"), d.path); filepath.Ext(name) != "."+formats[d.kind] {
		t.Errorf("%s is said to be %s", d.path, d.kind)
	}
	return listen(t, d.body, formats[d.kind])
}

// listen reads a WAV file, or an MP3 by mpg123, which takes away what the encoder
// has added at both ends.
func listen(t *testing.T, b []byte, format string) sound {
	t.Helper()
	if format == "mp3" {
		if why := needMP3(); why != "" {
			t.Skip(why)
		}
		dir := t.TempDir()
		from, to := filepath.Join(dir, "a.mp3"), filepath.Join(dir, "a.wav")
		if err := os.WriteFile(from, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "mpg123", "-q", "--no-resync", "-w", to, from).CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("mpg123: %v %s", err, out)
		}
		var err error
		if b, err = os.ReadFile(to); err != nil {
			t.Fatal(err)
		}
	}
	s, err := readChunks(b)
	if err != nil {
		t.Fatalf("%s of %d bytes: %v", format, len(b), err)
	}
	s.format = format
	return s
}

// readChunks reads a WAV file of 16-bit PCM.
func readChunks(b []byte) (s sound, err error) {
	le := endian.LittleEndian
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return s, fmt.Errorf("no WAV: % x", b[:min(12, len(b))])
	}
	for b = b[12:]; len(b) >= 8; {
		id, n := string(b[:4]), int(le.Uint32(b[4:]))
		if n > len(b)-8 {
			return s, fmt.Errorf("%q is cut short", id)
		}
		body := b[8 : 8+n]
		switch {
		case id == "fmt " && (le.Uint16(body[14:]) != 16 || le.Uint16(body) != 1):
			return s, fmt.Errorf("format % x", body)
		case id == "fmt ":
			s.rate, s.channels = int(le.Uint32(body[4:])), make([][]int16, le.Uint16(body[2:]))
		case id == "data":
			for i := 0; i < n/2; i++ {
				ch := &s.channels[i%len(s.channels)]
				*ch = append(*ch, int16(le.Uint16(body[2*i:])))
			}
		}
		b = b[min(len(b), 8+n+n%2):]
	}
	if len(s.channels) == 0 {
		return s, fmt.Errorf("no format")
	}
	return s, nil
}

// narrow takes a channel of any rate to 8 kHz, of full scale 1: by the sum of sines
// over x that ends at 3.7 kHz, as slow as it looks.
func narrow(pcm []int16, rate, samples int) []float64 {
	const crossings = 48
	cut := 2 * 3700 / float64(rate)
	reach := int(crossings / cut)
	kernels := map[int][]float64{} // by where between two samples, in parts of 8000
	out := make([]float64, samples)
	for i := range out {
		at, part := i*rate/8000, i*rate%8000
		h := kernels[part]
		if h == nil {
			for k := -reach; k <= reach; k++ {
				x := float64(k) - float64(part)/8000
				v := cut * (0.5 + 0.5*math.Cos(math.Pi*x/float64(reach+1)))
				if x != 0 {
					v *= math.Sin(math.Pi*cut*x) / (math.Pi * cut * x)
				}
				h = append(h, v/32768)
			}
			kernels[part] = h
		}
		for k, v := range h {
			if n := at + k - reach; n >= 0 && n < len(pcm) {
				out[i] += v * float64(pcm[n])
			}
		}
	}
	return out
}

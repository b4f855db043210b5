package bench

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/internal/testkit"
)

// webdav is a real nginx that stores what is PUT under /up/.
type webdav struct {
	url, dir, log string
}

func startNginx(t *testing.T) webdav {
	t.Helper()
	url, root := testkit.Nginx(t, `
  log_format facts escape=json '{"status":"$status","method":"$request_method","uri":"$request_uri","length":"$http_content_length",'
    '"type":"$http_content_type","digest":"$http_repr_digest","key":"$http_idempotency_key","chunked":"$http_transfer_encoding"}';
  server { listen ADDR; root ROOT; access_log ROOT/access.log facts; location /up/ { } }`)
	return webdav{url: url, dir: filepath.Join(root, "up"), log: filepath.Join(root, "access.log")}
}

// put is one request as the receiver saw it.
type put struct {
	Status, Method, URI, Length, Type, Digest, Key, Chunked string
}

// requests reads nginx's log.
func (d webdav) requests(t *testing.T) (all []put) {
	t.Helper()
	b, err := os.ReadFile(d.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var p put
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, p)
	}
	return all
}

// outcome is what the API says of a recording when it has been delivered.
type outcome struct {
	ID         string    `json:"id"`
	State      string    `json:"state"`
	Started    time.Time `json:"started"`
	DurationMS int64     `json:"duration_ms"`
}

func (w *worker) delivered(callID string) outcome {
	w.t.Helper()
	var call struct{ Recordings []outcome }
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		a := w.do(http.MethodGet, "/channels/"+url.PathEscape(callID), nil)
		if err := json.Unmarshal(a.Raw, &call); err != nil || len(call.Recordings) != 1 {
			w.t.Fatalf("%s: %d %s", callID, a.Code, a.Raw)
		}
		if call.Recordings[0].State == "delivered" {
			return call.Recordings[0]
		}
		if time.Now().After(end) {
			w.t.Fatalf("not delivered: %+v", call.Recordings)
		}
	}
}

// interaction is the one part of the metadata that the API does not tell.
var interaction = regexp.MustCompile(`&interaction_id=(\d{11}-[0-9a-f]{8})&`)

// metadata is the query that receivers of Kazoo's recordings know.
func metadata(t *testing.T, escapedCall, uri string, o outcome) string {
	t.Helper()
	m := interaction.FindStringSubmatch(uri)
	if m == nil {
		t.Fatalf("no interaction_id in %s", uri)
	}
	return fmt.Sprintf("from=1001%%40acme.example&to=%%2B15551234567%%40acme.example&caller_id_name=Ann%%20Lee%%20%%26%%20S%%C3%%B6n"+
		"&caller_id_number=1001&call_id=%s&cdr_id=%s-%s&interaction_id=%s&owner_id=u1&account_id=acc&start=%d&duration_ms=%d&recording_id=%s",
		escapedCall, o.Started.UTC().Format("200601"), escapedCall, m[1], o.Started.Unix()+62167219200, o.DurationMS, o.ID)
}

// details are what the announcement says of the call, as metadata expects it.
func details() map[string]any {
	return map[string]any{
		"to": "+15551234567@acme.example", "caller_id_name": "Ann Lee & Sön", "caller_id_number": "1001",
		"caller": map[string]any{"user_id": "u1"},
	}
}

// TestNginxStores takes calls the whole way, from packets to files at a real
// server, and a call id twice: nothing is overwritten.
func TestNginxStores(t *testing.T) {
	t.Parallel()
	d := startNginx(t)
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24600-24619")
	const id, escaped = "abc 123@10.0.0.1", "abc%20123%4010.0.0.1"
	var names []string
	for turn := range 2 {
		call := w.announce(id, map[string]any{"format": "wav", "url": d.url + "/up/acme/rec/"}, details())
		k, conn := newTalk(uint64(30+turn), 1), udp(t, "127.0.0.1:0")
		for n := range k.sent {
			k.send(t, conn, call.port(t, "callee"), n)
			time.Sleep(frameTime)
		}
		w.act(id, "hangup")
		o := w.delivered(id)
		all := d.requests(t)
		if len(all) != turn+1 {
			t.Fatalf("%d requests after %d calls: %+v", len(all), turn+1, all)
		}
		name := "call_recording_" + escaped
		if turn > 0 {
			name += "_" + o.ID
		}
		p := all[turn]
		if want := "/up/acme/rec/" + name + ".wav?" + metadata(t, escaped, p.URI, o); p.URI != want {
			t.Errorf("the request was for\n%s, want\n%s", p.URI, want)
		}
		plain, err := url.PathUnescape(name)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, plain+".wav")
		b, err := os.ReadFile(filepath.Join(d.dir, "acme/rec", names[turn]))
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(b)
		if p.Status != "201" || p.Method != http.MethodPut || p.Type != "audio/x-wav" || p.Key != o.ID || p.Chunked != "" ||
			p.Length != fmt.Sprint(len(b)) || p.Digest != "sha-256=:"+base64.StdEncoding.EncodeToString(digest[:])+":" {
			t.Errorf("the request was %+v, its file has %d bytes", p, len(b))
		}
		f, err := parseWAV(b)
		if err != nil {
			t.Fatal(err)
		}
		offset, _ := k.locate(f.pcm, o.Started, 0, len(k.sent), 16) // the API tells whole milliseconds
		want := newChannel(len(f.pcm))
		k.lay(want, offset, 0, len(k.sent))
		wantSame(t, names[turn], f.pcm, want.pcm)
	}
	list, err := os.ReadDir(filepath.Join(d.dir, "acme/rec"))
	if err != nil || len(list) != 2 {
		t.Errorf("stored: %v, %v; want %v", list, err, names)
	}
	if left, _ := filepath.Glob(filepath.Join(w.data, "spool", "*.wav*")); len(left) > 0 {
		t.Errorf("the spool keeps %v", left)
	}
}

// TestQueryForms: a url may be a script with the name in its query. All four
// forms, over PUT and POST, byte for byte.
func TestQueryForms(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []put
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if _, bad := parseWAV(b); err != nil || bad != nil {
			t.Errorf("%s: %v, %v", r.RequestURI, err, bad)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, put{Method: r.Method, URI: r.RequestURI, Type: r.Header.Get("Content-Type")})
	}))
	t.Cleanup(receiver.Close)
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24620-24699")
	forms := []struct{ method, url, before string }{
		{"put", "/rec", "/rec/NAME?"},
		{"put", "/rec//", "/rec/NAME?"},
		{"post", "/i.php?key=1", "/i.php?key=1&recording=NAME&"},
		{"put", "/i.php?key=1&recording=", "/i.php?key=1&recording=NAME&"},
		{"POST", "/i.php?recording=", "/i.php?recording=NAME&"},
		{"put", "/i.php?recording", "/i.php?recording=NAME&"},
	}
	id := func(i int) string { return fmt.Sprintf("form-%d@h", i) }
	for i, form := range forms {
		w.announce(id(i), map[string]any{"format": "wav", "url": receiver.URL + form.url, "method": form.method}, details())
	}
	time.Sleep(1100 * time.Millisecond)
	for i := range forms {
		w.act(id(i), "hangup")
	}
	for i, form := range forms {
		o := w.delivered(id(i))
		if o.DurationMS < 1000 || time.Since(o.Started) > time.Minute {
			t.Errorf("%s: %+v", form.url, o)
		}
		mu.Lock()
		at := slices.IndexFunc(got, func(p put) bool { return strings.HasSuffix(p.URI, "&recording_id="+o.ID) })
		if at < 0 {
			t.Errorf("%s: no request for %s", form.url, o.ID)
			mu.Unlock()
			continue
		}
		p := got[at]
		mu.Unlock()
		name := fmt.Sprintf("call_recording_form-%d%%40h", i)
		want := strings.Replace(form.before, "NAME", name+".wav", 1) + metadata(t, fmt.Sprintf("form-%d%%40h", i), p.URI, o)
		if p.URI != want || p.Method != strings.ToUpper(form.method) || p.Type != "audio/x-wav" {
			t.Errorf("%s %s: %s %s of %s, want\n%s", form.method, form.url, p.Method, p.URI, p.Type, want)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != len(forms) {
		t.Errorf("%d requests for %d recordings", len(got), len(forms))
	}
}

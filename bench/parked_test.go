package bench

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A receiver refuses; the recording is parked and listed; the receiver is mended;
// the operator says retry, twice at once; it arrives once, with every byte.
func TestParkedIsSentAgain(t *testing.T) {
	t.Parallel()
	m, data := newMailbox(t), t.TempDir()
	w := parkingWorker(t, data, "25200-25219")
	id, audio := parkOne(t, w, "refused", strings.Replace(m.URL, "http://", "http://user:secret@", 1)+"/in?key=secret")

	list := parkedList(t, "--data", data)
	if len(list) != 1 || list[0].ID != id || list[0].Account != "acc" || list[0].CallID != "refused" || list[0].Size != int64(len(audio)) ||
		list[0].Class != "slow" || list[0].Tries != 1 || !strings.Contains(list[0].Error, "404") || !strings.Contains(list[0].URL, "redacted@127.0.0.1") {
		t.Errorf("listed are %+v", list)
	}
	table := command(t, "spool", "list", "--data", data).done(t)
	for _, word := range []string{id, "DESTINATION", "404 Not Found", "1 parked", "0 waiting"} {
		if !strings.Contains(table, word) {
			t.Errorf("the table does not say %q:\n%s", word, table)
		}
	}
	if strings.Contains(table+fmt.Sprint(list), "secret") {
		t.Errorf("credentials are shown: %s", table)
	}
	for class, want := range map[string]float64{"slow": 1, "retry": 0, "permanent": 0} {
		if got := w.metric(`callrec_spool_parked_recordings{class="` + class + `"}`); got != want {
			t.Errorf("%v parked as %s, want %v", got, class, want)
		}
	}
	if w.ready() != http.StatusOK || w.stateOf("refused") != "parked" {
		t.Errorf("/readyz says %d, the recording is %s", w.ready(), w.stateOf("refused"))
	}

	// Refused still: parked again.
	if out := command(t, "spool", "retry", id, "--data", data).done(t); !strings.Contains(out, "on its way") {
		t.Errorf("retry says %q", out)
	}
	eventually(t, "it is parked again", time.Minute, func() bool {
		l := parkedList(t, "--data", data)
		return len(l) == 1 && m.triesSoFar() == 2 && w.stateOf("refused") == "parked"
	})

	m.mend()
	codes := make(chan said, 2)
	for range 2 {
		go func() { codes <- command(t, "spool", "retry", id, "--data", data) }()
	}
	first, second := <-codes, <-codes
	if first.code+second.code != 1 || !strings.Contains(first.err+second.err, id+" is not parked") {
		t.Errorf("two retries: %+v, %+v", first, second)
	}
	eventually(t, "it is delivered", time.Minute, func() bool { return w.stateOf("refused") == "delivered" })
	if m.again != 0 || !bytes.Equal(m.bodies[id], audio) {
		t.Errorf("%d bytes arrived, %d once more, want %d", len(m.bodies[id]), m.again, len(audio))
	}
	if list := parkedList(t, "--data", data); len(list) != 0 {
		t.Errorf("still listed: %+v", list)
	}
	if got := w.metric(`callrec_spool_parked_recordings{class="slow"}`); got != 0 {
		t.Errorf("%v are parked", got)
	}
	w.terminate(20 * time.Second)
	spoolIsEmpty(t, data)
	if _, err := os.Stat(filepath.Join(data, "worker.json")); !os.IsNotExist(err) {
		t.Errorf("a stopped worker leaves its address: %v", err)
	}
}

// The same with the worker killed: the folder itself is listed, copied out of and
// changed; the next start sends what it no longer finds parked.
func TestParkedIsSentByTheNextStart(t *testing.T) {
	t.Parallel()
	m, data := newMailbox(t), t.TempDir()
	w := parkingWorker(t, data, "25220-25239")
	id, audio := parkOne(t, w, "refused", m.URL+"/in")
	w.kill()
	if _, err := os.Stat(filepath.Join(data, "worker.json")); err != nil {
		t.Errorf("the address of the killed worker should be there, and be no trap: %v", err)
	}
	if list := parkedList(t, "--data", data); len(list) != 1 || list[0].ID != id || list[0].Class != "slow" {
		t.Errorf("listed are %+v", list)
	}
	if table := command(t, "spool", "list", "--data", data).done(t); !strings.Contains(table, "no worker runs here") {
		t.Errorf("the table is\n%s", table)
	}

	out := filepath.Join(t.TempDir(), "out")
	for range 2 { // the second time finds it there
		if said := command(t, "spool", "export", id, "--out", out, "--data", data).done(t); strings.TrimSpace(said) != filepath.Join(out, id+".wav") {
			t.Errorf("export says %q", said)
		}
	}
	if b, err := os.ReadFile(filepath.Join(out, id+".wav")); err != nil || !bytes.Equal(b, audio) {
		t.Errorf("%d bytes copied, want %d: %v", len(b), len(audio), err)
	}
	var beside struct{ ID, SHA256, CallID string }
	sum := sha256.Sum256(audio)
	if b, err := os.ReadFile(filepath.Join(out, id+".json")); err != nil || json.Unmarshal(b, &beside) != nil || beside.ID != id || beside.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("beside it stands %+v, %v", beside, err)
	}
	if got, _ := os.ReadDir(out); len(got) != 2 {
		t.Errorf("the folder holds %v", got)
	}
	if err := os.WriteFile(filepath.Join(out, id+".wav"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := command(t, "spool", "export", id, "--out", out, "--data", data); s.code != 1 || !strings.Contains(s.err, "nothing is overwritten") {
		t.Errorf("over another file: %+v", s)
	}

	if said := command(t, "spool", "retry", "--all", "--data", data).done(t); !strings.Contains(said, "1 recording") || !strings.Contains(said, "next start") {
		t.Errorf("retry says %q", said)
	}
	if s := command(t, "spool", "retry", id, "--data", data); s.code != 1 || !strings.Contains(s.err, "not parked") {
		t.Errorf("a second retry: %+v", s)
	}
	if list := parkedList(t, "--data", data); len(list) != 0 {
		t.Errorf("listed are %+v", list)
	}
	m.mend()
	w = parkingWorker(t, data, "25220-25239")
	eventually(t, "it is delivered", time.Minute, func() bool { return w.metric("callrec_uploads_delivered_total") == 1 })
	if !bytes.Equal(m.bodies[id], audio) {
		t.Errorf("%d bytes arrived, want %d", len(m.bodies[id]), len(audio))
	}
	w.terminate(20 * time.Second)
	spoolIsEmpty(t, data)
}

// A thousand parked by an outage of a week: one word sends them all, each once.
func TestThousandParked(t *testing.T) {
	t.Parallel()
	const n = 1003
	m, data := newMailbox(t), fastDir(t)
	m.mend()
	bodies := map[string][]byte{}
	for _, r := range parkMany(t, data, n, m.URL+"/in") {
		bodies[r.id] = r.audio
	}
	if list := parkedList(t, "--data", data); len(list) != n {
		t.Fatalf("%d listed without a worker", len(list))
	}
	w := parkingWorker(t, data, "25240-25259")
	began := time.Now()
	list := parkedList(t, "--data", data)
	listing := time.Since(began)
	for i, p := range list {
		if bodies[p.ID] == nil || (i > 0 && list[i-1].ID >= p.ID) {
			t.Fatalf("listed is %s after %s", p.ID, list[max(i-1, 0)].ID)
		}
	}
	if len(list) != n || m.received() != 0 {
		t.Fatalf("%d listed, %d delivered before anybody asked", len(list), m.received())
	}
	out := filepath.Join(data, "out")
	if said := command(t, "spool", "export", "--all", "--out", out, "--data", data).done(t); strings.Count(said, "\n") != n {
		t.Errorf("%d copied", strings.Count(said, "\n"))
	}
	began = time.Now()
	both := make(chan said, 2)
	for range 2 {
		go func() { both <- command(t, "spool", "retry", "--all", "--json", "--data", data) }()
	}
	sum := 0
	for range 2 {
		var told struct{ Retried int }
		s := <-both
		if err := json.Unmarshal([]byte(s.done(t)), &told); err != nil {
			t.Fatalf("%v: %+v", err, s)
		}
		sum += told.Retried
	}
	retrying := time.Since(began)
	eventually(t, "all are delivered", time.Minute, func() bool { return m.received() == n })
	t.Logf("%d: listed in %v, on their way in %v, delivered after %v", n, listing, retrying, time.Since(began))
	if sum != n || m.again > 0 {
		t.Errorf("%d sent again, %d arrived twice", sum, m.again)
	}
	for id, want := range bodies {
		if !bytes.Equal(m.bodies[id], want) {
			t.Fatalf("%s: other bytes arrived", id)
		}
		if got, err := os.ReadFile(filepath.Join(out, id+".wav")); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s: other bytes were copied: %v", id, err)
		}
	}
	w.terminate(20 * time.Second)
	spoolIsEmpty(t, data)
}

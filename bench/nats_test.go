package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"callrec/internal/testkit/natstest"
)

const annsCall = `{"data":{"call_id":"%s","from_network":"onnet","to_network":"offnet","caller":{"user_id":"ann"}}}`

// records reports whether a call of Ann's is recorded, by a call.
func (w *worker) records(call string) bool {
	w.t.Helper()
	data := w.answers(201, "PUT", "accounts/acc/channels", fmt.Sprintf(annsCall, call))
	w.answers(200, "POST", "accounts/acc/channels/"+call, `{"data":{"action":"hangup"}}`)
	list, _ := data["recordings"].([]any)
	return len(list) > 0
}

// Two workers on one NATS: what one changes while the other is down is in force when
// that is back, and what it changes later is in force at the other's next calls.
func TestWorkersShareTheirDocuments(t *testing.T) {
	t.Parallel()
	nats := natstest.Start(t)
	dirA := t.TempDir()
	a := startWorker(t, dirA, "--rtp-ports", "25400-25419", "--nats", nats.URL())
	b := startWorker(t, t.TempDir(), "--rtp-ports", "25420-25439", "--nats", nats.URL())
	a.answers(201, "PUT", "accounts", `{"data":{"id":"acc","name":"Acme"}}`)
	a.answers(201, "PUT", "accounts/acc/users", `{"data":{"id":"ann","first_name":"Ann","last_name":"Lee"}}`)
	gone := a.answers(201, "PUT", "accounts/acc/tokens", `{"data":{"name":"gone"}}`)
	if a.records("before") {
		t.Fatal("it is recorded, and nobody asked for that")
	}
	const on, off = `{"data":{"call_recording":{"outbound":{"offnet":{"enabled":true,"format":"wav"}}}}}`, `{"data":{"call_recording":null}}`
	eventually(t, "B knows Ann", time.Minute, func() bool { code, _, _ := b.ask(b.token, "GET", "accounts/acc/users/ann", ""); return code == 200 })
	a.kill()
	b.answers(200, "PATCH", "accounts/acc/users/ann", on)
	made := b.answers(201, "PUT", "accounts/acc/tokens", `{"data":{"name":"made"}}`)
	b.answers(200, "DELETE", "accounts/acc/tokens/"+gone["id"].(string), "")
	a = startWorker(t, dirA, "--rtp-ports", "25400-25419", "--nats", nats.URL())
	if !a.records("after") {
		t.Error("what B changed while A was down is not in force")
	}
	for secret, want := range map[string]int{made["token"].(string): 200, gone["token"].(string): 401} {
		if code, _, _ := a.ask(secret, "GET", "accounts/acc/users/ann", ""); code != want {
			t.Errorf("a token: %d, want %d", code, want)
		}
	}
	for i, want := range []bool{false, true, false} {
		b.answers(200, "PATCH", "accounts/acc/users/ann", map[bool]string{true: on, false: off}[want])
		changed, calls := time.Now(), 0
		eventually(t, "B's change is in force at A", time.Minute, func() bool {
			calls++
			return a.records(fmt.Sprintf("c%d-%d", i, calls)) == want
		})
		t.Logf("in force at the other worker's call number %d, after %v", calls, time.Since(changed))
	}
	a.terminate(20 * time.Second)
	b.terminate(20 * time.Second)
}

// NATS goes away under a running worker: calls are decided by what was known last,
// recorded and delivered; changes fail and say so. When it is back, the index has
// what happened meanwhile, and changes are taken again.
func TestNATSIsAway(t *testing.T) {
	t.Parallel()
	nats := natstest.Start(t)
	w := startWorker(t, t.TempDir(), "--rtp-ports", "25440-25459", "--nats", nats.URL())
	w.answers(201, "PUT", "accounts", `{"data":{"id":"acc","name":"Acme"}}`)
	w.answers(201, "PUT", "accounts/acc/users", `{"data":{"id":"ann","first_name":"Ann","last_name":"Lee","call_recording":{"any":{"any":{"enabled":true,"format":"wav"}}}}}`)
	secret := w.answers(201, "PUT", "accounts/acc/tokens", `{"data":{"name":"x"}}`)["token"].(string)
	nats.Stop()
	const change = `{"data":{"first_name":"Anna"}}`
	eventually(t, "a change fails", time.Minute, func() bool {
		code, envelope, header := w.ask(w.token, "PATCH", "accounts/acc/users/ann", change)
		if code == 503 && (envelope["message"] != "datastore_unreachable" || header.Get("Retry-After") == "") {
			t.Errorf("%v, Retry-After %q", envelope, header.Get("Retry-After"))
		}
		return code == 503
	})
	if code, _, _ := w.ask(secret, "GET", "accounts/acc/users/ann", ""); code != 200 {
		t.Errorf("a document, by a token of its account: %d", code)
	}
	a := w.do(http.MethodPut, "/channels", map[string]any{
		"call_id": "away", "from_network": "onnet", "to_network": "offnet", "caller": map[string]any{"user_id": "ann"},
	})
	call := a.Data
	if len(call.Recordings) != 1 {
		t.Fatalf("the call is not recorded: %d %s", a.Code, a.Raw)
	}
	bothSpeak(t, call, [2]*talk{newTalk(81, 1), newTalk(82, 1)})()
	w.act("away", "hangup")
	w.stored(call.Recordings[0].ID, 30*time.Second)
	nats.Start()
	eventually(t, "a change is taken", time.Minute, func() bool {
		code, _, _ := w.ask(w.token, "PATCH", "accounts/acc/users/ann", change)
		return code == 200
	})
	eventually(t, "the index has what was recorded meanwhile", time.Minute, w.stateIs("away", "delivered"))
	w.terminate(20 * time.Second)
}

// launchAway starts a worker whose NATS is away, and returns when it says so.
func launchAway(t *testing.T, nats *natstest.Server, data string, flags ...string) *worker {
	t.Helper()
	w := launchWorker(t, nil, data, append(flags, "--nats", nats.URL())...)
	eventually(t, "the worker says that NATS is away", 20*time.Second, func() bool {
		for line := range strings.Lines(w.log.String()) {
			var l struct{ Msg, Err, Ops string }
			if json.Unmarshal([]byte(line), &l) == nil && strings.HasPrefix(l.Msg, "the API stays closed") && strings.Contains(l.Err, nats.URL()) {
				w.ops = l.Ops
			}
		}
		return w.ops != ""
	})
	return w
}

// Kill -9 in mid-call, and when the worker is back NATS is not: the call goes on all the
// same, and what waits is delivered. With NATS the API opens, and the index hears of both.
func TestCallOutlivesTheWorkerAndNATS(t *testing.T) {
	t.Parallel()
	nats := natstest.Start(t)
	m, open := newGate(t)
	data, ports := t.TempDir(), "25480-25499"
	w := startWorker(t, data, "--rtp-ports", ports, "--nats", nats.URL())
	waits := w.announce("waits", map[string]any{"format": "wav", "url": m.URL + "/in"}, nil).Recordings[0].ID
	w.act("waits", "hangup")
	call := w.stereoCall("outlives", nil)
	talks := [2]*talk{newTalk(83, 12), newTalk(84, 12)}
	done := bothSpeak(t, call, talks)
	time.Sleep(4500 * time.Millisecond)
	w.kill()
	killed := time.Now()
	nats.Stop()
	w = launchAway(t, nats, data, "--rtp-ports", ports)
	back := time.Now()
	if got := w.ready(); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz says %d", got)
	}
	open()
	eventually(t, "what waited is delivered", time.Minute, func() bool { return w.metric("callrec_uploads_delivered_total") == 1 })
	time.Sleep(time.Until(back.Add(2 * time.Second))) // of talk that only the worker without NATS can have heard
	nats.Start()
	w.awaitReady(time.Minute)
	if a := w.do(http.MethodGet, "/channels/outlives", nil); a.Code != http.StatusOK || len(a.Data.Recordings) != 1 || a.Data.Recordings[0].State != "recording" || a.Data.Legs[1] != call.Legs[1] {
		t.Fatalf("the call is now %d %s", a.Code, a.Raw)
	}
	done()
	w.act("outlives", "hangup")
	f := w.fetch(call.Recordings[0].ID, 15*time.Second)
	at := func(t time.Time) int { return int(t.Sub(f.Started) / sample) }
	for leg, k := range talks {
		got := f.leg(leg)
		wantSame(t, []string{"caller", "callee"}[leg], got, k.aroundGap(got, f.Started, at(killed.Add(-2500*time.Millisecond)), at(back.Add(40*time.Millisecond)), true))
	}
	for _, id := range []string{waits, call.Recordings[0].ID} {
		eventually(t, "the index knows that it is delivered", time.Minute, func() bool { return w.indexed(id) == "delivered" })
	}
	w.terminate(20 * time.Second)
	spoolIsEmpty(t, data)
	if m.received() != 1 { // perhaps twice: the killed worker's request was on its way
		t.Errorf("%d recordings came", m.received())
	}
}

// A worker that was started without NATS, and has nothing to do, ends when it is told to.
func TestStoppedBeforeNATSIsThere(t *testing.T) {
	t.Parallel()
	nats := natstest.Start(t)
	nats.Stop()
	w := launchAway(t, nats, t.TempDir(), "--rtp-ports", "25500-25519")
	w.terminate(20 * time.Second)
}

package bench

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsServer is a NATS server as an operator would run it, on loopback.
type natsServer struct {
	t    testing.TB
	opts server.Options
	*server.Server
}

func startNATS(t testing.TB) *natsServer {
	t.Helper()
	n := &natsServer{t: t, opts: server.Options{
		ServerName: "outside", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		NoSystemAccount: true, JetStream: true, StoreDir: t.TempDir(),
	}}
	n.start()
	t.Cleanup(n.stop)
	return n
}

func (n *natsServer) start() {
	n.t.Helper()
	opts := n.opts
	var err error
	if n.Server, err = server.NewServer(&opts); err != nil {
		n.t.Fatal(err)
	}
	n.Start()
	if !n.ReadyForConnections(time.Minute) {
		n.t.Fatal("the NATS server does not start")
	}
	n.opts.Port = opts.Port
}

func (n *natsServer) stop() {
	n.Shutdown()
	n.WaitForShutdown()
}

func (n *natsServer) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.opts.Port) }

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
	nats := startNATS(t)
	dirA := t.TempDir()
	a := startWorker(t, dirA, "--rtp-ports", "25400-25419", "--nats", nats.url())
	b := startWorker(t, t.TempDir(), "--rtp-ports", "25420-25439", "--nats", nats.url())
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
	a = startWorker(t, dirA, "--rtp-ports", "25400-25419", "--nats", nats.url())
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
	nats := startNATS(t)
	w := startWorker(t, t.TempDir(), "--rtp-ports", "25440-25459", "--nats", nats.url())
	w.answers(201, "PUT", "accounts", `{"data":{"id":"acc","name":"Acme"}}`)
	w.answers(201, "PUT", "accounts/acc/users", `{"data":{"id":"ann","first_name":"Ann","last_name":"Lee","call_recording":{"any":{"any":{"enabled":true,"format":"wav"}}}}}`)
	secret := w.answers(201, "PUT", "accounts/acc/tokens", `{"data":{"name":"x"}}`)["token"].(string)
	nats.stop()
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
	nats.start()
	eventually(t, "a change is taken", time.Minute, func() bool {
		code, _, _ := w.ask(w.token, "PATCH", "accounts/acc/users/ann", change)
		return code == 200
	})
	eventually(t, "the index has what was recorded meanwhile", time.Minute, w.stateIs("away", "delivered"))
	w.terminate(20 * time.Second)
}

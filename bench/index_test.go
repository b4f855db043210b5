package bench

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"callrec/internal/testkit/natstest"
)

// newGate makes a receiver that keeps whoever sends waiting until it is opened.
func newGate(t *testing.T) (m *mailbox, open func()) {
	m = newMailbox(t)
	m.mend()
	opened := make(chan struct{})
	open = func() { close(opened) }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-opened:
			m.Config.Handler.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(front.Close)
	m.URL = front.URL
	return m, open
}

// indexed is the state of a recording in the index; "" when that does not know it.
func (w *worker) indexed(id string) string {
	_, envelope, _ := w.ask(w.token, "GET", "accounts/acc/recordings/"+id, "")
	doc, _ := envelope["data"].(map[string]any)
	state, _ := doc["state"].(string)
	return state
}

// Recordings are delivered while the index cannot be written, one of them made then
// as well; then the worker is killed. The next one knows what became of both.
func TestKilledBeforeTheIndexHeard(t *testing.T) {
	t.Parallel()
	nats := natstest.Start(t)
	m, open := newGate(t)
	data := t.TempDir()
	w := startWorker(t, data, "--rtp-ports", "25460-25479", "--nats", nats.URL())
	record := func(callID string) string {
		id := w.announce(callID, map[string]any{"format": "wav", "url": m.URL + "/in"}, nil).Recordings[0].ID
		w.act(callID, "hangup")
		return id
	}
	before := record("before")
	eventually(t, "the index knows the first one", time.Minute, func() bool { return w.indexed(before) == "spooled" })
	nats.Stop()
	meanwhile := record("meanwhile")
	open()
	eventually(t, "both are delivered", time.Minute, func() bool { return w.metric("callrec_uploads_delivered_total") == 2 })
	w.kill()
	nats.Start()
	w = startWorker(t, data, "--rtp-ports", "25460-25479", "--nats", nats.URL())
	for what, id := range map[string]string{"before": before, "meanwhile": meanwhile} {
		eventually(t, "the index knows that it is delivered: "+what, time.Minute, func() bool { return w.indexed(id) == "delivered" })
	}
	w.terminate(20 * time.Second)
	spoolIsEmpty(t, data)
	if m.received() != 2 || m.again != 0 {
		t.Errorf("%d recordings came, %d of them twice", m.received(), m.again)
	}
}

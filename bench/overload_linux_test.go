package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"callrec/internal/testkit"
)

// A shard that comes near to its limit takes no more calls, says so, and those it
// has lose not one packet. When they have gone, it takes calls again. The long
// version is what an operator has: one CPU, and the limit as it is by default.
// The short one has its limit so low that any machine gets there soon. Calls are
// as dear as they can be, so that the generator takes little beside them.
func TestOverload(t *testing.T) {
	maxBusy, batch, room, starved := "10", 20, 250, 0.4
	if long() {
		maxBusy, batch, room, starved = "85", 50, 2000, 0.95
	} else {
		t.Parallel()
	}
	dear := map[string]any{"action": "start", "format": "mp3", "channels": "stereo", "record_sample_rate": 48000}
	voiceOf(0)
	if have, err := openFiles(); err != nil || have < uint64(filesEach*room+filesElse) {
		t.Skipf("%d calls need %d open files, the limit is %d (ulimit -Hn, %v)", room, filesEach*room+filesElse, have, err)
	}
	w := startWorkerWith(t, []string{"GOMAXPROCS=1"}, t.TempDir(),
		"--shards", "1", "--rtp-ports", fmt.Sprintf("19000-%d", 19000+4*room-1), "--max-busy", maxBusy, "--media-timeout", "10m")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls []string
	var senders []*testkit.Sender
	l := load{sending: 10 * time.Minute}
	var refused answer
	for refused.Code == 0 && len(calls) < room {
		var legs []netip.AddrPort
		for n := range batch {
			id := fmt.Sprintf("load-%04d", len(calls))
			a := w.do(http.MethodPut, "/channels", map[string]any{
				"call_id": id, "flow": map[string]any{"module": "record_call", "data": dear},
			})
			if a.Code == http.StatusServiceUnavailable && n+len(calls) > 0 {
				refused = a
				break
			}
			if a.Code != http.StatusCreated {
				t.Fatalf("announcing %s: %d %s", id, a.Code, a.Raw)
			}
			calls = append(calls, id)
			for _, g := range a.Data.Legs {
				legs = append(legs, netip.AddrPortFrom(netip.MustParseAddr(g.Address), uint16(g.RTPPort)))
			}
		}
		if len(legs) > 0 {
			s, err := testkit.StartSender(ctx, testkit.SenderConfig{
				Legs: legs, Schedule: testkit.Even(len(legs), l.packets(), ptime, packets(voiceOf)),
			})
			if err != nil {
				t.Fatal(err)
			}
			senders = append(senders, s)
		}
		time.Sleep(2 * time.Second)
	}
	busy := func() float64 { return w.metric(`callrec_shard_busy_share{shard="0"}`) }
	t.Logf("%d calls, busy %.3f: %s", len(calls), busy(), refused.Raw)
	for _, word := range []string{"--max-busy " + maxBusy, "1 of 1 shards"} {
		if refused.Code == 0 || !strings.Contains(string(refused.Raw), word) {
			t.Errorf("nothing of %q in %d %s", word, refused.Code, refused.Raw)
		}
	}
	time.Sleep(5 * time.Second) // with all of them under way
	after := busy()
	t.Logf("after five seconds more: busy %.3f", after)
	cancel()
	sent, lag := 0, time.Duration(0)
	for _, s := range senders {
		report, err := s.Wait()
		if err != nil {
			t.Error(err)
		}
		sent, lag = sent+report.Packets, max(lag, report.Lag)
	}
	// What the worker waits for is a second, and calls it has taken cannot be given
	// back when others take the CPU from it.
	if lag > 500*time.Millisecond || after > starved {
		t.Skipf("the machine is too busy to tell: the generator lags by %v, the shard is busy %.2f with calls for %s %%", lag, after, maxBusy)
	}
	time.Sleep(2 * time.Second)
	if err := forAll(8, len(calls), func(i int) error {
		a, err := w.try(http.MethodPost, "/channels/"+url.PathEscape(calls[i]), map[string]any{"action": "hangup"})
		if err == nil && a.Code != http.StatusOK {
			err = fmt.Errorf("hanging %s up: %d %s", calls[i], a.Code, a.Raw)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	eventually(t, "a worker without calls takes calls", time.Minute, func() bool {
		return w.metric("callrec_calls") == 0 && w.ready() == http.StatusOK
	})
	w.announce("later", nil, nil)
	if taken := int(w.metric(`callrec_packets_total{fate="rtp"}`)); taken != sent {
		t.Errorf("%d packets were sent, %d taken", sent, taken)
	}
	for _, name := range []string{
		`callrec_packets_total{fate="late"}`, `callrec_packets_total{fate="lost"}`, "callrec_datagrams_dropped_total", "callrec_spool_lost_bytes_total",
	} {
		if v := w.metric(name); v != 0 {
			t.Errorf("%s is %v", name, v)
		}
	}
}

// Calls are refused before the memory for them is used up, with how much there is,
// and taken again when others have gone.
func TestMemoryUsedUp(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "22000-22999", "--max-memory", "48")
	announce := func(n int) answer {
		return w.do(http.MethodPut, "/channels", map[string]any{
			"call_id": fmt.Sprint("call", n), "flow": map[string]any{"module": "record_call", "data": map[string]any{"action": "start", "format": "mp3"}},
		})
	}
	calls, a := 0, announce(0)
	for ; a.Code == http.StatusCreated && calls < 250; a = announce(calls) {
		calls++
	}
	t.Logf("%d calls: %s", calls, a.Raw)
	if a.Code != http.StatusServiceUnavailable || calls < 20 || !strings.Contains(string(a.Raw), "up to 36, three quarters of the budget (--max-memory 48)") {
		t.Errorf("after %d calls: %d %s", calls, a.Code, a.Raw)
	}
	if again := w.retryAfter(map[string]any{"call_id": "newer"}); again == "" || w.ready() != http.StatusServiceUnavailable {
		t.Errorf("Retry-After %q, /readyz %d", again, w.ready())
	}
	for n := range calls / 2 {
		w.act(fmt.Sprint("call", n), "hangup")
	}
	eventually(t, "there is memory again", 30*time.Second, func() bool { return w.ready() == http.StatusOK })
	if a = announce(calls); a.Code != http.StatusCreated {
		t.Errorf("announced with memory for it: %d %s", a.Code, a.Raw)
	}
}

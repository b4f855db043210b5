package bench

import (
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/internal/testkit"
)

// Positions on a call's timeline are samples at 8 kHz, and so are these.
const (
	ms     = 8
	second = 1000 * ms
)

// object is JSON.
type object = map[string]any

// house is a worker with an account acc, and the receiver that its recordings go to.
type house struct {
	*worker
	in *inbox
}

// openHouse starts a worker on ports that no other test has.
func openHouse(t *testing.T, ports string) house {
	t.Helper()
	h := house{startWorker(t, t.TempDir(), "--rtp-ports", ports, "--hold", "3s"), newInbox(t)}
	h.open("acc")
	return h
}

// open makes an account, and is the house in it.
func (h house) open(account string) house {
	h.t.Helper()
	w := *h.worker
	w.account = ""
	w.must(http.MethodPut, "", object{"id": account, "name": "Acme"})
	w.account = account
	return house{&w, h.in}
}

// under is the house with failures going to a subtest.
func (h house) under(t *testing.T) house { return house{h.worker.in(t), h.in} }

// must is do, of what cannot fail.
func (w *worker) must(method, path string, data any) answer {
	w.t.Helper()
	a := w.do(method, path, data)
	if a.Code/100 != 2 {
		w.t.Fatalf("%s %s: %d %s", method, path, a.Code, a.Raw)
	}
	return a
}

// together runs subtests all at once, however few -parallel allows: they do little
// but wait.
func together(t *testing.T, tests map[string]func(t *testing.T)) {
	var all sync.WaitGroup
	for name, f := range tests {
		all.Go(func() { t.Run(name, f) })
	}
	all.Wait()
}

// lines are so many short calls as run at once; long ones are few, and always can.
var lines = make(chan struct{}, 32)

// spoken is a call on which both parties speak. All that is told of it says its
// instant itself, so that what its files must hold is known to the sample, however
// late the machine is. Instants of tests count from when the parties begin; the
// timeline begins with the announcement.
type spoken struct {
	t       *testing.T
	h       house
	id      string
	epoch   time.Time // position 0
	start   int       // position at which the first recording was asked for
	zero    int       // position from which instants count: 0 until the parties speak
	data    callData  // the latest answer
	talks   [2]*talk
	done    func()
	line    func() // given back
	key     *byte  // that the caller presses, an event code of RFC 4733,
	pressed int    // at this packet

	caller, callee string       // the users that the legs belong to, as far as it is said
	left           [2]time.Time // when sample 0 of a talk left at the latest; talk.earliest is at the earliest
	place          [2]int       // where on the timeline packet 0 of each talk lies
	found          [2]bool
}

// call announces a call between two endpoints of the account. Its parties have so
// many packets to say.
func (h house) call(t *testing.T, id string, more object, packets int) *spoken {
	t.Helper()
	c := &spoken{t: t, h: h.under(t), id: id, talks: parley(id, packets), line: func() {}}
	if packets < 100 {
		lines <- struct{}{}
		c.line = sync.OnceFunc(func() { <-lines })
	}
	t.Cleanup(c.line)
	c.epoch = time.Now().Truncate(time.Millisecond)
	data := object{
		"call_id": id, "other_leg_call_id": id + "-b", "from": "1001@acme.example", "to": "1002@acme.example",
		"from_network": "onnet", "to_network": "onnet", "at": c.stamp(0),
	}
	maps.Copy(data, more)
	a := c.h.do(http.MethodPut, "/channels", data)
	c.punctual("an answer", 0, 2900*time.Millisecond)
	if a.Code != http.StatusCreated {
		t.Fatalf("announcing %s: %d %s", id, a.Code, a.Raw)
	}
	c.data = a.Data
	return c
}

// stamp is a position as requests say it.
func (c *spoken) stamp(pos int) string {
	return c.epoch.Add(time.Duration(pos) * sample).UTC().Format(time.RFC3339Nano)
}

// at is the position of an instant.
func (c *spoken) at(instant int) int { return c.zero + instant }

// now is the position of this moment, to a millisecond.
func (c *spoken) now() int { return int(time.Since(c.epoch)/time.Millisecond) * ms }

// until waits for an instant.
func (c *spoken) until(instant int) {
	time.Sleep(time.Until(c.epoch.Add(time.Duration(c.at(instant)) * sample)))
}

// path is that of the call, under its account.
func (c *spoken) path() string { return "/channels/" + url.PathEscape(c.id) }

// tell sends a request about the call at an instant, which it says; the worker takes
// what was up to a hold ago. said is the part of the data that says it.
func (c *spoken) tell(method string, instant int, data, said object) answer {
	c.t.Helper()
	c.until(instant)
	pos := c.at(instant)
	c.punctual("a request", pos, 1500*time.Millisecond)
	said["at"] = c.stamp(pos)
	a := c.h.do(method, c.path(), data)
	c.punctual("an answer", pos, 2900*time.Millisecond) // less than the hold, so it was in time
	if a.Code == http.StatusOK {
		c.data = a.Data
	}
	return a
}

// punctual skips the test if a position has long passed.
func (c *spoken) punctual(what string, pos int, most time.Duration) {
	c.t.Helper()
	if late := time.Since(c.epoch.Add(time.Duration(pos) * sample)); late > most {
		c.t.Skipf("the machine is too busy: %s comes %v late", what, late)
	}
}

// act posts an action, with what else it says.
func (c *spoken) act(instant int, action string, more object) {
	c.t.Helper()
	data := object{"action": action}
	maps.Copy(data, more)
	if a := c.tell(http.MethodPost, instant, data, data); a.Code != http.StatusOK {
		c.t.Fatalf("%s of %s: %d %s", action, c.id, a.Code, a.Raw)
	}
}

// meta sends a metaflow record_call.
func (c *spoken) meta(instant int, data object) answer {
	c.t.Helper()
	said := maps.Clone(data)
	return c.tell(http.MethodPut, instant, object{"action": "metaflow", "data": object{"module": "record_call", "data": said}}, said)
}

// metaOK is meta that works.
func (c *spoken) metaOK(instant int, data object) {
	c.t.Helper()
	if a := c.meta(instant, data); a.Code != http.StatusOK {
		c.t.Fatalf("metaflow %v of %s: %d %s", data, c.id, a.Code, a.Raw)
	}
}

// speak lets both parties begin. The caller presses the key at a packet, in place of
// what is to be said there, if it has one.
func (c *spoken) speak() {
	c.t.Helper()
	c.zero = c.now()
	var both sync.WaitGroup
	t := c.t // c may go under a subtest meanwhile
	for leg, name := range []string{"caller", "callee"} {
		conn, to, k := udp(c.t, "127.0.0.1:0"), c.data.port(c.t, name), c.talks[leg]
		both.Go(func() {
			start := time.Now()
			for n := range k.sent {
				time.Sleep(time.Duration(n)*frameTime - time.Since(start))
				if i := n - c.pressed; c.key != nil && leg == 0 && i >= 0 && i < testkit.DigitFrames {
					h := rtp.Header{PayloadType: 101, SequenceNumber: k.seq + uint16(n), Timestamp: k.ts + uint32(c.pressed*frame), SSRC: k.ssrc, Marker: i == 0}
					if _, err := conn.WriteToUDPAddrPort(testkit.AppendRTP(nil, h, testkit.DigitPayload(*c.key, i)), to); err != nil {
						t.Errorf("cannot send: %v", err)
					}
					continue
				}
				k.send(t, conn, to, n)
				if left := time.Now().Add(-time.Duration(n) * frameTime); n == 0 || left.Before(c.left[leg]) {
					c.left[leg] = left
				}
			}
		})
	}
	c.done = both.Wait
	c.t.Cleanup(c.done)
}

// heard waits until the parties have said all, and skips the test if a busy machine
// has made them stammer.
func (c *spoken) heard() {
	c.t.Helper()
	c.done()
	for leg, k := range c.talks {
		late := k.earliest().Sub(c.epoch) - time.Duration(c.zero)*sample
		late = max(late, c.left[leg].Sub(k.earliest()))
		if lag := k.lateness(); lag > 250*time.Millisecond || late > 100*time.Millisecond {
			c.t.Skipf("the machine is too busy: a party begins %v late, and lags %v behind", late, lag)
		}
	}
}

// hangup ends the call; what the parties still say is said to nobody.
func (c *spoken) hangup(instant int) {
	c.t.Helper()
	c.act(instant, "hangup", nil)
	if c.done != nil {
		c.done()
	}
	c.line()
}

// recording is the n-th of the call, as it is now.
func (c *spoken) recording(n int) recordingData {
	c.t.Helper()
	a := c.h.must(http.MethodGet, c.path(), nil)
	if n >= len(a.Data.Recordings) {
		c.t.Fatalf("%s has %d recordings", c.id, len(a.Data.Recordings))
	}
	return a.Data.Recordings[n]
}

// becomes waits until the n-th recording is in a state.
func (c *spoken) becomes(n int, state string) {
	c.t.Helper()
	eventually(c.t, c.id+" is "+state, time.Minute, func() bool { return c.recording(n).State == state })
}

// origins are those of the call's recordings, in the order they were made.
func (c *spoken) origins() []string {
	out := []string{}
	for _, r := range c.data.Recordings {
		out = append(out, r.Origin)
	}
	return out
}

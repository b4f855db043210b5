package bench

import (
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"
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
var lines = make(chan struct{}, 48)

// spoken is a call on which both parties speak. All that is told of it says its
// instant itself, so that what its files must hold is known to the sample, however
// late the machine is.
type spoken struct {
	t     *testing.T
	h     house
	id    string
	epoch time.Time // position 0
	data  callData  // the latest answer
	talks [2]*talk
	done  func()
	begun int    // position at which they were to speak
	line  func() // given back

	caller, callee string // the users that the legs belong to, as far as it is said
	place          [2]int // where on the timeline packet 0 of each talk lies
	found          [2]bool
	hush           [][2]int // where a key is kept out of the caller's leg
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

// until waits for a position.
func (c *spoken) until(pos int) { time.Sleep(time.Until(c.epoch.Add(time.Duration(pos) * sample))) }

// path is that of the call, under its account.
func (c *spoken) path() string { return "/channels/" + url.PathEscape(c.id) }

// tell sends a request about the call at a position, which it says; the worker takes
// what was up to a hold ago. said is the part of the data that has the instant.
func (c *spoken) tell(method string, pos int, data, said object) answer {
	c.t.Helper()
	c.until(pos)
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
func (c *spoken) act(pos int, action string, more object) {
	c.t.Helper()
	data := object{"action": action}
	maps.Copy(data, more)
	if a := c.tell(http.MethodPost, pos, data, data); a.Code != http.StatusOK {
		c.t.Fatalf("%s of %s: %d %s", action, c.id, a.Code, a.Raw)
	}
}

// meta sends a metaflow record_call.
func (c *spoken) meta(pos int, data object) answer {
	c.t.Helper()
	said := maps.Clone(data)
	return c.tell(http.MethodPut, pos, object{"action": "metaflow", "data": object{"module": "record_call", "data": said}}, said)
}

// metaOK is meta that works.
func (c *spoken) metaOK(pos int, data object) {
	c.t.Helper()
	if a := c.meta(pos, data); a.Code != http.StatusOK {
		c.t.Fatalf("metaflow %v of %s: %d %s", data, c.id, a.Code, a.Raw)
	}
}

// speak lets both parties begin.
func (c *spoken) speak() {
	c.t.Helper()
	c.begun = max(int(time.Since(c.epoch)/sample), 0)
	c.done = sync.OnceFunc(bothSpeak(c.t, c.data, c.talks))
	c.t.Cleanup(c.done)
}

// heard waits until the parties have said all, and skips the test if a busy machine
// has made them stammer, or begin when a file may be over.
func (c *spoken) heard() {
	c.t.Helper()
	c.done()
	for _, k := range c.talks {
		late := k.origin().Sub(c.epoch) - time.Duration(c.begun)*sample
		if lag := k.lag(); lag > 250*time.Millisecond || late > 250*time.Millisecond || c.begun > 450*ms {
			c.t.Skipf("the machine is too busy: a party begins after %d ms, %v late, and lags %v behind", c.begun/ms, late, lag)
		}
	}
}

// hangup ends the call; what the parties still say is said to nobody.
func (c *spoken) hangup(pos int) {
	c.t.Helper()
	c.act(pos, "hangup", nil)
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
	until(c.t, c.id+" is "+state, func() bool { return c.recording(n).State == state })
}

// origins are those of the call's recordings, in the order they were made.
func (c *spoken) origins() []string {
	out := []string{}
	for _, r := range c.data.Recordings {
		out = append(out, r.Origin)
	}
	return out
}

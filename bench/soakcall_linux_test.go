package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"callrec/internal/testkit"
)

// kind is what happens in a call of the soak, and what has to become of its recordings.
type kind struct {
	name   string
	weight int
	fate   string // the state that its recordings end in
	exact  bool   // its first file is the whole call, sample by sample
	live   func(c *soakCall) error
}

var soakKinds = []kind{
	{name: "plain", weight: 36, fate: "delivered", exact: true},
	{name: "never answered", weight: 8, fate: "cancelled"},
	{name: "answered", weight: 8, fate: "delivered", live: func(c *soakCall) error { return c.act("answer", nil) }},
	{name: "too short", weight: 8, fate: "discarded"},
	{name: "refused", weight: 5, fate: "parked"},
	{name: "masked", weight: 8, fate: "delivered", live: (*soakCall).maskAndUnmask},
	{name: "updated", weight: 7, fate: "delivered", exact: true, live: (*soakCall).updateTwice},
	{name: "transferred", weight: 5, fate: "delivered", exact: true, live: (*soakCall).transfer},
	{name: "ends at the transfer", weight: 3, fate: "delivered", live: (*soakCall).transfer},
	{name: "caller", weight: 6, fate: "delivered"},
	{name: "two files", weight: 6, fate: "delivered", exact: true, live: (*soakCall).secondFile},
}

func drawKind(r *rand.Rand) *kind {
	all := 0
	for i := range soakKinds {
		all += soakKinds[i].weight
	}
	n := r.IntN(all)
	for i := range soakKinds {
		if n -= soakKinds[i].weight; n < 0 {
			return &soakKinds[i]
		}
	}
	return &soakKinds[0] // not reached
}

// soakCall is one call of the soak: what it is asked for, what was answered, and what
// its party sends. It is one goroutine's until it is over.
type soakCall struct {
	s       *soak
	n       int
	id      string
	account string
	kind    *kind
	format  string
	stereo  bool
	packets int // of the caller
	r       *rand.Rand

	legs      [2]netip.AddrPort
	announced [2]time.Time // asked and answered, in between
	hungUp    [2]time.Time
	last      []recordingData // as it was told when all was over
	first     string          // the recording that its announcement made
}

// lifetime is how long its legs speak.
func (c *soakCall) lifetime() time.Duration { return time.Duration(c.packets) * ptime }

func (c *soakCall) worker() *worker {
	w := *c.s.w
	w.account = c.account
	return &w
}

// settings are those of its recordings.
func (c *soakCall) settings() map[string]any {
	set := map[string]any{"format": c.format, "url": c.s.rec.URL + "/in"}
	if c.stereo {
		set["channels"] = "stereo"
	}
	switch c.kind.name {
	case "never answered", "answered":
		set["record_on_answer"] = true
	case "too short":
		set["record_min_sec"] = 3600
	case "refused":
		set["url"] = c.s.refuser.URL + "/in"
	case "ends at the transfer":
		set["should_follow_transfer"] = false
	}
	return set
}

// flow is its callflow.
func (c *soakCall) flow() map[string]any {
	set := c.settings()
	set["action"] = "start"
	node := map[string]any{"module": "record_call", "data": set}
	if c.kind.name != "caller" {
		return node
	}
	node["children"] = map[string]any{}
	return map[string]any{
		"module": "record_caller", "children": map[string]any{"_": node},
		"data": map[string]any{"format": c.format, "url": c.s.rec.URL + "/caller", "time_limit": 5},
	}
}

func (c *soakCall) path() string { return "/channels/" + url.PathEscape(c.id) }

// errRefused says that a worker took no call: a busy machine has room for fewer.
var errRefused = errors.New("refused")

// ask sends a request and wants the code.
func (c *soakCall) ask(method, path string, data map[string]any, code int) (callData, error) {
	a, err := c.worker().try(method, path, data)
	if err == nil && a.Code == http.StatusServiceUnavailable && code == http.StatusCreated {
		return a.Data, errRefused
	}
	if err == nil && a.Code != code {
		err = fmt.Errorf("%s %s of %s: %d %s", method, path, c.kind.name, a.Code, a.Raw)
	}
	if err == nil {
		c.s.knows(c, a.Data.Recordings)
	}
	return a.Data, err
}

func (c *soakCall) act(action string, more map[string]any) error {
	data := map[string]any{"action": action}
	for k, v := range more {
		data[k] = v
	}
	_, err := c.ask(http.MethodPost, c.path(), data, http.StatusOK)
	return err
}

// metaflow tells record_call something.
func (c *soakCall) metaflow(data map[string]any) error {
	_, err := c.ask(http.MethodPut, c.path(), map[string]any{
		"action": "metaflow", "data": map[string]any{"module": "record_call", "data": data},
	}, http.StatusOK)
	return err
}

func (c *soakCall) announce() error {
	c.announced[0] = time.Now()
	data, err := c.ask(http.MethodPut, "/channels", map[string]any{
		"call_id": c.id, "from": fmt.Sprint(c.n), "to": "1002@acme.example", "flow": c.flow(),
	}, http.StatusCreated)
	c.announced[1] = time.Now()
	if err != nil {
		return err
	}
	if len(data.Legs) != 2 || len(data.Recordings) != 1 {
		return fmt.Errorf("%s has %d legs and %d recordings", c.id, len(data.Legs), len(data.Recordings))
	}
	for k, l := range data.Legs {
		c.legs[k] = netip.AddrPortFrom(netip.MustParseAddr(l.Address), uint16(l.RTPPort))
	}
	c.first = data.Recordings[0].ID
	return nil
}

// part waits for a part of its lifetime.
func (c *soakCall) part(of float64) {
	time.Sleep(time.Duration(of * float64(c.lifetime()) * (0.5 + c.r.Float64()/2)))
}

func (c *soakCall) maskAndUnmask() error {
	for range 2 {
		for _, action := range []string{"mask", "unmask"} {
			if err := c.metaflow(map[string]any{"action": action}); err != nil {
				return err
			}
			c.part(0.2)
		}
	}
	return nil
}

// updateTwice names what is so already: not one sample may change.
func (c *soakCall) updateTwice() error {
	for n := range 2 {
		if err := c.act("update", map[string]any{"legs": []any{map[string]any{"leg": "caller", "label": fmt.Sprint("label-", n)}}}); err != nil {
			return err
		}
		c.part(0.4)
	}
	return nil
}

func (c *soakCall) transfer() error {
	return c.act("transfer", map[string]any{"leg": "callee", "call_id": c.id + "-consult"})
}

func (c *soakCall) secondFile() error {
	set := c.settings()
	set["action"], set["media_name"] = "start", "second"
	if err := c.metaflow(set); err != nil {
		return err
	}
	c.part(0.3)
	return c.metaflow(map[string]any{"action": "stop", "media_name": "second"})
}

// cohort starts calls at once, whose legs one sender serves until the longest is over.
func (s *soak) cohort(calls []*soakCall) {
	var wg sync.WaitGroup
	ok := make([]bool, len(calls))
	for i, c := range calls {
		wg.Go(func() {
			err := c.announce()
			s.note(err)
			ok[i] = err == nil
		})
	}
	wg.Wait()
	var legs []netip.AddrPort
	var talking []*soakCall
	for i, c := range calls {
		if ok[i] {
			legs, talking = append(legs, c.legs[:]...), append(talking, c)
		}
	}
	if len(talking) < len(calls) {
		s.live.Add(int64(len(talking) - len(calls)))
	}
	if len(talking) == 0 {
		return
	}
	sender, err := testkit.StartSender(context.Background(), testkit.SenderConfig{Legs: legs, Schedule: soakSchedule(talking)})
	if err != nil {
		s.note(err)
		s.live.Add(int64(-len(talking)))
		return
	}
	for _, c := range talking {
		s.calls.Go(func() { s.note(c.goThrough(sender)) })
	}
}

// soakSchedule is the schedule of some calls: their packets of one 20 ms are due at once,
// so that one system call sends them. A callee waits like that of the load test.
func soakSchedule(calls []*soakCall) testkit.Schedule {
	payload := packets(func(leg int) speech { return speechOf(leg) })
	n, i := 0, 0
	longest := 0
	for _, c := range calls {
		longest = max(longest, c.packets)
	}
	return func() (testkit.Packet, bool) {
		for n < longest {
			leg, c := i, calls[i/2]
			due := time.Duration(n) * ptime
			at := n
			if i++; i == 2*len(calls) {
				n, i = n+1, 0
			}
			if at >= c.packets {
				continue
			}
			if b := payload(2*c.n+leg%2, at); b != nil {
				return testkit.Packet{Leg: leg, Due: due, Data: b}, true
			}
		}
		return testkit.Packet{}, false
	}
}

// goThrough is the life of a call after its announcement.
func (c *soakCall) goThrough(sender *testkit.Sender) error {
	hung := sync.OnceFunc(func() { c.s.live.Add(-1) })
	defer hung()
	over := sender.Start().Add(c.lifetime() + 300*time.Millisecond)
	c.part(0.1)
	if c.kind.live != nil {
		if err := c.kind.live(c); err != nil {
			return err
		}
	}
	time.Sleep(time.Until(over))
	c.hungUp[0] = time.Now()
	err := c.act("hangup", nil)
	c.hungUp[1] = time.Now()
	hung()
	if err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // a callflow's next node may begin one hold late
	data, err := c.ask(http.MethodGet, c.path(), nil, http.StatusOK)
	if err != nil {
		return err
	}
	c.last = data.Recordings
	c.s.over(c)
	report, err := sender.Wait()
	if err != nil {
		return err
	}
	return c.judge(report.Lag)
}

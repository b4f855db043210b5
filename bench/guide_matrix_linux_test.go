package bench

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Who calls whom, as an SBC announces it. ann has the device phone; bob is her
// colleague, who wants nothing recorded.
var kinds = map[string]object{
	"ann calls bob":     {"from_network": "onnet", "to_network": "onnet", "caller": object{"device_id": "phone"}, "callee": object{"user_id": "bob"}},
	"bob calls ann":     {"from_network": "onnet", "to_network": "onnet", "caller": object{"user_id": "bob"}, "callee": object{"device_id": "phone"}},
	"ann calls outside": {"from_network": "onnet", "to_network": "offnet", "caller": object{"device_id": "phone"}},
	"outside calls ann": {"from_network": "offnet", "to_network": "onnet", "callee": object{"device_id": "phone"}},
}

// Why a call is recorded, in Kazoo's words: into or out of the account, to or from
// the endpoint.
const (
	intoOn  = "inbound from onnet to account"
	intoOff = "inbound from offnet to account"
	outOn   = "outbound to onnet from account"
	outOff  = "outbound to offnet from account"
	toOn    = "inbound from onnet to endpoint"
	toOff   = "inbound from offnet to endpoint"
	fromOn  = "outbound to onnet from endpoint"
	fromOff = "outbound to offnet from endpoint"
)

// why is why each kind of call is recorded; one that is not named is not.
type why = map[string]string

// matrix is the guide's, written out: what each setting records at the account, where
// every call of an endpoint comes into the account and outbound is only asked when
// inbound has said no, and at the endpoint of ann.
var matrix = []struct {
	direction, network string
	account, endpoint  why
}{
	{
		"inbound", "onnet",
		why{"ann calls bob": intoOn, "bob calls ann": intoOn, "ann calls outside": intoOn},
		why{"bob calls ann": toOn},
	},
	{
		"inbound", "offnet",
		why{"outside calls ann": intoOff},
		why{"outside calls ann": toOff},
	},
	{
		"inbound", "any",
		why{"ann calls bob": intoOn, "bob calls ann": intoOn, "ann calls outside": intoOn, "outside calls ann": intoOff},
		why{"bob calls ann": toOn, "outside calls ann": toOff},
	},
	{
		"outbound", "onnet",
		why{"ann calls bob": outOn, "bob calls ann": outOn, "outside calls ann": outOn},
		why{"ann calls bob": fromOn},
	},
	{
		"outbound", "offnet",
		why{"ann calls outside": outOff},
		why{"ann calls outside": fromOff},
	},
	{
		"outbound", "any",
		why{"ann calls bob": outOn, "bob calls ann": outOn, "ann calls outside": outOff, "outside calls ann": outOn},
		why{"ann calls bob": fromOn, "ann calls outside": fromOff},
	},
	{
		"any", "onnet",
		why{"ann calls bob": intoOn, "bob calls ann": intoOn, "ann calls outside": intoOn, "outside calls ann": outOn},
		why{"ann calls bob": fromOn, "bob calls ann": toOn},
	},
	{
		"any", "offnet",
		why{"ann calls outside": outOff, "outside calls ann": intoOff},
		why{"ann calls outside": fromOff, "outside calls ann": toOff},
	},
	{
		"any", "any",
		why{"ann calls bob": intoOn, "bob calls ann": intoOn, "ann calls outside": intoOn, "outside calls ann": intoOff},
		why{"ann calls bob": fromOn, "bob calls ann": toOn, "ann calls outside": fromOff, "outside calls ann": toOff},
	},
}

// staff makes ann, her phone and bob.
func (h house) staff() {
	h.t.Helper()
	h.must(http.MethodPut, "/users", object{"id": "ann", "first_name": "Ann", "last_name": "Lee"})
	h.must(http.MethodPut, "/devices", object{"id": "phone", "name": "Ann's phone", "owner_id": "ann"})
	h.must(http.MethodPut, "/users", object{
		"id": "bob", "first_name": "Bob", "last_name": "Roe", "call_recording": object{"any": object{"any": object{"enabled": false}}},
	})
}

// level is a document that the matrix is put in.
type level struct {
	name, path string
	wrap       string // the key around the matrix; none if it is empty
	account    bool   // it says what the account's calls get, not what endpoints get
}

var levels = []level{
	{"account", "", "account", true},
	{"account-as-the-guide", "", "", true},
	{"all-endpoints", "", "endpoint", false},
	{"user", "/users/ann", "", false},
	{"device", "/devices/phone", "", false},
}

// set puts a matrix of settings in the place of what is there.
func (l *level) set(h house, matrix object) {
	h.t.Helper()
	if l.wrap != "" {
		matrix = object{l.wrap: matrix}
	}
	h.must(http.MethodPatch, l.path, object{"call_recording": nil})
	h.must(http.MethodPatch, l.path, object{"call_recording": matrix})
}

// Each cell of the guide's matrix, at each level that it may stand at, records the
// calls that it should and no others. The documents change while calls run, which
// keeps those calls as they are.
func guideMatrix(t *testing.T, h house) {
	tests := map[string]func(t *testing.T){}
	for _, l := range levels {
		if l.name == "account" && !long() {
			continue // the guide's form is shown anyhow
		}
		tests[l.name] = func(t *testing.T) { l.show(t, h.under(t).open(l.name)) }
	}
	together(t, tests)
}

func (l *level) show(t *testing.T, h house) {
	h.staff()
	var calls sync.WaitGroup
	total, of := 0, map[string]int{} // recordings; by user
	var skipped atomic.Int32
	for _, row := range matrix {
		l.set(h, object{row.direction: object{row.network: object{"enabled": true, "format": "wav", "url": h.in.URL + "/" + l.name + "/"}}})
		reasons := row.endpoint
		if l.account {
			reasons = row.account
		}
		for kind := range kinds {
			c := h.ring(t, l.name+"."+row.direction+"."+row.network, kind)
			var want []string
			if reasons[kind] != "" {
				want = []string{reasons[kind]}
				total++
				of[c.owner(reasons[kind])]++
			}
			calls.Go(func() {
				t.Run(c.id, func(t *testing.T) {
					skipped.Add(1)
					c.under(t).isRecorded(want, []string{l.name + ".wav"})
					skipped.Add(-1)
				})
			})
		}
	}
	calls.Wait()
	if skipped.Load() > 0 {
		return // of a busy machine
	}
	h.lists("/recordings", total)
	h.lists("/users/ann/recordings", of["ann"])
	h.lists("/users/bob/recordings", of["bob"])
}

// ring announces a call of a kind.
func (h house) ring(t *testing.T, name, kind string) *spoken {
	t.Helper()
	c := h.call(t, name+"."+strings.ReplaceAll(kind, " ", "_"), kinds[kind], 75)
	if caller, _, _ := strings.Cut(kind, " "); caller != "outside" {
		c.caller = caller
	}
	c.callee = "ann" // bob's leg is never recorded
	return c
}

// owner is the user whose recording it is that has been made for a reason: that of
// the leg recorded.
func (c *spoken) owner(reason string) string {
	if reason == toOn || reason == toOff {
		return c.callee
	}
	return c.caller
}

// lists waits until a list of recordings has so many, and looks that it has no more.
func (h house) lists(path string, want int) {
	h.t.Helper()
	var list []object
	eventually(h.t, path, time.Minute, func() bool {
		list = h.list(path)
		return len(list) >= want
	})
	if len(list) != want {
		h.t.Errorf("%s of %s has %d, want %d", path, h.account, len(list), want)
	}
}

// under is the call with failures going to a subtest.
func (c *spoken) under(t *testing.T) *spoken {
	c.t, c.h = t, c.h.under(t)
	t.Cleanup(c.line)
	return c
}

// isRecorded lets a call happen that has just been announced, and wants one recording
// for each of the origins: under the account's names, in the files of these forms,
// <path>.<format>. Without any, not even a port may be open.
func (c *spoken) isRecorded(origins, files []string) {
	c.t.Helper()
	if got := c.origins(); !slices.Equal(got, origins) {
		c.t.Errorf("%s is recorded because %q, want %q", c.id, got, origins)
		return
	}
	if len(origins) == 0 {
		if len(c.data.Legs) > 0 {
			c.t.Errorf("%s has ports: %+v", c.id, c.data.Legs)
		}
		c.zero = c.now()
		c.act(100*ms, "answer", object{"leg": "callee"})
		c.hangup(200 * ms)
		if got := c.origins(); len(got) > 0 {
			c.t.Errorf("%s came to be recorded because %q", c.id, got)
		}
		return
	}
	c.speak()
	c.act(250*ms, "answer", object{"leg": "callee"})
	c.act(1400*ms, "bridge", nil) // too late to matter to anything
	c.hangup(lasts)
	for i, r := range c.data.Recordings {
		d := c.h.in.take(c.t, r.ID)
		callID, from := c.id, 0
		if r.Origin == toOn || r.Origin == toOff { // on her leg, from its answer
			callID, from = c.id+"-b", c.at(250*ms)
		}
		format := strings.TrimPrefix(path.Ext(files[i]), ".")
		want := "/" + strings.TrimSuffix(files[i], "."+format) + "/call_recording_" + url.PathEscape(callID) + "." + format
		if d.method != http.MethodPut || d.path != want {
			c.t.Errorf("%s: %s %s, want PUT %s", c.id, d.method, d.path, want)
		}
		said := map[string]string{"call_id": callID, "owner_id": c.owner(r.Origin), "account_id": c.h.account, "recording_id": r.ID, "from": "1001@acme.example", "to": "1002@acme.example"}
		for key, value := range said {
			if d.query.Get(key) != value {
				c.t.Errorf("%s: %s is %q, want %q", c.id, key, d.query.Get(key), value)
			}
		}
		h := held{format: format, from: from, to: c.at(lasts)}
		if format == "mp3" {
			h.rate = 16000
		}
		c.holds(c.id, d.listen(c.t), h)
	}
}

// list is a list that the API gives whole.
func (h house) list(path string) (list []object) {
	h.t.Helper()
	a := h.must(http.MethodGet, path+"?paginate=false", nil)
	if err := json.Unmarshal(a.Raw, &list); err != nil {
		h.t.Fatal(err)
	}
	return list
}

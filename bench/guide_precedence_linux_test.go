package bench

import (
	"maps"
	"net/http"
	"sync"
	"testing"
)

// precedence is which of several settings counts, written out: documents, and for
// each kind of call the files, <last part of the url>.<format>.
var precedence = []struct {
	name                           string
	account, endpoint, user, phone object // matrices; nil is none
	files                          map[string]string
}{
	{
		name: "any of any", user: object{"any": object{"any": on("u", "mp3")}},
		files: map[string]string{"ann calls bob": "u.mp3", "bob calls ann": "u.mp3", "ann calls outside": "u.mp3", "outside calls ann": "u.mp3"},
	},
	{
		name: "device over user", user: object{"any": object{"any": on("u", "wav")}}, phone: object{"inbound": object{"offnet": on("", "")}},
		files: map[string]string{"outside calls ann": "u.wav"},
	},
	{
		name: "device says no", user: object{"any": object{"any": on("u", "wav")}}, phone: object{"any": object{"any": object{"enabled": false}}},
		files: map[string]string{},
	},
	{
		name:  "any.network over direction.any",
		user:  object{"any": object{"offnet": on("a", "wav")}, "inbound": object{"any": object{"enabled": false, "url": "b"}}},
		files: map[string]string{"outside calls ann": "a.wav", "ann calls outside": "a.wav"},
	},
	{
		name: "field by field", user: object{"any": object{"any": on("u", "wav")}, "inbound": object{"offnet": object{"url": "v"}}},
		files: map[string]string{"ann calls bob": "u.wav", "bob calls ann": "u.wav", "ann calls outside": "u.wav", "outside calls ann": "v.wav"},
	},
	{
		name: "fields of the account", endpoint: object{"any": object{"any": on("acc", "wav")}}, user: object{"inbound": object{"offnet": on("", "")}},
		files: map[string]string{"outside calls ann": "acc.wav"},
	},
	{
		name: "empty says nothing", endpoint: object{"any": object{"any": on("acc", "wav")}}, user: object{}, phone: object{},
		files: map[string]string{"ann calls bob": "acc.wav", "bob calls ann": "acc.wav", "ann calls outside": "acc.wav", "outside calls ann": "acc.wav"},
	},
	{
		name: "not enabled", user: object{"inbound": object{"offnet": object{"url": "x"}}}, files: map[string]string{},
	},
	{
		name:  "sales",
		user:  object{"inbound": object{"offnet": on("x", "wav")}, "outbound": object{"offnet": on("x", "wav")}},
		files: map[string]string{"outside calls ann": "x.wav", "ann calls outside": "x.wav"},
	},
	{
		name: "nobody turns the account off", account: object{"inbound": object{"onnet": on("acc", "wav")}},
		user: object{"any": object{"any": object{"enabled": false}}}, phone: object{"any": object{"any": object{"enabled": false}}},
		files: map[string]string{"ann calls bob": "acc.wav", "bob calls ann": "acc.wav", "ann calls outside": "acc.wav"},
	},
	{
		name: "the account turns nobody on", account: object{"any": object{"any": object{"enabled": false, "url": "acc"}}}, user: object{"outbound": object{"onnet": on("u", "wav")}},
		files: map[string]string{"ann calls bob": "u.wav"},
	},
}

// on is settings that record; empty ones are not said.
func on(url, format string) object {
	o := object{"enabled": true}
	if url != "" {
		o["url"] = url
	}
	if format != "" {
		o["format"] = format
	}
	return o
}

// located is a matrix whose urls lead to the inbox.
func (h house) located(matrix object) object {
	out := maps.Clone(matrix)
	for key, v := range out {
		switch v := v.(type) {
		case object:
			out[key] = h.located(v)
		case string:
			if key == "url" {
				out[key] = h.in.URL + "/" + v
			}
		}
	}
	return out
}

// The most specific setting wins, field by field, and the device over the user over
// what the account has for endpoints; the account's own recordings are apart.
func guidePrecedence(t *testing.T, h house) {
	tests := map[string]func(t *testing.T){}
	for i, p := range precedence {
		tests[p.name] = func(t *testing.T) {
			h := h.under(t).open("p" + string(rune('a'+i)))
			h.staff()
			if p.account != nil || p.endpoint != nil {
				both := object{}
				for key, m := range map[string]object{"account": p.account, "endpoint": p.endpoint} {
					if m != nil {
						both[key] = h.located(m)
					}
				}
				h.must(http.MethodPatch, "", object{"call_recording": both})
			}
			for path, m := range map[string]object{"/users/ann": p.user, "/devices/phone": p.phone} {
				if m != nil {
					h.must(http.MethodPatch, path, object{"call_recording": h.located(m)})
				}
			}
			var calls sync.WaitGroup
			for kind := range kinds {
				c := h.ring(t, h.account, kind)
				calls.Go(func() { t.Run(kind, func(t *testing.T) { c.under(t).comesAs(p.files[kind]) }) })
			}
			calls.Wait()
		}
	}
	together(t, tests)
}

// comesAs is isRecorded, for whatever reason.
func (c *spoken) comesAs(file string) {
	c.t.Helper()
	if file == "" {
		c.isRecorded([]string{}, nil)
		return
	}
	got := c.origins()
	if len(got) != 1 {
		c.t.Errorf("%s is recorded because %q, want one reason", c.id, got)
		return
	}
	c.isRecorded(got, []string{file})
}

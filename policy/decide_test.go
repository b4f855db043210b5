package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"callrec/policy"
)

// parse reads a document of a table; an empty text is no document.
func parse(t testing.TB, text string) doc {
	t.Helper()
	if text == "" {
		return nil
	}
	var d doc
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

func with(t testing.TB, text string) doc { // a document with that call_recording
	if text == "" {
		return nil
	}
	return doc{"call_recording": parse(t, text)}
}

// effective asks for the four cells of an endpoint: inbound.onnet,
// inbound.offnet, outbound.onnet, outbound.offnet; nil is off.
func effective(t testing.TB, account doc, e endpoint) (cells [4]*policy.Settings) {
	t.Helper()
	for i, net := range []string{"onnet", "offnet"} {
		in, _ := ask(t, story{from: net, to: "onnet", account: account, callees: []endpoint{e}})
		out, _ := ask(t, story{from: "onnet", to: net, account: account, caller: &e})
		if len(in) == 1 {
			cells[i] = &in[0].Settings
		}
		if len(out) == 1 {
			cells[2+i] = &out[0].Settings
		}
	}
	return cells
}

func TestSettingsOfAnEndpoint(t *testing.T) {
	const (
		all     = `{"any":{"any":{"enabled":true,"url":"http://u","format":"mp3"}}}`
		account = `{"endpoint":{"any":{"any":{"enabled":true,"url":"http://acc","format":"wav"}}}}`
	)
	for _, c := range []struct {
		name, account, user, device string
		want                        [4]string // "url format" of each cell; "" is off
	}{
		{"a user's any", "", all, "", [4]string{"http://u mp3", "http://u mp3", "http://u mp3", "http://u mp3"}},
		{"a device's cell switches the others off", "", all, `{"inbound":{"offnet":{"enabled":true}}}`, [4]string{"", "http://u mp3", "", ""}},
		{"a device switches everything off", "", all, `{"any":{"any":{"enabled":false}}}`, [4]string{}},
		{"any.offnet beats inbound.any", "", `{"any":{"offnet":{"enabled":true,"url":"http://a"}},"inbound":{"any":{"enabled":false,"url":"http://b"}}}`, "", [4]string{"", "http://a ", "", "http://a "}},
		{"one field of one cell", "", `{"any":{"any":{"enabled":true,"url":"http://u"}},"inbound":{"offnet":{"url":"http://v"}}}`, "", [4]string{"http://u ", "http://v ", "http://u ", "http://u "}},
		{"a user inherits url and format", account, `{"inbound":{"offnet":{"enabled":true}}}`, "", [4]string{"", "http://acc wav", "", ""}},
		{"empty documents inherit", account, `{}`, `{}`, [4]string{"http://acc wav", "http://acc wav", "http://acc wav", "http://acc wav"}},
		{"not enabled is off", "", `{"inbound":{"offnet":{"url":"http://x"}}}`, "", [4]string{}},
		{"sales: customers, not colleagues", "", `{"inbound":{"offnet":{"enabled":true,"url":"http://x"}},"outbound":{"offnet":{"enabled":true,"url":"http://x"}}}`, "", [4]string{"", "http://x ", "", "http://x "}},
		{"any.any without enabled leaves that to the account", account, `{"any":{"any":{"url":"http://w"}}}`, "", [4]string{"http://w wav", "http://w wav", "http://w wav", "http://w wav"}},
		{"and so does inbound.any", account, `{"inbound":{"any":{"url":"http://w"}}}`, "", [4]string{"http://w wav", "http://w wav", "", ""}},
		{"an empty direction is not an empty document", account, `{"inbound":{}}`, "", [4]string{}},
		{"an empty url is the default target", account, `{"any":{"any":{"url":""}}}`, "", [4]string{" wav", " wav", " wav", " wav"}},
		{"null takes away what is inherited", account, `{"any":{"any":{"url":null}}}`, "", [4]string{" wav", " wav", " wav", " wav"}},
		{"the account's own matrix is not inherited", `{"account":{"any":{"any":{"enabled":true}}}}`, "", `{"any":{"onnet":{"format":"wav"}}}`, [4]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := endpoint{users: []doc{with(t, c.user)}, device: with(t, c.device)}
			// Only what endpoints inherit: the account's own calls are another rule.
			for i, got := range effective(t, onlyEndpoints(with(t, c.account)), e) {
				text := ""
				if got != nil {
					text = got.URL + " " + got.Format
				}
				if text != c.want[i] {
					t.Errorf("cell %d is %q, want %q", i, text, c.want[i])
				}
			}
		})
	}
}

func onlyEndpoints(account doc) doc {
	delete(sub(account, "call_recording"), "account")
	if len(sub(account, "call_recording")) == 0 {
		return nil
	}
	return account
}

// Every field of a setting is inherited by itself.
func TestEveryFieldIsInheritedByItself(t *testing.T) {
	fields := map[string][2]string{
		"format": {`"wav"`, `"mp3"`}, "channels": {`"stereo"`, `"mono"`}, "record_sample_rate": {"8000", "44100"}, "record_min_sec": {"3", "0"},
		"time_limit": {"60", "70"}, "url": {`"http://a"`, `"http://b"`}, "record_on_answer": {"true", "false"}, "record_on_bridge": {"true", "false"},
	}
	var base []string
	for k, v := range fields {
		base = append(base, `"`+k+`":`+v[0])
	}
	account := parse(t, `{"call_recording":{"endpoint":{"any":{"any":{"enabled":true,`+strings.Join(base, ",")+`}}}}}`)
	asked := func(user string) doc {
		cells := effective(t, account, endpoint{users: []doc{parse(t, user)}})
		text, _ := json.Marshal(cells[3])
		return parse(t, string(text))
	}
	inherited := asked(`{}`)
	for k, v := range fields {
		got := asked(`{"call_recording":{"any":{"any":{"` + k + `":` + v[1] + `}}}}`)
		want := over(inherited, parse(t, `{"`+k+`":`+v[1]+`}`))
		if want[k] == false { // omitted
			delete(want, k)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", k, got, want)
		}
	}
}

func TestOldRecordCall(t *testing.T) {
	for text, want := range map[string]string{
		`{"record_call":true}`:   " ",
		`{"record_call":"true"}`: " ",
		`{"record_call":false}`:  "off",
		`{"record_call":{"record_call":true,"url":"http://u","format":"wav"}}`: "http://u wav",
		`{"record_call":{"url":"http://u"}}`:                                   "off",
		`{"record_call":true,"call_recording":{}}`:                             "off",
	} {
		for i, cell := range effective(t, nil, endpoint{device: parse(t, text)}) {
			got := "off"
			if cell != nil {
				got = cell.URL + " " + cell.Format
			}
			if got != want {
				t.Errorf("%s, cell %d: %q, want %q", text, i, got, want)
			}
		}
	}
}

// origins are those of the recordings of a call, joined.
func origins(wanted []policy.Wanted) string {
	var out []string
	for _, w := range wanted {
		out = append(out, w.Origin)
	}
	return strings.Join(out, ", ")
}

func TestMatrixOfTheAccount(t *testing.T) {
	for _, c := range []struct{ from, to, cell, want string }{
		{"onnet", "onnet", "inbound.onnet", "inbound from onnet to account"},
		{"onnet", "onnet", "inbound.offnet", ""},
		{"onnet", "onnet", "outbound.onnet", "outbound to onnet from account"},
		{"onnet", "onnet", "outbound.offnet", ""},
		{"onnet", "offnet", "inbound.onnet", "inbound from onnet to account"},
		{"onnet", "offnet", "inbound.offnet", ""},
		{"onnet", "offnet", "outbound.onnet", ""},
		{"onnet", "offnet", "outbound.offnet", "outbound to offnet from account"},
		{"offnet", "onnet", "inbound.onnet", ""},
		{"offnet", "onnet", "inbound.offnet", "inbound from offnet to account"},
		{"offnet", "onnet", "outbound.onnet", "outbound to onnet from account"},
		{"offnet", "onnet", "outbound.offnet", ""},
		// Inbound comes first, and then outbound is not asked.
		{"onnet", "onnet", "inbound.onnet outbound.onnet", "inbound from onnet to account"},
		{"onnet", "offnet", "inbound.onnet outbound.offnet", "inbound from onnet to account"},
		{"offnet", "onnet", "inbound.offnet outbound.onnet", "inbound from offnet to account"},
		{"offnet", "onnet", "inbound.onnet outbound.onnet", "outbound to onnet from account"},
	} {
		recording := cells(c.cell)
		for shape, account := range map[string]doc{
			"wrapped":    {"call_recording": doc{"account": recording}},
			"as written": {"call_recording": recording},
		} {
			got, warnings := ask(t, story{from: c.from, to: c.to, account: account})
			if origins(got) != c.want || len(warnings) != 0 {
				t.Errorf("%s → %s with %s (%s): %q %v, want %q", c.from, c.to, c.cell, shape, origins(got), warnings, c.want)
			}
			if len(got) == 1 && got[0].Leg != policy.CallerLeg {
				t.Errorf("%+v is not on the caller's leg", got[0])
			}
		}
	}
}

// cells is a call_recording with these "direction.network" enabled.
func cells(names string) doc {
	out := doc{}
	for _, name := range strings.Fields(names) {
		dir, net, _ := strings.Cut(name, ".")
		source := sub(out, dir)
		if source == nil {
			source = doc{}
		}
		source[net] = doc{"enabled": true}
		out[dir] = source
	}
	return out
}

func TestMatrixOfEndpoints(t *testing.T) {
	const toOn, toOff = "inbound from onnet to endpoint", "inbound from offnet to endpoint"
	const fromOn, fromOff = "outbound to onnet from endpoint", "outbound to offnet from endpoint"
	for _, c := range []struct{ from, to, cell, caller, callee string }{
		{"onnet", "onnet", "inbound.onnet", "", toOn},
		{"onnet", "onnet", "inbound.offnet", "", ""},
		{"onnet", "onnet", "outbound.onnet", fromOn, ""},
		{"onnet", "onnet", "outbound.offnet", "", ""},
		{"onnet", "offnet", "inbound.onnet", "", "-"},
		{"onnet", "offnet", "inbound.offnet", "", "-"},
		{"onnet", "offnet", "outbound.onnet", "", "-"},
		{"onnet", "offnet", "outbound.offnet", fromOff, "-"},
		{"offnet", "onnet", "inbound.onnet", "-", ""},
		{"offnet", "onnet", "inbound.offnet", "-", toOff},
		{"offnet", "onnet", "outbound.onnet", "-", ""},
		{"offnet", "onnet", "outbound.offnet", "-", ""},
	} {
		e := endpoint{device: doc{"call_recording": cells(c.cell)}}
		if c.caller != "-" { // "-": a party that is no endpoint
			got, _ := ask(t, story{from: c.from, to: c.to, caller: &e})
			if origins(got) != c.caller {
				t.Errorf("%s → %s, caller with %s: %q, want %q", c.from, c.to, c.cell, origins(got), c.caller)
			}
		}
		if c.callee != "-" {
			got, _ := ask(t, story{from: c.from, to: c.to, callees: []endpoint{e}})
			if origins(got) != c.callee {
				t.Errorf("%s → %s, callee with %s: %q, want %q", c.from, c.to, c.cell, origins(got), c.callee)
			}
		}
	}
	// A caller from outside is recorded as nobody's outbound call, whatever it says it is.
	e := endpoint{device: doc{"call_recording": cells("any.any")}}
	if got, _ := ask(t, story{from: "offnet", to: "onnet", caller: &e}); len(got) != 0 {
		t.Errorf("%q", origins(got))
	}
}

// Each document with each single cell, against each call.
func TestEveryDocumentCellAndCall(t *testing.T) {
	dirs, networks := []string{"inbound", "outbound", "any"}, []string{"onnet", "offnet", "any"}
	n := 0
	for _, level := range []string{"account", "endpoint", "user", "device"} {
		for _, dir := range dirs {
			for _, net := range networks {
				for _, from := range networks[:2] {
					for _, to := range networks[:2] {
						n++
						recording := cells(dir + "." + net)
						s := story{from: from, to: to, account: doc{}, caller: &endpoint{}, callees: []endpoint{{}}}
						var want []string
						in := (dir == "inbound" || dir == "any") && (net == from || net == "any")
						out := (dir == "outbound" || dir == "any") && (net == to || net == "any")
						switch level {
						case "account":
							s.account = doc{"call_recording": doc{"account": recording}}
							if in {
								want = append(want, "inbound from "+from+" to account")
							} else if out {
								want = append(want, "outbound to "+to+" from account")
							}
						case "endpoint":
							s.account = doc{"call_recording": doc{"endpoint": recording}}
						case "user":
							s.caller.users = []doc{{"call_recording": recording}}
							s.callees[0].users = s.caller.users
						case "device":
							s.caller.device = doc{"call_recording": recording}
							s.callees[0].device = s.caller.device
						}
						if level != "account" {
							if out && from == "onnet" {
								want = append(want, "outbound to "+to+" from endpoint")
							}
							if in {
								want = append(want, "inbound from "+from+" to endpoint")
							}
						}
						if got, _ := ask(t, s); origins(got) != strings.Join(want, ", ") {
							t.Errorf("%s %s.%s, %s → %s: %q, want %q", level, dir, net, from, to, origins(got), want)
						}
					}
				}
			}
		}
	}
	if n != 4*3*3*2*2 {
		t.Errorf("%d cases", n)
	}
}

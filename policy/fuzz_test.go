package policy_test

import (
	"encoding/json"
	"testing"

	"callrec/policy"
)

func jsonMarshal(v any) ([]byte, error) { return json.Marshal(v) }

// Whatever the documents are, everything comes back; and where they are valid,
// the decision is that of the oracle.
func FuzzDocuments(f *testing.F) {
	f.Add(`{"call_recording":{"account":{"any":{"any":{"enabled":true}}},"endpoint":{"inbound":{"offnet":{"url":"http://u"}}}}}`,
		`{"call_recording":{"any":{"any":{"enabled":true,"format":"wav","time_limit":60}}}}`,
		`{"call_recording":{"outbound":{"offnet":{"enabled":true}}},"owner_id":"u"}`, uint8(0))
	f.Add(`{"call_recording":{"inbound":{"any":{"enabled":true}}}}`, `{"record_call":{"record_call":true,"url":"x"}}`, `{}`, uint8(77))
	f.Add(`{"call_recording":{"endpoint":null}}`, `{"call_recording":{"any":[]}}`, `{"flow":{"module":"record_call","data":{"action":"stop"}}}`, uint8(200))
	schemas := load(f)
	f.Fuzz(func(t *testing.T, account, user, device string, bits uint8) {
		a, err := policy.CompileAccount([]byte(account))
		u, err2 := policy.CompileEndpoint([]byte(user))
		d, err3 := policy.CompileEndpoint([]byte(device))
		said := []string{"onnet", "offnet", ""}
		s := story{from: said[bits%3], to: said[bits/3%3], original: said[bits/9%3], forwarded: bits/27%2 == 1}
		c := policy.Call{From: policy.ParseNetwork(s.from), To: policy.ParseNetwork(s.to), Original: policy.ParseNetwork(s.original), Forwarded: s.forwarded}
		p := policy.Party{Users: []*policy.Endpoint{u}, Device: d}
		got, _ := policy.Decide(c, policy.Docs{Account: a, Caller: &p, Callees: []policy.Party{p}})
		if v, err := policy.Decode([]byte(device)); err == nil {
			_, _ = schemas.Accept("callflows", v)
			schemas.Flow(at(v, "flow"), "flow")
		}
		valid := err == nil && err2 == nil && err3 == nil
		var read [3]doc
		for i, text := range []string{account, user, device} {
			v, _ := policy.Decode([]byte(text))
			read[i], _ = v.(doc)
			name := "call_recording"
			if i == 0 {
				name = "accounts"
				v = doc{"name": "x", "call_recording": at(v, "call_recording")}
				if _, given := read[0]["call_recording"]; !given {
					v = doc{"name": "x"}
				}
			} else if v = at(v, "call_recording"); v == nil {
				v = doc{}
				valid = valid && read[i]["record_call"] == nil
			}
			valid = valid && schemas.Check(name, v) == nil
		}
		if !valid {
			return
		}
		e := endpoint{users: []doc{read[1]}, device: read[2]}
		s.account, s.caller, s.callees = read[0], &e, []endpoint{e}
		if want := oracle(s); len(got)+len(want) > 0 && show(t, got) != show(t, want) {
			t.Errorf("%s\nwant %s", show(t, got), show(t, want))
		}
	})
}

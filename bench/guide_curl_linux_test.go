package bench

import (
	"context"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// guidePatch is the guide's request, with its own names for what differs.
const guidePatch = `curl -v -X PATCH \
    -H "X-Auth-Token: {AUTH_TOKEN}" \
    -H "Content-Type: application/json" \
    -d '{"data":{
    "call_recording":{...}
    }}' \
    http://{SERVER}:8000/v2/accounts/{ACCOUNT_ID}/users/{USER_ID}
`

// patchAsTheGuide runs guidePatch with what stands for its {...}; without curl or sh,
// the same request is made here. It returns the answer's body.
func (h house) patchAsTheGuide(t *testing.T, token, user, matrix string) string {
	t.Helper()
	command := strings.NewReplacer("{AUTH_TOKEN}", token, "{SERVER}:8000", h.api, "{ACCOUNT_ID}", h.account, "{USER_ID}", user, "{...}", matrix).Replace(guidePatch)
	if _, err := exec.LookPath("curl"); err != nil {
		w := *h.worker
		w.token = token
		a := w.must(http.MethodPatch, "/users/"+user, object{"call_recording": json.RawMessage(matrix)})
		return string(a.Raw)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30e9)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	var said strings.Builder
	cmd.Stderr = &said
	body, err := cmd.Output()
	if err != nil || !strings.Contains(said.String(), "< HTTP/1.1 200 OK") {
		t.Fatalf("%v\n%s\n%s", err, said.String(), body)
	}
	return string(body)
}

// The guide's request, to the letter, and its example: sales wants calls with
// customers recorded, and none within the account. Then sales changes its mind.
func guideCurl(t *testing.T, h house) {
	h = h.under(t).open("curl")
	h.staff()
	// Ids are made up by the worker, and the token is the account's own.
	made := func(path string, doc object) (id string) {
		var got struct{ ID, Token string }
		a := h.must(http.MethodPut, path, doc)
		if err := json.Unmarshal(a.Raw, &got); err != nil || got.ID == "" {
			t.Fatalf("%v in %s", err, a.Raw)
		}
		if got.Token != "" {
			return got.Token
		}
		return got.ID
	}
	user := made("/users", object{"first_name": "Sally", "last_name": "Ames"})
	phone := made("/devices", object{"name": "sales", "owner_id": user})
	token := made("/tokens", object{"name": "sales"})
	party := object{"device_id": phone}
	colleague := object{"user_id": "bob"}
	var calls sync.WaitGroup
	var skipped atomic.Int32
	show := func(step string, want map[string]string) {
		for name, more := range map[string]object{
			"to a customer":    {"to_network": "offnet", "caller": party},
			"from a customer":  {"from_network": "offnet", "callee": party},
			"to a colleague":   {"caller": party, "callee": colleague},
			"from a colleague": {"caller": colleague, "callee": party},
		} {
			c := h.call(t, step+strings.ReplaceAll(name, " ", "."), more, 75)
			c.caller, c.callee = user, user // on whichever leg, nobody else is recorded
			var origins []string
			if want[name] != "" {
				origins = []string{want[name]}
			}
			calls.Go(func() {
				t.Run(step+name, func(t *testing.T) {
					skipped.Add(1)
					c.under(t).isRecorded(origins, []string{"sales.wav"})
					skipped.Add(-1)
				})
			})
		}
	}
	settings := `{"enabled":true,"format":"wav","url":"` + h.in.URL + `/sales"}`
	body := h.patchAsTheGuide(t, token, user, `{
   "inbound":{
     "offnet":`+settings+`
   }
   ,"outbound":{
     "offnet":`+settings+`
   }
 }`)
	for _, part := range []string{`"first_name":"Sally"`, `"id":"` + user + `"`, `"status":"success"`, `"offnet"`} {
		if !strings.Contains(body, part) {
			t.Errorf("the answer does not say %s: %s", part, body)
		}
	}
	show("at first ", map[string]string{"to a customer": fromOff, "from a customer": toOff})
	// PATCH merges: what is not said again stays, so these calls go, and others come.
	h.patchAsTheGuide(t, token, user, `{"inbound":{"offnet":{"enabled":false}}, "outbound":{"onnet":`+settings+`}}`)
	show("then ", map[string]string{"to a customer": fromOff, "to a colleague": fromOn})
	h.patchAsTheGuide(t, token, user, `{}`)
	show("at last ", nil)
	calls.Wait()
	if skipped.Load() == 0 {
		h.lists("/users/"+user+"/recordings", 4)
	}
}

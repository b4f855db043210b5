package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// newToken makes a token and returns its secret and id.
func newToken(t testing.TB, d *door, path, data string) (secret, id string) {
	t.Helper()
	got := d.must(t, 201, "PUT", path, `{"data":`+data+`}`)
	return got["token"].(string), got["id"].(string)
}

// Every verb of every path, with every kind of token: who may, and who may not.
func TestScopes(t *testing.T) {
	d := newTenant(t)
	d.must(t, 201, "PUT", "/v2/accounts", `{"data":{"id":"other","name":"Other"}}`)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1"}}`)
	calls, _ := newToken(t, d, "/v2/tokens", `{"scope":"calls","name":"sbc"}`)
	admin, _ := newToken(t, d, "/v2/tokens", `{"scope":"admin"}`)
	own, _ := newToken(t, d, acme+"/tokens", `{"name":"portal"}`)
	foreign, _ := newToken(t, d, "/v2/accounts/other/tokens", `{}`)
	const rec = acme + "/recordings/202611-00000000000000000000000000000001"
	type who struct{ admin, calls, own, foreign bool }
	everybody, adminOnly := who{true, true, true, true}, who{admin: true}
	tenant, caller := who{admin: true, own: true}, who{admin: true, own: true, calls: true}
	for path, verbs := range map[string]map[string]who{
		"/v2/openapi.json":           {"GET": everybody},
		"/v2/tokens":                 {"GET": adminOnly, "PUT": adminOnly},
		"/v2/tokens/x":               {"GET": adminOnly, "DELETE": adminOnly},
		acme + "/tokens":             {"GET": tenant, "PUT": tenant},
		acme + "/tokens/x":           {"GET": tenant, "DELETE": tenant},
		"/v2/accounts":               {"GET": adminOnly, "PUT": adminOnly},
		acme:                         {"GET": tenant, "POST": tenant, "PATCH": tenant, "DELETE": adminOnly},
		acme + "/users":              {"GET": tenant, "PUT": tenant},
		ann:                          {"GET": tenant, "POST": tenant, "PATCH": tenant},
		acme + "/devices":            {"GET": tenant, "PUT": tenant},
		acme + "/devices/d1":         {"GET": tenant, "POST": tenant, "PATCH": tenant},
		acme + "/callflows":          {"GET": tenant, "PUT": tenant},
		acme + "/callflows/x":        {"GET": tenant, "POST": tenant, "PATCH": tenant, "DELETE": tenant},
		channels:                     {"GET": caller, "PUT": caller},
		call:                         {"GET": caller, "POST": caller, "PUT": caller},
		acme + "/recordings":         {"GET": tenant},
		rec:                          {"GET": tenant, "DELETE": tenant},
		ann + "/recordings":          {"GET": tenant},
		ann + "/recordings/":         {"GET": tenant},
		acme + "/recordings/?accept": {"GET": tenant},
	} {
		for verb, may := range verbs {
			if path == acme && verb == "DELETE" {
				continue // by its refusals only, below
			}
			for _, c := range []struct {
				token string
				may   bool
			}{{token, may.admin}, {admin, may.admin}, {calls, may.calls}, {own, may.own}, {foreign, may.foreign}} {
				w := d.exchange(t, verb, path, `{"data":{}}`, "X-Auth-Token", c.token)
				if allowed := w.Code != http.StatusForbidden; allowed != c.may || w.Code == http.StatusUnauthorized {
					t.Errorf("%s %s: %d, may %v", verb, path, w.Code, c.may)
				}
			}
			if w := d.exchange(t, verb, path, `{"data":{}}`, "X-Auth-Token", ""); path != "/v2/openapi.json" && w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s by nobody: %d", verb, path, w.Code)
			}
		}
	}
	for _, secret := range []string{calls, own, foreign} {
		if status, out, _ := d.send(t, "DELETE", acme, "", "X-Auth-Token", secret); status != 403 || out["message"] != "forbidden" {
			t.Errorf("delete the account: %d %v", status, out)
		}
	}
	if strings.Contains(d.log.String(), own) || strings.Contains(d.log.String(), admin) {
		t.Error("the log holds a token")
	}
}

// A token's secret is told once; a revoked token opens nothing.
func TestTokens(t *testing.T) {
	d := newTenant(t)
	secret, id := newToken(t, d, acme+"/tokens", `{"name":"portal"}`)
	for _, path := range []string{acme + "/tokens", acme + "/tokens/" + id} {
		if w := d.raw(t, "GET", path); w.Code != 200 || strings.Contains(w.Body.String(), secret) || !strings.Contains(w.Body.String(), "portal") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := d.raw(t, "GET", "/v2/accounts/other/tokens/"+id); w.Code != 404 {
		t.Errorf("the token of another account: %d", w.Code)
	}
	if w := d.raw(t, "GET", ann, "X-Auth-Token", secret); w.Code != 200 {
		t.Errorf("with the token: %d", w.Code)
	}
	if w := d.raw(t, "DELETE", acme+"/tokens/"+id); w.Code != 200 {
		t.Errorf("revoke: %d %s", w.Code, w.Body)
	}
	if w := d.raw(t, "GET", ann, "X-Auth-Token", secret); w.Code != 401 {
		t.Errorf("with the revoked token: %d", w.Code)
	}
	for _, c := range []struct{ path, data, want string }{
		{"/v2/tokens", `{}`, "scope required"},
		{"/v2/tokens", `{"scope":"account"}`, "scope enum"},
		{acme + "/tokens", `{"scope":"admin"}`, "scope enum"},
		{acme + "/tokens", `{"token":"mine"}`, "token additionalProperties"},
		{"/v2/api_auth", `{}`, "api_key required"},
	} {
		if status, out, _ := d.send(t, "PUT", c.path, `{"data":`+c.data+`}`); status != 400 || fmt.Sprint(problems(out)) != "["+c.want+"]" {
			t.Errorf("%s %s: %d %v, want %s", c.path, c.data, status, out, c.want)
		}
	}
}

// Kazoo's clients log in before anything else.
func TestAPIAuth(t *testing.T) {
	d := newTenant(t)
	secret, _ := newToken(t, d, acme+"/tokens", `{}`)
	status, out, _ := d.send(t, "PUT", "/v2/api_auth", `{"data":{"api_key":"`+secret+`"}}`, "X-Auth-Token", "")
	if status != 201 || out["auth_token"] != secret || out["version"] == nil {
		t.Fatalf("%d %v", status, out)
	}
	data := out["data"].(map[string]any)
	if data["account_id"] != "acme" || fmt.Sprint(slices.Sorted(maps.Keys(data))) != "[account_id apps is_reseller language reseller_id scope]" {
		t.Errorf("%v", data)
	}
	_, out, _ = d.send(t, "PUT", "/v2/api_auth", `{"data":{}}`, "X-Auth-Token", "")
	equal(t, "no key", out["data"], `{"api_key":{"required":{"message":"Field is required but missing","value":"api_key"}}}`)
	long := strings.Repeat("k", 300)
	for key, want := range map[string]int{"guess": 401, long: 400} {
		status, out, _ := d.send(t, "PUT", "/v2/api_auth", `{"data":{"api_key":"`+key+`"}}`, "X-Auth-Token", "")
		if status != want || out["version"] != nil || strings.Contains(fmt.Sprint(out), key) || strings.Contains(d.log.String(), key) {
			t.Errorf("%d %v", status, out)
		}
	}
}

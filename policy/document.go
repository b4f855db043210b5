package policy

import (
	"maps"
	"slices"
)

// Account is a compiled account document. It never changes. The nil Account is
// one without a document: it has no settings.
type Account struct {
	calls     *level // of every call of the account
	endpoints *level // what users and devices inherit
}

// Endpoint is a compiled user or device document. It never changes. The nil
// Endpoint is one without settings of its own.
type Endpoint struct {
	level  *level
	owners []string
}

// Owners are the ids of the users whose settings a device takes on: those logged
// in on it (hotdesk.users, sorted), else its owner_id. A user has none.
func (e *Endpoint) Owners() []string {
	if e == nil {
		return nil
	}
	return e.owners
}

// CompileAccount reads a stored account document. Its call_recording may be the
// wrapper {"account": …, "endpoint": …} or, as the guide has it, the matrix
// itself, which then means account. The error is Problems, for what Decode
// refuses or is no object; single faults cost only their field.
func CompileAccount(doc []byte) (*Account, error) {
	m, err := decodeObject(doc)
	if err != nil {
		return nil, err
	}
	recording := object(m, "call_recording")
	if isWrapper(recording) {
		return &Account{expand(object(recording, "account")), expand(object(recording, "endpoint"))}, nil
	}
	return &Account{calls: expand(recording)}, nil
}

// CompileEndpoint reads a stored user or device document, with errors as those
// of CompileAccount. A document without call_recording may still say record_call,
// as old ones did: true, or an object of settings that says so of itself.
func CompileEndpoint(doc []byte) (*Endpoint, error) {
	m, err := decodeObject(doc)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{owners: owners(m)}
	if recording, given := m["call_recording"].(map[string]any); given {
		e.level = expand(recording)
		return e, nil
	}
	old := m["record_call"]
	settings, _ := old.(map[string]any)
	if settings != nil {
		old = settings["record_call"]
	}
	if on, _ := boolean(old); on {
		settings = maps.Clone(settings)
		if settings == nil {
			settings = make(map[string]any)
		}
		settings["enabled"] = true
		e.level = expand(map[string]any{"any": map[string]any{"any": settings}})
	}
	return e, nil
}

// NewParty puts together the documents of one end of a call, named by the ids of
// its user, its device or both. Who is using the device, as the call says, stands
// before who owns it. The lookups give nil for what has no document. The party is
// nil when no id is given: then it is no endpoint of the account.
func NewParty(userID, deviceID string, user, device func(id string) *Endpoint) *Party {
	if userID == "" && deviceID == "" {
		return nil
	}
	var p Party
	users := []string{userID}
	if deviceID != "" {
		p.Device = device(deviceID)
		if userID == "" {
			users = p.Device.Owners()
		}
	}
	for _, id := range users {
		p.Users = append(p.Users, user(id))
	}
	return &p
}

func owners(m map[string]any) []string {
	if users := object(object(m, "hotdesk"), "users"); len(users) > 0 {
		return slices.Sorted(maps.Keys(users))
	}
	if owner := text(m, "owner_id"); owner != "" {
		return []string{owner}
	}
	return nil
}

func decodeObject(doc []byte) (map[string]any, error) {
	v, err := Decode(doc)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, Problems{{Path: "data", Rule: "type", Message: "Value did not match type(s): object", Target: []string{"object"}}}
	}
	return m, nil
}

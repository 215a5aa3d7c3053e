package v0alpha2

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"zelus/internal/auth"
)

// answer keeps what today's handler answers until it is complete.
type answer struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

// send sends the answer in the form of the era.
func (a *answer) send(s Site, m model) error {
	h := a.Header()
	if to := h.Get("Location"); to != "" {
		h.Set("Location", s.old(to))
	}
	body := a.body
	if len(body) > 0 {
		var err error
		if body, err = m(s, body); err != nil {
			return err
		}
	}
	a.ResponseWriter.WriteHeader(a.status)
	_, _ = a.ResponseWriter.Write(body) // a client that hung up is nobody's fault
	return nil
}

// Site is where the two servers are reached: base URLs with a final slash.
type Site struct{ Public, Admin string }

// old is an address as a client of the era reaches it. Only addresses of this
// server's own API get the prefix; pages of the operator's may be below the
// same base URL.
func (s Site) old(address string) string {
	if below, ok := strings.CutPrefix(address, s.Public); ok && ours(below) {
		return s.Public + strings.TrimPrefix(PublicPrefix, "/") + "/" + below
	}
	// The admin server says where a new identity is without the prefix /admin.
	if below, ok := strings.CutPrefix(address, s.Admin); ok && (strings.HasPrefix(below, "admin/") || strings.HasPrefix(below, "identities/")) {
		return s.Public + strings.TrimPrefix(AdminPrefix, "/") + "/" + strings.TrimPrefix(below, "admin/")
	}
	return address
}

// quoted is old for an address that is JSON.
func (s Site) quoted(address json.RawMessage) json.RawMessage {
	var plain string
	if json.Unmarshal(address, &plain) != nil {
		return address
	}
	old, err := json.Marshal(s.old(plain))
	if err != nil {
		return address
	}
	return old
}

// ours says whether a path below the public base URL begins like one of the
// routes of the public API.
func ours(below string) bool {
	root, _, _ := strings.Cut(below, "/")
	return slices.ContainsFunc(Routes(), func(r Route) bool {
		path, public := strings.CutPrefix(r.Old, "/public/")
		first, _, _ := strings.Cut(path, "/")
		return public && first == root
	})
}

// besides are the members that stood beside an error.
func besides(name string) bool {
	return name == "redirect_browser_to" || name == "since" || name == "use_flow_id"
}

// fault is an error in the form of the era.
func (s Site) fault(err error) error {
	e := *auth.AsError(err)
	e.Beside, e.Details = s.facts(e.Beside), s.facts(e.Details)
	maps.DeleteFunc(e.Beside, func(name string, _ any) bool { return !besides(name) })
	return &e
}

// facts is a copy whose addresses have the prefix.
func (s Site) facts(today map[string]any) map[string]any {
	old := maps.Clone(today)
	for name, value := range old {
		if address, ok := value.(string); ok {
			old[name] = s.old(address)
		}
	}
	return old
}

// Session is the answer of a session check.
func (s Site) Session(today []byte) ([]byte, error) { return as[session](s, today) }

// model turns today's answer into that of the era.
type model func(s Site, today []byte) ([]byte, error)

// as is the model of one type of answer: what the type does not have is left
// out.
func as[T any, P interface {
	*T
	fit(Site)
}](s Site, today []byte) ([]byte, error) {
	old := P(new(T))
	if err := json.Unmarshal(today, old); err != nil {
		return nil, err
	}
	old.fit(s)
	return json.Marshal(old)
}

// unchanged is the model of answers that are the same today.
func unchanged(_ Site, today []byte) ([]byte, error) { return today, nil }

// either is the model of what a submission answers: the form again, or what
// comes of it.
func either(form, success model) model {
	return func(s Site, today []byte) ([]byte, error) {
		var peek struct {
			UI json.RawMessage `json:"ui"`
		}
		if err := json.Unmarshal(today, &peek); err != nil {
			return nil, err
		}
		if peek.UI != nil {
			return form(s, today)
		}
		return success(s, today)
	}
}

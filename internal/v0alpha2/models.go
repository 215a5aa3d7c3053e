package v0alpha2

import (
	"encoding/json"
	"maps"
	"slices"
)

// raw is a value that is passed on as it is, and left out where it is missing.
type raw = json.RawMessage

type session struct {
	ID              string    `json:"id"`
	Active          raw       `json:"active,omitempty"`
	ExpiresAt       raw       `json:"expires_at,omitempty"`
	AuthenticatedAt raw       `json:"authenticated_at,omitempty"`
	AAL             raw       `json:"authenticator_assurance_level,omitempty"`
	Methods         []amr     `json:"authentication_methods"`
	IssuedAt        raw       `json:"issued_at,omitempty"`
	Identity        *identity `json:"identity"`
}

func (x *session) fit(s Site) {
	x.Methods = slices.DeleteFunc(x.Methods, func(m amr) bool { return amrMethod(m.Method) == "" })
	for i := range x.Methods {
		x.Methods[i].Method = amrMethod(x.Methods[i].Method)
	}
	if x.Identity != nil {
		x.Identity.fit(s)
	}
}

type amr struct {
	Method      string `json:"method"`
	AAL         raw    `json:"aal,omitempty"`
	CompletedAt raw    `json:"completed_at,omitempty"`
}

type sessions []session

func (x *sessions) fit(s Site) {
	for i := range *x {
		(*x)[i].fit(s)
	}
}

type identity struct {
	ID             string                `json:"id"`
	Credentials    map[string]credential `json:"credentials,omitempty"`
	SchemaID       string                `json:"schema_id"`
	SchemaURL      string                `json:"schema_url"`
	State          raw                   `json:"state,omitempty"`
	StateChangedAt raw                   `json:"state_changed_at,omitempty"`
	Traits         raw                   `json:"traits"`
	Verifiable     []verifiable          `json:"verifiable_addresses,omitempty"`
	Recovery       []recoveryAddress     `json:"recovery_addresses,omitempty"`
	MetadataPublic raw                   `json:"metadata_public,omitempty"`
	MetadataAdmin  raw                   `json:"metadata_admin,omitempty"`
	CreatedAt      raw                   `json:"created_at,omitempty"`
	UpdatedAt      raw                   `json:"updated_at,omitempty"`
}

func (x *identity) fit(s Site) {
	x.SchemaURL = s.old(x.SchemaURL)
	x.MetadataPublic, x.MetadataAdmin = some(x.MetadataPublic), some(x.MetadataAdmin)
	maps.DeleteFunc(x.Credentials, func(name string, _ credential) bool { return !slices.Contains(credentialNames, name) })
	for name, c := range x.Credentials {
		c.Type, c.Identifiers = credentialType(c.Type), some(c.Identifiers)
		x.Credentials[name] = c
	}
}

// some leaves out what is null: decoders that want an object refuse it.
func some(value raw) raw {
	if string(value) == "null" {
		return nil
	}
	return value
}

type identities []identity

func (x *identities) fit(s Site) {
	for i := range *x {
		(*x)[i].fit(s)
	}
}

type credential struct {
	Type        string `json:"type,omitempty"`
	Identifiers raw    `json:"identifiers,omitempty"`
	Config      raw    `json:"config,omitempty"`
	Version     raw    `json:"version,omitempty"`
	CreatedAt   raw    `json:"created_at,omitempty"`
	UpdatedAt   raw    `json:"updated_at,omitempty"`
}

type verifiable struct {
	ID         string `json:"id"`
	Value      string `json:"value"`
	Verified   bool   `json:"verified"`
	Via        string `json:"via"`
	Status     string `json:"status"`
	VerifiedAt raw    `json:"verified_at,omitempty"`
	CreatedAt  raw    `json:"created_at,omitempty"`
	UpdatedAt  raw    `json:"updated_at,omitempty"`
}

type recoveryAddress struct {
	ID        string `json:"id"`
	Value     string `json:"value"`
	Via       string `json:"via"`
	CreatedAt raw    `json:"created_at,omitempty"`
	UpdatedAt raw    `json:"updated_at,omitempty"`
}

// flow is what all flows have, and all that a registration has.
type flow struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	ExpiresAt  raw       `json:"expires_at,omitempty"`
	IssuedAt   raw       `json:"issued_at,omitempty"`
	RequestURL string    `json:"request_url"`
	ReturnTo   string    `json:"return_to,omitempty"`
	Active     string    `json:"active,omitempty"`
	UI         container `json:"ui"`
}

func (x *flow) fit(s Site) {
	x.Active = credentialType(x.Active)
	x.UI.fit(s)
}

type loginFlow struct {
	flow
	CreatedAt    raw `json:"created_at,omitempty"`
	UpdatedAt    raw `json:"updated_at,omitempty"`
	Refresh      raw `json:"refresh,omitempty"`
	RequestedAAL raw `json:"requested_aal,omitempty"`
}

// method is the active method of a flow where the list is open: methods are
// called like the groups of their fields.
func method(today string) string {
	if today == "" {
		return ""
	}
	return group(today)
}

// addressFlow is a recovery or a verification.
type addressFlow struct {
	flow
	State string `json:"state"`
}

func (x *addressFlow) fit(s Site) {
	x.Active, x.State = method(x.Active), state(x.State)
	x.UI.fit(s)
}

type settingsFlow struct {
	flow
	Identity *identity `json:"identity"`
	State    string    `json:"state"`
}

func (x *settingsFlow) fit(s Site) {
	x.Active = method(x.Active)
	x.UI.fit(s)
	if x.Identity != nil {
		x.Identity.fit(s)
	}
}

type container struct {
	Action   string `json:"action"`
	Method   string `json:"method"`
	Nodes    []node `json:"nodes"`
	Messages raw    `json:"messages,omitempty"`
}

func (x *container) fit(s Site) {
	x.Action = s.old(x.Action)
	x.Nodes = slices.DeleteFunc(x.Nodes, func(n node) bool { return !nodeType(n.Type) || group(n.Group) == "" })
	for i := range x.Nodes {
		x.Nodes[i].fit(s)
	}
}

type node struct {
	Type       string         `json:"type"`
	Group      string         `json:"group"`
	Attributes map[string]raw `json:"attributes"`
	Messages   raw            `json:"messages"`
	Meta       raw            `json:"meta"`
}

func (x *node) fit(s Site) {
	x.Group = group(x.Group)
	maps.DeleteFunc(x.Attributes, func(name string, _ raw) bool { return !attribute(x.Type, name) })
	for _, name := range []string{"src", "href"} {
		if quoted := x.Attributes[name]; quoted != nil {
			x.Attributes[name] = s.quoted(quoted)
		}
	}
}

type signedIn struct {
	Token   string   `json:"session_token,omitempty"`
	Session *session `json:"session"`
}

func (x *signedIn) fit(s Site) {
	if x.Session != nil {
		x.Session.fit(s)
	}
}

type signedUp struct {
	Token    string    `json:"session_token,omitempty"`
	Session  *session  `json:"session,omitempty"`
	Identity *identity `json:"identity"`
}

func (x *signedUp) fit(s Site) {
	if x.Session != nil {
		x.Session.fit(s)
	}
	if x.Identity != nil {
		x.Identity.fit(s)
	}
}

type logoutURL struct {
	Token string `json:"logout_token"`
	URL   string `json:"logout_url"`
}

func (x *logoutURL) fit(s Site) { x.URL = s.old(x.URL) }

type recoveryLink struct {
	Link      string `json:"recovery_link"`
	ExpiresAt raw    `json:"expires_at,omitempty"`
}

func (x *recoveryLink) fit(s Site) { x.Link = s.old(x.Link) }

type schemas []struct {
	ID     string `json:"id"`
	Schema raw    `json:"schema"`
}

func (x *schemas) fit(Site) {}

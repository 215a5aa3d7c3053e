package v0alpha2

import (
	"slices"
	"strings"
)

// Value is one value of a closed list: what it is called today and what a
// client of the era is given for it. Empty means that it is left out.
type Value struct{ Today, Old string }

// List is a closed list of values on the wire.
type List struct {
	// Name is where the values stand.
	Name   string
	Values []Value
}

// Lists is the table of all closed lists. A value that is not in its list is
// newer than this table: it is left out with what it stands in; a group is
// taken for the default one, and a state for the first.
func Lists() []List {
	return []List{
		{"`ui.nodes[].type`", nodeTypes},
		{"`ui.nodes[].group`", groups},
		{"`active` of a login or registration, `type` of a credential", credentialTypes},
		{"`authentication_methods[].method` of a session", amrMethods},
		{"`state` of a recovery or verification", states},
	}
}

// Nothing in a node of another type can be shown by a client of the era.
var nodeTypes = []Value{{"input", "input"}, {"text", "text"}, {"img", "img"}, {"a", "a"}, {"script", "script"}, {"div", ""}}

// A page of the era shows the fields of the groups that it knows. What it can
// send as well as a page of today comes in the nearest of them.
var groups = []Value{
	{"default", "default"}, {"password", "password"}, {"oidc", "oidc"}, {"profile", "profile"}, {"link", "link"}, {"totp", "totp"},
	{"lookup_secret", "lookup_secret"}, {"webauthn", "webauthn"},
	{"code", "link"}, {"passkey", "webauthn"}, {"saml", "oidc"}, {"identifier_first", "default"},
	{"captcha", ""}, // needs a script that the page does not have
}

var credentialTypes = []Value{
	{"password", "password"}, {"oidc", "oidc"}, {"totp", "totp"},
	{"webauthn", ""}, {"lookup_secret", ""}, // v0.8 does not know them
	{"code", ""}, {"passkey", ""}, {"profile", ""}, {"saml", ""}, {"link_recovery", ""}, {"code_recovery", ""}, {"deviceauthn", ""}, {"identifier_first", ""},
}

// An entry whose method is left out is left out as a whole. The level of the
// session stays.
var amrMethods = []Value{
	{"password", "password"}, {"oidc", "oidc"}, {"totp", "totp"}, {"webauthn", "webauthn"}, {"link_recovery", "link_recovery"},
	{"code_recovery", "link_recovery"}, {"passkey", "webauthn"},
	{"lookup_secret", ""}, {"v0.6_legacy_session", ""}, // v0.8 does not know them
	{"code", ""}, {"deviceauthn", ""}, {"saml", ""}, {"profile", ""}, {"identifier_first", ""},
}

var states = []Value{
	{"choose_method", "choose_method"}, {"sent_email", "sent_email"}, {"passed_challenge", "passed_challenge"},
	{"recovery_awaiting_address", "choose_method"}, {"recovery_awaiting_address_choice", "choose_method"},
	{"recovery_confirming_address", "choose_method"}, {"recovery_awaiting_code", "sent_email"},
}

// Attributes is the table of the attributes that each type of node has there:
// the type, and their names.
func Attributes() []Value {
	var all []Value
	for _, v := range nodeTypes {
		if v.Old != "" {
			all = append(all, Value{v.Old, strings.Join(attributes[v.Old], " ")})
		}
	}
	return all
}

func find(list []Value, today, otherwise string) string {
	for _, v := range list {
		if v.Today == today {
			return v.Old
		}
	}
	return otherwise
}

func nodeType(today string) bool         { return find(nodeTypes, today, "") != "" }
func group(today string) string          { return find(groups, today, "default") }
func credentialType(today string) string { return find(credentialTypes, today, "") }
func amrMethod(today string) string      { return find(amrMethods, today, "") }
func state(today string) string          { return find(states, today, "choose_method") }

// credentialNames are the types that an identity's credentials were listed
// under. The names are an open list, which only grew with v0.9.
var credentialNames = []string{"password", "oidc", "totp", "webauthn", "lookup_secret"}

// attributes are the fields that a node of each type had. Decoders tell the
// types apart by them and refuse all others.
var attributes = map[string][]string{
	"input":  {"node_type", "name", "type", "value", "required", "pattern", "disabled", "onclick", "label"},
	"text":   {"node_type", "id", "text"},
	"img":    {"node_type", "id", "src", "width", "height"},
	"a":      {"node_type", "id", "href", "title"},
	"script": {"node_type", "id", "src", "async", "crossorigin", "integrity", "nonce", "referrerpolicy", "type"},
}

func attribute(nodeType, name string) bool { return slices.Contains(attributes[nodeType], name) }

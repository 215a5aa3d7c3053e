package schema

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"zelus/internal/auth"
	"zelus/internal/ui"
)

// Facts are what traits say of somebody, as the schema's annotations name it.
type Facts struct {
	// Traits are as given, with phone numbers that are an identifier or an
	// address in E.164.
	Traits json.RawMessage
	// Identifiers are what password, webauthn and code sign in with:
	// normalised, each once, in the order of the schema document.
	Identifiers map[auth.CredentialType][]string
	// CodeAddresses are where codes to sign in with are sent.
	CodeAddresses []CodeAddress
	// Verifiable and Recovery are addresses, normalised, each once.
	Verifiable, Recovery []Address
	// TOTPAccount is the account name for authenticator apps; may be empty.
	TOTPAccount string
	// PasskeyNames are what a passkey can be shown under, best first.
	PasskeyNames []string
}

// Address is a normalised address and its channel, auth.ViaEmail or
// auth.ViaSMS.
type Address struct {
	Via   string
	Value string
}

// CodeAddress is where a code is sent: a channel and a normalised address.
type CodeAddress struct {
	Channel string
	Address string
}

// Extract validates traits and finds in them who somebody is. With problems,
// the facts are of no use. Empty traits count as {}.
func (s *Schema) Extract(traits json.RawMessage) (Facts, []Problem) {
	if len(traits) == 0 {
		traits = json.RawMessage("{}")
	}
	value, err := decode(traits)
	if err != nil {
		var at *documentError
		if errors.As(err, &at) {
			// The path can be long: the first names are enough to find it.
			path := append([]string{"traits"}, at.path[:min(len(at.path), 4)]...)
			return Facts{}, []Problem{generic(strings.Join(path, "."), "%s.", sentence(at.what))}
		}
		return Facts{}, []Problem{generic("traits", "This is not JSON.")}
	}
	if problems := s.check(value); len(problems) > 0 {
		return Facts{}, problems
	}
	x := extractor{schema: s, facts: Facts{Traits: traits}}
	x.visit(s.traits, "traits", value, func(any) {})
	if x.edited {
		x.facts.Traits = encode(value)
	}
	return x.facts, s.sorted(x.problems)
}

// sentence begins a text with a capital letter.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// maxTaken is how many values of one person's traits may be identifiers,
// addresses or names.
const maxTaken = 200

// extractor walks valid traits and the schema side by side.
type extractor struct {
	schema   *Schema
	facts    Facts
	problems []Problem
	taken    int
	edited   bool
}

// visit takes in what a subschema says of a value, and goes on to the
// subschemas and parts of the value that it leads to. replace puts another
// value in this one's place.
func (x *extractor) visit(sch *jsonschema.Schema, name string, value any, replace func(any)) {
	sch = resolved(sch)
	if ext := extensionOf(sch); ext.Annotation != (Annotation{}) {
		value = x.take(ext, name, value, replace)
	}
	for _, s := range x.branches(sch, value) {
		x.visit(s, name, value, replace)
	}
	switch v := value.(type) {
	case *object:
		for _, property := range x.schema.order[sch] {
			if member, present := v.values[property]; present {
				x.visit(sch.Properties[property], name+"."+property, member, func(to any) { v.values[property] = to })
			}
		}
		for _, key := range v.keys {
			for _, s := range unnamed(sch, key) {
				x.visit(s, name+"."+key, v.values[key], func(to any) { v.values[key] = to })
			}
		}
	case []any:
		for i, item := range v {
			if s := itemSchema(sch, i); s != nil {
				x.visit(s, name+"."+strconv.Itoa(i), item, func(to any) { v[i] = to })
			}
		}
	}
}

// branches are the subschemas beside sch that hold for the same value: of an
// anyOf or oneOf those that the value fits.
func (x *extractor) branches(sch *jsonschema.Schema, value any) []*jsonschema.Schema {
	list := slices.Clone(always(sch))
	if len(sch.AnyOf)+len(sch.OneOf) == 0 && sch.If == nil {
		return list
	}
	instance := plain(value)
	for _, s := range slices.Concat(sch.AnyOf, sch.OneOf) {
		if s.Validate(instance) == nil {
			list = append(list, s)
		}
	}
	if sch.If != nil {
		then := sch.Else
		if sch.If.Validate(instance) == nil {
			then = sch.Then
		}
		if then != nil {
			list = append(list, then)
		}
	}
	return list
}

// unnamed are the subschemas that apply to a property by a pattern, or because
// nothing else does.
func unnamed(sch *jsonschema.Schema, property string) []*jsonschema.Schema {
	var list []*jsonschema.Schema
	for pattern, s := range sch.PatternProperties {
		if pattern.MatchString(property) {
			list = append(list, s)
		}
	}
	if _, named := sch.Properties[property]; !named && len(list) == 0 && additional(sch) != nil {
		list = append(list, additional(sch))
	}
	return list
}

// itemSchema is the subschema of the entry of an array at index i, or nil.
func itemSchema(sch *jsonschema.Schema, i int) *jsonschema.Schema {
	if i < len(sch.PrefixItems) {
		return sch.PrefixItems[i]
	}
	switch items := sch.Items.(type) {
	case *jsonschema.Schema:
		return items
	case []*jsonschema.Schema:
		if i < len(items) {
			return items[i]
		}
	}
	return sch.Items2020
}

// take records what an annotation makes of a value, and gives the value as it
// is to be kept.
func (x *extractor) take(ext extension, name string, value any, replace func(any)) any {
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	}
	if strings.TrimSpace(text) == "" {
		return value
	}
	if x.taken++; x.taken > maxTaken {
		if x.taken == maxTaken+1 {
			x.problems = append(x.problems, generic("traits", "These are too many addresses and names to sign in with: at most %d are allowed.", maxTaken))
		}
		return value
	}
	normal, err := NormalizeIdentifier(text)
	if err != nil {
		if !ext.PasskeyName && !ext.TOTPAccount || ext.Password || ext.WebAuthn || ext.Code || ext.VerifyVia != "" || ext.RecoverVia != "" {
			x.problems = append(x.problems, generic(name, "This cannot be used to sign in or as an address: %v.", err))
			return value
		}
		normal = text
	}

	if ext.Password {
		x.identifier(auth.Password, normal)
	}
	if ext.WebAuthn {
		x.identifier(auth.WebAuthn, normal)
	}
	if ext.Code {
		via := ext.CodeVia
		if via == "" {
			via = auth.ViaEmail
			if ext.format == "tel" {
				via = auth.ViaSMS
			}
		}
		if x.reaches(ext, name, via, text, normal) {
			x.identifier(auth.Code, normal)
			x.facts.CodeAddresses = appendNew(x.facts.CodeAddresses, CodeAddress{via, normal})
		}
	}
	if ext.VerifyVia != "" && x.reaches(ext, name, ext.VerifyVia, text, normal) {
		x.facts.Verifiable = appendNew(x.facts.Verifiable, Address{ext.VerifyVia, normal})
	}
	if ext.RecoverVia != "" && x.reaches(ext, name, ext.RecoverVia, text, normal) {
		x.facts.Recovery = appendNew(x.facts.Recovery, Address{ext.RecoverVia, normal})
	}
	if ext.TOTPAccount && x.facts.TOTPAccount == "" {
		x.facts.TOTPAccount = text
	}
	if ext.PasskeyName {
		x.facts.PasskeyNames = appendNew(x.facts.PasskeyNames, text)
	}

	if _, isText := value.(string); isText && ext.format == "tel" && normal != text {
		x.edited = true
		replace(normal)
		return normal
	}
	return value
}

// reaches says whether a text can be an address of a channel, and is still one
// when it is normalised: a wide comma becomes one that parts addresses. The format
// no-validate leaves that to the operator.
func (x *extractor) reaches(ext extension, name, via, text, normal string) bool {
	if ext.format == "no-validate" {
		return true
	}
	switch via {
	case auth.ViaEmail:
		if !emailAddress(text) || !emailAddress(normal) {
			x.problems = append(x.problems, Problem{name, ui.Say(ui.ErrorEmail, "value", cut(text))})
			return false
		}
	case auth.ViaSMS:
		if _, ok := phoneNumber(text); !ok {
			x.problems = append(x.problems, Problem{name, ui.Say(ui.ErrorPhone, "value", cut(text))})
			return false
		}
	}
	return true
}

func (x *extractor) identifier(t auth.CredentialType, value string) {
	if x.facts.Identifiers == nil {
		x.facts.Identifiers = map[auth.CredentialType][]string{}
	}
	x.facts.Identifiers[t] = appendNew(x.facts.Identifiers[t], value)
}

func appendNew[T comparable](list []T, value T) []T {
	if slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

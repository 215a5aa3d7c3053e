package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"zelus/internal/auth"
)

// keyword is the member of a property's schema that says what the property is
// good for.
const keyword = "ory.sh/kratos"

// Annotation is what the keyword says of a property.
type Annotation struct {
	// Password, WebAuthn and Code make the value an identifier to sign in
	// with by that method.
	Password, WebAuthn, Code bool
	// CodeVia is the channel for codes: auth.ViaEmail, auth.ViaSMS, or empty
	// to choose by the format.
	CodeVia string
	// PasskeyName makes the value the name that a passkey is shown under.
	PasskeyName bool
	// TOTPAccount makes the value the account name in an authenticator app.
	TOTPAccount bool
	// VerifyVia and RecoverVia are channels: the value is an address to be
	// verified, or to recover through. Empty: it is not.
	VerifyVia, RecoverVia string
	// Organization is "email_domain" if the value decides about the
	// organisation; else empty.
	Organization string
}

// credential says whether the value names somebody to any method.
func (a Annotation) credential() bool {
	return a.Password || a.WebAuthn || a.Code || a.PasskeyName || a.TOTPAccount
}

// extension is what this package keeps of a subschema beside what the
// validator keeps. It takes no part in validation: a keyword may stand in a
// branch that does not apply.
type extension struct {
	Annotation
	// format as written, also where the validator does not know it.
	format string
	// disabled form fields are shown but cannot be filled in.
	disabled bool
}

func (*extension) Validate(*jsonschema.ValidatorContext, any) {}

// extensionOf is the extension of a subschema, an empty one if it has none.
func extensionOf(sch *jsonschema.Schema) extension {
	for _, e := range sch.Extensions {
		if ext, ok := e.(*extension); ok {
			return *ext
		}
	}
	return extension{}
}

// vocabulary teaches the compiler the keyword.
func vocabulary() *jsonschema.Vocabulary {
	return &jsonschema.Vocabulary{
		URL: "urn:zelus:vocabulary",
		Compile: func(ctx *jsonschema.CompilerContext, schema map[string]any) (jsonschema.SchemaExt, error) {
			r := reader{at: "/" + strings.TrimPrefix(fragment(ctx.Enqueue(nil).Location), "/")}
			ext, err := r.extension(schema)
			if err != nil {
				return nil, err
			}
			return ext, nil
		},
	}
}

// formatsToVerify are those that a property with "verification" may have.
var formatsToVerify = []string{"email", "tel", "date", "time", "date-time", "no-validate"}

// reader reads the extension of one subschema and keeps the first error.
type reader struct {
	at  string // JSON pointer of the subschema
	err error
}

func (r *reader) extension(schema map[string]any) (*extension, error) {
	var ext extension
	ext.format, _ = schema["format"].(string)
	ext.disabled = r.flag(schema, "disableFormField", "")

	value, present := schema[keyword]
	if !present {
		return &ext, r.err
	}
	const credentials, at = "credentials", "/ory.sh~1kratos"
	top := r.object(value, at, credentials, "verification", "recovery", "organizations")
	methods := r.member(top, at, credentials, "password", "webauthn", "passkey", "totp", "code")
	ext.Password = r.flag(r.member(methods, at+"/credentials", "password", "identifier"), "identifier", at+"/credentials/password")
	ext.WebAuthn = r.flag(r.member(methods, at+"/credentials", "webauthn", "identifier"), "identifier", at+"/credentials/webauthn")
	ext.PasskeyName = r.flag(r.member(methods, at+"/credentials", "passkey", "display_name"), "display_name", at+"/credentials/passkey")
	ext.TOTPAccount = r.flag(r.member(methods, at+"/credentials", "totp", "account_name"), "account_name", at+"/credentials/totp")
	code := r.member(methods, at+"/credentials", "code", "identifier", "via")
	ext.Code = r.flag(code, "identifier", at+"/credentials/code")
	ext.CodeVia = r.choice(code, "via", at+"/credentials/code", auth.ViaEmail, auth.ViaSMS)
	ext.VerifyVia = r.choice(r.member(top, at, "verification", "via"), "via", at+"/verification", auth.ViaEmail, auth.ViaSMS)
	ext.RecoverVia = r.choice(r.member(top, at, "recovery", "via"), "via", at+"/recovery", auth.ViaEmail, auth.ViaSMS)
	ext.Organization = r.choice(r.member(top, at, "organizations", "matcher"), "matcher", at+"/organizations", "email_domain")

	if ext.VerifyVia != "" && schema["format"] != nil && !slices.Contains(formatsToVerify, ext.format) {
		r.fail("/format", "with verification the format must be one of %s", strings.Join(formatsToVerify, ", "))
	}
	return &ext, r.err
}

func (r *reader) fail(at, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("at %s%s: %s", strings.TrimSuffix(r.at, "/"), at, fmt.Sprintf(format, args...))
	}
}

// object checks that value is an object of no other members than these.
func (r *reader) object(value any, at string, members ...string) map[string]any {
	o, ok := value.(map[string]any)
	if !ok {
		r.fail(at, "this must be an object")
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(members, name) {
			r.fail(at, "there is no %q here; known are %s", cut(name), strings.Join(members, ", "))
		}
	}
	return o
}

// member is an object within an object; nil if it is not there.
func (r *reader) member(o map[string]any, at, name string, members ...string) map[string]any {
	value, present := o[name]
	if !present {
		return nil
	}
	return r.object(value, at+"/"+name, members...)
}

func (r *reader) flag(o map[string]any, name, at string) bool {
	value, present := o[name]
	flag, ok := value.(bool)
	if present && !ok {
		r.fail(at+"/"+name, "this must be true or false")
	}
	return flag
}

func (r *reader) choice(o map[string]any, name, at string, choices ...string) string {
	value, present := o[name]
	choice, ok := value.(string)
	if present && (!ok || !slices.Contains(choices, choice)) {
		r.fail(at+"/"+name, "this must be %s", strings.Join(choices, " or "))
	}
	return choice
}

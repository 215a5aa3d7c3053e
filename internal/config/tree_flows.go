package config

import (
	"slices"
	"time"

	"zelus/internal/auth"
)

// Flows are the forms. ui_url is the page that shows a form; where it is not set, that
// is one of the built-in pages (see PageURL), each for itself.
//
// The tags of Before and After list, with spaces between them, the hooks that
// Kratos allows there: hooks for the list of the flow itself, hooks.<method>
// for the list of a method, hooks.* for those of the methods without a tag of
// their own. methods lists the methods; acts and acts.methods name the hooks
// and methods that the server acts on by now.
type Flows struct {
	Settings     SettingsFlow     `key:"settings" doc:"Changing one's own account."`
	Logout       LogoutFlow       `key:"logout" doc:"Signing out."`
	Registration RegistrationFlow `key:"registration" doc:"Signing up."`
	Login        LoginFlow        `key:"login" doc:"Signing in."`
	Verification VerificationFlow `key:"verification" doc:"Proving that an address is one's own."`
	Recovery     RecoveryFlow     `key:"recovery" doc:"Regaining access to an account."`
	// Kratos has no such key: people cannot delete their accounts there.
	Deletion DeletionFlow `key:"deletion" doc:"Deleting one's own account."`
	Error    ErrorFlow    `key:"error" doc:"Errors that fit in no form."`
}

// SettingsFlow is changing one's own account.
type SettingsFlow struct {
	UIURL                   string           `key:"ui_url" format:"uri-reference" doc:"Page that shows the form, by ?flow=. Not set: the built-in page."`
	Lifespan                time.Duration    `key:"lifespan" default:"1h" doc:"How long a form is valid."`
	PrivilegedSessionMaxAge time.Duration    `key:"privileged_session_max_age" default:"1h" doc:"How long ago one may have signed in to change what one signs in with."`
	RequiredAAL             auth.RequiredAAL `key:"required_aal" default:"highest_available" enum:"aal1 highest_available" doc:"How strongly a session must be proven."`
	Before                  Before           `key:"before" hooks:"web_hook b2b_sso organization" doc:"What happens when the form is opened."`
	After                   After            `key:"after" hooks:"web_hook b2b_sso organization notify_owner" methods:"password totp oidc webauthn passkey lookup_secret profile" hooks.*:"web_hook revoke_active_sessions notify_owner" hooks.profile:"web_hook show_verification_ui b2b_sso organization verify_new_address notify_previous_addresses" acts:"revoke_active_sessions show_verification_ui verify_new_address notify_previous_addresses notify_owner" acts.methods:"password totp webauthn passkey lookup_secret profile" doc:"What happens after success."`
}

// LogoutFlow is signing out.
type LogoutFlow struct {
	ClearBrowserData bool        `key:"clear_browser_data" default:"false" doc:"Ask the browser to forget this site (Clear-Site-Data), over HTTPS only."`
	After            LogoutAfter `key:"after" doc:"What happens after success."`
}

// LogoutAfter is what happens after signing out.
type LogoutAfter struct {
	DefaultBrowserReturnURL string `key:"default_browser_return_url" format:"uri-reference" doc:"Where browsers go."`
}

// RegistrationFlow is signing up.
type RegistrationFlow struct {
	Enabled             bool          `key:"enabled" default:"true" doc:"Whether people may sign up."`
	LoginHints          bool          `key:"login_hints" default:"false" doc:"Tell how to sign in when there is an account already."`
	UIURL               string        `key:"ui_url" format:"uri-reference" doc:"Page that shows the form, by ?flow=. Not set: the built-in page."`
	Lifespan            time.Duration `key:"lifespan" default:"1h" doc:"How long a form is valid."`
	Style               string        `key:"style" default:"profile_first" enum:"unified profile_first" doc:"One step (unified), or first the data and then the choice of how to sign in (profile_first). Without the method profile there is one step in either case."`
	EnableLegacyOneStep bool          `key:"enable_legacy_one_step" default:"false" doc:"Deprecated: true is style unified, whatever style says."`
	Before              Before        `key:"before" hooks:"web_hook b2b_sso organization" doc:"What happens when the form is opened."`
	After               After         `key:"after" hooks:"web_hook b2b_sso organization" methods:"password webauthn passkey oidc code" hooks.*:"session web_hook show_verification_ui b2b_sso organization" acts:"session show_verification_ui" acts.methods:"password webauthn passkey code" doc:"What happens after success."`
}

// LoginFlow is signing in.
type LoginFlow struct {
	UIURL    string        `key:"ui_url" format:"uri-reference" doc:"Page that shows the form, by ?flow=. Not set: the built-in page."`
	Lifespan time.Duration `key:"lifespan" default:"1h" doc:"How long a form is valid."`
	Style    string        `key:"style" default:"unified" enum:"unified identifier_first" doc:"One step (unified), or first the name and then the proof (identifier_first)."`
	Before   Before        `key:"before" hooks:"web_hook b2b_sso organization" doc:"What happens when the form is opened."`
	After    After         `key:"after" hooks:"revoke_active_sessions require_verified_address web_hook verification show_verification_ui b2b_sso organization notify_owner" methods:"password webauthn passkey oidc code totp lookup_secret" hooks.*:"revoke_active_sessions require_verified_address web_hook verification show_verification_ui b2b_sso organization notify_owner" hooks.oidc:"revoke_active_sessions web_hook require_verified_address b2b_sso organization" acts:"revoke_active_sessions require_verified_address verification show_verification_ui notify_owner" acts.methods:"password webauthn passkey code totp lookup_secret" doc:"What happens after success."`
}

// VerificationFlow is proving that an address is one's own.
type VerificationFlow struct {
	Enabled                 bool          `key:"enabled" default:"false" doc:"Whether it is offered."`
	UIURL                   string        `key:"ui_url" format:"uri-reference" doc:"Page that shows the form, by ?flow=. Not set: the built-in page."`
	Lifespan                time.Duration `key:"lifespan" default:"1h" doc:"How long a form is valid."`
	Use                     string        `key:"use" default:"code" enum:"link code" doc:"What is sent."`
	NotifyUnknownRecipients bool          `key:"notify_unknown_recipients" default:"false" doc:"Also write to addresses that have no account, to say so."`
	Before                  Before        `key:"before" hooks:"web_hook b2b_sso organization" doc:"What happens when the form is opened."`
	After                   After         `key:"after" hooks:"web_hook b2b_sso organization" doc:"What happens after success."`
}

// RecoveryFlow is regaining access to an account.
type RecoveryFlow struct {
	Enabled                 bool          `key:"enabled" default:"false" doc:"Whether it is offered."`
	UIURL                   string        `key:"ui_url" format:"uri-reference" doc:"Page that shows the form, by ?flow=. Not set: the built-in page."`
	Lifespan                time.Duration `key:"lifespan" default:"1h" doc:"How long a form is valid."`
	Use                     string        `key:"use" default:"code" enum:"link code" doc:"What is sent."`
	NotifyUnknownRecipients bool          `key:"notify_unknown_recipients" default:"false" doc:"Also write to addresses that have no account, to say so."`
	Before                  Before        `key:"before" hooks:"web_hook b2b_sso organization" doc:"What happens when the form is opened."`
	After                   After         `key:"after" hooks:"web_hook revoke_active_sessions notify_owner" acts:"revoke_active_sessions notify_owner" doc:"What happens after success."`
}

// DeletionFlow is deleting one's own account.
type DeletionFlow struct {
	Enabled     bool          `key:"enabled" default:"false" doc:"Let people delete their accounts (POST /self-service/account/deletion). Off, those that are to be deleted already still are."`
	GracePeriod time.Duration `key:"grace_period" default:"336h" doc:"How long an account can still be kept. It is deleted after that. 0s deletes it at once."`
	UIURL       string        `key:"ui_url" format:"uri-reference" doc:"Page on which somebody who signs in meanwhile says whether they keep the account, and which the link of the message opens, with ?token=. Not set: the built-in page."`
}

// ErrorFlow shows errors that fit in no form.
type ErrorFlow struct {
	UIURL string `key:"ui_url" format:"uri-reference" doc:"Page that shows an error, by ?id=. Not set: the built-in page."`
}

// Before is what happens when a form is opened.
type Before struct {
	Hooks []Hook `key:"hooks" unique:"yes" doc:"Called in this order."`
}

// After is what happens after success. A method's own list of hooks replaces
// the general one.
type After struct {
	DefaultBrowserReturnURL string `key:"default_browser_return_url" format:"uri-reference" doc:"Where browsers go. Not set: selfservice.default_browser_return_url."`
	Hooks                   []Hook `key:"hooks" unique:"yes" doc:"Called in this order, unless the method has hooks of its own."`
	// Methods are keys beside the others in the file: password, oidc,
	// webauthn, passkey, code, totp, lookup_secret, profile.
	Methods map[string]MethodAfter `key:"*" doc:"After success with this method."`
}

// MethodAfter is what happens after success with one method.
type MethodAfter struct {
	DefaultBrowserReturnURL string `key:"default_browser_return_url" format:"uri-reference" doc:"Where browsers go. Not set: that of the flow."`
	Hooks                   []Hook `key:"hooks" unique:"yes" doc:"Called in this order instead of the hooks of the flow."`
}

// Hook is something to do at a point of a flow.
type Hook struct {
	Name   string     `key:"hook" required:"yes" doc:"Which hook."`
	Config HookConfig `key:"config" doc:"Its details; for web_hook and notify_previous_addresses only."`
}

// HookConfig holds the details of a web_hook, and Recipients those of
// notify_previous_addresses.
type HookConfig struct {
	ID                 string            `key:"id" doc:"Name in logs and events."`
	URL                string            `key:"url" format:"uri" doc:"Where to call. Required."`
	Method             string            `key:"method" doc:"HTTP method. Required."`
	Headers            map[string]string `key:"headers" secret:"all" doc:"Headers to send along. Content-Type chooses JSON (the default) or a form."`
	Body               string            `key:"body" doc:"Jsonnet that makes the body: file://, http(s)://, base64://, or the path of a file."`
	Auth               *Auth             `key:"auth" doc:"How to sign in there."`
	Response           HookResponse      `key:"response" doc:"What to do with the answer."`
	CanInterrupt       bool              `key:"can_interrupt" default:"false" doc:"Deprecated: the answer may stop the flow. Use response.parse."`
	EmitAnalyticsEvent bool              `key:"emit_analytics_event" default:"true" doc:"Send the two headers with ids and record events."`
	Recipients         string            `key:"recipients" enum:"removed all_verified all" doc:"For notify_previous_addresses: who is told. Not set: removed."`
}

// HookResponse says what to do with the answer of a web hook.
type HookResponse struct {
	Ignore bool `key:"ignore" default:"false" doc:"Do not wait for the answer."`
	Parse  bool `key:"parse" default:"false" doc:"The answer may stop the flow or change the identity."`
}

// open says that a hook is known by name only and may hold anything.
func (h Hook) open() bool { return h.Name == "b2b_sso" || h.Name == "organization" }

func (h Hook) check(at place) {
	config := at.in("config")
	switch h.Name {
	case "", "b2b_sso", "organization":
	case "web_hook":
		for _, name := range []string{"url", "method"} {
			if !config.set(name) {
				config.wrong(name, "is required for a web_hook")
			}
		}
		if config.set("recipients") {
			config.wrong("recipients", "is for the hook notify_previous_addresses only")
		}
		if h.Config.Response.Ignore && (h.Config.Response.Parse || h.Config.CanInterrupt) {
			config.wrong("response", "an answer that is ignored cannot be parsed or interrupt")
		}
	case "notify_previous_addresses":
		for _, name := range config.names() {
			if name != "recipients" {
				config.wrong(name, "is for web_hook only")
			}
		}
	default:
		if at.set("config") {
			at.wrong("config", "the hook %s takes no config", shown(h.Name))
		}
	}
}

// Auth is how the server signs in elsewhere: an api_key in a header or a
// cookie, or basic_auth (RFC 7617).
type Auth struct {
	Type   string     `key:"type" required:"yes" enum:"api_key basic_auth" doc:"Which of the two."`
	Config AuthConfig `key:"config" required:"yes" doc:"Its details."`
}

// AuthConfig holds name, value and in of an api_key, or user and password of
// basic_auth.
type AuthConfig struct {
	Name     string `key:"name" doc:"For api_key: name of the header or cookie."`
	Value    string `key:"value" secret:"all" doc:"For api_key: the key."`
	In       string `key:"in" enum:"header cookie" doc:"For api_key: where it goes."`
	User     string `key:"user" doc:"For basic_auth: the name."`
	Password string `key:"password" secret:"all" doc:"For basic_auth: the password."`
}

func (a Auth) check(at place) {
	wanted := []string{"name", "value", "in"}
	if a.Type == "basic_auth" {
		wanted = []string{"user", "password"}
	}
	config := at.in("config")
	for _, name := range wanted {
		if !config.set(name) {
			config.wrong(name, "is required for the type %s", shown(a.Type))
		}
	}
	for _, name := range config.names() {
		if !slices.Contains(wanted, name) {
			config.wrong(name, "does not belong to the type %s", shown(a.Type))
		}
	}
}

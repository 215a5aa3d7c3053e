package config

import (
	"strings"
	"time"
)

// SelfService is everything that people do themselves.
type SelfService struct {
	DefaultBrowserReturnURL string   `key:"default_browser_return_url" required:"yes" format:"uri-reference" doc:"Where browsers go when nothing else is said."`
	AllowedReturnURLs       []string `key:"allowed_return_urls" doc:"URLs that return_to may begin with. The host may be *.example.org."`
	Methods                 Methods  `key:"methods" doc:"The ways to prove who one is."`
	Flows                   Flows    `key:"flows" doc:"The forms."`
}

// Methods are the ways to prove who one is.
type Methods struct {
	Profile      ProfileMethod      `key:"profile" doc:"Changing one's own data."`
	Link         LinkMethod         `key:"link" doc:"Links sent by mail."`
	Code         CodeMethod         `key:"code" doc:"Codes sent by mail or text message."`
	Password     PasswordMethod     `key:"password" doc:"Passwords."`
	TOTP         TOTPMethod         `key:"totp" doc:"Codes from an app (TOTP, RFC 6238)."`
	LookupSecret LookupSecretMethod `key:"lookup_secret" doc:"Backup codes."`
	WebAuthn     WebAuthnMethod     `key:"webauthn" doc:"Security keys (W3C WebAuthn)."`
	Passkey      PasskeyMethod      `key:"passkey" doc:"Passkeys (W3C WebAuthn, discoverable credentials)."`
	OIDC         OIDCMethod         `key:"oidc" later:"social sign-in" doc:"Signing in with another provider (OpenID Connect)."`
	B2B          B2BMethod          `key:"b2b" later:"organizations" doc:"Organizations."`
}

// ProfileMethod lets people change their own data.
type ProfileMethod struct {
	Enabled bool `key:"enabled" default:"true" doc:"Whether it is offered."`
}

// LinkMethod sends links.
type LinkMethod struct {
	Enabled bool       `key:"enabled" default:"false" doc:"Whether it is offered."`
	Config  LinkConfig `key:"config" doc:"Details."`
}

// LinkConfig holds the details of links.
type LinkConfig struct {
	Lifespan time.Duration `key:"lifespan" default:"1h" doc:"How long a link is valid."`
	BaseURL  string        `key:"base_url" inert:"yes" doc:"Deprecated and ignored."`
}

// CodeMethod sends codes.
type CodeMethod struct {
	Enabled                          bool       `key:"enabled" default:"true" doc:"Whether it is offered."`
	PasswordlessEnabled              bool       `key:"passwordless_enabled" default:"false" doc:"Codes are a first factor. Not together with mfa_enabled."`
	MFAEnabled                       bool       `key:"mfa_enabled" default:"false" doc:"Codes are a second factor. Not together with passwordless_enabled."`
	PasswordlessLoginFallbackEnabled bool       `key:"passwordless_login_fallback_enabled" default:"false" doc:"Deprecated: the same as config.missing_credential_fallback_enabled."`
	Config                           CodeConfig `key:"config" doc:"Details."`
}

func (m CodeMethod) check(at place) {
	if m.PasswordlessEnabled && m.MFAEnabled {
		at.wrong("mfa_enabled", "must not be true while passwordless_enabled is: a code cannot be both factors")
	}
}

// CodeConfig holds the details of codes.
type CodeConfig struct {
	Lifespan                         time.Duration `key:"lifespan" default:"1h" doc:"How long a code is valid."`
	MaxSubmissions                   int           `key:"max_submissions" default:"5" min:"1" max:"255" doc:"How many wrong codes a form takes. After that it takes no more."`
	MissingCredentialFallbackEnabled bool          `key:"missing_credential_fallback_enabled" default:"false" doc:"Find people without a code credential by the addresses that they have proven."`
}

// PasswordMethod is signing in with a password.
type PasswordMethod struct {
	Enabled bool           `key:"enabled" default:"true" doc:"Whether it is offered."`
	Config  PasswordConfig `key:"config" doc:"Rules for passwords."`
}

// PasswordConfig holds the rules for new passwords.
type PasswordConfig struct {
	HaveIBeenPwnedHost               string      `key:"haveibeenpwned_host" default:"api.pwnedpasswords.com" format:"host" doc:"Host that knows leaked passwords. It is told the first 5 digits of a SHA-1 only."`
	HaveIBeenPwnedEnabled            bool        `key:"haveibeenpwned_enabled" default:"true" doc:"Refuse leaked passwords."`
	MaxBreaches                      int         `key:"max_breaches" default:"0" min:"0" max:"100" doc:"How often a password may have leaked and still be used."`
	IgnoreNetworkErrors              bool        `key:"ignore_network_errors" default:"true" doc:"Accept passwords while that host does not answer."`
	MinPasswordLength                int         `key:"min_password_length" default:"8" min:"6" doc:"Least length in characters (Unicode code points, not bytes)."`
	IdentifierSimilarityCheckEnabled bool        `key:"identifier_similarity_check_enabled" default:"true" doc:"Refuse passwords that are close to the name one signs in with."`
	MigrateHook                      MigrateHook `key:"migrate_hook" later:"password migration" doc:"Ask an older system whether a password is right, and take it over."`
}

// MigrateHook takes passwords over from an older system.
type MigrateHook struct {
	Enabled bool              `key:"enabled" default:"false" doc:"Whether it is asked."`
	Config  MigrateHookConfig `key:"config" doc:"The request."`
}

func (m MigrateHook) check(at place) {
	if m.Enabled && m.Config.URL == "" {
		at.wrong("config", "url is required while the hook is enabled")
	}
}

// MigrateHookConfig is the request to the older system.
type MigrateHookConfig struct {
	URL                string            `key:"url" format:"uri" doc:"Where to ask."`
	Method             string            `key:"method" default:"POST" enum:"POST" doc:"HTTP method."`
	Headers            map[string]string `key:"headers" secret:"all" doc:"Headers to send along."`
	EmitAnalyticsEvent bool              `key:"emit_analytics_event" default:"true" doc:"Send the two headers with ids and record events."`
	Auth               *Auth             `key:"auth" doc:"How to sign in there."`
	Body               string            `key:"body" format:"source" doc:"Jsonnet that makes the body. Not set: identifier and password as JSON."`
}

// TOTPMethod is codes from an app.
type TOTPMethod struct {
	Enabled bool       `key:"enabled" default:"false" doc:"Whether it is offered."`
	Config  TOTPConfig `key:"config" doc:"Details."`
}

// TOTPConfig holds the details of codes from an app.
type TOTPConfig struct {
	Issuer string `key:"issuer" doc:"Name that the app shows. Not set: the host of the public base URL."`
}

// LookupSecretMethod is backup codes.
type LookupSecretMethod struct {
	Enabled bool `key:"enabled" default:"false" doc:"Whether it is offered."`
}

// WebAuthnMethod is security keys.
type WebAuthnMethod struct {
	Enabled bool           `key:"enabled" default:"false" doc:"Whether it is offered."`
	Config  WebAuthnConfig `key:"config" doc:"Details; required while enabled."`
}

func (m WebAuthnMethod) check(at place) {
	if m.Enabled && !at.in("config").set("rp") {
		at.wrong("enabled", "needs config with rp.id and rp.display_name")
	}
}

// WebAuthnConfig holds the details of security keys.
type WebAuthnConfig struct {
	Passwordless     bool         `key:"passwordless" default:"false" doc:"Whether a security key is a first factor; otherwise it is a second one."`
	UserVerifiedAAL2 bool         `key:"user_verified_aal2" default:"false" doc:"Whether a key that is a first factor counts as two where it has checked a finger, a face or a PIN. A session is then aal2 with it alone, and people who have one are asked for aal2. Keys that did not check it when they were set up do not count."`
	RP               RelyingParty `key:"rp" doc:"This service, as authenticators know it."`
}

func (c WebAuthnConfig) check(at place) {
	if c.UserVerifiedAAL2 && !c.Passwordless {
		at.wrong("user_verified_aal2", "needs passwordless: a second factor is one factor, whatever it checks")
	}
}

// RelyingParty is this service as authenticators know it (W3C WebAuthn,
// section 5.4.2).
type RelyingParty struct {
	ID          string   `key:"id" required:"yes" doc:"Domain for which keys are made."`
	DisplayName string   `key:"display_name" required:"yes" doc:"Name that people see."`
	Origin      string   `key:"origin" format:"uri" doc:"The one origin of the pages. Not together with origins."`
	Origins     []string `key:"origins" format:"uri" doc:"Origins of the pages. Not set: the scheme of the public base URL with the id, and the public base URL's own origin where that is at the id or below it. Those on other domains than the id are told to browsers at /.well-known/webauthn."`
	Icon        string   `key:"icon" format:"uri" inert:"yes" doc:"Accepted and ignored."`
}

func (r RelyingParty) check(at place) {
	checkDomain(at, r.ID)
	if at.set("origin") && at.set("origins") {
		at.wrong("origin", "give either origin or origins")
	}
}

// PasskeyMethod is passkeys.
type PasskeyMethod struct {
	Enabled bool          `key:"enabled" default:"false" doc:"Whether it is offered."`
	Config  PasskeyConfig `key:"config" doc:"Details; required while enabled."`
}

func (m PasskeyMethod) check(at place) {
	if m.Enabled && !at.in("config").set("rp") {
		at.wrong("enabled", "needs config with rp.id and rp.display_name")
	}
}

// PasskeyConfig holds the details of passkeys.
type PasskeyConfig struct {
	UserVerifiedAAL2       bool                   `key:"user_verified_aal2" default:"false" doc:"Whether a passkey counts as two factors where it has checked a finger, a face or a PIN. A session is then aal2 with it alone, and people who have one are asked for aal2. Passkeys that did not check it when they were made do not count."`
	RP                     PasskeyRelyingParty    `key:"rp" doc:"This service, as authenticators know it."`
	AuthenticatorSelection AuthenticatorSelection `key:"authenticator_selection" doc:"Which authenticators are welcome."`
	Attestation            Attestation            `key:"attestation" doc:"What an authenticator tells of itself."`
	Timeouts               PasskeyTimeouts        `key:"timeouts" doc:"How long people have."`
}

func (c PasskeyConfig) check(at place) {
	if c.UserVerifiedAAL2 && c.AuthenticatorSelection.UserVerification == "discouraged" {
		at.wrong("user_verified_aal2", "needs authenticator_selection.user_verification to be preferred or required: otherwise no passkey checks who uses it")
	}
}

// PasskeyRelyingParty is this service as authenticators know it.
type PasskeyRelyingParty struct {
	ID          string   `key:"id" required:"yes" doc:"Domain for which passkeys are made."`
	DisplayName string   `key:"display_name" required:"yes" doc:"Name that people see."`
	Origins     []string `key:"origins" doc:"Origins of the pages, or of apps (android:apk-key-hash:). Not set: the scheme of the public base URL with the id, and the public base URL's own origin where that is at the id or below it. Those on other domains than the id are told to browsers at /.well-known/webauthn."`
}

func (r PasskeyRelyingParty) check(at place) { checkDomain(at, r.ID) }

// checkDomain refuses an origin where its domain is wanted.
func checkDomain(at place, id string) {
	if strings.ContainsAny(id, ":/") {
		at.wrong("id", "is a domain such as example.org, without scheme, port and path")
	}
}

// AuthenticatorSelection says which authenticators are welcome (W3C WebAuthn,
// section 5.4.4).
type AuthenticatorSelection struct {
	Attachment       string `key:"attachment" enum:"platform cross-platform" doc:"Built in or separate. Not set: both."`
	ResidentKey      string `key:"resident_key" default:"required" enum:"required preferred discouraged" doc:"Whether the key is stored on the device."`
	UserVerification string `key:"user_verification" default:"preferred" enum:"required preferred discouraged" doc:"Whether the device checks a finger, a face or a PIN."`
}

// Attestation says what an authenticator tells of itself (W3C WebAuthn,
// section 5.4.7).
type Attestation struct {
	Preference string `key:"preference" default:"none" enum:"none indirect direct enterprise" doc:"How much it should tell."`
}

// PasskeyTimeouts say how long people have. Zero is five minutes, or two where
// nobody is verified (W3C WebAuthn, section 15.1).
type PasskeyTimeouts struct {
	Registration time.Duration `key:"registration" format:"nonzero" doc:"To make a passkey. Not set: 5m, or 2m where user_verification is discouraged."`
	Login        time.Duration `key:"login" format:"nonzero" doc:"To use one. Not set: 5m, or 2m where user_verification is discouraged."`
}

// OIDCMethod is signing in with another provider.
type OIDCMethod struct {
	Enabled bool       `key:"enabled" default:"false" doc:"Whether it is offered."`
	Config  OIDCConfig `key:"config" doc:"Details."`
}

// OIDCConfig lists the providers.
type OIDCConfig struct {
	BaseRedirectURI string         `key:"base_redirect_uri" format:"uri" doc:"Base of the callback URLs. Not set: the public base URL."`
	Providers       []OIDCProvider `key:"providers" doc:"The providers."`
}

// OIDCProvider is one provider that people can sign in with.
type OIDCProvider struct {
	ID                         string         `key:"id" required:"yes" doc:"Name of the provider in URLs and stored credentials."`
	Provider                   string         `key:"provider" required:"yes" enum:"github github-app gitlab generic google microsoft discord salesforce slack facebook auth0 vk yandex apple spotify netid dingtalk patreon line linkedin linkedin_v2 lark x fedcm-test amazon uaepass" doc:"Kind of provider."`
	Label                      string         `key:"label" doc:"Name on the button. Not set: the id."`
	ClientID                   string         `key:"client_id" required:"yes" doc:"OAuth 2.0 client id."`
	ClientSecret               string         `key:"client_secret" secret:"all" doc:"OAuth 2.0 client secret."`
	IssuerURL                  string         `key:"issuer_url" format:"uri" doc:"Where discovery begins."`
	AuthURL                    string         `key:"auth_url" format:"uri" inert:"yes" doc:"Accepted and ignored."`
	TokenURL                   string         `key:"token_url" format:"uri" inert:"yes" doc:"Accepted and ignored."`
	MapperURL                  string         `key:"mapper_url" required:"yes" format:"source" doc:"Jsonnet that turns claims into traits."`
	Scope                      []string       `key:"scope" doc:"Scopes to ask for."`
	MicrosoftTenant            string         `key:"microsoft_tenant" doc:"Tenant id, or common, organizations or consumers. For microsoft only."`
	SubjectSource              string         `key:"subject_source" default:"userinfo" enum:"userinfo me oid" doc:"Where the subject comes from. For microsoft only."`
	AppleTeamID                string         `key:"apple_team_id" doc:"Team id. For apple only."`
	ApplePrivateKeyID          string         `key:"apple_private_key_id" doc:"Id of the key. For apple only."`
	ApplePrivateKey            string         `key:"apple_private_key" secret:"all" doc:"Private key in PEM (PKCS 8). For apple only."`
	RequestedClaims            map[string]any `key:"requested_claims" doc:"The parameter claims (OpenID Connect Core, section 5.5)."`
	OrganizationID             string         `key:"organization_id" doc:"Organization to which the provider belongs."`
	AdditionalIDTokenAudiences []string       `key:"additional_id_token_audiences" doc:"Further audiences that an app's id token may have."`
	AAL2ACRValues              []string       `key:"aal2_acr_values" doc:"Values of acr that count as two factors."`
	AAL2AMRValues              []string       `key:"aal2_amr_values" doc:"Values of amr that count as two factors."`
	ClaimsSource               string         `key:"claims_source" default:"id_token" enum:"id_token userinfo" doc:"Where claims are read."`
	PKCE                       string         `key:"pkce" default:"auto" enum:"auto never force" doc:"Whether to use PKCE (RFC 7636)."`
	FedCMConfigURL             string         `key:"fedcm_config_url" format:"uri" doc:"FedCM configuration of the provider."`
	NetIDTokenOriginHeader     string         `key:"net_id_token_origin_header" doc:"Origin header. For netid only."`
	AccountLinkingMode         string         `key:"account_linking_mode" default:"confirm_with_existing_credential" enum:"confirm_with_existing_credential automatic" doc:"How an account that already exists is linked. automatic has no effect."`
	UpdateIdentityOnLogin      string         `key:"update_identity_on_login" default:"never" enum:"never automatic" doc:"Whether each sign-in takes new claims over."`
}

func (p OIDCProvider) check(at place) {
	apple := map[string]string{"apple_team_id": p.AppleTeamID, "apple_private_key_id": p.ApplePrivateKeyID, "apple_private_key": p.ApplePrivateKey}
	for _, name := range []string{"apple_team_id", "apple_private_key_id", "apple_private_key"} {
		switch {
		case p.Provider == "apple" && apple[name] == "":
			at.wrong(name, "is required for the provider apple")
		case p.Provider != "apple" && apple[name] != "":
			at.wrong(name, "is for the provider apple only")
		}
	}
	switch {
	case p.Provider == "apple" && p.ClientSecret != "":
		at.wrong("client_secret", "must not be set for the provider apple, whose secret is made from the private key")
	case p.Provider != "apple" && !at.set("client_secret"):
		at.wrong("client_secret", "is required")
	}
	switch {
	case p.Provider == "microsoft" && p.MicrosoftTenant == "":
		at.wrong("microsoft_tenant", "is required for the provider microsoft")
	case p.Provider != "microsoft" && at.set("microsoft_tenant"):
		at.wrong("microsoft_tenant", "is for the provider microsoft only")
	}
}

// B2BMethod is organizations.
type B2BMethod struct {
	Config B2BConfig `key:"config" doc:"Details."`
}

// B2BConfig lists the organizations.
type B2BConfig struct {
	Organizations []Organization `key:"organizations" doc:"The organizations."`
}

// Organization is a group of accounts with settings of its own.
type Organization struct {
	ID              string        `key:"id" format:"uuid" doc:"Id of the organization."`
	Label           string        `key:"label" doc:"Name that people see."`
	Domains         []string      `key:"domains" doc:"Domains of its mail addresses."`
	SessionLifespan time.Duration `key:"session_lifespan" doc:"How long its sessions last. Not set: session.lifespan."`
}

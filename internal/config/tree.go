package config

import (
	"net/url"
	"time"

	"zelus/internal/auth"
)

// Config is the whole configuration. A loaded one is complete: defaults are
// filled in, what falls back to other keys is resolved, secrets are there. It
// is shared between goroutines and must not be changed.
type Config struct {
	DSN               string         `key:"dsn" required:"yes" format:"dsn" restart:"yes" doc:"The database: sqlite:// and a path, postgres://, or the word memory. cockroach:// and mysql:// are known but cannot be used yet. The parameters max_conns, max_conn_lifetime and max_conn_idle_time bound the connections to a server; max_idle_conns changes nothing."`
	Version           string         `key:"version" format:"version" env:"no" inert:"yes" doc:"Version of Kratos that the file was written for. It changes nothing."`
	Dev               bool           `key:"dev" default:"false" doc:"For development only: cookies without Secure, http base URLs, weak values allowed. The admin API then answers under the configured base URLs, addresses, localhost, and to other machines under names that nobody on the internet can have, such as those of containers."`
	Help              bool           `key:"help" env:"no" inert:"yes" doc:"Accepted and ignored."`
	ConfigFiles       []string       `key:"config" env:"no" inert:"yes" doc:"Accepted and ignored; use the flag -c."`
	SQAOptOut         bool           `key:"sqa-opt-out" default:"false" inert:"yes" doc:"Accepted and ignored: no usage data is ever sent."`
	WatchCourier      bool           `key:"watch-courier" default:"false" restart:"yes" doc:"Send mail from inside the server, instead of from a process of its own (zelus courier watch). On an embedded database and with --dev the server always does."`
	ExposeMetricsPort int            `key:"expose-metrics-port" default:"0" min:"0" max:"65535" restart:"yes" doc:"Port on serve.admin.host where zelus courier watch shows its metrics, at /metrics/prometheus. 0 is off."`
	Revision          string         `key:"revision" doc:"Name of this configuration, as GET /health/config answers it. Otherwise a SHA-256 of what was loaded."`
	Organizations     []any          `key:"organizations" inert:"yes" doc:"Deprecated and ignored; use selfservice.methods.b2b.config.organizations."`
	Enterprise        Enterprise     `key:"enterprise" inert:"yes" doc:"Accepted and ignored."`
	Preview           Preview        `key:"preview" open:"yes" doc:"Things that may change."`
	SelfService       SelfService    `key:"selfservice" required:"yes" doc:"What people do themselves: sign up, sign in, change and regain their accounts."`
	Courier           Courier        `key:"courier" doc:"How mail and text messages are sent."`
	OAuth2Provider    OAuth2Provider `key:"oauth2_provider" later:"OAuth2" doc:"The OAuth 2.0 server (Ory Hydra) that people are signed in for."`
	Branding          Branding       `key:"branding" doc:"Name, logo, colours and links, for pages and messages."`
	Languages         Languages      `key:"languages" doc:"Languages of pages and messages."`
	Serve             Serve          `key:"serve" doc:"Where the server listens and under which addresses it is reached."`
	Tracing           Tracing        `key:"tracing" later:"tracing" restart:"yes" doc:"Where traces are sent."`
	Log               Log            `key:"log" restart:"yes" doc:"What is logged, and how."`
	Identity          Identity       `key:"identity" required:"yes" doc:"Which data an account has."`
	Secrets           Secrets        `key:"secrets" doc:"Keys of the server. The first of each list is used for new data, all are tried on old data."`
	Hashers           Hashers        `key:"hashers" doc:"How passwords are hashed."`
	Ciphers           Ciphers        `key:"ciphers" doc:"How tokens of other services are encrypted in the database."`
	Cookies           Cookies        `key:"cookies" doc:"Attributes of all cookies."`
	Session           Session        `key:"session" doc:"How long people stay signed in."`
	Security          Security       `key:"security" doc:"Choices between safety and comfort."`
	Database          Database       `key:"database" doc:"Upkeep of the database."`
	Clients           Clients        `key:"clients" doc:"Limits on requests that the server makes to others."`
	FeatureFlags      FeatureFlags   `key:"feature_flags" doc:"Switches between older and newer behaviour."`

	zero      bool // see ZeroConfig
	hostname  string
	publicURL *url.URL
	adminURL  *url.URL
	values    *node             // what was configured, merged
	notes     map[string]string // key: where a resolved value comes from
	generated []string          // secrets made by this process or kept beside the database
}

// Enterprise is known and ignored.
type Enterprise struct {
	IdentitySchemaFallbackURLTemplate string `key:"identity_schema_fallback_url_template" inert:"yes" doc:"Accepted and ignored."`
}

// Preview holds things that may change.
type Preview struct {
	DefaultReadConsistencyLevel string `key:"default_read_consistency_level" default:"strong" enum:"strong eventual" later:"CockroachDB" doc:"How fresh lists are when a request does not say. Matters on CockroachDB only."`
}

// Serve says where the two servers listen.
type Serve struct {
	Public PublicServer `key:"public" doc:"The API that browsers and apps use."`
	Admin  AdminServer  `key:"admin" doc:"The API that trusted services use. Whoever is let in can do everything: make API keys (zelus keys create), and keep the port private."`
}

// PublicServer is the listener that faces people.
type PublicServer struct {
	BaseURL    string     `key:"base_url" format:"uri-reference" doc:"Address under which the outside reaches this server. Otherwise made from host and port."`
	Host       string     `key:"host" default:"0.0.0.0" restart:"yes" doc:"Address to listen on, or unix:/path for a socket."`
	Port       int        `key:"port" default:"4433" min:"1" max:"65535" restart:"yes" doc:"Port to listen on. Not used for a socket."`
	Socket     Socket     `key:"socket" restart:"yes" doc:"Rights of the socket, where host is one."`
	TLS        TLS        `key:"tls" restart:"yes" doc:"Certificate and key. Without them the server speaks plain HTTP."`
	RequestLog RequestLog `key:"request_log" doc:"The log line of each request."`
	CORS       CORS       `key:"cors" doc:"Which other origins may call from a browser (the Fetch standard, section 3.3)."`
	// Kratos has no such key and no such prefix.
	AdminPrefix bool `key:"admin_prefix" default:"true" doc:"Serve the admin API to clients of the v0alpha2 era, below /api/kratos/admin. It always asks for a key (zelus keys create)."`
	// Kratos has no such key and believes everybody.
	TrustedProxies []string `key:"trusted_proxies" format:"network" doc:"Networks of proxies, such as 10.0.0.0/8, whose headers say where a client is. Not set: headers are not believed."`
}

// AdminServer is the listener for trusted services. It asks for an API key as
// RequireKey says.
type AdminServer struct {
	BaseURL    string     `key:"base_url" format:"uri-reference" doc:"Address under which trusted services reach this server. Otherwise made from host and port."`
	Host       string     `key:"host" default:"0.0.0.0" restart:"yes" doc:"Address to listen on, or unix:/path for a socket."`
	Port       int        `key:"port" default:"4434" min:"1" max:"65535" restart:"yes" doc:"Port to listen on. Not used for a socket."`
	Socket     Socket     `key:"socket" restart:"yes" doc:"Rights of the socket, where host is one."`
	TLS        TLS        `key:"tls" restart:"yes" doc:"Certificate and key. Without them the server speaks plain HTTP."`
	RequestLog RequestLog `key:"request_log" doc:"The log line of each request."`
	// Kratos has no such key and lets everybody in.
	RequireKey *bool `key:"require_key" doc:"Whether each request needs an API key, as Authorization: Bearer and the key. true: always. false: never, whoever reaches the port is let in. Not set: as soon as a key was ever made (zelus keys create), be it expired or revoked since. It cannot be true with a database in memory. The health checks alive and ready and the version are for everybody; where a key is needed, ready says only to who has one why it is not."`
}

// Socket is the owner and mode of a unix socket.
type Socket struct {
	Owner string `key:"owner" default:"" doc:"Name of the owner. Empty leaves it."`
	Group string `key:"group" default:"" doc:"Name of the group. Empty leaves it."`
	Mode  int    `key:"mode" default:"493" min:"0" max:"511" doc:"Mode as a decimal number: 493 is 0755."`
}

// TLS is a certificate and its key. Both are empty for plain HTTP.
type TLS struct {
	Cert TLSCert `key:"cert" doc:"The certificate, with its chain."`
	Key  TLSKey  `key:"key" doc:"The private key."`
}

// TLSCert is a certificate in PEM: in a file, or itself in base64.
type TLSCert struct {
	Path   string `key:"path" doc:"File in PEM. It is read again when it changes."`
	Base64 string `key:"base64" format:"base64" doc:"The PEM itself in base64."`
}

// TLSKey is a private key in PEM: in a file, or itself in base64.
type TLSKey struct {
	Path   string `key:"path" doc:"File in PEM. It is read again when it changes."`
	Base64 string `key:"base64" format:"base64" secret:"all" doc:"The PEM itself in base64."`
}

// Kratos serves plain HTTP if it cannot make sense of these keys. Whoever sets
// them wants TLS, so that everything but a full pair is a problem here.
func (t TLS) check(at place) {
	switch {
	case t == TLS{}:
	case t.Cert.Path != "" && t.Key.Path != "" && t.Cert.Base64 == "" && t.Key.Base64 == "":
	case t.Cert.Base64 != "" && t.Key.Base64 != "" && t.Cert.Path == "" && t.Key.Path == "":
	default:
		at.wrong("", "TLS needs cert and key, both with path or both with base64")
	}
}

// RequestLog says which requests are logged.
type RequestLog struct {
	DisableForHealth bool `key:"disable_for_health" default:"false" doc:"Do not log requests to the health endpoints."`
}

// CORS says which other origins may call the public API from a browser.
type CORS struct {
	Enabled            bool     `key:"enabled" default:"false" doc:"Whether other origins may call at all."`
	AllowedOrigins     []string `key:"allowed_origins" default:"*" format:"origin" unique:"yes" doc:"Origins, such as https://app.example.org or https://*.example.org."`
	AllowedMethods     []string `key:"allowed_methods" default:"POST,GET,PUT,PATCH,DELETE" doc:"HTTP methods."`
	AllowedHeaders     []string `key:"allowed_headers" default:"Authorization,Content-Type,Max-Age,X-Session-Token,X-XSRF-TOKEN,X-CSRF-TOKEN" doc:"Headers of requests."`
	ExposedHeaders     []string `key:"exposed_headers" default:"Content-Type" doc:"Headers of answers that scripts may read."`
	AllowCredentials   bool     `key:"allow_credentials" default:"true" doc:"Whether cookies are sent along."`
	OptionsPassthrough bool     `key:"options_passthrough" default:"false" doc:"Hand OPTIONS requests on instead of answering them."`
	MaxAge             int      `key:"max_age" default:"0" min:"0" doc:"Seconds for which a browser may remember the answer."`
	Debug              bool     `key:"debug" default:"false" inert:"yes" doc:"Accepted and ignored."`
}

// Log says what is logged.
type Log struct {
	Level               string `key:"level" default:"info" enum:"trace debug info warning error fatal panic" doc:"The least serious line that is logged."`
	Format              string `key:"format" default:"text" enum:"json text" doc:"Form of a line."`
	LeakSensitiveValues bool   `key:"leak_sensitive_values" default:"false" inert:"yes" doc:"Accepted; secrets are never logged."`
	RedactionText       string `key:"redaction_text" inert:"yes" doc:"Accepted and ignored: secrets are never logged."`
}

// Tracing says where traces go.
type Tracing struct {
	Provider              string           `key:"provider" enum:"jaeger otel zipkin" doc:"Kind of collector. Empty is off."`
	ServiceName           string           `key:"service_name" doc:"Name of this service in traces."`
	DeploymentEnvironment string           `key:"deployment_environment" doc:"Name of the environment in traces."`
	Providers             TracingProviders `key:"providers" doc:"Settings of each kind of collector."`
}

// TracingProviders holds the settings of each kind of collector.
type TracingProviders struct {
	Jaeger Jaeger `key:"jaeger" doc:"A Jaeger agent."`
	Zipkin Zipkin `key:"zipkin" doc:"A Zipkin server."`
	OTLP   OTLP   `key:"otlp" doc:"An OpenTelemetry collector over HTTP."`
}

// Jaeger is a Jaeger agent.
type Jaeger struct {
	LocalAgentAddress string         `key:"local_agent_address" doc:"host:port of the agent."`
	Sampling          JaegerSampling `key:"sampling" doc:"How many requests are traced."`
}

// JaegerSampling says how many requests are traced.
type JaegerSampling struct {
	ServerURL    string   `key:"server_url" format:"uri" doc:"Server that decides."`
	TraceIDRatio *float64 `key:"trace_id_ratio" doc:"Share of requests, 0 to 1. Not set: all."`
}

// Zipkin is a Zipkin server.
type Zipkin struct {
	ServerURL string   `key:"server_url" format:"uri" doc:"Address of the server."`
	Sampling  Sampling `key:"sampling" doc:"How many requests are traced."`
}

// OTLP is an OpenTelemetry collector over HTTP.
type OTLP struct {
	ServerURL           string   `key:"server_url" doc:"host:port of the collector."`
	Insecure            bool     `key:"insecure" default:"false" doc:"Speak plain HTTP."`
	Sampling            Sampling `key:"sampling" doc:"How many requests are traced."`
	AuthorizationHeader string   `key:"authorization_header" secret:"all" doc:"Value of the header Authorization."`
}

// Sampling says how many requests are traced.
type Sampling struct {
	SamplingRatio *float64 `key:"sampling_ratio" doc:"Share of requests, 0 to 1."`
}

// Identity lists the identity schemas.
type Identity struct {
	DefaultSchemaID string           `key:"default_schema_id" default:"default" doc:"Schema of accounts that ask for none."`
	Schemas         []IdentitySchema `key:"schemas" required:"yes" min:"1" doc:"JSON Schemas of the traits."`
}

// IdentitySchema is one JSON Schema of traits.
type IdentitySchema struct {
	ID                    string `key:"id" required:"yes" doc:"Name of the schema."`
	URL                   string `key:"url" required:"yes" format:"source" doc:"Where it is: file://, http(s):// or base64://. Up to 1 MiB."`
	SelfServiceSelectable bool   `key:"selfservice_selectable" default:"false" doc:"Whether people may choose it with ?identity_schema=. The default schema always is."`
}

// Secrets are the keys of the server: lists whose first entry is used for new
// data, while all are tried on old data. After loading none is empty.
type Secrets struct {
	Default    []string `key:"default" unique:"yes" secret:"all" doc:"Keys for the hashes of session tokens and API keys, and for everything that has no list of its own. Not set: made from those of cookie."`
	Cookie     []string `key:"cookie" unique:"yes" secret:"all" doc:"Keys that session cookies are encrypted with. Not set: those of default."`
	Cipher     []string `key:"cipher" min:"1" secret:"all" doc:"Keys for secrets of people that are read again (authenticator apps, backup codes, tokens of other services), encrypted in the database; exactly 32 characters each. The first one writes, all read; secrets.default reads too. Not set: made from those of cookie."`
	Pagination []string `key:"pagination" min:"1" secret:"all" doc:"Keys for the page tokens of lists. Not set: made from those of cookie."`
}

// Hashers says how new passwords are hashed.
type Hashers struct {
	Algorithm string `key:"algorithm" default:"bcrypt" enum:"argon2 bcrypt" restart:"yes" doc:"Algorithm of new hashes. Old ones stay valid."`
	Argon2    Argon2 `key:"argon2" doc:"Argon2id (RFC 9106)."`
	Bcrypt    Bcrypt `key:"bcrypt" doc:"bcrypt. It sees the first 72 bytes of a password only."`
}

// Argon2 holds the parameters of Argon2id (RFC 9106 section 3.1).
type Argon2 struct {
	Memory            Bytes         `key:"memory" default:"128MB" doc:"Memory for one hash, in units of 1024: 19MB is 19 MiB. At least 8KB for each lane, at most 1GB."`
	Iterations        int           `key:"iterations" default:"1" min:"1" max:"10" doc:"Passes over the memory."`
	Parallelism       int           `key:"parallelism" default:"1" min:"1" max:"16" doc:"Lanes of one hash. A constant, so that hashes made on one machine suit all."`
	SaltLength        int           `key:"salt_length" default:"16" min:"16" max:"128" doc:"Length of salts in bytes."`
	KeyLength         int           `key:"key_length" default:"32" min:"16" max:"128" doc:"Length of hashes in bytes."`
	ExpectedDuration  time.Duration `key:"expected_duration" default:"500ms" later:"the commands that measure" doc:"How long one hash should take; the commands that measure use it."`
	ExpectedDeviation time.Duration `key:"expected_deviation" default:"500ms" later:"the commands that measure" doc:"How far one hash may be off; the commands that measure use it."`
	DedicatedMemory   Bytes         `key:"dedicated_memory" default:"1GB" later:"the commands that measure" doc:"Memory that all hashes may take together; the commands that measure use it."`
}

// The bounds are those of package hash, like the numbers in the tags.
func (a Argon2) check(at place) {
	least, most := Bytes(8<<10*max(a.Parallelism, 1)), Bytes(1<<30)
	if a.Memory != 0 && (a.Memory < least || a.Memory > most) { // zero was complained about
		at.wrong("memory", "must be from %s, which is 8KB for each lane, to %s", least, most)
	}
}

// Bcrypt holds the parameter of bcrypt.
type Bcrypt struct {
	Cost int `key:"cost" default:"12" min:"4" max:"15" doc:"Work factor; each step doubles the time. At least 12 outside development."`
}

// Ciphers says how tokens of other services are encrypted.
type Ciphers struct {
	Algorithm string `key:"algorithm" default:"noop" enum:"noop aes xchacha20-poly1305" restart:"yes" later:"social sign-in" doc:"Algorithm. All but noop need secrets.cipher."`
}

// Cookies holds the attributes of all cookies (RFC 6265 section 4.1.2).
type Cookies struct {
	Domain   string `key:"domain" doc:"Domain for which cookies are valid. Empty: the host only."`
	Path     string `key:"path" default:"/" doc:"Path below which cookies are sent."`
	Secure   bool   `key:"secure" format:"bool" doc:"Send cookies over HTTPS only. Not set: unless in development."`
	SameSite string `key:"same_site" default:"Lax" enum:"Strict Lax None" doc:"Whether cookies go along with requests from other sites."`
}

// Session says how long people stay signed in.
type Session struct {
	Lifespan               time.Duration `key:"lifespan" default:"24h" doc:"How long a session lasts."`
	EarliestPossibleExtend time.Duration `key:"earliest_possible_extend" doc:"A session can be extended once it has no more than this left. Not set: at any time."`
	Cookie                 SessionCookie `key:"cookie" doc:"The cookie of a session. What is not set here comes from cookies."`
	Whoami                 Whoami        `key:"whoami" doc:"The session check."`
	// Kratos has no such key and remembers no device.
	TrustedDevice TrustedDevice `key:"trusted_device" doc:"Browsers in which people need no second factor to sign in, because they said that they trust them."`
}

// TrustedDevice says whether people may trust a browser, and for how long.
type TrustedDevice struct {
	Enabled  bool          `key:"enabled" default:"false" doc:"Let people trust a browser in which they have used their second factor (POST /sessions/trusted-devices). Off, those that are trusted already count for nothing."`
	Lifespan time.Duration `key:"lifespan" default:"720h" doc:"How long a browser is trusted from when its owner says so; use does not prolong it. 0s is as if it were not enabled."`
}

// SessionCookie holds the attributes of the session cookie. After loading they
// are final: what was not set here has been taken from Cookies.
type SessionCookie struct {
	Name       string `key:"name" default:"ory_kratos_session" doc:"Name of the cookie."`
	Persistent bool   `key:"persistent" default:"true" doc:"Keep the cookie when the browser closes."`
	Domain     string `key:"domain" doc:"Not set: cookies.domain."`
	Path       string `key:"path" doc:"Not set: cookies.path."`
	SameSite   string `key:"same_site" enum:"Strict Lax None" doc:"Not set: cookies.same_site."`
	Secure     bool   `key:"secure" format:"bool" doc:"Not set: unless in development; cookies.secure has no say."`
}

// Whoami sets up the session check.
type Whoami struct {
	RequiredAAL auth.RequiredAAL `key:"required_aal" default:"highest_available" enum:"aal1 highest_available" doc:"How strongly a session must be proven to pass."`
	Tokenizer   Tokenizer        `key:"tokenizer" doc:"Sessions as signed tokens (JWT, RFC 7519)."`
}

// Tokenizer holds the templates of session tokens, by name.
type Tokenizer struct {
	Templates map[string]TokenizerTemplate `key:"templates" names:"[a-zA-Z0-9-_.]+" doc:"Templates by name, for ?tokenize_as=."`
}

// TokenizerTemplate describes one kind of session token.
type TokenizerTemplate struct {
	TTL             time.Duration `key:"ttl" default:"1m" doc:"How long a token is valid."`
	JWKSURL         string        `key:"jwks_url" required:"yes" format:"key-source" secret:"base64" doc:"The signing keys (JWKS, RFC 7517): file:// or base64://. The first is used."`
	ClaimsMapperURL string        `key:"claims_mapper_url" format:"source" doc:"Jsonnet that makes the claims."`
	SubjectSource   string        `key:"subject_source" default:"id" enum:"id external_id" doc:"Which id becomes the subject."`
}

// Security holds choices between safety and comfort.
type Security struct {
	AccountEnumeration           AccountEnumeration `key:"account_enumeration" doc:"Whether strangers may learn who has an account."`
	DisallowRefInIdentitySchemas bool               `key:"disallow_ref_in_identity_schemas" default:"false" doc:"Refuse $ref to other places in identity schemas."`
}

// AccountEnumeration says whether strangers may learn who has an account.
type AccountEnumeration struct {
	Mitigate bool `key:"mitigate" default:"false" doc:"Answer alike whether or not there is an account. A sign-up with an address that is taken then succeeds in appearance, and its owner is told, where a sign-up does not end in a session (the hook session)."`
}

// Database is the upkeep of the database.
type Database struct {
	Cleanup Cleanup `key:"cleanup" doc:"Removal of what has expired."`
}

// Cleanup removes what has expired.
type Cleanup struct {
	BatchSize int           `key:"batch_size" default:"100" min:"1" doc:"Rows of one table in one go."`
	Sleep     CleanupSleep  `key:"sleep" doc:"Pauses of the clean-up."`
	OlderThan time.Duration `key:"older_than" default:"0s" format:"single" inert:"yes" doc:"Accepted and ignored: how long things are kept after their end is fixed."`
}

// CleanupSleep holds the pauses of the clean-up.
type CleanupSleep struct {
	Tables time.Duration `key:"tables" default:"1m" format:"single" doc:"The pause between two rounds through all tables. A round removes all that is due, batch by batch, accounts that are to be deleted too. Less than a second counts as one."`
}

// Clients limits requests that the server makes to others.
type Clients struct {
	HTTP    HTTPClient    `key:"http" doc:"All requests over HTTP."`
	SMTP    SMTPClient    `key:"smtp" doc:"Connections to mail servers."`
	WebHook WebHookClient `key:"web_hook" doc:"Calls of web hooks, and of services that send messages."`
}

// HTTPClient limits requests over HTTP.
type HTTPClient struct {
	DisallowPrivateIPRanges bool     `key:"disallow_private_ip_ranges" default:"false" doc:"Refuse to connect to private, loopback and link-local addresses, and to all others that are not public. Such requests use no proxy."`
	PrivateIPExceptionURLs  []string `key:"private_ip_exception_urls" doc:"URLs to which that does not apply, whole or as patterns: * stands for anything but . and /, ** for anything at all."`
}

// SMTPClient limits connections to mail servers.
type SMTPClient struct {
	DisallowPrivateIPRanges bool `key:"disallow_private_ip_ranges" default:"false" doc:"Refuse to connect to private, loopback and link-local addresses, and to all others that are not public."`
}

// WebHookClient limits what web hooks are told.
type WebHookClient struct {
	HeaderAllowlist []string `key:"header_allowlist" default:"Accept,Accept-Encoding,Accept-Language,Content-Length,Content-Type,Origin,Priority,Referer,Sec-Ch-Ua,Sec-Ch-Ua-Mobile,Sec-Ch-Ua-Platform,Sec-Fetch-Dest,Sec-Fetch-Mode,Sec-Fetch-Site,Sec-Fetch-User,True-Client-Ip,User-Agent" doc:"Headers of the request that they see."`
}

// OAuth2Provider is the OAuth 2.0 server that people are signed in for.
type OAuth2Provider struct {
	URL              string            `key:"url" format:"uri" doc:"Its admin API."`
	Headers          map[string]string `key:"headers" secret:"all" doc:"Headers of each request to it."`
	OverrideReturnTo bool              `key:"override_return_to" default:"false" doc:"Replace return_to by the URL of the OAuth 2.0 request."`
}

// FeatureFlags switch between older and newer behaviour.
type FeatureFlags struct {
	CacheableSessions                    bool          `key:"cacheable_sessions" default:"false" doc:"Tell callers of the session check for how long they may keep the answer."`
	CacheableSessionsMaxAge              time.Duration `key:"cacheable_sessions_max_age" doc:"The longest that they may keep it. Not set: until the session ends."`
	UseContinueWithTransitions           bool          `key:"use_continue_with_transitions" default:"false" doc:"Answer with continue_with instead of a redirect between two flows."`
	ChooseRecoveryAddress                bool          `key:"choose_recovery_address" default:"false" doc:"Let people choose among several addresses."`
	LegacyContinueWithVerificationUI     bool          `key:"legacy_continue_with_verification_ui" default:"false" doc:"Always tell of the verification form after registration."`
	LegacyRequireVerifiedLoginError      bool          `key:"legacy_require_verified_login_error" default:"false" doc:"Refuse an unverified address inside the form."`
	FasterSessionExtend                  bool          `key:"faster_session_extend" default:"false" doc:"Answer an extension of a session with 204 and no body."`
	PasswordProfileRegistrationNodeGroup string        `key:"password_profile_registration_node_group" default:"default" enum:"password default" inert:"yes" doc:"Accepted and ignored, as in Kratos."`
	LegacyOIDCRegistrationNodeGroup      bool          `key:"legacy_oidc_registration_node_group" default:"false" later:"social sign-in" doc:"Put fields that a provider left open in the group oidc."`
	LegacyAllowInsecureOrigins           bool          `key:"legacy_allow_insecure_origins" default:"false" doc:"Keep wildcards without bounds in CORS origins and allowed_return_urls."`
	RefreshLoginChooseAddress            bool          `key:"refresh_login_choose_address" default:"false" doc:"Let people choose an address when they prove themselves again with a code."`
}

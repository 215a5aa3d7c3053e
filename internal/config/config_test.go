package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"zelus/internal/auth"
	"zelus/internal/language"
)

// least is the smallest file that is fine outside development.
const least = `
dsn: sqlite:///var/lib/zelus/zelus.db?_fk=true
selfservice:
  default_browser_return_url: https://app.example.org/
  flows:
    registration:
      style: unified
secrets:
  cookie:
    - a-secret-of-this-test-alone
identity:
  schemas:
    - id: default
      url: file://person.schema.json
`

// reading gives texts as files.
func reading(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}
}

func load(text string, environ ...string) (*Config, []Warning, error) {
	return Load(Options{
		Files: []string{"kratos.yml"}, Environ: environ, Hostname: "machine", ReadOnly: true,
		ReadFile: reading(map[string]string{"kratos.yml": text}),
	})
}

func mustLoad(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	c, _, err := load(text, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContractFilesLoad(t *testing.T) {
	names, err := filepath.Glob("testdata/contract/*.yml")
	if err != nil || len(names) < 30 {
		t.Fatalf("%d files, error %v", len(names), err)
	}
	fill := strings.NewReplacer("{{dsn}}", "memory", "{{public}}", "4433", "{{admin}}", "4434", "{{ui}}", "4455",
		"{{smtp}}", "1025", "{{hooks}}", "9000", "{{oidc}}", "9001", "{{dir}}", "/contract")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := load(fill.Replace(string(data)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.SelfService.DefaultBrowserReturnURL != "http://127.0.0.1:4455/" {
			t.Errorf("%s: default_browser_return_url is %q", name, c.SelfService.DefaultBrowserReturnURL)
		}
	}
}

// TestLanguages: the languages that can be configured are those that there are.
func TestLanguages(t *testing.T) {
	compared := 0
	newSpec().walk(func(s *spec) {
		if strings.HasPrefix(s.key, "languages.") && len(s.enum) > 0 {
			compared++
			if !slices.Equal(s.enum, language.Tags()) {
				t.Errorf("%s is one of %v, the languages are %v", s.key, s.enum, language.Tags())
			}
		}
	})
	if compared < 2 {
		t.Errorf("only %d keys name languages", compared)
	}
}

func TestEverything(t *testing.T) {
	data, err := os.ReadFile("testdata/everything.yml")
	if err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, string(data))

	set := map[string]bool{}
	markSet(newSpec(), c.values, set)
	newSpec().walk(func(s *spec) {
		// The first of these excludes the second.
		if !strings.HasPrefix(s.key, "selfservice.methods.webauthn.config.rp.origins") && !set[shared(s.key)] {
			t.Errorf("testdata/everything.yml does not set %s", s.key)
		}
	})

	f := c.SelfService.Flows
	for what, pair := range map[string][2]any{
		"trimmed after method": {f.Settings.After.Methods["profile"].Hooks[2], Hook{Name: "notify_previous_addresses", Config: HookConfig{Recipients: "all", EmitAnalyticsEvent: true}}},
		"bytes":                {c.Hashers.Argon2.Memory, Bytes(64 << 20)},
		"octal mode":           {c.Serve.Admin.Socket.Mode, 0o700},
		"aal":                  {c.Session.Whoami.RequiredAAL, auth.RequireAAL1},
		"secure as text":       {c.Cookies.Secure, true},
		"claims":               {c.SelfService.Methods.OIDC.Config.Providers[0].RequestedClaims["id_token"], any(map[string]any{"email": map[string]any{"essential": true}, "name": nil})},
		"auth":                 {*f.Registration.After.Hooks[0].Config.Auth, Auth{Type: "api_key", Config: AuthConfig{Name: "X-Key", Value: "api-key-secret", In: "header"}}},
		"ratio":                {*c.Tracing.Providers.OTLP.Sampling.SamplingRatio, 0.25},
		"template":             {c.Session.Whoami.Tokenizer.Templates["edge_1.0-a"].TTL, 10 * time.Minute},
		"public URL":           {c.PublicURL().String(), "https://id.example.org/auth/"},
		"revision":             {c.Revision, "blue"},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

// shared cuts a key that is inside the config of a hook, an auth or a tls object, which
// are alike everywhere.
func shared(key string) string {
	if _, auth, inside := strings.Cut(key, ".auth."); inside {
		return "auth." + auth
	}
	if _, tls, inside := strings.Cut(key, ".tls."); inside {
		return "tls." + tls
	}
	if _, config, inside := strings.Cut(key, "hooks[].config"); inside {
		return "hook" + config
	}
	return key
}

// markSet collects the keys that a file sets.
func markSet(s *spec, n *node, set map[string]bool) {
	if n == nil {
		return
	}
	set[shared(s.key)] = true
	for _, f := range s.fields {
		markSet(f, n.field(f.name), set)
	}
	if s.elem == nil {
		return
	}
	for _, item := range n.items {
		markSet(s.elem, item, set)
	}
	for _, field := range n.fields {
		markSet(s.elem, field, set)
	}
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, least)
	want := map[string]any{
		"port":        4433,
		"admin":       4434,
		"base URL":    "https://machine:4433/",
		"lifespan":    24 * time.Hour,
		"extend":      24 * time.Hour,
		"cost":        12,
		"memory":      Bytes(128 << 20),
		"min length":  8,
		"secure":      true,
		"cookie path": "/",
		"same site":   "Lax",
		"aal":         auth.RequireHighest,
		"origins":     []string{"*"},
		"profile":     true,
		"totp":        false,
		"format":      "text",
	}
	got := map[string]any{
		"port":        c.Serve.Public.Port,
		"admin":       c.Serve.Admin.Port,
		"base URL":    c.PublicURL().String(),
		"lifespan":    c.Session.Lifespan,
		"extend":      c.Session.EarliestPossibleExtend,
		"cost":        c.Hashers.Bcrypt.Cost,
		"memory":      c.Hashers.Argon2.Memory,
		"min length":  c.SelfService.Methods.Password.Config.MinPasswordLength,
		"secure":      c.Session.Cookie.Secure,
		"cookie path": c.Session.Cookie.Path,
		"same site":   c.Session.Cookie.SameSite,
		"aal":         c.SelfService.Flows.Settings.RequiredAAL,
		"origins":     c.Serve.Public.CORS.AllowedOrigins,
		"profile":     c.SelfService.Methods.Profile.Enabled,
		"totp":        c.SelfService.Methods.TOTP.Enabled,
		"format":      c.Log.Format,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name, text string
		environ    []string
		want       []string
	}{
		{name: "unknown key", text: least + "cookies:\n  same_sit: Lax\n",
			want: []string{`kratos.yml:16: cookies.same_sit: this key is not known; did you mean same_site?`}},
		{name: "key in the wrong place", text: least + "min_password_length: 9\n",
			want: []string{`kratos.yml:15: min_password_length: this key is not known here; did you mean selfservice.methods.password.config.min_password_length?`}},
		{name: "all at once", text: least + "serve:\n  public:\n    port: 70000\n    host: 5\nlog:\n  level: debugg\nsession:\n  lifespan: 1d\n",
			want: []string{
				"kratos.yml:17: serve.public.port: must be a whole number from 1 to 65535",
				"kratos.yml:18: serve.public.host: must be text, not a number; put it in quotes",
				`kratos.yml:20: log.level: must be one of trace, debug, info, warning, error, fatal, panic, not "debugg"; did you mean debug?`,
				"kratos.yml:22: session.lifespan: must be a duration in whole numbers of ns, us, ms, s, m and h, such as 90s or 1h30m",
			}},
		{name: "required keys", text: "dev: true\n",
			want: []string{
				"kratos.yml: dsn: is required; set it in the file, or in the environment variable DSN",
				"selfservice.default_browser_return_url: is required",
				"identity.schemas: is required",
			}},
		{name: "required item", text: least + "courier:\n  channels:\n    - type: http\n",
			want: []string{"kratos.yml:17: courier.channels.0.id: is required", "courier.channels.0.request_config: is required"}},
		{name: "twice", text: least + "dsn: memory\n", want: []string{"kratos.yml:15: dsn: this key stands here twice; the first is on line 2"}},
		{name: "no object", text: "- a\n", want: []string{"kratos.yml:1: the file must hold an object of keys and values, not a list"}},
		{name: "not YAML", text: "a: [", want: []string{"kratos.yml:1: this is not valid YAML"}},
		{name: "second document", text: least + "---\nlog: {}\n", want: []string{"kratos.yml:15: the file holds a second YAML document"}},
		{name: "environment", text: least, environ: []string{"SECRETS_COOKIE_0=short", "SERVE_PUBLIC_PORT=http", "SELFSERVICE_FLOWS_LOGIN_LIFESPAN=soon"},
			want: []string{"environment variable SELFSERVICE_FLOWS_LOGIN_LIFESPAN: selfservice.flows.login.lifespan: must be a duration",
				"environment variable SERVE_PUBLIC_PORT: serve.public.port: must be a whole number"}},
		{name: "gap in a list", text: least, environ: []string{"SELFSERVICE_ALLOWED_RETURN_URLS_1=https://a"},
			want: []string{"environment variable SELFSERVICE_ALLOWED_RETURN_URLS_1: selfservice.allowed_return_urls.0: is missing"}},
		{name: "keys that nobody can make", text: strings.Replace(least, "sqlite:///var/lib/zelus/zelus.db?_fk=true", "memory", 1) + "serve: {admin: {require_key: true}}\n",
			want: []string{"kratos.yml:15: serve.admin.require_key: must not be true with a database in memory"}},
		{name: "keys that nobody can make, in other words", text: least, environ: []string{"DSN=sqlite://x?mode=memory", "SERVE_ADMIN_REQUIRE_KEY=true"},
			want: []string{"environment variable SERVE_ADMIN_REQUIRE_KEY: serve.admin.require_key: must not be true with a database in memory"}},
		{name: "huge number of an item", text: least, environ: []string{"SECRETS_COOKIE_99999999999999999999=x"}, want: nil},
		{name: "large number of an item", text: least, environ: []string{"SECRETS_COOKIE_999999999=x"},
			want: []string{"environment variable SECRETS_COOKIE_999999999: secrets.cookie: the number 999999999 is too large"}},
		{name: "both factors", text: strings.Replace(least, "  flows:", "  methods: {code: {mfa_enabled: true, passwordless_enabled: true}}\n  flows:", 1),
			want: []string{"kratos.yml:5: selfservice.methods.code.mfa_enabled: must not be true while"}},
		{name: "passkey without config", text: strings.Replace(least, "  flows:", "  methods: {passkey: {enabled: true}}\n  flows:", 1),
			want: []string{"kratos.yml:5: selfservice.methods.passkey.enabled: needs config"}},
		{name: "passkeys that verify nobody", text: strings.Replace(least, "  flows:", "  methods: {passkey: {config: {user_verified_aal2: true, authenticator_selection: {user_verification: discouraged}, rp: {id: example.org, display_name: x}}}}\n  flows:", 1),
			want: []string{"kratos.yml:5: selfservice.methods.passkey.config.user_verified_aal2: needs authenticator_selection"}},
		{name: "second factors that are both", text: strings.Replace(least, "  flows:", "  methods: {webauthn: {config: {user_verified_aal2: true, rp: {id: 'https://example.org', display_name: x}}}}\n  flows:", 1),
			want: []string{"kratos.yml:5: selfservice.methods.webauthn.config.user_verified_aal2: needs passwordless", "kratos.yml:5: selfservice.methods.webauthn.config.rp.id: is a domain"}},
		{name: "providers", text: strings.Replace(least, "  flows:", `  methods:
    oidc:
      config:
        providers:
          - {id: a, provider: apple, client_id: c, mapper_url: "file://m", client_secret: s}
          - {id: b, provider: google, client_id: c, mapper_url: "file://m", microsoft_tenant: t}
          - {id: c, provider: microsoft, client_id: c, mapper_url: "ftp://m", client_secret: s}
  flows:`, 1), want: []string{
			"kratos.yml:9: selfservice.methods.oidc.config.providers.0.apple_team_id: is required for the provider apple",
			"kratos.yml:9: selfservice.methods.oidc.config.providers.0.client_secret: must not be set",
			"kratos.yml:10: selfservice.methods.oidc.config.providers.1.client_secret: is required",
			"kratos.yml:10: selfservice.methods.oidc.config.providers.1.microsoft_tenant: is for the provider microsoft only",
			"kratos.yml:11: selfservice.methods.oidc.config.providers.2.mapper_url: must be a URL that begins with file://",
			"kratos.yml:11: selfservice.methods.oidc.config.providers.2.microsoft_tenant: is required",
		}},
		{name: "hooks", text: strings.Replace(least, "      style: unified", `      style: unified
      after:
        hooks:
          - hook: session
        password:
          hooks:
            - hook: web_hook
              config: {url: "https://example.org"}
            - hook: session
              config: {a: 1}
            - hook: session
              config: {a: 1}
        totp: {}`, 1), want: []string{
			"kratos.yml:10: selfservice.flows.registration.after.hooks.0.hook: must be one of web_hook, b2b_sso, organization, not \"session\"",
			"selfservice.flows.registration.after.password.hooks.0.config.method: is required for a web_hook",
			"selfservice.flows.registration.after.password.hooks.1.config.a: this key is not known",
			"selfservice.flows.registration.after.password.hooks.1.config: the hook \"session\" takes no config",
			"selfservice.flows.registration.after.password.hooks.2: stands in the list twice",
			"kratos.yml:19: selfservice.flows.registration.after.totp: this key is not known",
		}},
		{name: "new addresses that cannot be proven", text: strings.Replace(least, "      style: unified", `      style: unified
    settings:
      after:
        profile:
          hooks:
            - hook: show_verification_ui
            - hook: verify_new_address`, 1),
			want: []string{"kratos.yml:13: selfservice.flows.settings.after.profile.hooks.1: verify_new_address needs selfservice.flows.verification.enabled: true"}},
		{name: "new addresses that get no code", text: strings.Replace(least, "  flows:", `  methods: {code: {enabled: false}, link: {enabled: true}}
  flows:
    verification: {enabled: true}
    settings: {after: {profile: {hooks: [{hook: verify_new_address}]}}}`, 1),
			want: []string{"kratos.yml:8: selfservice.flows.settings.after.profile.hooks.0: verify_new_address needs selfservice.methods.code.enabled: true"}},
		{name: "new addresses that get no link", text: strings.Replace(least, "  flows:", `  flows:
    verification: {enabled: true, use: link}
    settings: {after: {profile: {hooks: [{hook: verify_new_address}]}}}`, 1),
			want: []string{"kratos.yml:7: selfservice.flows.settings.after.profile.hooks.0: verify_new_address needs selfservice.methods.link.enabled: true"}},
		{name: "new addresses that nobody changes", text: strings.Replace(least, "  flows:", `  methods: {profile: {enabled: false}}
  flows:
    settings: {after: {profile: {hooks: [{hook: verify_new_address}]}}}`, 1)},
		{name: "new addresses that get a link", text: strings.Replace(least, "  flows:", `  methods: {link: {enabled: true}, code: {enabled: false}}
  flows:
    verification: {enabled: true, use: link}
    settings: {after: {profile: {hooks: [{hook: verify_new_address}]}}}`, 1)},
		{name: "auth", text: least + `
courier:
  http:
    request_config:
      url: https://example.org
      auth: {type: api_key, config: {name: n, user: u, value: v}}
`, want: []string{
			"courier.http.request_config.auth.config.in: is required for the type \"api_key\"",
			"courier.http.request_config.auth.config.user: does not belong to the type \"api_key\"",
		}},
		{name: "half of TLS", text: least + "serve: {public: {tls: {cert: {path: /c}}}}\n", want: []string{"kratos.yml:15: serve.public.tls: TLS needs cert and key"}},
		{name: "cipher", text: least + "ciphers: {algorithm: aes}\n", want: []string{"kratos.yml:15: ciphers.algorithm: aes needs a key"}},
		{name: "no value", text: least + "log:\n  level:\ncourier:\n", want: []string{"kratos.yml:16: log.level: has no value"}},
		{name: "names", text: least + "session: {whoami: {tokenizer: {templates: {'a b': {jwks_url: file://x}}}}}\n", want: []string{`the name "a b" must consist of`}},
		{name: "too much hashing", text: least + "hashers:\n  argon2:\n    iterations: 11\n    parallelism: 17\n    salt_length: 129\n    key_length: 129\n    memory: 2GB\n  bcrypt:\n    cost: 16\n", want: []string{
			"kratos.yml:17: hashers.argon2.iterations: must be a whole number from 1 to 10",
			"kratos.yml:18: hashers.argon2.parallelism: must be a whole number from 1 to 16",
			"kratos.yml:19: hashers.argon2.salt_length: must be a whole number from 16 to 128",
			"kratos.yml:20: hashers.argon2.key_length: must be a whole number from 16 to 128",
			"kratos.yml:21: hashers.argon2.memory: must be from 8KB, which is 8KB for each lane, to 1GB",
			"kratos.yml:23: hashers.bcrypt.cost: must be a whole number from 4 to 15",
		}},
		{name: "too little memory for the lanes", text: least + "hashers: {argon2: {parallelism: 4, memory: 31KB}}\n",
			want: []string{"kratos.yml:15: hashers.argon2.memory: must be from 32KB"}},
		{name: "rotten base64", text: strings.Replace(least, "file://person.schema.json", "base64://e30", 1), want: []string{"identity.schemas.0.url: what follows base64:// is not standard base64"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := load(test.text, test.environ...)
			if test.want == nil {
				if err != nil {
					t.Fatalf("unexpected: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("missing %q in\n%v", want, err)
				}
			}
		})
	}
}

func TestHostileFiles(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "*" + string(c-1) + "]\n"
	}
	var many strings.Builder
	many.WriteString(strings.Repeat("k", 300) + ": 1\n")
	for i := range 20_000 {
		fmt.Fprintf(&many, "%s%d: 1\n", strings.Repeat("k", 40), i)
	}
	for name, test := range map[string]struct{ text, want string }{
		"alias bomb":    {bomb, "more than 100000 values"},
		"self":          {"a: &a [*a]\n", "levels deep"},
		"self by merge": {"a: &a\n  <<: *a\n", "levels deep"},
		"size":          {strings.Repeat("#", maxFileSize+1), "larger than 5 MB"},
		"nesting":       {strings.Repeat("[", 5000), "kratos.yml"},
		"many mistakes": {many.String(), "more"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("want %q in %.300v", test.want, err)
			}
			if len(err.Error()) > 100_000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	_, _, err := load(`
dsn: postgres://user:TOPSECRET@host:port/db
selfservice: {default_browser_return_url: "https://app.example.org/"}
secrets:
  cookie: [TOPSECRET]
  cipher: [TOPSECRET-TOPSECRET-TOPSECRET]
courier:
  smtp: {connection_uri: "TOPSECRET://x"}
identity: {schemas: [{id: a, url: "file://x"}]}
`, `SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS=[{"client_secret":"TOPSECRET"`)
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), "TOPSECRET") {
		t.Errorf("the error tells a secret:\n%v", err)
	}
}

func TestFormatsAndOrder(t *testing.T) {
	files := map[string]string{
		"a.yml":  least + "log: {level: debug, format: text}\nclients: {http: {private_ip_exception_urls: [a, b, c]}}\n",
		"b.json": "{\n  \"log\": {\"format\": \"json\"},\n  \"clients\": {\"http\": {\"private_ip_exception_urls\": [\"d\"]}}\n}",
		"c.toml": "revision = \"c\"\n[session]\nlifespan = \"1h\"\n[[courier.channels]]\nid = \"sms\"\n[courier.channels.request_config]\nurl = \"https://example.org\"\n",
		"d.toml": "[serve.public]\nhost = \"::1\"\nport = 0\n[[identity.schemas]]\nid = \"x\"\nurl = 1\n[[identity.schemas]]\nid = 7\nurl = \"file://x\"\n",
		"e.json": "{\n\"dsn\": \"memory\",\n\"dsn\": 1}",
		"f.ini":  "",
	}
	o := Options{Files: []string{"a.yml", "b.json", "c.toml"}, ReadFile: reading(files), ReadOnly: true,
		Environ: []string{"LOG_FORMAT=text", "REVISION="}, Flags: Flags{WatchCourier: true}}
	c, _, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Log.Level, c.Log.Format, c.Revision, c.Session.Lifespan, c.Clients.HTTP.PrivateIPExceptionURLs, c.Courier.Channels[0].RequestConfig.Method, c.WatchCourier}
	if diff := cmp.Diff([]any{"debug", "text", "c", time.Hour, []string{"d"}, "POST", true}, got); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}

	o.Files = []string{"a.yml", "d.toml", "f.ini", "missing.yml"}
	_, _, err = Load(o)
	for _, want := range []string{"f.ini: the name of", "missing.yml: cannot be read"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in %v", want, err)
		}
	}
	o.Files = []string{"a.yml", "d.toml"}
	_, _, err = Load(o)
	for _, want := range []string{"d.toml:3: serve.public.port", "d.toml:6: identity.schemas.0.url", "d.toml:8: identity.schemas.1.id"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in %v", want, err)
		}
	}
	o.Files = []string{"e.json"}
	if _, _, err = Load(o); err == nil || !strings.Contains(err.Error(), "e.json:3: this is not valid JSON: the key \"dsn\" stands here twice") {
		t.Errorf("duplicate in JSON: %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	text := strings.Replace(least, "  flows:", `  allowed_return_urls: [https://a, https://b, https://c]
  methods:
    oidc:
      config:
        providers:
          - {id: a, provider: google, client_id: c, mapper_url: "file://m", client_secret: s}
  flows:`, 1)
	c := mustLoad(t, text,
		"SELFSERVICE_FLOWS_LOGIN_UI_URL=https://app.example.org/login",
		"SELFSERVICE_METHODS_PASSWORD_CONFIG_HAVEIBEENPWNED_ENABLED=false",
		"SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_CLIENT_ID=changed",
		`SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS=[{"label":"Google"},{"id":"b","provider":"github","client_id":"c","client_secret":"s","mapper_url":"file://m"}]`,
		"SELFSERVICE_ALLOWED_RETURN_URLS=https://x, https://y",
		"SELFSERVICE_FLOWS_REGISTRATION_AFTER_PASSWORD_DEFAULT_BROWSER_RETURN_URL=/in",
		`COURIER_SMTP_HEADERS={"X-A":"b"}`,
		"FEATURE_FLAGS_CACHEABLE_SESSIONS=1",
		"FEATURE_FLAGS_CACHEABLE_SESSIONS_MAX_AGE=5m",
		"COOKIES_SECURE=false",
		"LOG_LEVEL=debug",
		"SQA-OPT-OUT=true",
		"HASHERS_ARGON2_MEMORY=256MB",
		"SESSION=gnome", "VERSION=not-ours", "HELP=me", "HOME=/root", "SERVE_PUBLIC_PORT=", "no-equals-sign",
		"SESSION_WHOAMI_TOKENIZER_TEMPLATES_X_TTL=5m",
	)
	p := c.SelfService.Methods.OIDC.Config.Providers
	got := []any{
		c.SelfService.Flows.Login.UIURL, c.SelfService.Methods.Password.Config.HaveIBeenPwnedEnabled,
		p[0].ID, p[0].ClientID, p[0].Label, p[1].Provider,
		c.SelfService.AllowedReturnURLs,
		c.SelfService.Flows.Registration.After.ReturnURL("password", "else"), c.SelfService.Flows.Registration.After.ReturnURL("oidc", "else"),
		c.Courier.SMTP.Headers, c.FeatureFlags.CacheableSessions, c.FeatureFlags.CacheableSessionsMaxAge,
		c.Cookies.Secure, c.Session.Cookie.Secure, c.Log.Level, c.SQAOptOut, c.Hashers.Argon2.Memory, c.Serve.Public.Port,
	}
	want := []any{
		"https://app.example.org/login", false,
		"a", "changed", "Google", "github",
		[]string{"https://x", "https://y", "https://c"},
		"/in", "else",
		map[string]string{"X-A": "b"}, true, 5 * time.Minute,
		false, true, "debug", true, Bytes(256 << 20), 4433,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEnvironmentAlone(t *testing.T) {
	environ := []string{"DSN=memory", "SELFSERVICE_DEFAULT_BROWSER_RETURN_URL=https://app.example.org", "IDENTITY_SCHEMAS_0_ID=default", "IDENTITY_SCHEMAS_0_URL=base64://e30="}
	if _, _, err := Load(Options{Environ: environ}); err != nil {
		t.Error(err)
	}
	_, _, err := Load(Options{Environ: environ[1:]})
	if err == nil || !strings.Contains(err.Error(), "give one with -c") || !strings.Contains(err.Error(), "DSN") {
		t.Errorf("no dsn: %v", err)
	}
}

func TestWeakValues(t *testing.T) {
	for name, test := range map[string]struct{ more, want string }{
		"example":       {"", "kratos.yml:10: secrets.cookie.0: is an example that everybody knows"},
		"bcrypt":        {"hashers: {bcrypt: {cost: 11}}\n", "kratos.yml:15: hashers.bcrypt.cost: 11 is too low to protect passwords; change the line to cost: 12"},
		"argon2":        {"hashers: {algorithm: argon2, argon2: {memory: 18MB, iterations: 2}}\n", "kratos.yml:15: hashers.argon2.memory: 18MB with iterations: 2 is too little to protect passwords; change the line to memory: 19MB"},
		"argon2 one":    {"hashers: {algorithm: argon2, argon2: {memory: 32MB}}\n", "change the line to memory: 46MB"},
		"short default": {"", "secrets.cookie.0"},
	} {
		t.Run(name, func(t *testing.T) {
			text := least + test.more
			if test.more == "" {
				text = strings.Replace(text, "a-secret-of-this-test-alone", "PLEASE-CHANGE-ME-I-AM-VERY-INSECURE", 1)
			}
			if _, _, err := load(text); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %q, got %v", test.want, err)
			}
			_, warnings, err := load(text + "dev: true\n")
			if err != nil {
				t.Fatalf("in development: %v", err)
			}
			where, _, _ := strings.Cut(test.want, "; ")
			if !slices.ContainsFunc(warnings, func(w Warning) bool { return strings.Contains(test.want+w.String(), where) }) {
				t.Errorf("in development: no warning in %v", warnings)
			}
		})
	}
	if _, _, err := load(least + "hashers: {algorithm: argon2, argon2: {memory: 19MB, iterations: 2}, bcrypt: {cost: 4}}\n"); err != nil {
		t.Errorf("the weak cost is not in use: %v", err)
	}
	if _, _, err := load(strings.Replace(least, "    - a-secret-of-this-test-alone", "    - a-secret-of-this-test-alone\n  cipher: [31-characters-are-not-32-bytes!]", 1) + "dev: true\n"); err == nil || !strings.Contains(err.Error(), "secrets.cipher.0: must have exactly 32 characters; it has 31") {
		t.Errorf("short cipher key: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	text := strings.Replace(least, "      style: unified", `      before: {hooks: [{hook: web_hook, config: {url: "https://x", method: POST}}]}
      after:
        password:
          hooks: [{hook: session}, {hook: show_verification_ui}]
        oidc: {default_browser_return_url: /x}
    settings: {ui_url: /s, after: {hooks: [{hook: web_hook, config: {url: "https://x", method: POST}}]}}
    verification: {enabled: false, ui_url: /v}
  methods:
    totp: {enabled: false, config: {issuer: x}}
    webauthn: {enabled: false}
    code: {enabled: true}
    link: {enabled: true}
    oidc: {enabled: true}
    password: {config: {migrate_hook: {enabled: true, config: {url: "https://x"}}}}`, 1) + "preview: {default_read_consistency_level: strong}\ncourier: {delivery_strategy: smtp, smtp: {client_cert_path: /c, from_name: x}}\n"
	_, warnings, err := load(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 {
		t.Fatalf("warnings: %v", warnings)
	}
	_, keys, _ := strings.Cut(warnings[0].String(), "\n")
	want := `selfservice.flows.registration.before.hooks.0 (the hook web_hook), kratos.yml:7
selfservice.flows.registration.after.oidc, kratos.yml:11
selfservice.flows.settings.after.hooks.0 (the hook web_hook), kratos.yml:12
selfservice.methods.oidc, kratos.yml:19
selfservice.methods.password.config.migrate_hook, kratos.yml:20`
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if _, warnings, err := load(least); err != nil || len(warnings) != 0 {
		t.Errorf("least: %v %v", warnings, err)
	}
}

// TestGuardsAreNamedFirst: what was meant to keep somebody out and does not is
// named before the rest.
func TestGuardsAreNamedFirst(t *testing.T) {
	_, warnings, err := load(strings.Replace(least, "  flows:", "  flows:\n    settings: {after: {hooks: [{hook: web_hook, config: {url: 'https://x.example.org', method: POST}}]}}\n    login: {after: {hooks: [{hook: web_hook, config: {url: 'https://x.example.org', method: POST, can_interrupt: true}}]}}", 1))
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for _, w := range warnings {
		text += w.String() + "\n"
	}
	last := strings.LastIndex(text, "CAREFUL")
	if strings.Count(text, "CAREFUL") != 1 || last > strings.Index(text, "selfservice.flows.settings") {
		t.Errorf("got %s", text)
	}
}

// TestTellingSignUps: a sign-up that tells who has an account is named where nobody
// is to learn that.
func TestTellingSignUps(t *testing.T) {
	const silent = "security: {account_enumeration: {mitigate: true}}\n"
	after := func(hooks string) string {
		return strings.Replace(least, "      style: unified", "      style: unified\n      after: "+hooks, 1)
	}
	method := func(text, name, settings string) string {
		return strings.Replace(text, "selfservice:\n", "selfservice:\n  methods: {"+name+": "+settings+"}\n", 1)
	}
	codes := func(text string) string { return method(text, "code", "{enabled: true, passwordless_enabled: true}") }
	keys := func(alone string) string {
		return method(least, "webauthn", "{enabled: true, config: {passwordless: "+alone+", rp: {id: example.org, display_name: Example, origins: ['https://example.org']}}}")
	}
	for _, test := range []struct{ text, key string }{
		{silent + least, ""},
		{after("{password: {hooks: [{hook: session}]}}"), ""},
		{silent + after("{password: {hooks: [{hook: session}]}}"), "selfservice.flows.registration.after.password.hooks"},
		{silent + after("{password: {hooks: [{hook: show_verification_ui}]}}"), ""},
		{silent + after("{password: {hooks: [{hook: session}]}}") + "dev: true\n", "selfservice.flows.registration.after.password.hooks"},
		{silent + after("{code: {hooks: [{hook: session}]}}"), ""}, // codes sign nobody up
		{silent + codes(after("{code: {hooks: [{hook: session}]}}")), "selfservice.flows.registration.after.code.hooks"},
		{silent + codes(after("{code: {hooks: []}}")), ""},
		{codes(after("{code: {hooks: [{hook: session}]}}")), ""},
		{silent + keys("true"), "selfservice.methods.webauthn.config.passwordless"},
		{silent + keys("false"), ""}, // they are second factors
		{keys("true"), ""},
		{silent + strings.Replace(after("{password: {hooks: [{hook: session}]}}"), "      style: unified", "      enabled: false", 1), ""},
	} {
		_, warnings, err := load(test.text)
		if err != nil {
			t.Fatal(err)
		}
		key := ""
		for _, w := range warnings {
			if strings.Contains(w.Text, "account_enumeration") {
				key = w.Key
			}
		}
		if key != test.key {
			t.Errorf("got %q, want %q, for\n%s", key, test.key, test.text)
		}
	}
}

func TestURLs(t *testing.T) {
	for _, test := range []struct{ more, want string }{
		{"", "https://machine:4433/"},
		{"dev: true\n", "http://machine:4433/"},
		{"serve: {public: {host: 10.0.0.1, port: 80}}\n", "https://10.0.0.1:80/"},
		{"serve: {public: {host: '::'}}\n", "https://machine:4433/"},
		{"serve: {public: {host: '::1'}}\n", "https://[::1]:4433/"},
		{"serve: {public: {host: 'unix:/run/x'}}\n", "https://machine:4433/"},
		{"serve: {public: {base_url: 'https://x.example/a%2Fb'}}\n", "https://x.example/a/b/"},
		{"serve: {public: {base_url: 'https://x.example'}}\n", "https://x.example/"},
	} {
		c := mustLoad(t, least+test.more)
		if got := c.PublicURL().String(); got != test.want {
			t.Errorf("%q: %s, want %s", test.more, got, test.want)
		}
		c.PublicURL().Host = "changed"
		if got := c.PublicURL().String(); got != test.want {
			t.Errorf("%q: a caller changed it to %s", test.more, got)
		}
	}
	if got := (&Config{Dev: true, Serve: Serve{Admin: AdminServer{Port: 1}}}).AdminURL().String(); got != "http://localhost:1/" {
		t.Errorf("made by hand: %s", got)
	}
}

func TestSessionCookieFallsBack(t *testing.T) {
	c := mustLoad(t, least+"cookies: {domain: example.org, path: /a, same_site: None, secure: false}\nsession: {cookie: {path: /b}}\n")
	want := SessionCookie{Name: "ory_kratos_session", Persistent: true, Domain: "example.org", Path: "/b", SameSite: "None", Secure: true}
	if diff := cmp.Diff(want, c.Session.Cookie); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestZeroConfig(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	o := Options{Flags: Flags{Dev: true}, DataDir: folder, Environ: []string{"SERVE_PUBLIC_PORT=5555"}}
	c, warnings, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 0 {
		t.Errorf("warnings: %v", warnings)
	}
	got := []any{c.DSN, c.SelfService.DefaultBrowserReturnURL, c.Serve.Public.Host, c.RegistrationInSteps(), c.SelfService.Methods.Password.Config.MinPasswordLength,
		c.Hashers.Algorithm, c.SelfService.Flows.Login.UIURL, c.SelfService.Flows.Registration.After.Of("password")[0].Name}
	want := []any{"sqlite://" + folder + "/zelus.db?_fk=true", "http://localhost:5555/", "localhost", false, 15, "argon2", "", "session"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	flows, methods := c.SelfService.Flows, c.SelfService.Methods
	acts := map[string][]Hook{
		"registration":      flows.Registration.After.Of("password"),
		"recovery":          flows.Recovery.After.Of("code"),
		"registration/keys": flows.Registration.After.Of("passkey"),
		"login":             flows.Login.After.Of("totp"),
		"settings/password": flows.Settings.After.Of("password"),
		"settings/totp":     flows.Settings.After.Of("totp"),
		"settings/profile":  flows.Settings.After.Of("profile"),
	}
	wantActs := map[string][]Hook{
		"registration":      {{Name: "session"}, {Name: "show_verification_ui"}},
		"recovery":          {{Name: "revoke_active_sessions"}, {Name: "notify_owner"}},
		"registration/keys": {{Name: "session"}, {Name: "show_verification_ui"}},
		"login":             {{Name: "notify_owner"}},
		"settings/password": {{Name: "notify_owner"}},
		"settings/totp":     {{Name: "notify_owner"}},
		"settings/profile":  {{Name: "verify_new_address"}, {Name: "notify_previous_addresses"}},
	}
	if diff := cmp.Diff(wantActs, acts, cmpopts.IgnoreFields(Hook{}, "Config")); diff != "" {
		t.Errorf("hooks (-want +got):\n%s", diff)
	}
	if !flows.Recovery.Enabled || !flows.Verification.Enabled || !methods.Code.Enabled || !methods.Link.Enabled {
		t.Error("recovery and verification are not on, by codes and by links")
	}
	if !methods.TOTP.Enabled || !methods.LookupSecret.Enabled || !methods.Passkey.Enabled || methods.Code.PasswordlessEnabled || methods.Code.MFAEnabled || methods.WebAuthn.Enabled {
		t.Error("other methods are on than passwords, passkeys, authenticator apps and backup codes")
	}
	if code, link := methods.Code.Config.Lifespan, methods.Link.Config.Lifespan; code != 10*time.Minute || link != 10*time.Minute {
		t.Errorf("a code is good for %v and a link for %v, want ten minutes", code, link)
	}
	if !c.FeatureFlags.UseContinueWithTransitions {
		t.Error("apps get no session from a recovery")
	}
	schema, known := c.Schema("default")
	if !known || !strings.HasPrefix(schema.URL, "base64://") || !json.Valid([]byte(zeroSchema)) {
		t.Errorf("schema: %v", schema)
	}
	again, _, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Secrets, again.Secrets); diff != "" {
		t.Errorf("secrets did not last:\n%s", diff)
	}
	if _, _, err := Load(Options{Environ: []string{"DEV=true"}, ReadOnly: true}); err != nil {
		t.Errorf("DEV=true: %v", err)
	}
}

func TestBlame(t *testing.T) {
	c := mustLoad(t, least+"courier:\n  smtp:\n    headers:\n      From: x@example.org\n", "SECRETS_PAGINATION_0=of-the-environment")
	err := c.Blame(errors.Join(
		errors.New("something is wrong: nobody knows where"),
		errors.Join(errors.New("courier.smtp.headers.From: is set by the server"), errors.New("identity.schemas.0: no: such file")),
		errors.New("identity.schemas.0.url.x: not a key"),
		errors.New("secrets.pagination.0: too weak"),
		errors.New("hashers.bcrypt.cost: is not configured"),
		errors.New("courier.smtp.from_address: is missing"),
	))
	want := `the configuration has 7 problems:
  something is wrong: nobody knows where
  identity.schemas.0.url.x: not a key
  hashers.bcrypt.cost: is not configured
  kratos.yml:13: identity.schemas.0: no: such file
  kratos.yml:16: courier.smtp.from_address: is missing
  kratos.yml:18: courier.smtp.headers.From: is set by the server
  environment variable SECRETS_PAGINATION_0: secrets.pagination.0: too weak`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := c.Blame(nil); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
}

func TestRevision(t *testing.T) {
	a := mustLoad(t, least).Revision
	if b := mustLoad(t, "# a comment\n"+least).Revision; b != a || len(a) != 64 {
		t.Errorf("%s and %s", a, b)
	}
	if b := mustLoad(t, least, "LOG_LEVEL=debug").Revision; b == a {
		t.Error("a variable changed nothing")
	}
}

func TestExplain(t *testing.T) {
	for key, want := range map[string][]string{
		"selfservice.methods.password.config.min_password_length": {"Least length in characters (Unicode code points, not bytes).", "a whole number of at least 6", "default", "8", "SELFSERVICE_METHODS_PASSWORD_CONFIG_MIN_PASSWORD_LENGTH", "acted on"},
		"selfservice.methods.oidc.config.base_redirect_uri":       {"not acted on yet (social sign-in)"},
		"selfservice.flows.settings.after.password":               {"status    acted on"},
		"selfservice.flows.settings.after.totp.hooks":             {"status          acted on"},
		"selfservice.flows.registration.after.oidc.hooks":         {"not acted on yet (the method oidc)"},
		"selfservice.flows.login.after.oidc.hooks":                {"not acted on yet (the method oidc)"},
		"clients.http.disallow_private_ip_ranges":                 {"acted on"},
		"selfservice.methods.link.config.base_url":                {"accepted, changes nothing"},
		"serve.public.port":                                       {"takes effect at the next start"},
		"identity.schemas.0.url":                                  {"identity.schemas[].url", "IDENTITY_SCHEMAS_<number>_URL", "file://"},
		"identity.schemas[]":                                      {"selfservice_selectable"},
		"selfservice.flows.login":                                 {"Keys inside:", "ui_url"},
		"":                                                        {"selfservice", "dsn"},
		"session.whoami.tokenizer.templates.x.ttl":                {"default", "1m"},
		"selfservice.flows.login.after.oidc.hooks.0.hook":         {"one of revoke_active_sessions, web_hook, require_verified_address, b2b_sso, organization"},
	} {
		got, err := Explain(key)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: missing %q in\n%s", key, part, got)
			}
		}
	}
	for key, want := range map[string]string{
		"serve.publik":               "did you mean serve.public?",
		"min_password_length":        "did you mean selfservice.methods.password.config.min_password_length?",
		"dsn.x":                      "there is no key",
		"..":                         "",
		strings.Repeat("x", 100_000): "there is no key",
	} {
		if _, err := Explain(key); want != "" && (err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 500) {
			t.Errorf("%.40s: %v", key, err)
		}
	}
}

func TestPrint(t *testing.T) {
	data, err := os.ReadFile("testdata/everything.yml")
	if err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, string(data), "LOG_LEVEL=error")
	var out bytes.Buffer
	if err := Print(&out, c); err != nil {
		t.Fatal(err)
	}
	printed := out.String()
	for _, secret := range []string{"db-password", "header-secret", "basic-secret", "client-secret", "apple-secret", "api-key-secret", "smtp-secret", "cookie-secret",
		"hydra-secret", "otlp-secret", "a2V5LXNlY3JldA", "default-secret", "cipher-secret", "pagination-secret", "andrcy1zZWNyZXQ"} {
		if strings.Contains(printed, secret) {
			t.Errorf("%s is printed", secret)
		}
	}
	for _, want := range []string{
		"dsn: postgres://user:[hidden]@db:5432/kratos?sslmode=disable&max_conns=20",
		"level: error # environment variable LOG_LEVEL",
		"lifespan: 720h # kratos.yml:",
		"memory: 64MB # kratos.yml:",
		"base_url: https://id.example.org/auth #",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("missing %q in\n%s", want, printed)
		}
	}
	// What is printed is a file again, but for what is hidden.
	readable := regexp.MustCompile(`cipher:\n +- '\[hidden\]'`).ReplaceAllString(printed, "cipher: [abcdefghijklmnopqrstuvwxyz-ABCDE]")
	readable = regexp.MustCompile(`base64: '\[hidden\]'`).ReplaceAllString(readable, "base64: a2V5")
	readable = strings.NewReplacer("base64://[hidden]", "base64://e30=", ":[hidden]@", ":x@", "'[hidden]'", "hidden-hidden-hidden").Replace(readable)
	if _, _, err := load(readable); err != nil {
		t.Errorf("printed file: %v\n%s", err, readable)
	}

	out.Reset()
	if err := Print(&out, mustLoad(t, least)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cost: 12\n", "secure: true # from dev", "- '[hidden]' # derived from secrets.cookie", "style: unified # kratos.yml:7"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %q in\n%s", want, out.String())
		}
	}
}

func TestHidePassword(t *testing.T) {
	for in, want := range map[string]string{
		"mysql://u:p@ss:w@tcp(h:1)/db?parseTime=true": "mysql://u:[hidden]@tcp(h:1)/db?parseTime=true",
		"postgres://u@h/db?password=x&sslmode=off":    "postgres://u@h/db?password=[hidden]&sslmode=off",
		"https://h:1/a@b": "https://h:1/a@b",
		"plain":           "plain",
	} {
		if got := hidePassword(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestSchema(t *testing.T) {
	var schema struct {
		Required   []string
		Properties map[string]struct {
			Type       string
			Properties map[string]json.RawMessage
		}
		Definitions map[string]any
	}
	written, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(written, &schema); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dsn", "selfservice", "identity"}, schema.Required); diff != "" {
		t.Errorf("required (-want +got):\n%s", diff)
	}
	if len(schema.Properties) != len(newSpec().fields) || schema.Properties["serve"].Properties["admin"] == nil {
		t.Errorf("%d properties", len(schema.Properties))
	}
	if schema.Definitions["HookConfig"] == nil {
		t.Error("no definition of HookConfig")
	}
}

// Every key is described in a sentence.
func TestKeysAreDescribed(t *testing.T) {
	newSpec().walk(func(s *spec) {
		doc := s.tag.Get("doc")
		if s.name != "" && (len(doc) < 8 || !strings.HasSuffix(doc, ".")) {
			t.Errorf("%s: doc is %q", s.key, doc)
		}
	})
}

func TestDSN(t *testing.T) {
	for in, want := range map[string]DSN{
		"memory":                          {Dialect: "sqlite", Memory: true, URL: "file::memory:"},
		"sqlite://file::memory:?_fk=true": {Dialect: "sqlite", Memory: true, URL: "file::memory:"},
		"sqlite://file:x?mode=memory&cache=shared":                                   {Dialect: "sqlite", Memory: true, URL: "file::memory:"},
		"sqlite:///var/lib/x.db?_fk=true&mode=rwc":                                   {Dialect: "sqlite", Path: "/var/lib/x.db", URL: "file:/var/lib/x.db?mode=rwc"},
		"sqlite://data/100%.db":                                                      {Dialect: "sqlite", Path: "data/100%.db", URL: "file:data/100%25.db"},
		"postgres://u:p@h:5432/db?sslmode=disable&max_conns=20&max_conn_lifetime=1h": {Dialect: "postgres", URL: "postgres://u:p@h:5432/db?sslmode=disable", MaxConns: 20, MaxConnLifetime: time.Hour},
		"postgresql://h/db?max_idle_conns=2&max_conn_idle_time=5m":                   {Dialect: "postgres", URL: "postgres://h/db", MaxIdleConns: 2, MaxConnIdleTime: 5 * time.Minute},
		"crdb://root@h:26257/db":                                                     {Dialect: "cockroach", URL: "postgres://root@h:26257/db"},
		"cockroach://root@h:26257/db":                                                {Dialect: "cockroach", URL: "postgres://root@h:26257/db"},
		"cockroachdb://root@h:26257/db":                                              {Dialect: "cockroach", URL: "postgres://root@h:26257/db"},
		"mysql://u:p@tcp(h:3306)/db?parseTime=true&max_conns=3":                      {Dialect: "mysql", URL: "u:p@tcp(h:3306)/db?parseTime=true&multiStatements=true&clientFoundRows=true", MaxConns: 3},
	} {
		got, err := ParseDSN(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
	for _, in := range []string{"", "x", "oracle://h", "sqlite://", "sqlite://?_fk=true", "mysql://h", "postgres://u:p%@h/db",
		"postgres://h/db?max_conns=many", "postgres://h/db?max_conn_lifetime=-1s", "postgres://h/db?max_conns=99999999999999999999"} {
		if got, err := ParseDSN(in); err == nil {
			t.Errorf("%q: %v, want an error", in, got)
		}
	}
}

// TestRequireKey: a key that is not set is neither true nor false, and what is
// no boolean is refused rather than taken for one.
func TestRequireKey(t *testing.T) {
	yes, no := true, false
	for _, test := range []struct {
		text    string
		environ []string
		want    *bool
	}{
		{"", nil, nil},
		{"serve: {admin: {require_key: true}}", nil, &yes},
		{"serve: {admin: {require_key: false}}", nil, &no},
		{"serve: {admin: {require_key: false}}", []string{"SERVE_ADMIN_REQUIRE_KEY=true"}, &yes},
		{"", []string{"SERVE_ADMIN_REQUIRE_KEY=false"}, &no},
		{"", []string{"SERVE_ADMIN_REQUIRE_KEY="}, nil},
		{"", []string{"DSN=memory"}, nil},
		{"serve: {admin: {require_key: false}}", []string{"DSN=memory"}, &no},
	} {
		c := mustLoad(t, least+test.text, test.environ...)
		if d := cmp.Diff(test.want, c.Serve.Admin.RequireKey); d != "" {
			t.Errorf("%s %v (-want +got):\n%s", test.text, test.environ, d)
		}
		var printed bytes.Buffer
		if err := Print(&printed, c); err != nil || strings.Contains(printed.String(), "require_key: ") != (test.want != nil) {
			t.Errorf("%s %v: %v, printed as\n%s", test.text, test.environ, err, printed.String())
		}
	}
	for _, text := range []string{"~", "", "no thanks", "0", "[]", `"false"`} {
		if _, _, err := load(least + "serve: {admin: {require_key: " + text + "}}"); err == nil || !strings.Contains(err.Error(), "serve.admin.require_key") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestName: pages and messages call the service by one name.
func TestName(t *testing.T) {
	for more, want := range map[string]string{
		"":                                     "machine",
		"courier: {smtp: {from_name: Acme}}\n": "Acme",
		"branding: {name: Example}\ncourier: {smtp: {from_name: Acme}}\n": "Example",
	} {
		if got := mustLoad(t, least+more, "DSN=memory").Branding.Name; got != want {
			t.Errorf("with %q it is %q, want %q", more, got, want)
		}
	}
}

// TestLanguageKeys: the keys take those languages that we have texts in.
func TestLanguageKeys(t *testing.T) {
	for _, key := range []string{"default", "offered"} {
		if got := newSpec().field("languages").field(key).enum; !slices.Equal(got, language.Tags()) {
			t.Errorf("languages.%s takes %v, and there are %v", key, got, language.Tags())
		}
	}
	if _, _, err := load(least+"languages: {default: pl, offered: [de, fr]}\n", "DSN=memory"); err == nil || !strings.Contains(err.Error(), "languages.default: must be one of those in languages.offered") {
		t.Errorf("a default that is not offered: %v", err)
	}
}

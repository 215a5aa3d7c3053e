package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Values below these are refused outside development.
const (
	minSecret     = 16 // bytes
	cipherSecret  = 32 // bytes, exactly
	minBcryptCost = 12
)

// exampleSecrets are printed in manuals and samples. Everybody knows them.
func exampleSecrets() []string {
	return []string{
		"please-change-me-i-am-very-insecure",
		"please-change-me-i-am-insecure",
		"32-long-secret-not-secure-at-all",
		"change-this-secret-32-characters",
		"change-me-to-something-secure",
		"changemechangeme",
		"changemechangemechangemechangeme",
		"youreallyneedtochangethis",
		"a-very-insecure-secret-for-checking-out-the-demo",
		"secret-thirty-two-character-long",
		"this-is-a-very-insecure-secret",
		"supersecretsupersecret",
		"0123456789abcdef",
		"0123456789abcdef0123456789abcdef",
	}
}

// validate checks what spans several keys and what is weak. Weak values are
// problems, in development only warnings.
func (c *Config) validate(root *spec, found *problems) []Warning {
	v := &validation{Config: c, problems: found}
	v.ciphers()
	v.secrets()
	v.hashers()
	v.keys()
	v.newAddresses()
	if _, known := c.Schema(c.Identity.DefaultSchemaID); !known {
		v.warn("identity.default_schema_id", "there is no schema with the id %s; accounts can only be made where a schema is named", shown(c.Identity.DefaultSchemaID))
	}
	v.enumeration()
	if w, any := c.notActedOn(root); any {
		v.warnings = append(v.warnings, w)
	}
	return v.warnings
}

type validation struct {
	*Config
	problems *problems
	warnings []Warning
}

func (v *validation) warn(key, format string, args ...any) {
	v.warnings = append(v.warnings, Warning{Where: v.origin(key), Key: key, Text: fmt.Sprintf(format, args...)})
}

// weak reports a value that is valid and not safe, and how to mend it.
func (v *validation) weak(where Origin, key, what, mend string) {
	if v.Dev {
		v.warnings = append(v.warnings, Warning{Where: where, Key: key, Text: what + "; this is refused outside development"})
		return
	}
	v.problems.add(where, key, "%s; %s", what, mend)
}

func (v *validation) ciphers() {
	if v.Ciphers.Algorithm != "noop" && len(v.Secrets.Cipher) == 0 {
		v.problems.add(v.origin("ciphers.algorithm"), "ciphers.algorithm",
			"%s needs a key; add these lines\nsecrets:\n  cipher:\n    - %s", v.Ciphers.Algorithm, freshSecret(cipherSecret))
	}
}

func (v *validation) secrets() {
	for _, name := range []string{"default", "cookie", "cipher", "pagination"} {
		entries := v.values.find("secrets", name)
		if entries == nil {
			continue
		}
		length := 43
		if name == "cipher" {
			length = cipherSecret
		}
		for i, entry := range entries.items {
			key := "secrets." + name + "." + strconv.Itoa(i)
			mend := "put a random one in its place, for example " + freshSecret(length)
			switch {
			case name == "cipher" && len(entry.text) != cipherSecret:
				v.problems.add(entry.from, key, "must have exactly %d characters; it has %d", cipherSecret, len(entry.text))
			case len(entry.text) < minSecret:
				v.weak(entry.from, key, fmt.Sprintf("has fewer than %d characters", minSecret), mend)
			case slices.Contains(exampleSecrets(), strings.TrimRight(strings.ToLower(entry.text), "!.")):
				v.weak(entry.from, key, "is an example that everybody knows", mend)
			}
		}
	}
}

func (v *validation) hashers() {
	switch h := v.Hashers; {
	case h.Algorithm == "bcrypt" && h.Bcrypt.Cost < minBcryptCost:
		v.weak(v.origin("hashers.bcrypt.cost"), "hashers.bcrypt.cost",
			fmt.Sprintf("%d is too low to protect passwords", h.Bcrypt.Cost), fmt.Sprintf("change the line to cost: %d", minBcryptCost))
	case h.Algorithm == "argon2" && h.Argon2.Memory < leastMemory(h.Argon2.Iterations):
		least := leastMemory(h.Argon2.Iterations)
		v.weak(v.origin("hashers.argon2.memory"), "hashers.argon2.memory",
			fmt.Sprintf("%s with iterations: %d is too little to protect passwords", h.Argon2.Memory, h.Argon2.Iterations), "change the line to memory: "+least.String())
	}
}

// keys refuses an admin server that nobody could ever use.
func (v *validation) keys() {
	require := v.Serve.Admin.RequireKey
	if dsn, err := ParseDSN(v.DSN); err != nil || !dsn.Memory || require == nil || !*require {
		return
	}
	const key = "serve.admin.require_key"
	v.problems.add(v.origin(key), key, "must not be true with a database in memory: `zelus keys create` does not reach it, and the server itself would ask for a key before it makes one; "+
		"leave the line out and make the first key with POST /admin/keys, from which on one is needed")
}

// newAddresses refuses to have new addresses wait for a proof that nobody can
// give: every change of an address would fail.
func (v *validation) newAddresses() {
	methods, verification := v.SelfService.Methods, v.SelfService.Flows.Verification
	i := slices.IndexFunc(v.SelfService.Flows.Settings.After.Of("profile"), func(h Hook) bool { return h.Name == "verify_new_address" })
	if i < 0 || !methods.Profile.Enabled {
		return
	}
	missing := ""
	switch {
	case !verification.Enabled:
		missing = "selfservice.flows.verification.enabled: true"
	case verification.Use == "code" && !methods.Code.Enabled, verification.Use == "link" && !methods.Link.Enabled:
		missing = fmt.Sprintf("selfservice.methods.%s.enabled: true, because that is what selfservice.flows.verification.use sends", verification.Use)
	default:
		return
	}
	key := "selfservice.flows.settings.after.profile.hooks." + strconv.Itoa(i)
	v.problems.add(v.nearest(key), key, "verify_new_address needs %s", missing)
}

// leastMemory is the least memory for Argon2id with the given number of passes
// by the OWASP Password Storage Cheat Sheet ("Argon2id").
func leastMemory(iterations int) Bytes {
	const mib = 1 << 20
	switch iterations {
	case 1:
		return 46 * mib
	case 2:
		return 19 * mib
	case 3:
		return 12 * mib
	case 4:
		return 9 * mib
	}
	return 7 * mib
}

// enumeration warns of what tells who has an account, although nobody is to learn
// that: sign-ups that end in a session, which nobody gets for a taken address, and
// sign-ins that begin with a question for somebody's own keys.
func (v *validation) enumeration() {
	if !v.Security.AccountEnumeration.Mitigate {
		return
	}
	methods, r := &v.SelfService.Methods, &v.SelfService.Flows.Registration
	keys := methods.WebAuthn.Enabled && methods.WebAuthn.Config.Passwordless
	const mitigated = "security.account_enumeration.mitigate is on"
	const tells = "a sign-up tells whether its address has an account, although " + mitigated
	for _, m := range []struct {
		name    string
		enabled bool
		what    string
	}{
		{"password", methods.Password.Enabled, tells},
		{"passkey", methods.Passkey.Enabled, tells},
		{"webauthn", keys, tells},
		// A code proves its address, and none that stands beside it.
		{"code", methods.Code.Enabled && methods.Code.PasswordlessEnabled, "where a schema has several addresses, a sign-up with one's own and another one tells whether that has an account, although " + mitigated},
	} {
		if r.Enabled && m.enabled && slices.ContainsFunc(r.After.Of(m.name), func(h Hook) bool { return h.Name == "session" }) {
			v.warn("selfservice.flows.registration.after."+m.name+".hooks", "the hook session signs in whoever signs up with the method %s, so that %s; leave the hook out, and people sign in after they have signed up", m.name, m.what)
		}
	}
	if keys {
		v.warn("selfservice.methods.webauthn.config.passwordless", "whoever signs in with a security key alone says who they are first, and the answer tells whether they have such a key, although "+mitigated+"; the method passkey asks for no name")
	}
}

package app

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// tokenKeys signs the tokens of these tests.
const tokenKeys = `{"keys":[{"kty":"EC","use":"sig","kid":"of-tests","crv":"P-256","alg":"ES256","x":"fHterXH1qD01z99H_zqcFKdrvuHGJRS5Y7K5PbLu4IE",
	"y":"YtMlMdoabuYEoMHAT6qqaQCvTFAAJEFi9ow-YGuGrGY","d":"6guZTzFhm3eiRNGtwdTOfd58_W4ddMnaKTlY0ZsmGfQ"},{"kty":"EC"}]}`

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// tokenTemplates is configuration for one template of each kind.
func tokenTemplates() string {
	template := func(name, more, mapper string) string {
		if mapper != "" {
			more += ", claims_mapper_url: 'base64://" + encoded(mapper) + "'"
		}
		return "      " + name + ": {jwks_url: 'base64://" + encoded(tokenKeys) + "'" + more + "}\n"
	}
	return "session:\n  whoami:\n    tokenizer: {templates: {\n" + strings.ReplaceAll(strings.Join([]string{
		template("plain", ", ttl: 10m", ""),
		template("short", "", ""),
		template("external", ", subject_source: external_id", ""),
		template("mapped", "", `local s = std.extVar('session'), c = std.extVar('claims');
			{claims: {email: s.identity.traits.email, iss: 'https://else.example.org/', sub: 'somebody else', exp: c.exp + 1, same: c.sid == s.id}}`),
		template("all", "", `{claims: {session: std.extVar('session')}}`),
		template("failing", "", `{claims: error 'it is ' + std.extVar('session').identity.traits.email}`),
		template("endless", "", `local all = std.range(1, 100000); {claims: std.foldl(function(a, x) std.foldl(function(b, y) b + y, all, a), all, 0)}`),
		template("nothing", "", `{claim: {}}`)}, ""), "}\n      ", "},\n      ") + "    }}\n"
}

// claims verifies a token and gives what it says.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	var keys struct{ Keys []json.RawMessage }
	var key jose.JSONWebKey
	if err := json.Unmarshal([]byte(tokenKeys), &keys); err != nil {
		t.Fatal(err)
	}
	if err := key.UnmarshalJSON(keys.Keys[0]); err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatalf("%q: %v", token, err)
	}
	payload, err := signed.Verify(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	head, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil || gjson.GetBytes(head, "kid").String() != "of-tests" || gjson.GetBytes(head, "typ").String() != "JWT" || gjson.GetBytes(head, "alg").String() != "ES256" {
		t.Errorf("the head is %s", head)
	}
	var all map[string]any
	if err := json.Unmarshal(payload, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTokens(t *testing.T) {
	onEach(t, tokenTemplates(), func(t *testing.T, s *server) {
		c, p := s.client(t, app), s.person(t)
		c.signIn(p)
		plain := c.whoami().is(200)
		now := float64(s.clock.now().Unix())
		base := func(ttl time.Duration, more map[string]any) map[string]any {
			all := map[string]any{"iss": s.public + "/", "sub": p.id, "sid": plain.at("id").String(), "iat": now, "nbf": now, "exp": now + ttl.Seconds()}
			maps.Copy(all, more)
			return all
		}
		email := plain.at("identity.traits.email").String()
		seen := map[any]bool{}
		for template, want := range map[string]map[string]any{
			"plain": base(10*time.Minute, nil),
			"short": base(time.Minute, nil), // the default
			"mapped": base(time.Minute, map[string]any{"email": email, "iss": "https://else.example.org/", "same": true,
				"exp": now + 61}),
		} {
			a := c.get("/sessions/whoami?tokenize_as=" + template).is(200)
			got := claims(t, a.at("tokenized").String())
			if id := got["jti"]; id == "" || seen[id] {
				t.Errorf("%s: the id %v is not new", template, id)
			}
			seen[got["jti"]] = true
			delete(got, "jti")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", template, diff)
			}
			// All else is the answer without a token.
			var with, without map[string]any
			if json.Unmarshal(a.body, &with) != nil || json.Unmarshal(plain.body, &without) != nil {
				t.Fatalf("%s", a.body)
			}
			delete(with, "tokenized")
			if diff := cmp.Diff(without, with); diff != "" {
				t.Errorf("%s: %s", template, diff)
			}
			if a.header.Get("X-Kratos-Authenticated-Identity-Id") != p.id {
				t.Errorf("%s: %v", template, a.header)
			}
		}

		// A mapper sees what the owner sees, and no more.
		all, err := json.Marshal(claims(t, c.get("/sessions/whoami?tokenize_as=all").is(200).at("tokenized").String())["session"])
		if err != nil || gjson.GetBytes(all, "identity.metadata_admin").Exists() || gjson.GetBytes(all, "identity.credentials").Exists() {
			t.Errorf("%s, %v", all, err)
		}

		c.get("/sessions/whoami?tokenize_as=external").refused(400, "session_token_subject_missing")
		s.operator(t).send("PATCH", "/admin/identities/"+p.id, patch("add", "/external_id", "customer-7")).is(200)
		if got := claims(t, c.get("/sessions/whoami?tokenize_as=external").is(200).at("tokenized").String()); got["sub"] != "customer-7" {
			t.Errorf("%v", got)
		}

		if got := c.get("/sessions/whoami?tokenize_as=nope").refused(400, "parameter_invalid"); !strings.Contains(got.at("error.reason").String(), `"nope"`) {
			t.Errorf("%s", got.body)
		}
		for _, template := range []string{"failing", "endless", "nothing"} {
			c.get("/sessions/whoami?tokenize_as="+template).refused(500, "invalid_configuration")
			if log := s.log.String(); !strings.Contains(log, "session.whoami.tokenizer.templates."+template+".claims_mapper_url: ") || strings.Contains(log, email) {
				t.Errorf("%s: the log says %s", template, log)
			}
		}
		c.get("/sessions/whoami?tokenize_as=").is(200)
		for _, template := range []string{"plain", "nope"} {
			s.client(t, app).get("/sessions/whoami?tokenize_as="+template).refused(401, "session_inactive")
		}
		browser := s.client(t, script)
		browser.signIn(p)
		claims(t, browser.get("/sessions/whoami?tokenize_as=plain").is(200).at("tokenized").String())
	})
}

// TestTokensAreNotKept: an answer with a token says nothing of how long it may be
// kept, and clients of the v0alpha2 era get none.
func TestTokensAreNotKept(t *testing.T) {
	s := start(t, setup{more: tokenTemplates() + "feature_flags: {cacheable_sessions: true}\n"})
	c := s.client(t, app)
	c.signIn(s.person(t))
	if got := c.whoami().is(200).header.Get("Ory-Session-Cache-For"); got == "" {
		t.Error("sessions may not be kept")
	}
	if got := c.get("/sessions/whoami?tokenize_as=plain").is(200).header.Get("Ory-Session-Cache-For"); got != "" {
		t.Errorf("an answer with a token may be kept for %s", got)
	}
	if got := s.client(t, app).get("/sessions/whoami?tokenize_as=plain").is(401).header.Get("Ory-Session-Cache-For"); got != "" {
		t.Errorf("an answer without a session may be kept for %s", got)
	}
	old := s.old(t, app)
	old.signIn(s.person(t))
	for _, template := range []string{"plain", "nope"} {
		a := old.get("/sessions/whoami?tokenize_as=" + template).is(200)
		if a.at("tokenized").Exists() || a.header.Get("Ory-Session-Cache-For") == "" {
			t.Errorf("%s, %v", a.body, a.header)
		}
	}
}

// TestTokensAndReload: keys are read again with the configuration, and a set
// without keys is a warning.
func TestTokensAndReload(t *testing.T) {
	s := start(t, setup{})
	c := s.client(t, app)
	c.signIn(s.person(t))
	c.get("/sessions/whoami?tokenize_as=plain").refused(400, "parameter_invalid")
	s.reconfigure(t, tokenTemplates())
	c.get("/sessions/whoami?tokenize_as=plain").is(200)
	s.reconfigure(t, "session: {whoami: {tokenizer: {templates: {plain: {jwks_url: 'base64://"+encoded(`{"keys":[]}`)+"'}}}}}\n")
	c.get("/sessions/whoami?tokenize_as=plain").refused(400, "session_token_key_missing")
	if want := "more.yml:1: session.whoami.tokenizer.templates.plain.jwks_url: there is no key"; !strings.Contains(s.log.String(), want) {
		t.Errorf("the log lacks %q: %s", want, s.log)
	}
	s.reconfigure(t, tokenTemplates())
	s.write(t, "session: {whoami: {tokenizer: {templates: {plain: {jwks_url: 'base64://e30K'}}}}}\n")
	eventually(t, "the log names the key", func() bool {
		return strings.Contains(s.log.String(), "more.yml:1: session.whoami.tokenizer.templates.plain.jwks_url: this is not a JWKS")
	})
	c.get("/sessions/whoami?tokenize_as=plain").is(200)
}

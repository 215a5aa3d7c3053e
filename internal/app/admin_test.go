package app

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestPatchDenials: a patch cannot reach what is not an operator's to change,
// however its path is written, and changes nothing when it is refused.
func TestPatchDenials(t *testing.T) {
	tests := []struct {
		what string
		body any
		id   string
	}{
		{"the id", patch("replace", "/id", uuid.NewString()), "json_patch_path_denied"},
		{"the id in capitals", patch("replace", "/ID", uuid.NewString()), "json_patch_path_denied"},
		{"removing the id", patch("remove", "/id", nil), "json_patch_path_denied"},
		{"when the state changed", patch("replace", "/stateChangedAt", "2020-01-01T00:00:00Z"), "json_patch_path_denied"},
		{"the id, escaped", patch("replace", "/~01id", uuid.NewString()), "json_patch_invalid"},
		{"credentials with a letter that folds to s", patch("replace", "/credential\u017f", map[string]any{}), "json_patch_path_denied"},
		{"all credentials", patch("replace", "/credentials", map[string]any{}), "json_patch_path_denied"},
		{"social accounts", patch("add", "/credentials/oidc", map[string]any{}), "json_patch_path_denied"},
		{"one social account", patch("add", "/credentials/oidc/config/providers/0", map[string]any{}), "json_patch_path_denied"},
		{"SAML accounts", patch("add", "/credentials/SAML/config", map[string]any{}), "json_patch_path_denied"},
		{"the second of two", append(patch("add", "/metadata_public", "changed"), patch("replace", "/id", "x")...), "json_patch_path_denied"},
		{"a test", patch("test", "/state", "active"), "json_patch_invalid"},
		{"a move", []map[string]any{{"op": "move", "from": "/id", "path": "/external_id"}}, "json_patch_invalid"},
		{"a copy", []map[string]any{{"op": "copy", "from": "/credentials/password/config", "path": "/metadata_public"}}, "json_patch_invalid"},
		{"no path", []map[string]any{{"op": "add", "value": 1}}, "json_patch_invalid"},
		{"removing what is not there", patch("remove", "/traits/nothing", nil), "json_patch_invalid"},
		{"a new credential", patch("add", "/credentials/totp", map[string]any{"type": "totp", "config": map[string]any{}}), "json_patch_invalid"},
		{"the type of a credential", patch("replace", "/credentials/password/type", "totp"), "json_patch_invalid"},
		{"a hash that is none", patch("replace", "/credentials/password/config/hashed_password", "secret"), "password_hash_unknown"},
		{"a state that is none", patch("replace", "/state", "asleep"), "identity_state_invalid"},
		{"no state", patch("remove", "/state", nil), "identity_state_invalid"},
		{"traits that the schema refuses", patch("replace", "/traits/email", "nobody"), "identity_traits_invalid"},
		{"a trait that the schema does not know", patch("add", "/traits/age", 1), "identity_traits_invalid"},
		{"a schema that is none", patch("replace", "/schema_id", "nothing"), "identity_schema_unknown"},
		{"an object", map[string]any{"op": "add"}, "json_patch_invalid"},
		{"a text", `"x"`, "json_patch_invalid"},
		{"nothing", "", "body_malformed"},
		{"half", `[{"op":"add"`, "body_malformed"},
		{"one member twice", `[{"op":"add","path":"/metadata_public","path":"/id","value":1}]`, "body_malformed"},
	}
	onEach(t, "", func(t *testing.T, s *server) {
		o, p := s.operator(t), s.person(t)
		before := o.get("/admin/identities/" + p.id + "?include_credential=password").is(200)
		s.clock.advance(time.Minute)
		for _, test := range tests {
			t.Run(test.what, func(t *testing.T) {
				o := s.operator(t)
				o.send("PATCH", "/admin/identities/"+p.id, test.body).refused(400, test.id)
				if after := o.get("/admin/identities/" + p.id + "?include_credential=password").is(200); string(after.body) != string(before.body) {
					t.Errorf("the identity changed from %s to %s", before.body, after.body)
				}
			})
		}
		o.send("PATCH", "/admin/identities/"+uuid.NewString(), patch("add", "/metadata_public", 1)).refused(404, "identity_not_found")
		s.client(t, app).signIn(p)
	})
}

// TestPatch: what may be patched is, and what follows from it too.
func TestPatch(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p, q := s.operator(t), s.person(t), stranger()
		s.clock.advance(time.Minute)
		old := p.email
		p.email = q.email
		a := o.send("PATCH", "/admin/identities/"+p.id, append(patch("replace", "/traits/email", q.email),
			patch("add", "/metadata_public/deep/down", 1)...)).is(200)
		for path, want := range map[string]string{"traits.email": q.email, "verifiable_addresses.0.value": q.email, "recovery_addresses.0.value": q.email,
			"credentials.password.identifiers": `["` + q.email + `"]`, "metadata_public": `{"deep":{"down":1}}`, "updated_at": "2026-05-04T08:31:00Z", "created_at": "2026-05-04T08:30:00Z"} {
			if got := a.at(path).String(); got != want {
				t.Errorf("%s is %s, want %s", path, got, want)
			}
		}
		s.client(t, app).signIn(p)
		before := p
		before.email = old
		c := s.client(t, app)
		c.submit(c.begin("login", ""), before.login()).saying(400, 4000006)

		// A password's hash can be taken from another identity.
		donor := s.person(t)
		hashed := o.get("/admin/identities/" + donor.id + "?include_credential=password").at("credentials.password.config.hashed_password").String()
		o.send("PATCH", "/admin/identities/"+p.id, patch("replace", "/credentials/password/config/hashed_password", hashed)).is(200)
		c.submit(c.begin("login", ""), p.login()).saying(400, 4000006)
		p.password = donor.password
		c.signIn(p)
	})
}

// TestConflicts: an identifier, address or external id that is taken stops the
// whole change, and nothing of it is left behind.
func TestConflicts(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p, q := s.operator(t), s.person(t), s.person(t)
		external := uuid.NewString()
		o.send("PATCH", "/admin/identities/"+p.id, patch("add", "/external_id", external)).is(200)
		before := o.get("/admin/identities?include_credential=password").is(200)

		o.send("POST", "/admin/identities", map[string]any{"traits": fields{"email": strings.ToUpper(p.email)}}).refused(409, "identity_conflict")
		fresh := stranger()
		o.send("POST", "/admin/identities", map[string]any{"traits": fields{"email": fresh.email}, "external_id": external}).refused(409, "identity_conflict")
		o.send("PUT", "/admin/identities/"+q.id, map[string]any{"schema_id": "person", "traits": fields{"email": p.email}}).refused(409, "identity_conflict")
		o.send("PUT", "/admin/identities/"+q.id, map[string]any{"schema_id": "person", "traits": fields{"email": fresh.email}, "external_id": external}).refused(409, "identity_conflict")
		o.send("PATCH", "/admin/identities/"+q.id, append(patch("add", "/metadata_public", 1), patch("replace", "/traits/email", p.email)...)).refused(409, "identity_conflict")
		batch := o.send("PATCH", "/admin/identities", map[string]any{"identities": []any{
			map[string]any{"create": map[string]any{"traits": fields{"email": p.email}}},
			map[string]any{"create": map[string]any{"traits": fields{"email": "nobody"}}},
		}}).is(200)
		if got := batch.at("identities.#.error.id").String(); got != `["identity_conflict","identity_traits_invalid"]` {
			t.Errorf("the batch says %s", batch.body)
		}

		if after := o.get("/admin/identities?include_credential=password").is(200); string(after.body) != string(before.body) {
			t.Errorf("the identities changed from %s to %s", before.body, after.body)
		}
		// What the refused ones had wanted is free.
		c := s.client(t, app)
		c.finish(c.begin("registration", ""), fresh.signUp())
		s.client(t, app).signIn(p)
		s.client(t, app).signIn(q)
	})
}

// TestConcurrentChanges: changes that come in at the same time all count.
func TestConcurrentChanges(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p := s.operator(t), s.person(t)
		o.send("PATCH", "/admin/identities/"+p.id, patch("add", "/metadata_public", map[string]any{})).is(200)
		const changes = 12
		var all sync.WaitGroup
		for n := range changes {
			all.Go(func() {
				a, err := o.try("PATCH", "/admin/identities/"+p.id, patch("add", fmt.Sprintf("/metadata_public/key%d", n), n))
				if err != nil || a.status != 200 {
					t.Errorf("change %d: %v %d %s", n, err, a.status, a.body)
				}
			})
		}
		all.Wait()
		if got := len(o.get("/admin/identities/" + p.id).is(200).at("metadata_public").Map()); got != changes {
			t.Errorf("%d of %d changes are left", got, changes)
		}
	})
}

// TestVerifiedStays: an address that was proven stays so through changes that
// do not touch it, and a new one is not proven.
func TestVerifiedStays(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p := s.operator(t), s.person(t)
		path := "/admin/identities/" + p.id
		verified := o.send("PATCH", path, patch("replace", "/verifiable_addresses/0/verified", true)).is(200).at("verifiable_addresses.0")
		if !verified.Get("verified").Bool() || verified.Get("verified_at").String() == "" {
			t.Fatalf("the address is %s", verified.Raw)
		}
		s.clock.advance(time.Minute)
		for _, name := range []string{"One", "Two"} {
			a := o.send("PUT", path, map[string]any{"schema_id": "person", "traits": fields{"email": p.email, "name": name}}).is(200)
			if got := a.at("verifiable_addresses.0").Raw; got != verified.Raw {
				t.Errorf("the address became %s, want %s", got, verified.Raw)
			}
		}
		a := o.send("PATCH", path, patch("add", "/metadata_public", 1)).is(200)
		if got := a.at("verifiable_addresses.0").Raw; got != verified.Raw {
			t.Errorf("the address became %s, want %s", got, verified.Raw)
		}
		fresh := o.send("PUT", path, map[string]any{"schema_id": "person", "traits": fields{"email": stranger().email}}).is(200).at("verifiable_addresses.0")
		if fresh.Get("verified").Bool() || fresh.Get("verified_at").Exists() || fresh.Get("status").String() != "pending" || fresh.Get("id").String() == verified.Get("id").String() {
			t.Errorf("the new address is %s", fresh.Raw)
		}
	})
}

// TestReplace: what is absent from a replacement is taken away, but for
// schema, state and credentials.
func TestReplace(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p := s.operator(t), s.person(t)
		path := "/admin/identities/" + p.id
		o.send("PUT", path, map[string]any{"traits": fields{"email": p.email, "name": "N"}, "metadata_public": 1, "metadata_admin": 2, "external_id": "e", "state": "inactive"}).is(200)
		a := o.send("PUT", path, map[string]any{"traits": fields{"email": p.email}, "unknown": 1}).is(200)
		for field, want := range map[string]string{"traits": `{"email":"` + p.email + `"}`, "metadata_public": "null", "metadata_admin": "", "external_id": "",
			"state": `"inactive"`, "schema_id": `"person"`, "credentials.password.identifiers": `["` + p.email + `"]`} {
			if got := a.at(field).Raw; got != want {
				t.Errorf("%s is %s, want %s", field, got, want)
			}
		}
		o.send("PUT", path, `{"traits":{"email":"`+p.email+`"}}`, "Content-Type", "text/plain").refused(400, "content_type_unsupported")
		o.send("PUT", path, map[string]any{"traits": fields{"email": p.email}, "state": "active"}).is(200)
		s.client(t, app).signIn(p)
	})
}

// TestDelete: with an identity goes all that it had, and what it held is free.
func TestDelete(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p, c := s.operator(t), s.person(t), s.client(t, app)
		external := uuid.NewString()
		o.send("PATCH", "/admin/identities/"+p.id, patch("add", "/external_id", external)).is(200)
		c.signIn(p)
		f := s.client(t, app).begin("login", "")
		o.send("DELETE", "/admin/identities/"+p.id, nil).is(204)
		c.whoami().refused(401, "session_inactive")
		if got := s.sessions(t, p); got != 0 {
			t.Errorf("%d sessions are left", got)
		}
		for _, path := range []string{"/admin/identities/" + p.id, "/admin/identities/by/external/" + external} {
			o.get(path).refused(404, "identity_not_found")
		}
		o.send("DELETE", "/admin/identities/"+p.id, nil).refused(404, "identity_not_found")
		o.send("DELETE", "/admin/identities/"+p.id+"/sessions", nil).refused(404, "sessions_not_found")
		s.client(t, app).submit(f, p.login()).saying(400, 4000006)
		again := s.client(t, app)
		if id := again.finish(again.begin("registration", ""), p.signUp()).at("identity.id").String(); id == p.id {
			t.Error("the deleted identity came back")
		}
		o.send("POST", "/admin/identities", map[string]any{"traits": fields{"email": stranger().email}, "external_id": external}).is(201)
	})
}

// TestByExternalID: ids of other systems are any text, and match as a whole.
func TestByExternalID(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o := s.operator(t)
		for _, external := range []string{"plain", "a b/c?d#e%f", "Ünïcode", "Plain", "x+y", strings.Repeat("long", 40)} {
			id := o.send("POST", "/admin/identities", map[string]any{"traits": fields{"email": stranger().email}, "external_id": external}).is(201).at("id").String()
			a := o.get("/admin/identities/by/external/" + url.PathEscape(external)).is(200)
			if a.at("id").String() != id || a.at("external_id").String() != external {
				t.Errorf("%q finds %s", external, a.body)
			}
		}
		for _, unknown := range []string{"plai", "plain ", "PLAIN", "%25", "_____"} {
			o.get("/admin/identities/by/external/"+url.PathEscape(unknown)).refused(404, "identity_not_found")
		}
	})
}

// TestListIdentities walks a list page by page.
func TestListIdentities(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o := s.operator(t)
		var want []string
		for range 7 {
			want = append(want, s.person(t).id)
		}
		slices.Sort(want)
		var got []string
		pages := 0
		for next := "/admin/identities?page_size=2&include_credential=password"; next != ""; pages++ {
			if pages > 7 {
				t.Fatal("the list does not end")
			}
			a := o.get(next).is(200)
			for _, id := range a.at("#.id").Array() {
				got = append(got, id.String())
			}
			links := a.links()
			if first := links["first"]; first != "/admin/identities?include_credential=password&page_size=2&page_token="+uuid.Nil.String() {
				t.Errorf("the first page is %q", first)
			}
			next = links["next"]
		}
		if !slices.Equal(got, want) || pages != 4 {
			t.Errorf("%d pages have %v, want 4 with %v", pages, got, want)
		}
		// An identity that is new or gone does not disturb who walks.
		a := o.get("/admin/identities?page_size=3").is(200)
		o.send("DELETE", "/admin/identities/"+want[2], nil).is(204)
		people(t, s, 1)
		if got, want := o.get(a.links()["next"]).is(200).at("#.id").String(), fmt.Sprintf(`["%s","%s","%s"]`, want[3], want[4], want[5]); got != want {
			t.Errorf("the second page has %s, want %s", got, want)
		}

		for query, n := range map[string]int64{"page_size=0": 7, "page_size=-1": 7, "page_size=100000": 7, "per_page=3": 3, "page=1&per_page=4": 3, "page=9&per_page=4": 0,
			"ids=" + want[0] + "&ids=" + want[1] + "&ids=" + want[1] + "&ids=" + uuid.NewString(): 2, "credentials_identifier=nobody": 0} {
			if got := o.get("/admin/identities?" + query).is(200).at("#").Int(); got != n {
				t.Errorf("%s finds %d, want %d", query, got, n)
			}
		}
		if got := o.get("/admin/identities?page=0&per_page=4").is(200).header.Get("X-Total-Count"); got != "7" {
			t.Errorf("X-Total-Count is %q, want 7", got)
		}
		for query, id := range map[string]string{"page_size=many": "parameter_invalid", "page_token=x": "page_token_invalid", "ids=x": "parameter_invalid",
			"include_credential=x": "parameter_invalid", "organization_id=x": "parameter_invalid", "page=5&per_page=500": "parameter_invalid",
			"ids=" + want[0] + "&credentials_identifier=x": "parameter_invalid", strings.Repeat("ids="+want[0]+"&", 501): "parameter_invalid"} {
			o.get("/admin/identities?"+query).refused(400, id)
		}
	})
}

var relation = regexp.MustCompile(`<([^>]*)>; rel="([a-z]+)"`)

// links are the addresses in the header Link, by their relation.
func (a answer) links() map[string]string {
	all := map[string]string{}
	for _, found := range relation.FindAllStringSubmatch(a.header.Get("Link"), -1) {
		all[found[2]] = found[1]
	}
	return all
}

// TestListFilters: an identifier finds its person, as a whole or by its
// beginning, without wildcards.
func TestListFilters(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o := s.operator(t)
		for _, email := range []string{"anna@example.org", "anna.b@example.org", "berta@example.org"} {
			o.send("POST", "/admin/identities", map[string]any{"traits": fields{"email": email}}).is(201)
		}
		for query, want := range map[string]string{
			"credentials_identifier=anna@example.org":              `["anna@example.org"]`,
			"credentials_identifier=%20ANNA@example.org":           `["anna@example.org"]`,
			"credentials_identifier=anna":                          `[]`,
			"credentials_identifier=%25":                           `[]`,
			"preview_credentials_identifier_similar=anna":          `["anna@example.org","anna.b@example.org"]`,
			"preview_credentials_identifier_similar=nna":           `[]`,
			"preview_credentials_identifier_similar=%25":           `[]`,
			"preview_credentials_identifier_similar=_nna":          `[]`,
			"preview_credentials_identifier_similar=anna%27--":     `[]`,
			"organization_id=3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11": `[]`,
		} {
			if got := o.get("/admin/identities?" + query).is(200).at("#.traits.email").String(); got != want {
				t.Errorf("%s finds %s, want %s", query, got, want)
			}
		}
		// What no database keeps is nowhere to be found.
		for _, text := range []string{"nobody%00", "nobody%ff", "%ff%fe", "%00"} {
			for _, filter := range []string{"credentials_identifier", "preview_credentials_identifier_similar"} {
				if a := o.get("/admin/identities?" + filter + "=" + text); a.status != 200 && a.status != 400 {
					t.Errorf("%s: %d %s", a.what, a.status, a.body)
				}
			}
			o.get("/admin/identities/by/external/"+text).refused(404, "identity_not_found")
		}
	})
}

// TestSessionsOfSomebody: an operator sees all sessions, those that live or
// those that have ended, page by page.
func TestSessionsOfSomebody(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p := s.operator(t), s.person(t)
		var newest []string
		for range 5 {
			s.clock.advance(time.Second)
			newest = slices.Insert(newest, 0, s.client(t, app).signIn(p).at("session.id").String())
		}
		me := s.client(t, app)
		s.clock.advance(time.Second)
		newest = slices.Insert(newest, 0, me.signIn(p).at("session.id").String())
		for _, id := range newest[3:5] {
			me.send("DELETE", "/sessions/"+id, nil).is(204)
		}
		list := "/admin/identities/" + p.id + "/sessions"
		ids := func(query string) []string {
			var all []string
			for _, id := range o.get(list + query).is(200).at("#.id").Array() {
				all = append(all, id.String())
			}
			return all
		}
		for query, want := range map[string][]string{"": newest, "?active=true": {newest[0], newest[1], newest[2], newest[5]}, "?active=false": newest[3:5]} {
			if got := ids(query); !slices.Equal(got, want) {
				t.Errorf("%q lists %v, want %v", query, got, want)
			}
		}
		var walked []string
		for next := "?page_size=4"; next != ""; {
			walked = append(walked, ids(next)...)
			next = strings.TrimPrefix(o.get(list + next).links()["next"], list)
		}
		if !slices.Equal(walked, newest) {
			t.Errorf("a walk finds %v, want %v", walked, newest)
		}
		o.get(list+"?active=perhaps").refused(400, "parameter_invalid")
		o.get("/admin/identities/x/sessions").refused(400, "id_malformed")
		if got := o.get("/admin/identities/" + uuid.NewString() + "/sessions").is(200).at("#").Int(); got != 0 {
			t.Errorf("nobody has %d sessions", got)
		}
	})
}

// TestCreate: what an operator gives is checked, and passwords may come as
// they are, as hashes, or not at all.
func TestCreate(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, donor := s.operator(t), s.person(t)
		hashed := o.get("/admin/identities/" + donor.id + "?include_credential=password").at("credentials.password.config.hashed_password").String()
		body := func(email, credentials string) string {
			return fmt.Sprintf(`{"traits":{"email":%q},"credentials":{"password":{"config":%s}}}`, email, credentials)
		}
		p := stranger()
		o.send("POST", "/admin/identities", body(p.email, `{"hashed_password":"`+hashed+`"}`)).is(201)
		p.password = donor.password
		s.client(t, app).signIn(p)
		p = stranger()
		p.password = "x" // the policy is for people, not for operators
		o.send("POST", "/admin/identities", body(p.email, `{"password":"x"}`)).is(201)
		s.client(t, app).signIn(p)

		email := stranger().email
		for wrong, id := range map[string]string{
			body(email, `{}`):                                            "password_empty",
			body(email, `{"password":""}`):                               "password_empty",
			body(email, `{"hashed_password":"x"}`):                       "password_hash_unknown",
			body(email, `{"hashed_password":"$2a$99$"}`):                 "password_hash_unknown",
			body(email, `{"password":"`+strings.Repeat("p", 1<<20)+`"}`): "bad_request",
			body(email, `{"password":1}`):                                "body_malformed",
			`{"traits":{"email":"nobody"}}`:                              "identity_traits_invalid",
			`{"traits":{}}`:                                              "identity_traits_invalid",
			`{"traits":[]}`:                                              "identity_traits_invalid",
			`{}`:                                                         "identity_traits_invalid",
			`{"traits":{"email":"` + email + `"},"state":"asleep"}`:      "identity_state_invalid",
			`{"traits":{"email":"` + email + `"},"schema_id":"x"}`:       "identity_schema_unknown",
			`{"traits":{"email":"` + email + `"},"unknown":1}`:           "body_malformed",
			`{"traits":{"email":"` + email + `"}`:                        "body_malformed",
			`{"traits":{"email":"` + email + `"},"traits":{"email":"` + email + `"}}`:       "body_malformed",
			`{"traits":{"email":"` + email + `","name":"` + strings.Repeat("n", 41) + `"}}`: "identity_traits_invalid",
			``: "body_malformed",
		} {
			a := o.send("POST", "/admin/identities", wrong)
			if a.status != 400 || a.at("error.id").String() != id {
				t.Errorf("%.100s: %d %s, want 400 %s", wrong, a.status, a.body, id)
			}
		}
		c := s.client(t, app)
		q := stranger()
		q.email = email // nothing of all that was kept
		c.finish(c.begin("registration", ""), q.signUp())
	})
}

// TestDeleteCredential: the last way to sign in stays.
func TestDeleteCredential(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		o, p := s.operator(t), s.person(t)
		path := "/admin/identities/" + p.id + "/credentials/"
		o.send("DELETE", path+"password", nil).refused(400, "credential_is_last_first_factor")
		o.send("DELETE", path+"totp", nil).refused(404, "credential_not_found")
		o.send("DELETE", path+"nonsense", nil).refused(404, "credential_not_found")
		s.client(t, app).signIn(p)
		q := stranger()
		q.id = o.send("POST", "/admin/identities", map[string]any{"traits": fields{"email": q.email}, "credentials": map[string]any{
			"password": map[string]any{"config": fields{"password": q.password}},
			"oidc":     map[string]any{"config": map[string]any{"providers": []any{fields{"provider": "p", "subject": "s"}}}},
		}}).is(201).at("id").String()
		s.client(t, app).signIn(q)
		o.send("DELETE", "/admin/identities/"+q.id+"/credentials/password", nil).is(204)
		c := s.client(t, app)
		c.submit(c.begin("login", ""), q.login()).saying(400, 4000006)
		o.send("DELETE", "/admin/identities/"+q.id+"/credentials/oidc", nil).refused(400, "credential_identifier_required")
		o.send("DELETE", "/admin/identities/"+q.id+"/credentials/oidc?identifier=p:s", nil).refused(400, "credential_is_last_first_factor")
	})
}

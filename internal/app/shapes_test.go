package app

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/config"
	"zelus/internal/v0alpha2"
)

// shapes are the descriptions in testdata/shapes.txt.
type shapes struct {
	objects map[string]map[string]string // name, field: type
	met     map[string]bool              // those that an answer had
}

func readShapes(t *testing.T) shapes {
	t.Helper()
	text, err := os.ReadFile("testdata/shapes.txt")
	if err != nil {
		t.Fatal(err)
	}
	all, object := shapes{map[string]map[string]string{}, map[string]bool{}}, ""
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case len(words) == 1 && !strings.HasPrefix(line, " "):
			object = words[0]
			all.objects[object] = map[string]string{}
		case len(words) == 2 && strings.HasPrefix(line, "  ") && object != "":
			all.objects[object][words[0]] = words[1]
		default:
			t.Fatalf("testdata/shapes.txt: %q is neither an object nor a field", line)
		}
	}
	return all
}

// wrong says where a value does not have a type.
func (s shapes) wrong(at string, value any, want string) []string {
	if bare, nullable := strings.CutSuffix(want, "?"); nullable {
		if value == nil {
			return nil
		}
		want = bare
	}
	if one, other, either := strings.Cut(want, "/"); either {
		all := s.wrong(at, value, one)
		if len(all) > 0 && len(s.wrong(at, value, other)) == 0 {
			return nil
		}
		return all
	}
	complain := []string{fmt.Sprintf("%s: %#v is not %s", at, value, want)}
	ok := false
	switch {
	case want == "any":
		ok = true
	case want == "boolean":
		_, ok = value.(bool)
	case want == "integer":
		var n float64
		n, ok = value.(float64)
		ok = ok && n == math.Trunc(n)
	case want == "object":
		_, ok = value.(map[string]any)
	case want == "string":
		_, ok = value.(string)
	case strings.HasPrefix(want, "string:"):
		var text string
		text, ok = value.(string)
		ok = ok && slices.Contains(strings.Split(want[len("string:"):], "|"), text)
	case want == "uuid":
		text, isText := value.(string)
		_, err := uuid.Parse(text)
		ok = isText && err == nil && len(text) == 36
	case want == "time":
		text, isText := value.(string)
		_, err := time.Parse(time.RFC3339Nano, text)
		ok = isText && err == nil && strings.HasSuffix(text, "Z")
	case want[0] == '[':
		list, isList := value.([]any)
		if !isList {
			return complain
		}
		var all []string
		for n, item := range list {
			all = append(all, s.wrong(fmt.Sprintf("%s[%d]", at, n), item, want[1:len(want)-1])...)
		}
		return all
	case want[0] == '{':
		object, isObject := value.(map[string]any)
		if !isObject {
			return complain
		}
		var all []string
		for name, item := range object {
			all = append(all, s.wrong(at+"."+name, item, want[1:len(want)-1])...)
		}
		return all
	default:
		return s.wrongObject(at, value, want)
	}
	if ok {
		return nil
	}
	return complain
}

func (s shapes) wrongObject(at string, value any, want string) (all []string) {
	described, known := s.objects[want]
	s.met[want] = true
	object, isObject := value.(map[string]any)
	if !known || !isObject {
		return []string{fmt.Sprintf("%s: %#v is not %s", at, value, want)}
	}
	seen := map[string]bool{}
	for field, kind := range described {
		name, required := strings.CutSuffix(field, "!")
		seen[name] = true
		item, there := object[name]
		if !there && required {
			all = append(all, fmt.Sprintf("%s.%s is missing", at, name))
		}
		if there {
			all = append(all, s.wrong(at+"."+name, item, kind)...)
		}
	}
	for name := range object {
		if !seen[name] {
			all = append(all, fmt.Sprintf("%s.%s does not belong there", at, name))
		}
	}
	return all
}

// hold fails the test where an answer does not have a type.
func (s shapes) hold(t *testing.T, a answer, want string) answer {
	t.Helper()
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	for _, complaint := range s.wrong(want, value, want) {
		t.Errorf("%s: %s", a.what, complaint)
	}
	if got := a.header.Get("Content-Type"); got != "application/json; charset=utf-8" && (got != "application/json" || a.status < 400) {
		t.Errorf("%s: Content-Type is %q", a.what, got)
	}
	return a
}

// TestShapes holds real answers against their descriptions.
func TestShapes(t *testing.T) {
	all := readShapes(t)
	onEach(t, "", func(t *testing.T, s *server) {
		is := func(a answer, want string) answer {
			t.Helper()
			return all.hold(t, a, want)
		}
		var p person
		for _, style := range []style{app, script} {
			for _, kind := range kindsOfForm {
				c, shape := s.client(t, style), kind+"Flow"
				var with fields
				p, with = s.succeeding(t, kind)
				f := c.begin(kind, "return_to="+url.QueryEscape(welcome)+"&identity_schema=person")
				is(f.json, shape)
				is(c.fetch(kind, f.id).is(200), shape)
				for _, refused := range []fields{{}, {"method": "password"}, {"method": "password", "identifier": "x", "password": "y", "traits.email": "x"}} {
					is(c.submit(f, refused).is(400), shape)
					is(c.fetch(kind, f.id).is(200), shape)
				}
				is(c.send("POST", f.action, map[string]any{"csrf_token": f.csrf, "transient_payload": map[string]any{"a": 1}}).is(400), shape)
				done := c.finish(f, with)
				if done.at("session_token").Exists() != (style == app) {
					t.Errorf("%s: session_token is there for a browser, or missing for an app: %s", style, done.body)
				}
				is(done, map[string]string{"login": "successfulNativeLogin", "registration": "successfulNativeRegistration"}[kind])
				if who := is(c.whoami().is(200), "session"); who.at("identity.credentials").Exists() || who.at("identity.metadata_admin").Exists() {
					t.Errorf("a person sees what only operators see: %s", who.body)
				}
				is(c.get("/sessions").is(200), "[session]")
				if style == script {
					is(c.get("/self-service/logout/browser").is(200), "logoutFlow")
				}
				is(c.begin("login", "refresh=true").json, "loginFlow")
				is(c.get("/self-service/"+kind+"/flows?id=x").is(404), "errorGeneric")

				late := s.client(t, style)
				f = late.begin(kind, "")
				s.clock.advance(time.Hour)
				is(late.fetch(kind, f.id).is(410), "errorGeneric")
				gone := is(late.submit(f, with).is(410), "selfServiceFlowExpiredError")
				is(late.fetch(kind, gone.at("use_flow_id").String()).is(200), shape)

				c = s.client(t, style)
				c.signIn(p)
				is(c.send("DELETE", "/sessions", nil).is(200), "deleteMySessionsCount")
			}
		}
		for _, style := range []style{app, script} {
			c, p := s.signedIn(t, style)
			f := c.begin("settings", "return_to="+url.QueryEscape(welcome)+"&identity_schema=nobody-asks-for-it")
			is(f.json, "settingsFlow")
			is(c.fetch("settings", f.id).is(200), "settingsFlow")
			for _, refused := range []fields{{}, {"method": "profile"}, p.profile(fields{"traits.shoe": "1"}), newPassword("x")} {
				is(c.submit(f, refused).is(400), "settingsFlow")
			}
			for _, with := range []fields{p.profile(fields{"traits.name": "Ada"}), newPassword(otherPass)} {
				done := is(c.submit(f, with).is(200), "settingsFlow")
				if done.at("identity.credentials").Exists() || done.at("identity.metadata_admin").Exists() {
					t.Errorf("a person sees what only operators see: %s", done.body)
				}
				is(c.fetch("settings", f.id).is(200), "settingsFlow")
			}
			s.clock.advance(time.Hour)
			is(c.submit(f, newPassword(p.password)).is(410), "selfServiceFlowExpiredError")
			is(c.submit(c.begin("settings", ""), newPassword(p.password)).is(403), "needsPrivilegedSessionError")
		}
		c := s.client(t, page)
		is(c.get("/self-service/errors?id="+c.get("/self-service/login?flow=x").leads(303, errorPage).query("id")).is(200), "flowError")
		is(c.get("/self-service/errors?id=stub:500").is(200), "flowError")
		is(c.get("/schemas").is(200), "[identitySchemaContainer]")
		is(c.get("/health/alive").is(200), "healthStatus")
		is(c.get("/health/ready").is(200), "healthStatus")
		refused := is(c.get("/sessions/whoami", "X-Request-ID", "abc").is(401), "errorGeneric")
		if refused.at("error.request").String() != "abc" || refused.header.Get("Ory-Error-Id") != refused.at("error.id").String() {
			t.Errorf("the error does not name the request or itself: %v %s", refused.header, refused.body)
		}

		o := s.operator(t)
		made := is(o.send("POST", "/admin/identities", map[string]any{"schema_id": "person", "traits": fields{"email": stranger().email}, "external_id": uuid.NewString(),
			"metadata_admin": 1, "metadata_public": map[string]any{"a": nil}, "verifiable_addresses": []any{}}).is(201), "identity")
		id := made.at("id").String()
		if got, want := made.header.Get("Location"), s.admin+"/identities/"+id; got != want {
			t.Errorf("Location is %q, want %q", got, want)
		}
		is(o.get("/admin/identities/"+id+"?include_credential=password").is(200), "identity")
		is(o.get("/admin/identities/by/external/"+made.at("external_id").String()).is(200), "identity")
		is(o.get("/admin/identities").is(200), "[identity]")
		is(o.get("/admin/identities?credentials_identifier="+p.email).is(200), "[identity]")
		is(o.send("PUT", "/admin/identities/"+id, map[string]any{"schema_id": "person", "traits": fields{"email": stranger().email}}).is(200), "identity")
		is(o.send("PATCH", "/admin/identities/"+id, patch("replace", "/verifiable_addresses/0/verified", true)).is(200), "identity")
		is(o.send("PATCH", "/admin/identities/"+id, patch("move", "/traits", 1)).is(400), "errorGeneric")
		is(o.send("POST", "/admin/identities", map[string]any{"traits": fields{"email": p.email}}).is(409), "errorGeneric")
		is(o.get("/admin/identities/x").is(404), "errorGeneric")
		is(o.send("PATCH", "/admin/identities", map[string]any{"identities": []any{
			map[string]any{"create": map[string]any{"traits": fields{"email": stranger().email}}, "patch_id": uuid.NewString()},
			map[string]any{"create": map[string]any{"traits": fields{"email": p.email}}, "patch_id": uuid.NewString()},
		}}).is(200), "batchPatchIdentitiesResponse")
		is(o.get("/version").is(200), "version")
		is(o.get("/admin/health/ready").is(200), "healthStatus")
		message := s.enqueue(t, "ada@example.org", "")
		s.deliver(t)
		is(o.get("/admin/courier/messages").is(200), "[message]")
		is(o.get("/admin/courier/messages/"+message).is(200), "message")
		key := is(o.send("POST", "/admin/keys", fields{"name": "of a service", "expires_in": "90d"}).is(201), "newAdminKey")
		is(o.get("/admin/keys").is(401), "errorGeneric")
		is(s.holder(t, key.at("key").String()).get("/admin/keys").is(200), "[adminKey]")
	})
	onEach(t, withTrust, func(t *testing.T, s *server) {
		const path = "/sessions/trusted-devices"
		c, p, _ := s.twoFactors(t, script)
		s.proves(t, p)
		for _, test := range []struct {
			a    answer
			want string
		}{
			{c.send("POST", path, nil).is(201), "trustedDevice"}, {c.get(path).is(200), "[trustedDevice]"},
			{s.operator(t).get("/admin/identities/" + p.id + "/trusted-devices").is(200), "[trustedDevice]"},
			{c.get(credentialsPath).is(200), "[ownCredential]"}, {c.get(exportPath).is(200), "export"}, {c.get(historyPath).is(200), "[historyEntry]"}, {s.operator(t).get("/admin/identities/" + p.id + "/history").is(200), "[historyEntry]"},
		} {
			all.hold(t, test.a, test.want)
		}
	})
	onEach(t, graceful, func(t *testing.T, s *server) {
		c, p := s.signedIn(t, script)
		all.hold(t, c.get(deletionPath).is(200), "deletionState")
		all.hold(t, c.leaves().is(200), "deletion")
		all.hold(t, s.client(t, script).get(s.mail(t, p.email, "account_deletion").link()).is(200), "deletion")
		all.hold(t, c.signIn(p), "successfulNativeLogin")
		all.hold(t, c.get(exportPath).is(200), "export")
		all.hold(t, s.operator(t).get("/admin/identities/"+p.id).is(200), "identity")
		all.hold(t, c.send("DELETE", deletionPath, nil).is(200), "deletion")
	})
	for _, by := range []struct{ more, method string }{{byCode, "code"}, {byLink, "link"}} {
		onEach(t, by.more+"\nfeature_flags: {use_continue_with_transitions: true, legacy_continue_with_verification_ui: true}", func(t *testing.T, s *server) {
			shapesOfProofs(t, all, s, by.method)
		})
	}
	for name := range all.objects {
		if !all.met[name] {
			t.Errorf("testdata/shapes.txt: no answer had %s", name)
		}
	}
}

// shapesOfProofs holds what regaining access and proving addresses answers.
func shapesOfProofs(t *testing.T, all shapes, s *server, method string) {
	for _, style := range []style{app, script} {
		for _, kind := range []string{"recovery", "verification"} {
			c, p, shape := s.client(t, style), s.person(t), kind+"Flow"
			f := c.begin(kind, "return_to="+url.QueryEscape(welcome))
			all.hold(t, f.json, shape)
			for _, refused := range []fields{{}, {"method": method}, {"method": method, "email": "x"}} {
				all.hold(t, c.submit(f, refused).is(400), shape)
			}
			all.hold(t, c.send("POST", f.action, map[string]any{"csrf_token": f.csrf, "transient_payload": map[string]any{"a": 1}}).is(400), shape)
			all.hold(t, c.submit(f, fields{"method": method, "email": p.email}).is(200), shape)
			all.hold(t, c.fetch(kind, f.id).is(200), shape)
			if method == "code" {
				sent := s.mail(t, p.email, kind+"_code_valid")
				for _, code := range []string{wrongFor(sent.code()), sent.code()} {
					all.hold(t, c.submit(f, fields{"method": method, "code": code}).is(200), shape)
				}
				if kind == "verification" || style == app { // a browser that is signed in then has another CSRF cookie
					all.hold(t, c.submit(f, fields{"method": method, "code": sent.code()}).is(410), "selfServiceFlowReplacedError")
					all.hold(t, c.fetch(kind, f.id).is(200), shape)
				}
			} else {
				reader := s.client(t, page)
				reader.get(s.mail(t, p.email, kind+"_valid").link()).is(303)
				if kind == "verification" {
					all.hold(t, reader.fetch(kind, f.id).is(200), shape)
				}
			}
			all.hold(t, c.get("/self-service/"+kind+"/flows?id=x").is(404), "errorGeneric")
			c = s.client(t, style)
			f = c.begin(kind, "")
			s.clock.advance(time.Hour)
			all.hold(t, c.fetch(kind, f.id).is(410), "errorGeneric")
		}
		c, p := s.client(t, style), stranger()
		if done := all.hold(t, c.finish(c.begin("registration", ""), p.signUp()), "successfulNativeRegistration"); !done.at(`continue_with.#(action=="show_verification_ui")`).Exists() {
			t.Errorf("%s: nobody is told of the verification: %s", style, done.body)
		}
		if done := all.hold(t, c.submit(c.begin("settings", ""), stranger().profile(nil)).is(200), "settingsFlow"); !done.at(`continue_with.#(action=="show_verification_ui")`).Exists() {
			t.Errorf("%s: nobody is told of the verification: %s", style, done.body)
		}
	}
	o, p := s.operator(t), s.person(t)
	shape := map[string]string{"code": "recoveryCodeForIdentity", "link": "recoveryLinkForIdentity"}[method]
	made := all.hold(t, o.send("POST", "/admin/recovery/"+method, fields{"identity_id": p.id}), shape)
	c := s.client(t, page)
	if method == "link" {
		c.get(made.at("recovery_link").String()).is(303)
		all.hold(t, c.get("/sessions/whoami", "Accept", "application/json").is(200), "session")
	}
	all.hold(t, o.send("POST", "/admin/recovery/"+method, fields{"identity_id": "x"}).is(400), "errorGeneric")
	all.hold(t, o.get("/admin/courier/messages").is(200), "[message]")
}

// TestShapesNotice: the checker sees what it is there for.
func TestShapesNotice(t *testing.T) {
	s := shapes{map[string]map[string]string{"thing": {"id!": "uuid", "at": "time?", "kind": "string:a|b", "parts": "[thing]", "by_name": "{integer}", "either": "boolean/integer"}}, map[string]bool{}}
	const id = `"id":"3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11"`
	tests := []struct {
		value string
		wrong int
	}{
		{`{` + id + `}`, 0},
		{`{` + id + `,"at":null,"kind":"a","parts":[],"by_name":{}}`, 0},
		{`{` + id + `,"at":"2026-05-04T08:30:00.5Z","parts":[{` + id + `}],"by_name":{"x":1}}`, 0},
		{`{}`, 1},
		{`[]`, 1},
		{`null`, 1},
		{`{"id":"3b0ba2c97d314f498f4e0d2a3c0e5b11"}`, 1},
		{`{` + id + `,"more":1}`, 1},
		{`{` + id + `,"at":"yesterday","kind":"c"}`, 2},
		{`{` + id + `,"kind":null}`, 1},
		{`{` + id + `,"either":true}`, 0},
		{`{` + id + `,"either":1}`, 0},
		{`{` + id + `,"either":"1"}`, 1},
		{`{` + id + `,"parts":[{}, 1],"by_name":{"x":1.5}}`, 3},
	}
	for _, test := range tests {
		var value any
		if err := json.Unmarshal([]byte(test.value), &value); err != nil {
			t.Fatal(err)
		}
		if got := s.wrong("thing", value, "thing"); len(got) != test.wrong {
			t.Errorf("%s: %q, want %d complaints", test.value, got, test.wrong)
		}
	}
}

// TestOperations: every operation of this release is routed, and every route is
// an operation that is listed.
func TestOperations(t *testing.T) {
	text, err := os.ReadFile("testdata/operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, setup{})
	p := s.person(t)
	fill := strings.NewReplacer("{id}", p.id, "{schema}", "person")
	mounted := map[string]*routes{"public": s.app.publicRoutes(), "admin": s.app.adminRoutes()}
	listed := map[string]bool{} // server and pattern
	n := 0
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		n++
		c, path := s.client(t, app), fill.Replace(words[2])
		asked := httptest.NewRequest(words[1], path, nil)
		if words[0] == "admin" {
			c.base = s.admin
			if !strings.HasPrefix(path, "/admin/") {
				asked.URL.Path = "/admin" + path
			}
		}
		if _, pattern := mounted[words[0]].mux.Handler(asked); pattern == "" {
			t.Errorf("no route is mounted for %s", strings.TrimSpace(line))
		} else {
			listed[words[0]+" "+pattern] = true
		}
		a := c.send(words[1], path, nil)
		// The router answers in plain text, handlers never do.
		if a.status == 405 || strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") && !strings.HasSuffix(words[2], "/health/config") && !strings.HasSuffix(words[2], "/prometheus") {
			t.Errorf("%s%s %s is not there: %d %s", words[0], words[1], words[2], a.status, a.body)
		}
	}
	if n < 60 {
		t.Errorf("only %d operations were read", n)
	}
	for server, all := range mounted {
		for _, pattern := range all.patterns {
			path := pattern[strings.Index(pattern, "/"):]
			if strings.HasPrefix(path, v0alpha2.Prefix+"/") || path == "/dev/" || path == "/{$}" || strings.HasPrefix(path, "/"+config.PagesPath) {
				continue // they have a table of their own; pages
			}
			if !listed[server+" "+pattern] {
				t.Errorf("testdata/operations.txt has no line for %s on the %s server", pattern, server)
			}
		}
	}
}

// TestOtherServer: who asks the wrong server is sent to the right one, and
// loses neither method nor query.
func TestOtherServer(t *testing.T) {
	s := start(t, setup{})
	public, admin := s.client(t, app), s.operator(t)
	for path, want := range map[string]string{
		"/identities?page_size=2&a=b":    s.admin + "/admin/identities?page_size=2&a=b",
		"/admin/identities/x%2Fy":        s.admin + "/admin/identities/x%2Fy",
		"/identities/by/external/a%20b":  s.admin + "/admin/identities/by/external/a%20b",
		"/admin/identities/by/external/": "",
	} {
		a := public.get(path)
		if want == "" {
			a.is(404)
		} else if got := a.is(307).header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"/self-service/login/browser?a=b":       s.public + "/self-service/login/browser?a=b",
		"/admin/self-service/login/browser?a=b": s.public + "/self-service/login/browser?a=b",
		"/sessions/whoami":                      s.public + "/sessions/whoami",
		"/schemas/person":                       s.public + "/schemas/person",
	} {
		if got := admin.get(path).is(307).header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{"/recovery/code": "/admin/recovery/code", "/admin/recovery/link?return_to=a": "/admin/recovery/link?return_to=a"} {
		if got := public.send("POST", path, nil).is(307).header.Get("Location"); got != s.admin+want {
			t.Errorf("%s leads to %q, want %q", path, got, s.admin+want)
		}
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		if got, want := public.send(method, "/identities/x", nil).is(307).header.Get("Location"), s.admin+"/admin/identities/x"; got != want {
			t.Errorf("%s leads to %q, want %q", method, got, want)
		}
	}
}

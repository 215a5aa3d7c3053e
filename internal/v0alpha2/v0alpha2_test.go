package v0alpha2

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zelus/internal/auth"
	"zelus/internal/web"
)

var here = Site{Public: "https://id.example.org/", Admin: "http://admin.internal:4434/"}

// TestEveryValueIsKnown holds the table against all that the server can say
// today: a value that is added later needs a row.
func TestEveryValueIsKnown(t *testing.T) {
	known := func(list []Value, today string) bool {
		return slices.ContainsFunc(list, func(v Value) bool { return v.Today == today })
	}
	for _, v := range constants(t, "../ui/node.go", "Types of nodes") {
		if !known(nodeTypes, v) {
			t.Errorf("no row for the node type %s", v)
		}
		if _, ok := attributes[v]; nodeType(v) != ok {
			t.Errorf("the attributes of %s are known: %v", v, ok)
		}
	}
	for _, v := range append(constants(t, "../ui/node.go", "Groups of nodes"), "captcha", "saml") {
		if !known(groups, v) {
			t.Errorf("no row for the group %s", v)
		}
	}
	for _, v := range append(slices.Clone(auth.CredentialTypes), "profile") {
		if !known(credentialTypes, string(v)) {
			t.Errorf("no row for the type of credential %s", v)
		}
		if !known(amrMethods, string(v)) {
			t.Errorf("no row for the method of a session %s", v)
		}
	}
	for _, v := range constants(t, "../auth/flow.go", "States of a flow") {
		if v == auth.ShowForm || v == auth.Success {
			continue // of settings, which had them then
		}
		if !known(states, v) {
			t.Errorf("no row for the state %s", v)
		}
	}
}

// constants are the texts in the block of constants of a file whose comment
// begins so.
func constants(t *testing.T, name, comment string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, d := range file.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST || !strings.HasPrefix(block.Doc.Text(), comment) {
			continue
		}
		for _, spec := range block.Specs {
			v := spec.(*ast.ValueSpec)
			if text, ok := v.Values[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
				plain, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, plain)
			}
		}
	}
	if len(all) < 3 {
		t.Fatalf("%s has only %v", name, all)
	}
	return all
}

// TestValuesOfThatEra holds the right side of the table against what the
// oldest clients of the era can decode.
func TestValuesOfThatEra(t *testing.T) {
	for _, c := range []struct {
		list  []Value
		known string
	}{
		{nodeTypes, "text input img a script"},
		{groups, "default password oidc profile link totp lookup_secret webauthn"},
		{credentialTypes, "password totp oidc"},
		{amrMethods, "link_recovery password totp oidc webauthn"},
		{states, "choose_method sent_email passed_challenge"},
	} {
		for _, v := range c.list {
			if v.Old != "" && !slices.Contains(strings.Fields(c.known), v.Old) {
				t.Errorf("%s becomes %s, which is not one of %s", v.Today, v.Old, c.known)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	for today, old := range map[string]string{
		"https://id.example.org/self-service/login?flow=1":               "https://id.example.org/api/kratos/public/self-service/login?flow=1",
		"https://id.example.org/schemas/ZGVmYXVsdA":                      "https://id.example.org/api/kratos/public/schemas/ZGVmYXVsdA",
		"https://id.example.org/.well-known/ory/webauthn.js":             "https://id.example.org/api/kratos/public/.well-known/ory/webauthn.js",
		"http://admin.internal:4434/identities/1":                        "https://id.example.org/api/kratos/admin/identities/1",
		"http://admin.internal:4434/admin/identities/1":                  "https://id.example.org/api/kratos/admin/identities/1",
		"https://id.example.org/welcome":                                 "https://id.example.org/welcome",
		"https://id.example.org.evil.example/self-service/login":         "https://id.example.org.evil.example/self-service/login",
		"https://id.example.org/api/kratos/public/self-service/login":    "https://id.example.org/api/kratos/public/self-service/login",
		"https://app.example.org/?next=https://id.example.org/schemas/1": "https://app.example.org/?next=https://id.example.org/schemas/1",
		"http://admin.internal:4434/login":                               "http://admin.internal:4434/login",
		"https://id.example.org/":                                        "https://id.example.org/",
		"":                                                               "",
	} {
		if got := here.old(today); got != old {
			t.Errorf("%s becomes %s, want %s", today, got, old)
		}
	}
}

func TestSession(t *testing.T) {
	body, err := here.Session([]byte(`{"id":"1","active":true,"expires_at":"x","authenticator_assurance_level":"aal2",
		"authentication_methods":[{"method":"passkey","aal":"aal1","completed_at":"y","provider":"p"},{"method":"lookup_secret","aal":"aal2"},{"method":"newest"}],
		"identity":{"id":"2","external_id":"e","schema_id":"default","schema_url":"https://id.example.org/schemas/d","traits":{"a<b":"\u00e9"},
		"metadata_public":null,"metadata_admin":{"x":1},"organization_id":null,"region":"eu",
		"verifiable_addresses":[{"id":"3","value":"v","verified":true,"via":"email","status":"completed","new":1}],
		"credentials":{"password":{"type":"password","identifiers":null,"version":1},"passkey":{"type":"passkey"},"webauthn":{"type":"webauthn"}}},
		"devices":[{"id":"4"}],"tokenized":"t"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"1","active":true,"expires_at":"x","authenticator_assurance_level":"aal2",` +
		`"authentication_methods":[{"method":"webauthn","aal":"aal1","completed_at":"y"}],` +
		`"identity":{"id":"2","credentials":{"password":{"type":"password","version":1},"webauthn":{}},"schema_id":"default",` +
		`"schema_url":"https://id.example.org/api/kratos/public/schemas/d","traits":{"a\u003cb":"\u00e9"},` +
		`"verifiable_addresses":[{"id":"3","value":"v","verified":true,"via":"email","status":"completed"}],"metadata_admin":{"x":1}}}`
	if string(body) != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	if body, err := here.Session([]byte(`{"id":"1","identity":null}`)); err != nil || string(body) != `{"id":"1","authentication_methods":null,"identity":null}` {
		t.Errorf("without identity: %s, %v", body, err)
	}
}

func TestForm(t *testing.T) {
	body, err := as[addressFlow](here, []byte(`{"id":"1","type":"browser","state":"recovery_awaiting_code","active":"code","request_url":"r","continue_with":[],
		"transient_payload":{},"ui":{"action":"https://id.example.org/self-service/recovery?flow=1","method":"POST","nodes":[
		{"type":"div","group":"default","attributes":{"id":"x","node_type":"div"},"messages":[],"meta":{}},
		{"type":"input","group":"captcha","attributes":{"name":"x","node_type":"input"},"messages":[],"meta":{}},
		{"type":"input","group":"code","attributes":{"name":"code","type":"text","value":12345678901234567890,"autocomplete":"one-time-code","maxlength":6,
		 "options":[],"onclickTrigger":"f","onloadTrigger":"g","onload":"h","disabled":false,"node_type":"input"},"messages":[],"meta":{}},
		{"type":"script","group":"passkey","attributes":{"src":"https://id.example.org/.well-known/ory/webauthn.js","async":true,"nonce":"n","node_type":"script"},"messages":[],"meta":{}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"1","type":"browser","request_url":"r","active":"link","ui":{"action":"https://id.example.org/api/kratos/public/self-service/recovery?flow=1","method":"POST","nodes":[` +
		`{"type":"input","group":"link","attributes":{"disabled":false,"name":"code","node_type":"input","type":"text","value":12345678901234567890},"messages":[],"meta":{}},` +
		`{"type":"script","group":"webauthn","attributes":{"async":true,"node_type":"script","nonce":"n","src":"https://id.example.org/api/kratos/public/.well-known/ory/webauthn.js"},"messages":[],"meta":{}}]},"state":"sent_email"}`
	if string(body) != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
}

func TestPages(t *testing.T) {
	for given, want := range map[string]string{
		"":                                "page=0&per_page=100",
		"per_page=7":                      "page=0&per_page=7",
		"per_page=501&page=3":             "page=3&per_page=500",
		"per_page=0&page=-1":              "page=0&per_page=100",
		"per_page=many&page=first":        "page=0&per_page=100",
		"page_size=5&page_token=x&page=1": "page=1&per_page=100",
		"ids=1&per_page=2&per_page=400":   "ids=1&page=0&per_page=2",
	} {
		query, err := url.ParseQuery(given)
		if err != nil {
			t.Fatal(err)
		}
		if pages(query); query.Encode() != want {
			t.Errorf("%s asks for %s, want %s", given, query.Encode(), want)
		}
	}
}

// TestHandler: what today's handler does arrives in the form of the era, with
// nothing of it lost.
func TestHandler(t *testing.T) {
	site := func() Site { return here }
	call := func(route Route, h web.Handler) (*httptest.ResponseRecorder, error) {
		w := httptest.NewRecorder()
		err := route.Handler(h, site)(w, httptest.NewRequest("GET", "/", nil))
		return w, err
	}
	w, err := call(Route{model: as[logoutURL]}, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Location", "https://id.example.org/self-service/login/browser")
		w.Header().Add("Set-Cookie", "a=b")
		web.WriteRawJSON(w, http.StatusSeeOther, []byte(`{"logout_token":"t","logout_url":"https://id.example.org/self-service/logout?token=t","new":1}`))
		return nil
	})
	if err != nil || w.Code != http.StatusSeeOther || w.Header().Get("Set-Cookie") != "a=b" ||
		w.Header().Get("Location") != "https://id.example.org/api/kratos/public/self-service/login/browser" ||
		w.Body.String() != `{"logout_token":"t","logout_url":"https://id.example.org/api/kratos/public/self-service/logout?token=t"}` {
		t.Errorf("%v %d %v %s", err, w.Code, w.Header(), w.Body)
	}

	failing := func(w http.ResponseWriter, _ *http.Request) error {
		return auth.ErrFlowExpired.Detail("redirect_to", here.Public+"self-service/login/browser").With("use_flow_id", "1").With("expired_at", "x")
	}
	for _, m := range []model{nil, unchanged} {
		_, err = call(Route{model: m}, failing)
		e := auth.AsError(err)
		if !errors.Is(err, auth.ErrFlowExpired) || e.Beside["use_flow_id"] != "1" || e.Beside["expired_at"] != nil ||
			e.Details["redirect_to"] != here.Public+"api/kratos/public/self-service/login/browser" {
			t.Errorf("%v %v %v", err, e.Beside, e.Details)
		}
	}
	if auth.ErrFlowExpired.Beside != nil || auth.ErrFlowExpired.Details != nil {
		t.Error("the error of today was changed")
	}

	unreadable := func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Set-Cookie", "session=1")
		web.WriteRawJSON(w, http.StatusOK, []byte(`{"id":7}`))
		return nil
	}
	if w, err := call(Route{Operations: "op", model: as[session]}, unreadable); err == nil || !strings.Contains(err.Error(), "op") || w.Header().Get("Set-Cookie") != "" || w.Body.Len() > 0 {
		t.Errorf("%v %v %s", err, w.Header(), w.Body)
	}

	gone := func(http.ResponseWriter, *http.Request) error { return auth.ErrIdentityUnknown.Saying("nobody") }
	if w, err := call(Route{model: unchanged, none: auth.ErrIdentityUnknown}, gone); err != nil || w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("%v %d %s", err, w.Code, w.Body)
	}
	if _, err := call(Route{model: unchanged}, gone); !errors.Is(err, auth.ErrIdentityUnknown) {
		t.Error(err)
	}
}

// TestTable: each operation once, and each path is that of today under the
// prefix but for the one that moved.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Routes() {
		if strings.Replace(r.Old, "/public", "", 1) != r.Today && r.Operations != "getVersion" {
			t.Errorf("%s: %s is %s today", r.Operations, r.Old, r.Today)
		}
		for _, pattern := range append(r.Patterns(), r.Operations) {
			if seen[pattern] {
				t.Errorf("%s stands twice", pattern)
			}
			seen[pattern] = true
		}
		for method := range strings.SplitSeq(r.Methods, ",") {
			old, found, ok := Of(method + " " + r.Today)
			if !ok || found.Operations != r.Operations || old != method+" "+Prefix+r.Old {
				t.Errorf("%s: %s leads to %s, %v", r.Operations, r.Today, old, ok)
			}
		}
	}
	if _, _, ok := Of("GET /nowhere"); ok {
		t.Error("a route that was never there has an operation")
	}
	if _, _, ok := Of("PUT /sessions"); ok {
		t.Error("an operation has a method that it never had")
	}
}

// TestModelsOnlyLeaveOut: a model is idempotent, so that an answer which
// passes through twice is the same.
func TestModelsOnlyLeaveOut(t *testing.T) {
	once, err := here.Session([]byte(`{"id":"1","authentication_methods":[{"method":"passkey"}],"identity":{"id":"2","schema_id":"d","schema_url":"https://id.example.org/schemas/d","traits":{}}}`))
	if err != nil {
		t.Fatal(err)
	}
	twice, err := here.Session(once)
	if err != nil || string(once) != string(twice) || !json.Valid(once) {
		t.Errorf("%s\n%s\n%v", once, twice, err)
	}
}

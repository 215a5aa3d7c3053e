package flow

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/schema"
	"zelus/internal/store/storetest"
	"zelus/internal/ui"
	"zelus/internal/web"
)

var kindNames = []auth.Kind{auth.Login, auth.Registration, auth.Settings, auth.Recovery, auth.Verification}

// A form that goes on is answered for every kind that is served.
func TestStatuses(t *testing.T) {
	want := map[auth.Kind][2]status{ // again and next, each as JSON and as a page
		auth.Login:        {{400, 303}, {400, 303}},
		auth.Registration: {{400, 302}, {400, 303}},
		auth.Settings:     {{400, 303}, {200, 303}},
		auth.Recovery:     {{400, 303}, {200, 303}},
		auth.Verification: {{400, 303}, {200, 303}},
	}
	for _, k := range allKinds() {
		if got := [2]status{k.again, k.next}; got != want[k.name] {
			t.Errorf("%s: got %v, want %v", k.name, got, want[k.name])
		}
	}
}

func TestKinds(t *testing.T) {
	c := configuration()
	flows := &c.SelfService.Flows
	flows.Login.UIURL, flows.Login.Lifespan, flows.Login.After.DefaultBrowserReturnURL = "login-page", 1*time.Minute, "after-login"
	flows.Registration.UIURL, flows.Registration.Lifespan, flows.Registration.After.DefaultBrowserReturnURL = "registration-page", 2*time.Minute, "after-registration"
	flows.Settings.UIURL, flows.Settings.Lifespan, flows.Settings.After.DefaultBrowserReturnURL = "settings-page", 3*time.Minute, "after-settings"
	flows.Recovery.UIURL, flows.Recovery.Lifespan, flows.Recovery.After.DefaultBrowserReturnURL = "recovery-page", 4*time.Minute, "after-recovery"
	flows.Verification.UIURL, flows.Verification.Lifespan, flows.Verification.After.DefaultBrowserReturnURL = "verification-page", 5*time.Minute, "after-verification"
	s := loadSchemas(t, map[string]string{"person": personSchema}).Default()
	want := map[auth.Kind]struct {
		lifespan        time.Duration
		expired, nobody int
		groups          []string
		first, last     string
	}{
		auth.Login:        {1 * time.Minute, ui.ErrorLoginExpired, ui.ErrorLoginNoMethod, ui.LoginOrder().Groups, auth.ChooseMethod, auth.PassedChallenge},
		auth.Registration: {2 * time.Minute, ui.ErrorRegistrationExpired, ui.ErrorRegistrationNoMethod, ui.RegistrationOrder(nil).Groups, auth.ChooseMethod, auth.PassedChallenge},
		auth.Settings:     {3 * time.Minute, ui.ErrorSettingsExpired, ui.ErrorSettingsNoMethod, ui.SettingsOrder(nil).Groups, auth.ShowForm, auth.Success},
		auth.Recovery:     {4 * time.Minute, ui.ErrorRecoveryExpired, ui.ErrorRecoveryNoMethod, nil, auth.ChooseMethod, auth.PassedChallenge},
		auth.Verification: {5 * time.Minute, ui.ErrorVerificationExpired, ui.ErrorVerificationNoMethod, nil, auth.ChooseMethod, auth.PassedChallenge},
	}
	seen := map[auth.Kind]bool{}
	for _, k := range allKinds() {
		w, known := want[k.name]
		if !known {
			t.Errorf("%s is served, and this test does not know it", k.name)
			continue
		}
		name := string(k.name)
		if c.UIURL(k.name) != name+"-page" || k.lifespan(c) != w.lifespan || k.after(c).DefaultBrowserReturnURL != "after-"+name {
			t.Errorf("%s reads %q, %v, %+v", name, c.UIURL(k.name), k.lifespan(c), k.after(c))
		}
		if k.expired != w.expired || k.nobody != w.nobody {
			t.Errorf("%s says %d and %d", name, k.expired, k.nobody)
		}
		if k.first != w.first || k.last != w.last {
			t.Errorf("%s goes from %s to %s", name, k.first, k.last)
		}
		if (k.order == nil) != (w.groups == nil) {
			t.Errorf("%s: there is an order: %v", name, k.order != nil)
		} else if k.order != nil && strings.Join(k.order(s).Groups, " ") != strings.Join(w.groups, " ") {
			t.Errorf("%s: the order is %v", name, k.order(s).Groups)
		}
		if (k.owner == nil) != (k.privileged == nil) {
			t.Errorf("%s: only one of owner and privileged is there", name)
		}
		if seen[k.name] {
			t.Errorf("%s is there twice", name)
		}
		seen[k.name] = true
	}
	if len(seen) != len(want) {
		t.Errorf("only %v are served", seen)
	}
	for enabled := range map[bool]bool{true: true, false: true} {
		flows.Registration.Enabled = enabled
		if !login.enabled(c) || registration.enabled(c) != enabled {
			t.Errorf("registration switched to %v: login %v, registration %v", enabled, login.enabled(c), registration.enabled(c))
		}
	}
}

// Every kind that is served can be begun, fetched and submitted, and nothing
// is mounted twice.
func TestRoutes(t *testing.T) {
	mounted := map[string]bool{}
	mux := http.NewServeMux() // refuses patterns that clash
	newEngine(t, storetest.Memory(t, nil), configuration()).Routes(func(pattern string, _ web.Handler) {
		mounted[pattern] = true
		mux.Handle(pattern, http.NotFoundHandler())
	})
	for _, k := range allKinds() {
		for _, pattern := range []string{"GET /self-service/%/api", "GET /self-service/%/browser", "GET /self-service/%/flows", "GET /self-service/%", "POST /self-service/%"} {
			if pattern = strings.ReplaceAll(pattern, "%", string(k.name)); !mounted[pattern] {
				t.Errorf("%s is not there", pattern)
			}
		}
	}
}

func TestPart(t *testing.T) {
	parts := map[auth.Kind]*Part{}
	for _, kind := range kindNames {
		parts[kind] = &Part{}
	}
	m := Method{Login: parts[auth.Login], Registration: parts[auth.Registration], Settings: parts[auth.Settings], Recovery: parts[auth.Recovery], Verification: parts[auth.Verification]}
	none := Method{}
	for _, kind := range kindNames {
		if m.part(kind) != parts[kind] {
			t.Errorf("%s has the part of another kind", kind)
		}
		if none.part(kind) != nil {
			t.Errorf("%s has a part of a method that takes none", kind)
		}
	}
}

func TestWithQuery(t *testing.T) {
	for _, test := range [][3]string{
		{"https://a.example", "1", "https://a.example?flow=1"},
		{"https://a.example/?a=b", "1", "https://a.example/?a=b&flow=1"},
		{"/page", "a b&c=d#e", "/page?flow=a+b%26c%3Dd%23e"},
		{"https://a.example/app?a=b#/login", "1", "https://a.example/app?a=b&flow=1#/login"},
	} {
		if got := withQuery(test[0], "flow", test[1]); got != test[2] {
			t.Errorf("got %s, want %s", got, test[2])
		}
	}
}

func TestReturnURL(t *testing.T) {
	c := configuration()
	after := &c.SelfService.Flows.Login.After
	after.DefaultBrowserReturnURL = "https://app.example/flow"
	after.Methods = map[string]config.MethodAfter{"code": {DefaultBrowserReturnURL: "https://app.example/code"}}
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), c), login, asked(t, false))
	const begun = "https://id.example/self-service/login/browser"
	for _, test := range []struct{ requested, method, want string }{
		{begun, "", "https://app.example/flow"},
		{begun, "password", "https://app.example/flow"},
		{begun, "code", "https://app.example/code"},
		{begun + "?return_to=https://app.example/deep?a=b", "code", "https://app.example/deep?a=b"},
		{begun + "?return_to=/relative", "", "https://app.example/relative"},
		{begun + "?return_to=https://evil.example/", "", "https://app.example/flow"}, // no longer allowed
		{begun + "?return_to=javascript:alert(1)", "", "https://app.example/flow"},
	} {
		if got := v.returnURL(&auth.Flow{RequestURL: test.requested}, test.method); got != test.want {
			t.Errorf("%s, %q: got %s, want %s", test.requested, test.method, got, test.want)
		}
	}
	after.DefaultBrowserReturnURL = ""
	if got := v.returnURL(&auth.Flow{RequestURL: begun}, "password"); got != "https://app.example/" {
		t.Errorf("in general: %s", got)
	}
}

func TestPage(t *testing.T) {
	c := configuration()
	f := newFlow(auth.Login, auth.Browser)
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), c), login, asked(t, false))
	if got := v.page(f); got != "https://id.example/ui/login?flow="+f.ID.String() {
		t.Errorf("the built-in page: %s", got)
	}
	c.SelfService.Flows.Login.UIURL = "https://ui.example/login?theme=dark"
	if got := v.page(f); got != "https://ui.example/login?theme=dark&flow="+f.ID.String() {
		t.Errorf("with a page: %s", got)
	}
}

func TestStepUp(t *testing.T) {
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), configuration()), login, asked(t, false))
	f := newFlow(auth.Login, auth.Browser)
	if got := v.stepUp(f.ReturnTo()); got != "https://id.example/self-service/login/browser?aal=aal2" {
		t.Errorf("got %s", got)
	}
	f.RequestURL += "?return_to=https://app.example/a%26b"
	if got := v.stepUp(f.ReturnTo()); got != "https://id.example/self-service/login/browser?aal=aal2&return_to=https%3A%2F%2Fapp.example%2Fa%26b" {
		t.Errorf("got %s", got)
	}
}

func TestHooked(t *testing.T) {
	c := configuration()
	after := &c.SelfService.Flows.Registration.After
	after.Hooks = []config.Hook{{Name: "session"}}
	after.Methods = map[string]config.MethodAfter{"code": {Hooks: []config.Hook{{Name: "web_hook"}}}, "oidc": {}}
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), c), registration, asked(t, false))
	for _, test := range []struct {
		method, hook string
		want         bool
	}{{"password", "session", true}, {"password", "web_hook", false}, {"code", "session", false}, {"code", "web_hook", true}, {"oidc", "session", true}, {"", "session", true}} {
		if got := v.hooked(test.method, test.hook); got != test.want {
			t.Errorf("%s after %q: %v", test.hook, test.method, got)
		}
	}
}

func TestFormSchema(t *testing.T) {
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), configuration()), login, asked(t, false))
	for id, want := range map[string]string{"": "person", "person": "person", "hidden": "hidden"} {
		if s, err := v.schema(id); err != nil || s.ID() != want {
			t.Errorf("%q: %v, %v", id, s, err)
		}
	}
	var none *schema.Schema
	if s, err := v.schema("gone"); s != none || err == nil || !strings.Contains(err.Error(), `"gone"`) {
		t.Errorf("one that is gone: %v, %v", s, err)
	}
}

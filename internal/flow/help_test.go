package flow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/identity"
	"zelus/internal/schema"
	"zelus/internal/session"
	"zelus/internal/store"
	"zelus/internal/ui"
	"zelus/internal/web"
)

const (
	personSchema = `{"type": "object", "properties": {"traits": {"type": "object", "required": ["email"], "properties": {
		"email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
		"name": {"type": "object", "properties": {
			"first": {"type": "string"},
			"titles": {"type": "object", "properties": {"doctor": {"type": "boolean"}}}}},
		"age": {"type": "integer"}}}}}`
	begin = 1772600767 // seconds since 1970
	key   = "a-secret-of-these-tests"
)

func loadSchemas(t testing.TB, texts map[string]string, selectable ...string) *schema.Set {
	t.Helper()
	var sources []schema.Source
	for _, id := range []string{"person", "chosen", "hidden"} {
		if text, ok := texts[id]; ok {
			sources = append(sources, schema.Source{ID: id, URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(text)), Selectable: slices.Contains(selectable, id)})
		}
	}
	set, err := schema.Load(t.Context(), sources, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// configuration has what the engine reads of one.
func configuration() *config.Config {
	c := &config.Config{}
	c.Serve.Public.BaseURL = "https://id.example/"
	c.Secrets.Default = []string{key}
	c.SelfService.DefaultBrowserReturnURL = "https://app.example/"
	c.SelfService.AllowedReturnURLs = []string{"https://app.example/"}
	c.SelfService.Flows.Login.Lifespan, c.SelfService.Flows.Registration.Lifespan = time.Hour, time.Hour
	c.SelfService.Flows.Registration.Enabled = true
	c.SelfService.Flows.Settings.Lifespan, c.SelfService.Flows.Settings.PrivilegedSessionMaxAge = time.Hour, time.Hour
	c.SelfService.Flows.Settings.RequiredAAL = auth.RequireAAL1
	c.Session.Whoami.RequiredAAL = auth.RequireAAL1
	return c
}

// everyFactor counts.
var everyFactor = auth.Policy{First: auth.FactorPassword | auth.FactorSocial, Second: auth.FactorTOTP}

// newEngine is an engine with the given methods on a database.
func newEngine(t testing.TB, st *store.Store, c *config.Config, methods ...Method) *Engine {
	t.Helper()
	clock := func() time.Time { return time.Unix(begin, 0).UTC() }
	sessions, err := session.New(st, clock, 64, session.Settings{Lifespan: time.Hour, RequiredAAL: c.Session.Whoami.RequiredAAL, BaseURL: "https://id.example/",
		Cookie: web.BrowserCookie{Name: "session"}, Secrets: []string{key}, CookieSecrets: []string{key}})
	if err != nil {
		t.Fatal(err)
	}
	schemas := loadSchemas(t, map[string]string{"person": personSchema, "chosen": personSchema, "hidden": personSchema}, "chosen")
	e := &Engine{Store: st, Sessions: sessions, Server: &web.Server{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: clock}, Clock: clock, Methods: methods,
		Identities: &identity.Manager{Store: st, Schemas: func() *schema.Set { return schemas }, Clock: clock, Policy: func() auth.Policy { return everyFactor }}}
	if err := e.Configure(c, schemas, everyFactor); err != nil {
		t.Fatal(err)
	}
	return e
}

// visitOf is a request that an engine is about to work on.
func visitOf(e *Engine, k *kind, r *http.Request) (*visit, *httptest.ResponseRecorder) {
	w := httptest.NewRecorder()
	return &visit{current: e.now.Load(), engine: e, kind: k, w: w, r: r}, w
}

// asked is a request for JSON, or of a plain browser.
func asked(t testing.TB, asJSON bool) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/self-service/login", nil).WithContext(t.Context())
	if asJSON {
		r.Header.Set("Accept", "application/json")
	}
	return r
}

// values is a submission with this JSON body.
func values(t testing.TB, body string) *web.Values {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	v, err := web.ReadValues(r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// newFlow is a flow as it begins.
func newFlow(kind auth.Kind, as auth.FlowType) *auth.Flow {
	at := time.Unix(begin, 0).UTC()
	return &auth.Flow{ID: uuid.New(), Project: auth.DefaultProject, Kind: kind, Type: as, State: auth.ChooseMethod, RequestURL: "https://id.example/self-service/login/browser",
		IssuedAt: at, ExpiresAt: at.Add(time.Hour), CreatedAt: at, UpdatedAt: at, RequestedAAL: auth.AAL1}
}

// toy is a method with one field of its own. It takes part in login and
// registration, and decides as decide says.
func toy(name string, decide func(context.Context, *Submission) (Outcome, error)) Method {
	part := &Part{
		Prepare: func(_ context.Context, f *Form) error {
			if f.Flow.Kind == auth.Login {
				f.UI.Put(ui.Input(ui.GroupDefault, identifierField, ui.InputText, ""))
			}
			f.UI.Put(ui.Input(ui.GroupPassword, name, ui.InputPassword, nil))
			f.UI.Put(ui.Input(ui.GroupPassword, "method", ui.InputSubmit, name))
			return nil
		},
		Submit: decide,
	}
	return Method{Name: name, Enabled: func(*config.Config) bool { return true }, Login: part, Registration: part}
}

// storeFlow writes a new flow.
func storeFlow(t testing.TB, st *store.Store, f *auth.Flow) {
	t.Helper()
	if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.InsertFlow(t.Context(), f) }); err != nil {
		t.Fatal(err)
	}
}

// storeIdentity writes a new identity with a password.
func storeIdentity(t testing.TB, st *store.Store, traits string) *auth.Identity {
	t.Helper()
	at := time.Unix(begin, 0).UTC()
	i := &auth.Identity{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, SchemaID: "person", State: auth.Active, Traits: json.RawMessage(traits),
		Factors: auth.FactorPassword, CreatedAt: at, UpdatedAt: at, Credentials: map[auth.CredentialType]auth.Credential{
			auth.Password: {Type: auth.Password, Identifiers: []string{"ada"}, Config: json.RawMessage(`{"hashed_password":"x"}`), CreatedAt: at, UpdatedAt: at}}}
	if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.InsertIdentity(t.Context(), i) }); err != nil {
		t.Fatal(err)
	}
	return i
}

// rowOf is a session as the engine finds it.
func rowOf(identity uuid.UUID, aal auth.AAL) *store.SessionRow {
	at := time.Unix(begin, 0).UTC()
	return &store.SessionRow{State: auth.Active, Session: auth.Session{ID: uuid.New(), IdentityID: identity, Active: true, AAL: aal, IssuedAt: at, ExpiresAt: at.Add(time.Hour)}}
}

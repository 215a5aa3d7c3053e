package flow

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/identity"
	"zelus/internal/schema"
	"zelus/internal/secret"
	"zelus/internal/session"
	"zelus/internal/store"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// Engine runs all flows. Build it as a literal and call Configure before use.
type Engine struct {
	Store      *store.Store
	Sessions   *session.Sessions
	Identities *identity.Manager
	Server     *web.Server
	Clock      func() time.Time
	Methods    []Method
	// Apps allows API flows to be sent by browsers. For development only.
	Apps bool

	now atomic.Pointer[current]
}

// current is the configuration in force and what follows from it. A request
// takes it once and keeps it to its end.
type current struct {
	config   *config.Config
	schemas  *schema.Set
	public   *url.URL
	base     string // the public base URL, with its final slash
	returnTo *web.ReturnTo
	csrf     *web.CSRF
	bindings *secret.Ring // keyed hashes of CSRF cookies
}

// Configure replaces the configuration.
func (e *Engine) Configure(c *config.Config, schemas *schema.Set) error {
	bindings, err := secret.NewRing("csrf binding", c.Secrets.Default)
	if err != nil {
		return err
	}
	public := c.PublicURL()
	e.now.Store(&current{
		config: c, schemas: schemas, public: public, base: public.String(), bindings: bindings,
		returnTo: web.Compile(c.SelfService.AllowedReturnURLs, public, c.SelfService.DefaultBrowserReturnURL, c.FeatureFlags.LegacyAllowInsecureOrigins),
		csrf: web.NewCSRF(public.String(), web.CookieOptions{Domain: c.Cookies.Domain, Path: c.Cookies.Path, Secure: c.Cookies.Secure,
			SameSite: web.SameSite(c.Cookies.SameSite)}),
	})
	return nil
}

// Routes are all paths of the engine, for the public server.
func (e *Engine) Routes(mount func(pattern string, h web.Handler)) {
	for _, k := range kinds {
		at := "/self-service/" + string(k.name)
		mount("GET "+at+"/api", e.bind(k, e.beginAPI))
		mount("GET "+at+"/browser", e.bind(k, e.beginBrowser))
		mount("GET "+at+"/flows", e.bind(k, e.fetch))
		mount("GET "+at, e.bind(k, e.submit))
		mount("POST "+at, e.bind(k, e.submit))
	}
	mount("GET /self-service/logout/browser", e.handle(e.logoutURL))
	mount("GET /self-service/logout", e.handle(e.logout))
	mount("DELETE /self-service/logout/api", e.handle(e.logoutAPI))
	mount("GET /self-service/errors", e.handle(e.showError))
}

// visit is one request with all that the steps share.
type visit struct {
	*current
	engine *Engine
	kind   *kind
	w      http.ResponseWriter
	r      *http.Request
}

func (e *Engine) bind(k *kind, step func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return step(&visit{current: e.now.Load(), engine: e, kind: k, w: w, r: r})
	}
}

func (e *Engine) handle(step func(*visit) error) web.Handler { return e.bind(nil, step) }

// session finds the session of the request, or nil where there is none.
func (v *visit) session() (*store.SessionRow, error) {
	row, err := v.engine.Sessions.Find(v.r.Context(), v.r)
	if errors.Is(err, auth.ErrNoSession) {
		return nil, nil
	}
	return row, err
}

// page is the address of the page that shows a flow. Where none is configured
// it is the flow itself, as JSON.
func (v *visit) page(f *auth.Flow) string {
	configured := v.kind.page(v.config)
	if configured == "" {
		return v.base + "self-service/" + string(f.Kind) + "/flows?id=" + f.ID.String()
	}
	return withQuery(configured, "flow", f.ID.String())
}

// withQuery adds a parameter to an address and keeps those it has.
func withQuery(address, name, value string) string {
	join := "?"
	if strings.Contains(address, "?") {
		join = "&"
	}
	return address + join + url.Values{name: {value}}.Encode()
}

// returnURL is where a browser goes after a flow: where the flow was told to,
// or where the configuration says for this method.
func (v *visit) returnURL(f *auth.Flow, method string) string {
	if to := f.ReturnTo(); to != "" {
		if resolved, err := v.returnTo.Resolve(to); err == nil {
			return resolved
		}
	}
	return v.config.ReturnURL(v.kind.after(v.config), method)
}

// form is the form of a flow as methods see it.
func (v *visit) form(f *auth.Flow) (*Form, error) {
	s, err := v.schema(f.SchemaID)
	if err != nil {
		return nil, err
	}
	form := &Form{Config: v.config, Flow: f, UI: &f.UI, Schema: s}
	if f.IdentityID != uuid.Nil {
		i, err := v.engine.Identities.Get(v.r.Context(), f.IdentityID)
		if err != nil {
			return nil, err
		}
		form.Identity = i
	}
	return form, nil
}

func (v *visit) schema(id string) (*schema.Schema, error) {
	if id == "" {
		return v.schemas.Default(), nil
	}
	if s, ok := v.schemas.Get(id); ok {
		return s, nil
	}
	return nil, auth.ErrSchemaUnknown.Saying("The identity schema %q that this form was made for is no longer configured. Start again.", id)
}

// prepare builds a form from nothing: the CSRF token, the fields of the person,
// and what each method that is switched on adds.
func (v *visit) prepare(ctx context.Context, form *Form) error {
	f := form.Flow
	f.UI = ui.Container{Action: v.base + "self-service/" + string(f.Kind) + "?flow=" + f.ID.String(), Method: http.MethodPost, Nodes: []ui.Node{}}
	if f.Kind == auth.Login && f.RequestedAAL.AtLeast(auth.AAL2) && f.Type == auth.API {
		// Nothing to sign in with, nothing to protect.
		return v.addMethods(ctx, form)
	}
	f.UI.Put(ui.Input(ui.GroupDefault, csrfField, ui.InputHidden, "").Required())
	if f.Kind == auth.Registration {
		f.UI.Nodes = append(f.UI.Nodes, form.Schema.Nodes(ui.GroupDefault)...)
	}
	return v.addMethods(ctx, form)
}

func (v *visit) addMethods(ctx context.Context, form *Form) error {
	for i := range v.engine.Methods {
		m := &v.engine.Methods[i]
		if p := m.part(form.Flow.Kind); p != nil && m.Enabled(v.config) {
			if err := p.Prepare(ctx, form); err != nil {
				return err
			}
		}
	}
	form.UI.Sort(v.kind.order(form.Schema))
	return nil
}

// csrfField is the name of the field that carries the CSRF token.
const csrfField = "csrf_token"

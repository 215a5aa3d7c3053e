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
	"zelus/internal/language"
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
	// Notify makes a message; what it returns writes it, and is nil where nothing
	// is sent.
	Notify func(Notice) (func(context.Context, *store.Tx) error, error)
	// Apps allows API flows to be sent by browsers. For development only.
	Apps bool

	kinds []*kind
	now   atomic.Pointer[current]
}

// current is the configuration in force and what follows from it. A request
// takes it once and keeps it to its end.
type current struct {
	config   *config.Config
	schemas  *schema.Set
	policy   auth.Policy // what factors count for
	public   *url.URL
	base     string // the public base URL, with its final slash
	returnTo *web.ReturnTo
	csrf     *web.CSRF
	origins  []string     // of pages that may send forms
	bindings *secret.Ring // keyed hashes of CSRF cookies
	flows    *secret.Ring // what is secret in stored flows
	// deletions seals the links by which accounts are kept.
	deletions *secret.Ring
	aside     web.BrowserCookie
	words     words
	// diagnostics say why browsers are refused.
	diagnostics *web.Diagnostics
}

// Configure replaces the configuration, and what factors count for under it.
func (e *Engine) Configure(c *config.Config, schemas *schema.Set, policy auth.Policy) error {
	bindings, err := secret.NewRing("csrf binding", c.Secrets.Default)
	if err != nil {
		return err
	}
	flows, err := secret.NewRing("flow", c.Secrets.Default)
	if err != nil {
		return err
	}
	deletions, err := secret.NewRing("account deletion", c.Secrets.Default)
	if err != nil {
		return err
	}
	wording, err := secret.NewRing("word", c.Secrets.Default)
	if err != nil {
		return err
	}
	if e.kinds == nil {
		e.kinds = allKinds()
	}
	public, origins := c.PublicURL(), e.origins(c)
	csrf := web.NewCSRF(public.String(), web.CookieOptions{Domain: c.Cookies.Domain, Path: c.Cookies.Path, Secure: c.Cookies.Secure,
		SameSite: web.SameSite(c.Cookies.SameSite)})
	e.now.Store(&current{
		config: c, schemas: schemas, policy: policy, public: public, base: public.String(), bindings: bindings, flows: flows, deletions: deletions,
		origins: origins, csrf: csrf,
		aside: web.BrowserCookie{Name: "ory_kratos_continuity", Persistent: true, CookieOptions: web.CookieOptions{Secure: c.Cookies.Secure}},
		words: words{ring: wording, cookie: web.BrowserCookie{Name: "zelus_word", Persistent: true,
			CookieOptions: web.CookieOptions{Path: public.Path + config.PagesPath, Secure: c.Cookies.Secure}}},
		returnTo:    web.Compile(append([]string{c.BuiltInPage("")}, c.SelfService.AllowedReturnURLs...), public, c.SelfService.DefaultBrowserReturnURL, c.FeatureFlags.LegacyAllowInsecureOrigins),
		diagnostics: &web.Diagnostics{Public: public, CSRF: csrf, Session: e.Sessions.Cookie(), Origins: origins},
	})
	return nil
}

// origins are those of the pages that show our forms, and of those that may
// call from scripts.
func (e *Engine) origins(c *config.Config) []string {
	all := []string{web.Origin(c.PublicURL())}
	for _, page := range c.UIPages() {
		if u, err := url.Parse(page.URL); err == nil && u.Host != "" && page.Form() {
			all = append(all, web.Origin(u))
		}
	}
	for _, allowed := range c.SelfService.AllowedReturnURLs {
		// Where people may be sent back to, forms may come from: applications
		// show pages of their own.
		if u, err := url.Parse(allowed); err == nil && u.Host != "" && !web.Unbounded(web.Origin(u)) {
			all = append(all, web.Origin(u))
		}
	}
	if c.Serve.Public.CORS.Enabled {
		all = append(all, c.Serve.Public.CORS.AllowedOrigins...)
	}
	return all
}

// Routes are all paths of the engine, for the public server.
func (e *Engine) Routes(mount func(pattern string, h web.Handler)) {
	for _, k := range e.kinds {
		at := "/self-service/" + string(k.name)
		mount("GET "+at+"/api", e.bind(k, e.beginAPI))
		mount("GET "+at+"/browser", e.bind(k, e.beginBrowser))
		mount("GET "+at+"/flows", e.bind(k, e.fetch))
		mount("GET "+at, e.bind(k, e.follow))
		mount("POST "+at, e.bind(k, e.follow))
	}
	mount("GET /self-service/logout/browser", e.bind(nil, e.logoutURL))
	mount("GET /self-service/logout", e.bind(nil, e.logout))
	mount("DELETE /self-service/logout/api", e.bind(nil, e.logoutAPI))
	mount("GET /self-service/errors", e.bind(nil, e.showError))
	e.deletionRoutes(mount)
}

// visit is one request with all that the steps share.
type visit struct {
	*current
	engine *Engine
	kind   *kind // of the route; nil where the route is of no kind
	w      http.ResponseWriter
	r      *http.Request
	// app says that the request is about an app's flow: all answers are JSON.
	app bool
	// proof is what the request was recognised by, person who that is, and proven by
	// what their session was.
	proof  session.Proof
	person auth.Packed
	proven auth.AMRs
	// resumed has the body of an earlier submission that this request goes on
	// with; nil where it has its own.
	resumed *http.Request
	// secret is the CSRF secret that the browser gets with this answer, see
	// nextSecret.
	secret []byte
	// followed says that a link of a message was opened: whatever it belongs to,
	// a browser has come to see a page.
	followed bool
	// tries counts how often this submission was decided about again.
	tries int
}

func (e *Engine) bind(k *kind, step func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return step(&visit{current: e.now.Load(), engine: e, kind: k, w: w, r: r})
	}
}

// asJSON says whether the client wants JSON or a redirect.
func (v *visit) asJSON() bool { return !v.followed && (v.app || web.IsJSON(v.r)) }

// session finds the session of the request, or nil where there is none.
func (v *visit) session() (*store.SessionRow, error) {
	v.proof = v.engine.Sessions.Proof(v.r)
	row, err := v.engine.Sessions.FindToken(v.r.Context(), v.proof.Token)
	if errors.Is(err, auth.ErrNoSession) {
		return nil, nil
	}
	if row != nil {
		v.person, v.proven = row.Identity, row.Session.AMR
	}
	return row, err
}

// signedIn finds the session of a request that must have one; without it the
// error is auth.ErrNoSession. Who is asked again about one submission may get
// that too: the session was revoked meanwhile, or has another token.
func (v *visit) signedIn() (*store.SessionRow, error) {
	row, err := v.session()
	if row == nil && err == nil {
		err = v.noSession()
	}
	return row, err
}

// noSession is the error of who is not signed in, with what shows that they only
// seem not to be.
func (v *visit) noSession() error {
	if v.r.Header.Get("X-Session-Token") == "" {
		if why, ok := v.diagnostics.NoSession(v.r); ok {
			return auth.ErrNoSession.Explain(why)
		}
	}
	return auth.ErrNoSession
}

// page is the address of the page that shows a flow.
func (v *visit) page(f *auth.Flow) string {
	return withQuery(v.config.PageURL(f.Kind), "flow", f.ID.String())
}

// flowURL is the address of a flow as JSON.
func (v *visit) flowURL(f *auth.Flow) string {
	return v.base + "self-service/" + string(f.Kind) + "/flows?id=" + f.ID.String()
}

// begin is where a browser begins a flow of a kind.
func (v *visit) begin(kind auth.Kind) string {
	return v.base + "self-service/" + string(kind) + "/browser"
}

// withQuery adds a parameter to an address and keeps all that it has; a
// fragment stays at the end.
func withQuery(address, name, value string) string {
	u, err := url.Parse(address)
	if err != nil { // configured addresses can be parsed
		return address
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += url.Values{name: {value}}.Encode()
	return u.String()
}

// returnURL is where a browser goes after a flow: where the flow was told to,
// or where the configuration says for this method.
func (v *visit) returnURL(f *auth.Flow, method string) string {
	k := v.kindOf(f)
	otherwise := v.config.SelfService.DefaultBrowserReturnURL
	if k.home != nil {
		otherwise = k.home(v, f)
	}
	return v.back(f.ReturnTo(), k.after(v.config).ReturnURL(method, otherwise))
}

// back is where return_to leads, and otherwise where it is empty or leads
// nowhere that is allowed.
func (v *visit) back(to, otherwise string) string {
	if resolved, err := v.returnTo.Resolve(to); err == nil && resolved != "" {
		return resolved
	}
	return otherwise
}

// form is the form of a flow as methods see it.
func (v *visit) form(f *auth.Flow) (*Form, error) {
	form, schemaID := v.blank(f), f.SchemaID
	var err error
	if f.IdentityID != uuid.Nil {
		form.Identity, err = v.engine.Identities.Get(v.r.Context(), f.IdentityID)
		if errors.Is(err, auth.ErrIdentityUnknown) {
			return nil, auth.ErrNoSession // it went with its owner, a moment ago
		}
		if err != nil {
			return nil, err
		}
		if v.kindOf(f).owner != nil {
			schemaID = form.Identity.SchemaID
		}
	}
	if form.Claimed, err = v.claimedBy(f); err != nil {
		return nil, err
	}
	form.Schema, err = v.schema(schemaID)
	return form, err
}

// blank is a form about which only the request is known.
func (v *visit) blank(f *auth.Flow) *Form {
	return &Form{kind: v.kindOf(f), Config: v.config, Policy: v.policy, Proven: v.proven.All(), Flow: f, UI: &f.UI,
		Wishes: v.wishes(f), Headers: v.told}
}

// wishes are the languages that are asked for: by the request itself, and by the
// application with which a form began.
func (v *visit) wishes(f *auth.Flow) language.Wishes {
	w := language.Asked(v.r)
	if w.UILocales == "" {
		_, query, _ := strings.Cut(f.RequestURL, "?")
		w.UILocales = language.UILocales(query)
	}
	return w
}

// told are the headers of the request that services outside are told.
func (v *visit) told() map[string][]string {
	headers := map[string][]string{}
	for _, name := range v.config.Clients.WebHook.HeaderAllowlist {
		if values := v.r.Header.Values(name); len(values) > 0 {
			headers[http.CanonicalHeaderKey(name)] = values
		}
	}
	return headers
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

// prepare builds a form from nothing: the kind's own fields, and what each
// method that is offered in this step adds.
func (v *visit) prepare(ctx context.Context, form *Form) error {
	f, k := form.Flow, v.kindOf(form.Flow)
	f.UI = ui.Container{Action: v.action(f), Method: http.MethodPost, Nodes: append([]ui.Node{}, k.fields(form)...)}
	for i := range v.engine.Methods {
		m := &v.engine.Methods[i]
		if f.Alone != "" && m.Name != f.Alone {
			continue
		}
		if p := m.part(f.Kind); p != nil && m.Enabled(v.config) && p.shown(f) && p.offered(form) {
			if err := p.Prepare(ctx, form); err != nil {
				return err
			}
		}
	}
	k.sort(form)
	f.Filled = k.owner != nil && form.Traits == nil
	return nil
}

// action is where a form is sent.
func (v *visit) action(f *auth.Flow) string {
	return v.base + "self-service/" + string(f.Kind) + "?flow=" + f.ID.String()
}

// write stores something about a flow that its client can start again.
func (v *visit) write(f func(context.Context, *store.Tx) error) error {
	ctx := v.r.Context()
	return v.engine.Store.Write(ctx, store.Volatile, func(tx *store.Tx) error { return f(ctx, tx) })
}

package page

import (
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"zelus/internal/auth"
	"zelus/internal/brand"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/language"
	"zelus/internal/schema"
	"zelus/internal/session"
	"zelus/internal/web"
)

// Pages are all pages. Make them with New and call Configure before use.
type Pages struct {
	engine   *flow.Engine
	sessions *session.Sessions
	server   *web.Server
	clock    func() time.Time

	templates *template.Template
	texts     *language.Files[map[string]string]
	now       atomic.Pointer[current]
}

// current is the configuration in force and what follows from it.
type current struct {
	config    *config.Config
	schemas   *schema.Set
	languages *language.Texts
	offer     language.Offer
	base      string // the public base URL, with its final slash
	path      string // of the pages, on the public host
	policy    string // see contentPolicy
	look      *Look
	former    *Look // the one before, which pages that are open may still be loading
}

// pagesAt is the prefix of all pages on this server.
const pagesAt = "/" + config.PagesPath

// remembered is how long a browser remembers what somebody has chosen on a page.
const remembered = 180 * 24 * time.Hour

//go:embed templates
var templateFiles embed.FS

// New makes the pages. They show what the engine and the sessions tell them.
func New(engine *flow.Engine, sessions *session.Sessions, server *web.Server, clock func() time.Time) (*Pages, error) {
	p := &Pages{engine: engine, sessions: sessions, server: server, clock: clock, texts: newTexts()}
	var err error
	p.templates, err = builtIn()
	return p, err
}

// Configure replaces the configuration, with the schemas, texts and look that follow
// from it.
func (p *Pages) Configure(c *config.Config, schemas *schema.Set, languages *language.Texts, look *Look) {
	public := c.PublicURL()
	next := &current{config: c, schemas: schemas, languages: languages, offer: c.Languages.Offer(),
		base: public.String(), path: public.Path + config.PagesPath, policy: contentPolicy(c), look: look, former: look}
	if before := p.now.Load(); before != nil {
		next.former = before.look
	}
	p.now.Store(next)
}

// Routes are all pages, for the public server.
func (p *Pages) Routes(mount func(pattern string, h web.Handler)) {
	for _, kind := range []auth.Kind{auth.Login, auth.Registration, auth.Recovery, auth.Verification} {
		mount("GET "+pagesAt+string(kind), p.guard(p.engine.Page(kind, p.showFlow)))
	}
	mount("GET "+pagesAt+"settings", p.guard(p.engine.Page(auth.Settings, p.showSettings)))
	mount("GET "+pagesAt+"welcome", p.guard(p.looking("welcome", p.showWelcome)))
	mount("POST "+pagesAt+"welcome", p.guard(p.dismissNudge))
	mount("GET "+pagesAt+"sessions", p.guard(p.looking("sessions", p.showSessions)))
	mount("POST "+pagesAt+"sessions", p.guard(p.changeSessions))
	mount("GET "+pagesAt+"history", p.guard(p.looking("history", p.showHistory)))
	mount("GET "+pagesAt+"data", p.guard(p.showData))
	mount("GET "+pagesAt+"logout", p.guard(p.askLogout))
	mount("POST "+pagesAt+"logout", p.guard(p.logout))
	mount("POST "+pagesAt+"language", p.guard(p.chooseLanguage))
	mount("GET "+pagesAt+"error", p.guard(p.showFault))
	mount("GET "+pagesAt+"assets/{name}", p.guard(p.serveAsset))
	mount(pagesAt, p.guard(p.otherwise))
	mount("GET /{$}", p.root)
}

// Style is the path of the style sheet in force.
func (p *Pages) Style() string { return p.now.Load().style() }

func (c *current) style() string { return c.path + "assets/" + c.look.assets.names["page.css"] }

// guard protects whatever a page answers, and shows its errors as pages.
func (p *Pages) guard(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		protect(w.Header())
		err := h(w, r)
		if err == nil {
			return nil
		}
		p.server.LogError(r, err)
		return p.fail(w, r, p.server.ForAnswer(auth.AsError(err)))
	}
}

// looking answers with a page of somebody who is signed in. Who is not proves first who
// they are, and comes back to it.
func (p *Pages) looking(here string, show func(*flow.Own) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		o, err := p.engine.Owner(w, r, config.PagesPath+here)
		if err != nil {
			return p.nobody(w, err, here)
		}
		return show(o)
	}
}

// root leads whoever opens the server itself to the pages, where they are in use.
func (p *Pages) root(w http.ResponseWriter, r *http.Request) error {
	if p.now.Load().config.UIURL(auth.Login) != "" {
		http.NotFound(w, r)
		return nil
	}
	return p.home(w, r)
}

func (p *Pages) home(w http.ResponseWriter, _ *http.Request) error {
	return lead(w, p.now.Load().config.BuiltInPage("welcome"))
}

// lead sends a browser elsewhere, with a GET.
func lead(w http.ResponseWriter, to string) error {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// view is what a page shows.
type view struct {
	*speaker
	Brand *brand.Brand
	Logo  *logo // nil where there is none
	// Banner says that this server is for trying things out; nil where it is not.
	Banner  *banner
	Title   string // of the page, and its only h1
	Lead    []template.HTML
	Success []template.HTML
	// Problems are what went wrong, first things first. A page that has some says so
	// in its title.
	Problems []problem
	// Account is whose pages these are; nil where nobody is signed in.
	Account *account
	// Failed pages show an error.
	Failed bool
	// Narrow pages hold one form, others many things.
	Narrow bool
	// Scripts are those of forms, besides the one that all pages have.
	Scripts []script
	// Body is what only this page has.
	Body any

	// Choice is of languages; nil where there is none.
	Choice *choice

	Path, Nonce, Style, Script string
	Links                      links
}

// banner is what a server for trying things out says of itself. Mail is where mail is
// shown that it does not send; empty where it sends.
type banner struct{ Mail string }

// Wrong says that the title begins with it.
func (v *view) Wrong() bool { return v.Failed || len(v.Problems) > 0 }

// Place is an entry of the navigation.
func (v *view) Place(name string) any {
	return struct {
		To, Text string
		Here     bool
	}{v.Path + name, v.T("nav." + name), v.Account != nil && v.Account.Here == name}
}

// account is somebody who is signed in, as each of their pages names them.
type account struct {
	Name  string // by which they sign in; may be empty
	Token string // of forms that sign them out
	Here  string // the page that is shown
}

// links lead to where flows begin; empty where there is nothing.
type links struct{ Login, Registration, Recovery, Verification string }

// script is one that a form needs.
type script struct{ Source, Integrity string }

// problem is something that went wrong.
type problem struct {
	Text  template.HTML
	Field string // the id of the field that it is about; empty for none
}

// view begins a page for somebody; who is empty where that is not known.
func (p *Pages) view(w http.ResponseWriter, r *http.Request, title string, wishes language.Wishes, who auth.Packed) (*view, error) {
	s, err := p.speaker(wishes, who)
	if err != nil {
		return nil, err
	}
	c := p.now.Load()
	assets := c.path + "assets/"
	v := &view{speaker: s, Brand: c.look.brand, Logo: c.look.logo(assets), Title: s.T(title), Path: c.path, Nonce: rand.Text(),
		Style: c.style(), Script: assets + c.look.assets.names["page.js"]}
	if c.config.ZeroConfig() {
		v.Banner = &banner{Mail: c.config.CaughtMailURL()}
	}
	p.chooses(w, r, v, wishes)
	return v, nil
}

// own begins a page of somebody who is signed in; here is its name. It says what they have
// just done.
func (p *Pages) own(w http.ResponseWriter, r *http.Request, here, title string, wishes language.Wishes, who auth.Packed) (*view, error) {
	v, err := p.view(w, r, title, wishes, who)
	if err == nil {
		v.Account = &account{Name: p.now.Load().nameOf(who), Token: p.engine.Token(w, r), Here: here}
		if key := done[p.engine.TakeWord(w, r)]; key != "" {
			v.Success = append(v.Success, v.H(key))
		}
	}
	return v, err
}

// link fills in the links, all of which lead to returnTo in the end.
func (p *Pages) link(v *view, returnTo string) {
	set := &p.now.Load().config.SelfService
	v.Links.Login = p.engine.LinkTo(auth.Login, returnTo)
	if set.Flows.Registration.Enabled {
		v.Links.Registration = p.engine.LinkTo(auth.Registration, returnTo)
	}
	if set.Flows.Recovery.Enabled {
		v.Links.Recovery = p.engine.LinkTo(auth.Recovery, returnTo)
	}
	if set.Flows.Verification.Enabled {
		v.Links.Verification = p.engine.LinkTo(auth.Verification, returnTo)
	}
}

// render answers with a page.
func (p *Pages) render(w http.ResponseWriter, status int, name string, v *view) error {
	c := p.now.Load()
	text, err := c.look.text(name, v)
	if err != nil {
		p.server.Logger.Error("a template failed; the built-in page is shown instead", "setting", templatesSetting, "error", err)
	}
	if text == "" {
		var out strings.Builder
		if err := p.templates.ExecuteTemplate(&out, name, v); err != nil {
			return fmt.Errorf("the page %s: %w", name, err)
		}
		text = out.String()
	}
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(c.policy, noncePlace, v.Nonce, 1))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Tag)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a browser that hung up is nobody's fault
	return nil
}

// nameOf is what somebody signs in with, as their pages show it; empty where they have
// nothing of the kind.
func (c *current) nameOf(who auth.Packed) string {
	i, err := who.Identity()
	if err != nil {
		return ""
	}
	if s, ok := c.schemas.Get(i.SchemaID); ok {
		facts, _ := s.Extract(i.Traits)
		for _, all := range [][]string{facts.Identifiers[auth.Password], facts.Identifiers[auth.Code], facts.PasskeyNames} {
			if len(all) > 0 {
				return all[0]
			}
		}
	}
	for _, a := range i.Verifiable {
		return a.Value
	}
	return ""
}

// otherwise answers whatever else is asked for at the prefix and below.
func (p *Pages) otherwise(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path == pagesAt {
		return p.home(w, r)
	}
	return auth.ErrPageUnknown
}

// nobody leads whoever has no session, or one that is not proven strongly enough, to
// where they prove more, and then back. Any other error is given back.
func (p *Pages) nobody(w http.ResponseWriter, err error, back string) error {
	c := p.now.Load()
	back = c.config.BuiltInPage(back)
	switch {
	case errors.Is(err, auth.ErrNoSession):
		return lead(w, p.engine.LinkTo(auth.Login, back))
	case errors.Is(err, auth.ErrAAL2Required):
		return lead(w, p.engine.StepUpTo(back, false))
	case errors.Is(err, auth.ErrRefreshRequired):
		return lead(w, p.engine.StepUpTo(back, true))
	}
	return err
}

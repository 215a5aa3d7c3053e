package flow

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/language"
	"zelus/internal/store"
	"zelus/internal/ui"
	"zelus/internal/web"
)

// What the built-in pages need of the engine: the same flows, errors and protections
// that pages elsewhere have over HTTP, without HTTP in between.

// Shown is a flow as a page shows it: as GET /self-service/KIND/flows tells it, after
// the same checks.
type Shown struct {
	Flow *auth.Flow
	// UI is the form, with its CSRF token.
	UI ui.Container
	// Owner is whose form it is, where that is known: in settings, in a refresh, in a
	// step-up. Empty where it is not.
	Owner auth.Packed
	// To is where the flow leads when it has succeeded.
	To string
	// Wishes are the languages that are asked for.
	Wishes language.Wishes
}

// Page is the page of a kind of flow: it finds the flow that ?flow= names and has it
// shown. A new one is begun where none is named, or it is gone; one whose time is over
// makes room for another with what was typed. Where the configuration has another page
// for this kind, a flow is begun for that one.
func (e *Engine) Page(kind auth.Kind, show func(http.ResponseWriter, *http.Request, *Shown) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := &visit{current: e.now.Load(), engine: e, w: w, r: r, followed: true}
		v.kind = v.kindOf(&auth.Flow{Kind: kind})
		if v.config.UIURL(kind) != "" {
			return v.beginAt(kind)
		}
		f, err := v.visited()
		switch {
		case errors.Is(err, auth.ErrFlowUnknown):
			return v.beginAt(kind)
		case err != nil:
			return v.fault(err)
		case !e.Clock().Before(f.ExpiresAt):
			return v.expired(f, f.ExpiresAt)
		}
		return show(w, r, &Shown{Flow: f, UI: v.common(f).UI, Owner: v.person, To: v.returnURL(f, ""), Wishes: v.wishes(f)})
	}
}

// visited is the flow that the page is to show. An app's is none of a browser's, and one
// that was used up by its success is as good as gone.
func (v *visit) visited() (*auth.Flow, error) {
	if err := v.offered("flow"); err != nil {
		return nil, err
	}
	f, _, err := v.find("flow", auth.ErrFlowUnknown, v.page)
	if errors.Is(err, auth.ErrNoSession) && v.kind.owner != nil {
		to := withQuery(v.begin(auth.Login), "return_to", v.begin(v.kind.name))
		return nil, &refusal{err: err, to: to, status: http.StatusSeeOther}
	}
	if err != nil {
		return nil, err
	}
	if f.Type != auth.Browser || f.Done && v.kind.passed == nil {
		return nil, auth.ErrFlowUnknown
	}
	if v.kind.owner == nil && f.IdentityID != uuid.Nil {
		row, err := v.session()
		if err != nil {
			return nil, err
		}
		if row == nil || row.Session.IdentityID != f.IdentityID {
			v.person = ""
		}
	}
	return f, nil
}

// beginAt sends the browser where a flow begins, with all that the page was asked for.
func (v *visit) beginAt(kind auth.Kind) error {
	to := v.begin(kind)
	asked := slices.DeleteFunc(strings.Split(v.r.URL.RawQuery, "&"), func(one string) bool {
		return one == "" || strings.HasPrefix(one, "flow=")
	})
	if len(asked) > 0 {
		to += "?" + strings.Join(asked, "&")
	}
	v.redirect(http.StatusSeeOther, to)
	return nil
}

// Fault is the error that a page is to show, which ?id= names; see keptError for who
// may see it.
func (e *Engine) Fault(r *http.Request) (*store.StoredError, error) {
	v := &visit{current: e.now.Load(), engine: e, r: r}
	return v.keptError()
}

// Token is what a form carries that belongs to a page and to no flow. It is the CSRF
// token of this browser.
func (e *Engine) Token(w http.ResponseWriter, r *http.Request) string {
	c := e.now.Load()
	return c.csrf.Mask(c.csrf.Ensure(w, r))
}

// Posted reads a form that belongs to a page and to no flow. The error is auth.ErrCSRF
// where no page of ours has sent it, in this browser.
func (e *Engine) Posted(r *http.Request) (*web.Values, error) {
	v := &visit{current: e.now.Load(), engine: e, r: r}
	values, err := web.ReadValues(r)
	if err == nil {
		err = v.fromPage(r, values.String(csrfField), false)
	}
	return values, err
}

// fromPage refuses a form that does not come from a page which this browser was shown.
// Of one that is bound to no browser only another site's page is refused.
func (v *visit) fromPage(r *http.Request, token string, unbound bool) error {
	secret, ok := v.csrf.Secret(r)
	switch tied := ok && v.csrf.Valid(token, secret) || unbound; {
	case !tied:
		return auth.ErrCSRF.Explain(v.diagnostics.Token(r, token))
	case v.foreign(r):
		return auth.ErrCSRF.Explain(v.diagnostics.ForeignPage(r))
	}
	return nil
}

// SignOut ends the session of a browser that has posted a form, and leads it on: to
// returnTo where that is allowed, else where the configuration says. Who is signed out
// already is led there, too.
func (e *Engine) SignOut(w http.ResponseWriter, r *http.Request, returnTo string) error {
	v := &visit{current: e.now.Load(), engine: e, w: w, r: r, followed: true}
	to := v.back(returnTo, "")
	row, err := v.session()
	if err != nil {
		return err
	}
	if row == nil {
		e.Sessions.ClearCookie(w)
		v.redirect(http.StatusSeeOther, v.afterLogout(to))
		return nil
	}
	return v.signOut(row, to)
}

// StepUpTo is where a browser proves a second factor, and then goes back; again says
// that it does so in any case, however strong its session is.
func (e *Engine) StepUpTo(back string, again bool) string {
	v := &visit{current: e.now.Load()}
	to := v.stepUp(back)
	if again {
		to = withQuery(to, "refresh", "true")
	}
	return to
}

// Undoes is when the account is deleted which the link with this token keeps; nil where
// it is kept already. The error is auth.ErrDeletionLink where the link keeps none.
func (e *Engine) Undoes(r *http.Request, token string) (*time.Time, error) {
	v := &visit{current: e.now.Load(), engine: e, r: r}
	return v.undoes(token)
}

// Back is where return_to leads; empty where that is nowhere that is allowed.
func (e *Engine) Back(returnTo string) string {
	v := &visit{current: e.now.Load()}
	return v.back(returnTo, "")
}

// LinkTo is where a browser begins a flow of a kind that leads to returnTo in the end;
// empty is nowhere in particular.
func (e *Engine) LinkTo(kind auth.Kind, returnTo string) string {
	v := &visit{current: e.now.Load()}
	to := v.begin(kind)
	if returnTo != "" {
		to += "?" + url.Values{"return_to": {returnTo}}.Encode()
	}
	return to
}

package flow

import (
	"cmp"
	"errors"
	"net/http"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/web"
)

// What people look at and change of their own account beside the five kinds of form
// is for those who talk JSON and for plain pages alike. A page sends csrf_token and,
// if it likes, return_to; who has to sign in, or to prove more, is led there first.

// AccountPath is where all of this is, below the public base URL.
const AccountPath = "self-service/account/"

// Own is such a request, of somebody who is signed in as strongly as they must be.
type Own struct {
	// Session is theirs.
	Session *store.SessionRow
	// Values is what a change was sent with; nil where it is none.
	Values *web.Values

	visit *visit
	home  string // where they begin with it
	to    string // where a page goes on that asked for something; may be empty
}

// Looking answers a request of somebody who looks at what is theirs. home is the path,
// below the public base URL, to which a plain page comes back when its owner had to
// prove more first. The former token of a browser is none here.
func (e *Engine) Looking(home string, do func(*Own) error) web.Handler {
	return e.own(home, do, func(*Own) error { return nil })
}

// Changing answers a request of somebody who changes what is theirs. It must come from
// a page that their browser was shown, or from no other site's; see Own.read.
func (e *Engine) Changing(home string, do func(*Own) error) web.Handler {
	return e.own(home, do, (*Own).read)
}

func (e *Engine) own(home string, do, first func(*Own) error) web.Handler {
	return e.bind(settings, func(v *visit) error {
		o, err := v.owner(home)
		if err == nil {
			err = first(o)
		}
		if err == nil {
			err = do(o)
		}
		if err != nil {
			return v.fault(err)
		}
		return nil
	})
}

// Owner is who looks at what is theirs, as in Looking, for a page that shows its errors
// itself: auth.ErrNoSession where nobody is signed in, auth.ErrAAL2Required where they
// have to prove more.
func (e *Engine) Owner(w http.ResponseWriter, r *http.Request, home string) (*Own, error) {
	v := &visit{current: e.now.Load(), engine: e, kind: settings, w: w, r: r}
	return v.owner(home)
}

// owner finds whose request it is.
func (v *visit) owner(home string) (o *Own, err error) {
	o = &Own{visit: v, home: v.base + home}
	o.Session, err = v.signedIn()
	v.app = v.proof.Token != "" && !v.proof.Cookie
	switch {
	case errors.Is(err, auth.ErrNoSession):
		return nil, &refusal{err: err, to: withQuery(v.begin(auth.Login), "return_to", o.home), status: http.StatusSeeOther}
	case err != nil:
		return nil, err
	case !v.engine.Sessions.Satisfied(o.Session):
		to := v.stepUp(o.home)
		return nil, &refusal{err: auth.ErrAAL2Required.RedirectTo(to), to: to, status: http.StatusSeeOther}
	}
	return o, nil
}

// read reads what was sent, and sees that no other site has had a browser send it. A
// form has the token of the page that it is on. JSON needs none: a page of another site
// cannot send it without being allowed to (CORS), and neither can it send a method that
// forms do not have.
func (o *Own) read() (err error) {
	v := o.visit
	if o.Values, err = web.ReadValues(v.r); err != nil {
		return err
	}
	if v.proof.Cookie {
		token := cmp.Or(o.Values.String(csrfField), v.r.Header.Get("X-CSRF-Token"))
		likeForm := v.r.Method == http.MethodPost && web.RequireJSON(v.r) != nil
		if err := v.fromPage(v.r, token, token == "" && !likeForm); err != nil {
			return err
		}
	}
	o.to, err = v.returnTo.Resolve(o.Values.String("return_to"))
	return err
}

// Fresh sees that the person has proven who they are as strongly as they can, and as
// recently as for a change of how they sign in.
func (o *Own) Fresh() error {
	if to := o.ProveTo(o.home); to != "" {
		return refreshAt(to)
	}
	return nil
}

// ProveTo is where the person proves that, and then goes back; empty where they have.
func (o *Own) ProveTo(back string) string {
	v := o.visit
	level := v.policy.Available(o.Session.Factors)
	if v.privileged(o.Session, level) {
		return ""
	}
	return v.refreshTo(level, back)
}

// Done answers a change that is made: with JSON, or with nothing where body is nil. A
// plain page goes on where it asked to, or otherwise, and a built-in one says there what
// was done.
func (o *Own) Done(done Word, status int, body any, otherwise string) error {
	v := o.visit
	switch {
	case !v.asJSON():
		v.leadOn(cmp.Or(o.to, otherwise, o.home), done)
		return nil
	case body == nil:
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return web.WriteJSON(v.w, status, body)
}

// Request is the request.
func (o *Own) Request() *http.Request { return o.visit.r }

// Writer is where it is answered.
func (o *Own) Writer() http.ResponseWriter { return o.visit.w }

package page

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/language"
)

// dataBody is what somebody can do with all that is kept about them.
type dataBody struct {
	// Pending asks somebody who has signed in meanwhile whether they keep an account that
	// is to be deleted; nil where there is nothing to keep.
	Pending *keep
	// Export is where the data is downloaded, Delete where a form deletes the account,
	// which leads to Deleted; empty where accounts cannot be deleted.
	Export, Delete, Deleted string
	// Prove is where they prove first who they are; empty where they have.
	Prove string
	// Consequences are what becomes of an account that is deleted.
	Consequences []string
}

// keep is a form by which an account is kept that is to be deleted.
type keep struct {
	*speaker
	Action, Token string
	Until         string
	To            string       // where the form leads
	Later         template.URL // where somebody goes on who does not decide now; empty for nowhere
}

// keptBody is a page of nobody who is signed in, about an account that is, or was, to be
// deleted.
type keptBody struct {
	Keep *keep // nil where there is nothing to decide
	Text []string
}

// showData shows somebody what they can do with their data. It also is the page of the
// link by which an account is kept (?token=), that which asks who has signed in to such
// an account (?return_to=), and that on which a deletion ends.
func (p *Pages) showData(w http.ResponseWriter, r *http.Request) error {
	c, query := p.now.Load(), r.URL.Query()
	if own := c.config.SelfService.Flows.Deletion.UIURL; own != "" {
		return lead(w, own)
	}
	if token := query.Get("token"); token != "" {
		return p.askByToken(w, r, token)
	}
	o, err := p.engine.Owner(w, r, config.PagesPath+"data")
	switch {
	case errors.Is(err, auth.ErrNoSession) && p.engine.TakeWord(w, r) == flow.WordDeleted:
		return p.showDeleted(w, r)
	case err != nil:
		return p.nobody(w, err, "data")
	}
	return p.showOwnData(o)
}

func (p *Pages) showOwnData(o *flow.Own) error {
	c, w, r := p.now.Load(), o.Writer(), o.Request()
	query := r.URL.Query()
	who, err := o.Session.Identity.Identity()
	if err != nil {
		return err
	}
	title := "title.data"
	if who.DeleteAt != nil {
		title = "title.keep"
	}
	v, err := p.own(w, r, "data", title, language.Asked(r), o.Session.Identity)
	if err != nil {
		return err
	}
	set, home := &c.config.SelfService.Flows.Deletion, c.config.BuiltInPage("data")
	body := &dataBody{Export: c.base + flow.AccountPath + "export", Prove: o.ProveTo(home + "?step=proven")}
	switch {
	case who.DeleteAt != nil:
		back := p.engine.Back(query.Get("return_to"))
		body.Pending = p.keep(v, *who.DeleteAt)
		body.Pending.Token, body.Pending.To, body.Pending.Later = v.Account.Token, cmp.Or(back, home), linkTo(cmp.Or(back, v.Path+"welcome"))
	case set.Enabled:
		body.Delete, body.Deleted = c.base+flow.AccountPath+"deletion", home
		body.Consequences = v.consequences(set.GracePeriod)
	}
	if query.Get("step") == "proven" && body.Prove == "" {
		v.Success = append(v.Success, v.H("data.ready"))
	}
	v.Body = body
	return p.render(w, http.StatusOK, "data.html", v)
}

// keep is the form by which an account is kept.
func (p *Pages) keep(v *view, until time.Time) *keep {
	return &keep{speaker: v.speaker, Action: p.now.Load().base + flow.AccountPath + "deletion/undo", Until: v.T("keep.until", "date", v.Day(until))}
}

// consequences are what becomes of an account that is deleted after some time.
func (s *speaker) consequences(grace time.Duration) []string {
	if grace <= 0 {
		return []string{s.T("delete.signed_out"), s.T("delete.at_once")}
	}
	return []string{s.T("delete.signed_out"), s.T("delete.grace", "time", s.Duration(inMinutes(grace))), s.T("delete.then")}
}

// inMinutes are whole ones, and one at least.
func inMinutes(d time.Duration) int { return max(int(d/time.Minute), 1) }

// askByToken asks whoever has opened the link of the message whether to keep the account:
// programs open links, too. Nobody has to be signed in, and nobody is by this.
func (p *Pages) askByToken(w http.ResponseWriter, r *http.Request, token string) error {
	until, err := p.engine.Undoes(r, token)
	if err != nil {
		return err
	}
	title := "title.kept"
	if until != nil {
		title = "title.keep"
	}
	v, err := p.view(w, r, title, language.Asked(r), "")
	if err != nil {
		return err
	}
	v.Narrow = true
	p.link(v, "")
	body := &keptBody{Text: []string{v.T("kept.text")}}
	if until != nil {
		asked := "?" + url.Values{"token": {token}}.Encode()
		body.Keep, body.Text = p.keep(v, *until), nil
		body.Keep.Action += asked
		body.Keep.To = p.now.Load().config.BuiltInPage("data") + asked
	}
	v.Body = body
	return p.render(w, http.StatusOK, "kept.html", v)
}

// showDeleted tells somebody who has just deleted their account what becomes of it.
func (p *Pages) showDeleted(w http.ResponseWriter, r *http.Request) error {
	grace, title := p.now.Load().config.SelfService.Flows.Deletion.GracePeriod, "title.deleting"
	if grace <= 0 {
		title = "title.deleted"
	}
	v, err := p.view(w, r, title, language.Asked(r), "")
	if err != nil {
		return err
	}
	v.Narrow = true
	body := &keptBody{Text: []string{v.T("deleted.text")}}
	if grace > 0 {
		body.Text = []string{v.T("delete.signed_out"), v.T("delete.grace", "time", v.Duration(inMinutes(grace)))}
		p.link(v, "")
	}
	v.Body = body
	return p.render(w, http.StatusOK, "kept.html", v)
}

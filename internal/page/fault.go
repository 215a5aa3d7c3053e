package page

import (
	"encoding/json"
	"html/template"
	"net/http"

	"zelus/internal/auth"
	"zelus/internal/web"
)

// faultBody is an error that fits in no form.
type faultBody struct {
	// Text says what it means for the person, Way where they go on: the key of a link's
	// text, and where it leads.
	Text         template.HTML
	Way, WayText string
	// ID and Reference are what the operator finds it by.
	ID, Reference string
	// Debug is what only those who develop are told.
	Debug string
}

// showFault shows the error that ?id= names, to which the engine has sent the browser.
func (p *Pages) showFault(w http.ResponseWriter, r *http.Request) error {
	kept, err := p.engine.Fault(r)
	if err != nil {
		return err
	}
	var e struct {
		ID     string `json:"id"`
		Code   int    `json:"code"`
		Reason string `json:"reason"`
		Debug  string `json:"debug"`
	}
	if err := json.Unmarshal(kept.Data, &e); err != nil {
		return err
	}
	return p.showError(w, r, http.StatusOK, &auth.Error{ID: e.ID, Status: e.Code, Reason: e.Reason, Debug: e.Debug}, kept.ID.String())
}

// fail shows an error of a page.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, e *auth.Error) error {
	web.RetryAfter(w, e)
	return p.showError(w, r, e.Status, e, web.RequestID(r))
}

func (p *Pages) showError(w http.ResponseWriter, r *http.Request, status int, e *auth.Error, reference string) error {
	c := p.now.Load()
	title := "title.error"
	if e.Status == http.StatusNotFound {
		title = "title.missing"
	}
	v := p.view(r, title)
	v.Narrow, v.Failed = true, true
	body := &faultBody{ID: e.ID, Reference: reference, Debug: e.Debug, Way: c.base, WayText: v.T("error.start")}
	key := "error." + e.ID
	switch {
	case v.Has(key):
		body.Text = v.H(key)
	case e.Status >= http.StatusInternalServerError:
		body.Text = v.H("error.server")
	case e.Status == http.StatusNotFound:
		body.Text = v.H("error.missing")
	case e.Reason != "":
		body.Text = isolated(clean(e.Reason))
	default:
		body.Text = v.H("error.request")
	}
	if c.config.UIURL(auth.Login) == "" {
		body.Way = c.config.BuiltInPage("welcome")
	} else if to := c.config.SelfService.DefaultBrowserReturnURL; to != "" {
		body.Way = to
	}
	v.Body = body
	return p.render(w, status, "error.html", v)
}

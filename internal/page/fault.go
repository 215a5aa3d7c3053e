package page

import (
	"encoding/json"
	"net/http"

	"zelus/internal/auth"
	"zelus/internal/language"
	"zelus/internal/web"
)

// faultBody is an error that fits in no form.
type faultBody struct {
	language.Fault
	To string // where its button leads
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
		ID    string `json:"id"`
		Code  int    `json:"code"`
		Debug string `json:"debug"`
	}
	if err := json.Unmarshal(kept.Data, &e); err != nil {
		return err
	}
	return p.showError(w, r, http.StatusOK, &auth.Error{ID: e.ID, Status: e.Code, Debug: e.Debug}, kept.ID.String())
}

// fail shows an error of a page.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, e *auth.Error) error {
	web.RetryAfter(w, e)
	return p.showError(w, r, e.Status, e, web.RequestID(r))
}

func (p *Pages) showError(w http.ResponseWriter, r *http.Request, status int, e *auth.Error, reference string) error {
	v, err := p.view(w, r, "title.error", language.Asked(r), "")
	if err != nil {
		return err
	}
	said := v.Fault(e.ID, e.Status)
	v.Title, v.Narrow, v.Failed = said.Heading, true, true
	v.Body = &faultBody{Fault: said, To: p.wayOn(said.Way), ID: e.ID, Reference: reference, Debug: e.Debug}
	return p.render(w, status, "error.html", v)
}

// wayOn is where somebody goes on after an error.
func (p *Pages) wayOn(way language.Way) string {
	c := p.now.Load().config
	switch way {
	case language.WaySignIn:
		return p.engine.LinkTo(auth.Login, "")
	case language.WayStepUp:
		return p.engine.StepUpTo("", false)
	case language.WayVerify:
		return p.engine.LinkTo(auth.Verification, "")
	case language.WayAccount:
		return p.engine.LinkTo(auth.Settings, "")
	}
	if c.UIURL(auth.Login) == "" {
		return c.BuiltInPage("welcome")
	}
	return c.SelfService.DefaultBrowserReturnURL
}

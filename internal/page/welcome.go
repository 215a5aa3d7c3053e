package page

import (
	"net/http"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/language"
	"zelus/internal/web"
)

// welcomeBody is where somebody arrives who has signed in and came from nowhere.
type welcomeBody struct {
	// Nudge says that they are told of passkeys.
	Nudge bool
	// DeleteAt says when the account is deleted; empty where it stays.
	DeleteAt string
	// Unproven are addresses of theirs that are not proven yet.
	Unproven []string
}

// nudgeCookie remembers that somebody wants to hear no more of passkeys.
const nudgeCookie = "zelus_no_passkey"

func (p *Pages) showWelcome(o *flow.Own) error {
	w, r, row := o.Writer(), o.Request(), o.Session
	who, err := row.Identity.Identity()
	if err != nil {
		return err
	}
	v, err := p.own(w, r, "welcome", "title.welcome", language.Asked(r), row.Identity)
	if err != nil {
		return err
	}
	p.link(v, p.now.Load().config.BuiltInPage("welcome"))
	body := &welcomeBody{}
	_, silent := r.Cookie(nudgeCookie)
	body.Nudge = silent != nil && row.Factors&auth.FactorPasskey == 0 && p.now.Load().config.SelfService.Methods.Passkey.Enabled
	if who.DeleteAt != nil {
		body.DeleteAt = v.T("keep.until", "date", v.Day(*who.DeleteAt))
	}
	for _, a := range who.Verifiable {
		if !a.Verified && v.Links.Verification != "" {
			body.Unproven = append(body.Unproven, a.Value)
		}
	}
	v.Body = body
	return p.render(w, http.StatusOK, "welcome.html", v)
}

// dismissNudge remembers in the browser that somebody wants to hear no more of passkeys.
// It changes nothing else, so nobody is asked who they are.
func (p *Pages) dismissNudge(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.engine.Posted(r); err != nil {
		return err
	}
	c := p.now.Load()
	now := p.clock()
	(web.BrowserCookie{Name: nudgeCookie, Persistent: true, CookieOptions: web.CookieOptions{Path: c.path, Secure: c.config.Cookies.Secure}}).
		Set(w, "1", now, now.Add(remembered))
	return lead(w, c.config.BuiltInPage("welcome"))
}

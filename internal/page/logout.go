package page

import (
	"net/http"

	"zelus/internal/language"
)

// logoutBody asks who came by a link, which signs nobody out, whether they want to.
type logoutBody struct{ ReturnTo string }

func (p *Pages) askLogout(w http.ResponseWriter, r *http.Request) error {
	row, err := p.sessions.FindToRead(r)
	if err != nil {
		return p.nobody(w, err, "welcome")
	}
	v, err := p.own(w, r, "logout", "title.logout", language.Asked(r), row.Identity)
	if err != nil {
		return err
	}
	v.Narrow = true
	v.Body = &logoutBody{ReturnTo: r.URL.Query().Get("return_to")}
	return p.render(w, http.StatusOK, "logout.html", v)
}

// logout signs out whoever has pressed a button that says so.
func (p *Pages) logout(w http.ResponseWriter, r *http.Request) error {
	values, err := p.engine.Posted(r)
	if err != nil {
		return err
	}
	return p.engine.SignOut(w, r, values.String("return_to"))
}

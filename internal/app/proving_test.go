package app

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tidwall/sjson"
)

const (
	recoveryPage     = "https://app.example.org/recovery"
	verificationPage = "https://app.example.org/verification"
)

// proving is the configuration of a server that lets people regain access and
// prove addresses, with pairs of a key and its value in JSON laid over it.
func proving(pairs ...string) string {
	pairs = append([]string{
		"selfservice.flows.recovery", `{"enabled":true,"ui_url":"` + recoveryPage + `"}`,
		"selfservice.flows.verification", `{"enabled":true,"ui_url":"` + verificationPage + `"}`,
		"selfservice.methods.link.enabled", "true",
	}, pairs...)
	doc := "{}"
	for i := 0; i < len(pairs); i += 2 {
		var err error
		if doc, err = sjson.SetRaw(doc, pairs[i], pairs[i+1]); err != nil {
			panic(err) // a test that is written wrongly
		}
	}
	return doc
}

// provingByLink are the settings under which links are sent instead of codes.
func provingByLink(more ...string) string {
	return proving(append([]string{"selfservice.flows.recovery.use", `"link"`, "selfservice.flows.verification.use", `"link"`}, more...)...)
}

// letter is a message as whoever it is for reads it.
type letter struct {
	t                       testing.TB
	template, subject, body string
	raw                     string // as administrators see it
}

// mails are the messages to an address, text messages too, the newest first, whether
// or not they have left. Only a server with dev tells what they say.
func (s *server) mails(t testing.TB, to string) (all []letter) {
	t.Helper()
	for _, m := range s.operator(t).get("/admin/courier/messages?page_size=250&recipient=" + url.QueryEscape(to)).is(200).at("@this").Array() {
		all = append(all, letter{t, m.Get("template_type").String(), m.Get("subject").String(), m.Get("body").String(), m.Raw})
	}
	return all
}

// mail is the newest message to an address, which must be of this template.
func (s *server) mail(t testing.TB, to, template string) letter {
	t.Helper()
	all := s.mails(t, to)
	if len(all) == 0 || all[0].template != template {
		t.Fatalf("the newest message is no %s: %+v", template, all)
	}
	return all[0]
}

var (
	sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)
	anAddress = regexp.MustCompile(`https?://\S+`)
)

// code is the code in a message, which the subject of a mail has too; without one
// the test ends.
func (l letter) code() string {
	l.t.Helper()
	code := sixDigits.FindString(l.body)
	if code == "" || l.subject != "" && !strings.Contains(l.subject, code) {
		l.t.Fatalf("the message has no code: %s", l.raw)
	}
	return code
}

// link is the first address in a message; without one the test ends.
func (l letter) link() string {
	l.t.Helper()
	link := anAddress.FindString(l.body)
	if link == "" {
		l.t.Fatalf("the message has no link: %s", l.raw)
	}
	return link
}

// wrongFor is a code that is not the right one.
func wrongFor(code string) string {
	if strings.HasPrefix(code, "0") {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

// went is the form as it is after a submission that goes on.
func (c *client) went(f form, a answer, message int64) answer {
	c.t.Helper()
	if c.style == page {
		a.is(303)
		if got := a.query("flow"); got != f.id {
			c.t.Fatalf("%s leads to %q, not back to its form", a.what, a.header.Get("Location"))
		}
		a = c.fetch(f.kind, f.id)
	}
	return a.saying(200, message)
}

// replaced is the new form that took the place of one that cannot go on.
func (c *client) replaced(f form, a answer, message int64) answer {
	c.t.Helper()
	if a.status != 303 {
		c.t.Fatalf("%s: %d %s, not another form", a.what, a.status, a.body)
	}
	id := a.query("flow")
	if id == "" {
		id = a.query("id")
	}
	if id == "" || id == f.id {
		c.t.Fatalf("%s leads to %q, not to another form", a.what, a.header.Get("Location"))
	}
	return c.fetch(f.kind, id).saying(200, message)
}

// asked is a form of a new recovery or verification for which a message was
// sent to the address.
func (c *client) asked(kind, address string) form {
	c.t.Helper()
	f := c.begin(kind, "")
	a := c.submit(f, fields{"method": "code", "email": address})
	c.went(f, a, map[string]int64{"recovery": 1060003, "verification": 1080003}[kind])
	return f
}

// typed sends a code.
func (c *client) typed(f form, code string) answer {
	c.t.Helper()
	return c.submit(f, fields{"method": "code", "code": code})
}

// regained is the form for a new password that a client is led to which has its
// account back, and the session.
func (c *client) regained(a answer, p person) form {
	c.t.Helper()
	id := ""
	switch c.style {
	case page:
		id = a.leads(303, ownPage).query("flow")
	case script:
		id = mustURL(c.t, a.refused(422, "browser_location_change_required").at("redirect_browser_to").String()).Query().Get("flow")
	default:
		a.is(200)
		c.token = a.at(`continue_with.#(action=="set_ory_session_token").ory_session_token`).String()
		id = a.at(`continue_with.#(action=="show_settings_ui").flow.id`).String()
	}
	if got := c.whoami().is(200).at("identity.id").String(); got != p.id {
		c.t.Fatalf("somebody else is signed in: %s", got)
	}
	shown := c.fetch("settings", id)
	shown.saying(200, 1060001)
	return c.opened("settings", shown)
}

// csrfValue is the token in a form as JSON.
var csrfValue = regexp.MustCompile(`"name":"csrf_token","type":"hidden","value":"[^"]*"`)

// hostile changes the header Host of what it sends.
type hostile struct{ http.RoundTripper }

func (h *hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = "evil.example"
	return h.RoundTripper.RoundTrip(r)
}

package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zelus/internal/auth"
)

// Diagnostics know what the server expects of a browser, and so can say why what
// it sent was refused. All diagnoses are made in this file. What they repeat of a
// request are schemes, hosts and the names of our own cookies, since they are
// logged; the headers that they go by are believed for nothing else.
type Diagnostics struct {
	// Public is the public base URL, to which forms are sent.
	Public *url.URL
	CSRF   *CSRF
	// Session is the session cookie.
	Session BrowserCookie
	// Origins are those of pages that may send forms.
	Origins []string
}

// Form says why a form was not given to, or taken from, a browser: it is another
// one than the form was begun in, as far as its cookie shows.
func (d *Diagnostics) Form(r *http.Request) auth.Diagnosis {
	if _, err := r.Cookie(d.CSRF.name); err != nil {
		why, _ := d.missing(r, d.CSRF.name, d.CSRF.cookie, "cookies")
		return why
	}
	why := auth.Diagnosis{Sent: fmt.Sprintf("The cookie %s of another browser than the form was begun in.", short(d.CSRF.name)),
		Expected: "The cookie that the browser had when the form was begun. A sign-in and a sign-out give it a new one.",
		Change: fmt.Sprintf("Begin a new form in this browser, at %sself-service. If nobody gets further, several servers share this address with different secrets.default, "+
			"or the page's own server asks with a cookie that it keeps: it must pass on the header Cookie of its visitor.", d.Public)}
	if _, ok := d.CSRF.Secret(r); !ok {
		why.Sent = fmt.Sprintf("A cookie %s that this server never made, or of which a part is missing.", short(d.CSRF.name))
		why.Change = "Have the page, and the proxies before it, pass the header Cookie on as it is. In a browser, remove the cookies of this site."
	}
	return why
}

// Token says why a submission was not taken for its token's sake.
func (d *Diagnostics) Token(r *http.Request, token string) auth.Diagnosis {
	if _, ok := d.CSRF.Secret(r); !ok {
		return d.Form(r)
	}
	const where = "The value of the field csrf_token in ui.nodes of the form, in the body or in the header X-CSRF-Token."
	if token == "" {
		return auth.Diagnosis{Sent: "No token, though the cookie arrived.", Expected: where,
			Change: "Have the page send every field of the group default, hidden ones too, to ui.action."}
	}
	return auth.Diagnosis{Sent: "A token that does not belong to the cookie that arrived.", Expected: where + " It is of the browser's cookie at that time: a sign-in and a sign-out give a new one.",
		Change: "Load the form again. If that never helps, the page takes the token from a form that was fetched with another cookie, or changes it on the way."}
}

// ForeignPage says why a change was refused that a browser declares to come from
// a page of another site (see CrossSite).
func (d *Diagnostics) ForeignPage(r *http.Request) auth.Diagnosis {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	from := "a page that the browser calls " + named(site)
	if origin != "" {
		from = "a page of " + named(origin)
	}
	why := auth.Diagnosis{Sent: "A change from " + from + ".", Expected: "A page of " + some(d.Origins) + ".",
		Change: "Open the page at one of these. If this page is yours, name it in the ui_url of the flow, in selfservice.allowed_return_urls, or, with CORS on, in serve.public.cors.allowed_origins."}
	if page := pageOf(r); page != nil && page.Scheme != d.Public.Scheme && page.Host == d.Public.Host {
		why.Change = fmt.Sprintf("The schemes differ: open the page at %s, or set serve.public.base_url to the scheme by which browsers come.", Origin(d.Public))
	}
	return why
}

// NoSession says why a browser that may be signed in does not seem so: its cookie
// cannot arrive as things are, or cannot be read. ok is false where there is no
// sign of that: mostly nobody is signed in.
func (d *Diagnostics) NoSession(r *http.Request) (why auth.Diagnosis, ok bool) {
	value := d.Session.Value(r)
	if value == "" {
		return d.missing(r, d.Session.Name, d.Session.CookieOptions, "session.cookie")
	}
	return auth.Diagnosis{Sent: fmt.Sprintf("A cookie %s of a session that has ended, or that cannot be read.", d.Session.Name),
		Expected: "The cookie that this server gave at the sign-in, while the session lasts (session.lifespan).",
		Change:   "Sign in again. If it happens to everybody at once, secrets.cookie or secrets.default was replaced: put the former secret behind the new one. Servers behind one address need the same secrets and the same database."}, true
}

// missing says why a cookie did not arrive. evident is false where nothing shows
// why: the browser may just have none.
func (d *Diagnostics) missing(r *http.Request, name string, o CookieOptions, settings string) (why auth.Diagnosis, evident bool) {
	page, came, host := pageOf(r), cameTo(r), d.Public.Hostname()
	why.Sent = fmt.Sprintf("No cookie %s arrived (%s)", short(name), others(r))
	if page != nil {
		why.Sent += "; the page is at " + named(page.String())
	}
	why.Sent += fmt.Sprintf(", the request came to %s.", named(came.Host))
	scheme := came.Scheme
	if page != nil && page.Hostname() == came.Hostname() {
		scheme = cmp.Or(scheme, page.Scheme)
	}
	evident = true
	switch {
	case o.Domain != "" && !DomainCovers(o.Domain, host):
		why.Expected = fmt.Sprintf("A cookie for %s, but %s.domain is %s, so that browsers refuse it.", host, settings, o.Domain)
		why.Change = fmt.Sprintf("Set %s.domain to a domain that %s belongs to, or leave it out.", settings, host)
	case !PathCovers(o.Path, d.Public.Path+strings.TrimPrefix(r.URL.Path, "/")):
		why.Expected = fmt.Sprintf("A cookie for %s, but %s.path is %s, so that browsers keep it back.", d.Public, settings, o.Path)
		why.Change = fmt.Sprintf("Set %s.path to /, or to a path that serve.public.base_url is below.", settings)
	case came.Hostname() != host && (o.Domain == "" || !DomainCovers(o.Domain, came.Hostname())):
		why.Expected = fmt.Sprintf("Requests to %s, the host of serve.public.base_url, for which cookies are set.", host)
		why.Change = fmt.Sprintf("Open everything at %s, or set serve.public.base_url to the address by which browsers come. A proxy that replaces the header Host should pass the browser's on.", d.Public)
	case o.Secure && scheme == "http" && !Loopback(host):
		why.Expected = fmt.Sprintf("A browser that came over https: %s.secure is true, and it sends the cookie over nothing else.", settings)
		why.Change = fmt.Sprintf("Open everything at https://, with a proxy or serve.public.tls. For development only, start with --dev or set %s.secure: false.", settings)
	case page != nil && o.SameSite != http.SameSiteNoneMode && !OneSite(page, d.Public):
		why.Expected = fmt.Sprintf("A page of the same site as %s (serve.public.base_url): cookies are set for %s with SameSite=%s, and browsers do not send them from elsewhere.", Origin(d.Public), cmp.Or(o.Domain, host), sameSiteWord(o.SameSite))
		if Loopback(page.Hostname()) && Loopback(host) {
			there := *page
			there.Host = strings.Replace(page.Host, page.Hostname(), host, 1)
			why.Change = fmt.Sprintf("Open the page by the same host, at %s, or set serve.public.base_url to the page's host: to browsers %s and %s are different sites.", Origin(&there), named(page.Hostname()), host)
		} else {
			why.Change = fmt.Sprintf("Put the page and serve.public.base_url below one domain, with the same scheme, or set %[1]s.same_site: None and %[1]s.secure: true.", settings)
		}
	case r.Header.Get("Sec-Fetch-Mode") == "cors":
		evident = false // or nobody is signed in
		why.Expected = "Cookies, which browsers send along with a script's request to another origin only if it asks for that."
		why.Change = "Have the script ask with credentials: 'include', and allow its origin in serve.public.cors.allowed_origins with allow_credentials."
	case r.Header.Get("Sec-Fetch-Site") == "" && page == nil:
		evident = false
		why.Expected = "The cookies of the browser that began the form."
		why.Change = "If the server of a page asks, have it pass on the header Cookie of its visitor. In a browser, allow cookies."
	default:
		evident = false
		why.Expected = fmt.Sprintf("A browser that has begun at %sself-service, and keeps cookies of %s.", d.Public, cmp.Or(o.Domain, host))
		why.Change = "Begin again in this browser, with cookies allowed."
	}
	return why, evident
}

// Expired says why what was sent came too late: a form, or a code. It lasted as
// long as the setting says, and ended some time ago.
func Expired(what string, ago time.Duration, setting string) auth.Diagnosis {
	return auth.Diagnosis{Sent: fmt.Sprintf("A %s that ended %s ago.", what, ago.Round(time.Second)), Expected: fmt.Sprintf("A %s that lasts still (%s).", what, setting),
		Change: fmt.Sprintf("Have the page begin a new form. If people need longer, raise %s.", setting)}
}

// notURL says why a return_to cannot be read.
func notURL() auth.Diagnosis {
	return auth.Diagnosis{Sent: "A return_to that is no URL, or holds what none needs: line ends, backslashes, spaces around it.", Expected: "A complete address, percent-encoded as one parameter of the query.",
		Change: "Have the page that makes the link encode it, as encodeURIComponent does."}
}

// diagnosis says why an address is none that people are sent back to.
func (t *ReturnTo) diagnosis(u *url.URL) auth.Diagnosis {
	const setting = "selfservice.allowed_return_urls"
	entries := make([]string, len(t.allowed))
	for i, d := range t.allowed {
		entries[i] = d.scheme + "://" + d.host + d.path
	}
	why := auth.Diagnosis{Expected: "An address that begins like one of " + some(entries) + " (" + setting + ", and what belongs to the server itself)."}
	switch {
	case u.Scheme == "":
		why.Sent = "A return_to that is a path, or no complete address."
		why.Change = fmt.Sprintf("Send a complete address that is on the list, or a path of selfservice.default_browser_return_url (%s).", cmp.Or(t.host, "which has no host"))
		return why
	case u.User != nil || u.Opaque != "" || scripts(u.Scheme):
		why.Sent = fmt.Sprintf("A return_to of the scheme %s, which runs scripts, names a user, or leads nowhere.", named(u.Scheme))
		why.Change = "Send an address without these. No setting allows it."
		return why
	}
	origin := Origin(u)
	why.Sent = "A return_to of " + named(origin) + "."
	why.Change = fmt.Sprintf("If people may be sent there, add %s to %s.", named(origin+"/"), setting)
	for _, d := range t.allowed {
		switch host := lower(u.Host); {
		case d.host == host && d.scheme == u.Scheme:
			why.Sent = "A return_to of " + named(origin) + ", at a path that is not allowed there."
			why.Change = fmt.Sprintf("Send an address below %s, with a path that does not climb, or allow more of %s in %s.", d.path, named(origin), setting)
			return why
		case d.host == host:
			why.Change = fmt.Sprintf("The schemes differ: send %s://, or allow %s in %s.", d.scheme, named(origin+"/"), setting)
		case hostname(d.host) == hostname(host):
			why.Change = fmt.Sprintf("The ports differ: allow %s in %s.", named(origin+"/"), setting)
		}
	}
	return why
}

func hostname(hostport string) string { return (&url.URL{Host: hostport}).Hostname() }

// pageOf is the origin of the page that a request comes from; nil where nothing
// tells it.
func pageOf(r *http.Request) *url.URL {
	for _, name := range []string{"Origin", "Referer"} {
		if u, err := url.Parse(r.Header.Get(name)); err == nil && u.Host != "" {
			return &url.URL{Scheme: u.Scheme, Host: u.Host}
		}
	}
	return nil
}

// cameTo is where a request was sent to as far as its headers tell; the scheme is
// empty where nothing does. Anybody can write these headers: they are good for a
// diagnosis and nothing else.
func cameTo(r *http.Request) *url.URL {
	first := func(name string) string {
		value, _, _ := strings.Cut(r.Header.Get(name), ",")
		return strings.TrimSpace(value)
	}
	u := &url.URL{Scheme: lower(first("X-Forwarded-Proto")), Host: cmp.Or(first("X-Forwarded-Host"), r.Host)}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return u
}

// others says how many cookies did arrive.
func others(r *http.Request) string {
	switch n := len(r.Cookies()); n {
	case 0:
		return "nor any other"
	case 1:
		return "one other did"
	default:
		return fmt.Sprintf("%d others did", n)
	}
}

// short cuts the hash at the end of the name of a CSRF cookie.
func short(name string) string {
	const most = len("csrf_token_") + 8
	if len(name) > most {
		return name[:most] + "…"
	}
	return name
}

// named repeats a host, an origin or a word of a request: as it is where it is
// made of what these are made of, else quoted and cut.
func named(s string) string {
	if s == "" {
		return `""`
	}
	if strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.:/[]", c)
	}) {
		return fmt.Sprintf("%q", auth.Short(s))
	}
	return auth.Short(s)
}

// some lists a few of many.
func some(all []string) string {
	const few = 5
	if len(all) == 0 {
		return "none at all"
	}
	text := strings.Join(all[:min(len(all), few)], ", ")
	if more := len(all) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

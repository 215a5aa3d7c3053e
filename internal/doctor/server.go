package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"zelus/internal/auth"
	"zelus/internal/web"
)

// The addresses by which the doctor claims to come, one for each header in which
// proxies tell where a client is (RFC 5737: nobody has them). A server that takes
// one of them for the client's lets everybody choose their own.
const claimed = "192.0.2."

// claims are the headers in the order in which they count.
func claims() []string {
	return []string{"True-Client-Ip", "Cf-Connecting-Ip", "X-Real-Ip", "X-Forwarded-For"}
}

// server asks the server by the address that browsers use.
func server(ctx context.Context, x *exam, f *findings) {
	v := &visit{exam: x, findings: f, client: newClient(), at: x.base, asked: x.URL != nil}
	if v.asked {
		v.at = x.URL
		if v.at.String() != x.base.String() {
			f.warn(baseURL, fmt.Sprintf("Browsers come to %s, you say, and the public base URL is %s: links, forms and cookies are for that one.", v.at, x.base), "One address.", fmt.Sprintf("Set it to %s, unless you ask past the proxy on purpose.", v.at))
		}
	}
	defer v.client.CloseIdleConnections()
	if !v.alive(ctx) {
		return
	}
	v.login(ctx)
	v.admin(ctx)
	v.preflight(ctx)
	if f.clean() {
		f.ok("%s leads to this server, with its redirects and cookies.", v.at)
	}
}

// visit is the examination of a running server.
type visit struct {
	*exam
	*findings
	client *http.Client
	at     *url.URL // with a slash at the end of its path
	asked  bool     // that address was named by whoever asks
}

// answer is what came back, with the beginning of its body.
type answer struct {
	*http.Response
	body []byte
}

const (
	// askWithin bounds one request.
	askWithin = 5 * time.Second
	// maxBody is how much of an answer is read.
	maxBody = 1 << 20
)

// newClient makes a client that goes where it is told and no further.
func newClient() *http.Client {
	return &http.Client{Timeout: askWithin, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{ForceAttemptHTTP2: true, TLSHandshakeTimeout: askWithin}}
}

// get asks for a path below the address, with these headers.
func (v *visit) get(ctx context.Context, method, path string, header http.Header) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, v.at.JoinPath("/").String()+path, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	r.Header = header.Clone()
	r.Header.Set("User-Agent", "zelus-doctor")
	res, err := v.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	return answer{res, body}, err
}

// alive looks whether a server answers, whether it is this one, and what it sees.
func (v *visit) alive(ctx context.Context) bool {
	sight, err := web.NewSight(v.exam.config.Secrets.Default)
	if err != nil {
		return false // the configuration says so
	}
	question, number := sight.Ask()
	header := http.Header{"Accept": {"application/json"}, web.SightingHeader: {question}}
	for i, name := range claims() {
		header.Set(name, fmt.Sprint(claimed, i+1))
	}
	began := v.Clock()
	a, err := v.get(ctx, http.MethodGet, "health/alive", header)
	ended := v.Clock()
	if err != nil {
		seen, do := fmt.Sprintf("From here %s cannot be reached: %s.", v.at, why(err)), "Start the server and its proxy, or correct the address."
		if v.asked {
			v.problem(baseURL, seen, "A server that answers.", do)
		} else {
			v.warn(baseURL, seen, "A server that answers, once it is started.", do+" If only this machine cannot reach it, run the doctor elsewhere, or with --url.")
		}
		return false
	}
	var said struct {
		Status string `json:"status"`
	}
	const expected = `200 with {"status":"ok"}, from GET /health/alive.`
	switch to := a.Header.Get("Location"); {
	case to != "":
		v.problem(baseURL, fmt.Sprintf("%shealth/alive answers with a redirect to %s.", v.at, to), expected, "Set it to the address that the redirect leads to, or have the proxy pass the request on.")
		return false
	case a.StatusCode != http.StatusOK || json.Unmarshal(a.body, &said) != nil || said.Status != "ok":
		do := "Have the proxy pass all paths on to serve.public.host and port."
		if v.at.Path != "/" {
			do = fmt.Sprintf("Have the proxy take %s away from the path: the server itself listens at /health/alive.", v.at.Path)
		}
		v.problem(baseURL, fmt.Sprintf("%shealth/alive answers with the status %d, and not as this server does.", v.at, a.StatusCode), expected, do)
		return false
	}
	seen, err := sight.Read(a.Header.Get(web.SightingHeader), number)
	if err != nil {
		v.warn("secrets", fmt.Sprintf("What answers at %s does not know the secrets of this configuration.", v.at), "This server.", fmt.Sprintf("See that the server there runs with this file, its variables and this version. A proxy must pass the header %s on, in both directions.", web.SightingHeader))
		if date, err := http.ParseTime(a.Header.Get("Date")); err == nil {
			clock(v.findings, "the server", date, began, ended, time.Second)
		}
		return true
	}
	clock(v.findings, "the server", seen.Now, began, ended, 0)
	v.sees(seen)
	return true
}

// sees judges what the server sees of a request.
func (v *visit) sees(seen web.Sighting) {
	const proxies = "serve.public.trusted_proxies"
	c := v.exam.config
	switch {
	case seen.BaseURL != v.base.String():
		v.warn(baseURL, fmt.Sprintf("The running server has %s, this configuration %s.", seen.BaseURL, v.base), "The same.", "Restart the server with this configuration, or see which file and variables it has.")
	case seen.Revision != c.Revision:
		v.note("", "The running server has another configuration than this one, in something else than its public base URL.", "Restart it, or see which file, flags and variables it has.")
	}
	forwarded := slices.DeleteFunc(slices.Sorted(maps.Keys(seen.Headers)), func(name string) bool {
		return slices.Contains(claims(), name) && strings.HasPrefix(seen.Headers[name], claimed) && !strings.Contains(seen.Headers[name], ",")
	})
	switch {
	case strings.HasPrefix(seen.Client, claimed):
		var through []string
		for i, name := range claims() {
			if seen.Client == fmt.Sprint(claimed, i+1) {
				through = append(through, name)
			}
		}
		v.problem(proxies, fmt.Sprintf("The proxy (%s) is trusted and passes %s on as the client sent it: everybody can choose the address that sessions and limits see.", peer(seen), strings.Join(through, " and ")),
			"A proxy that overwrites the headers it uses and drops the others.", fmt.Sprintf("Have it set or drop %s; docs/howto/reverse-proxy.md has an example.", strings.Join(claims(), ", ")))
	case !seen.Trusted && len(forwarded) > 0:
		network := "the network of the proxy"
		if ip, err := netip.ParseAddr(seen.Peer); err == nil {
			network = netip.PrefixFrom(ip, ip.BitLen()).String()
		}
		v.warn(proxies, fmt.Sprintf("A proxy at %s sends %s, and is not believed: all sessions seem to come from it.", peer(seen), strings.Join(forwarded, ", ")), "Its network among the trusted ones.", "Add "+network+", if the proxy overwrites the headers it uses and drops the others.")
	case seen.Trusted && !slices.ContainsFunc(forwarded, func(name string) bool { return slices.Contains(claims(), name) }):
		v.warn(proxies, fmt.Sprintf("The proxy at %s is trusted, and tells nothing of where clients are: all sessions seem to come from it.", peer(seen)), "X-Real-IP or X-Forwarded-For.", "Have the proxy set X-Real-IP to the address of its peer.")
	}
	proto := strings.ToLower(seen.Headers["X-Forwarded-Proto"])
	if proto != "" && proto != v.at.Scheme {
		v.warn(baseURL, fmt.Sprintf("The proxy says that browsers come by %s, and the address is %s.", proto, v.at), "The same scheme.", "Correct the address, or what the proxy sends as X-Forwarded-Proto.")
	}
	host := seen.Headers["X-Forwarded-Host"]
	if host == "" {
		host = seen.Host
	}
	if !strings.EqualFold(host, v.at.Host) {
		v.note("", fmt.Sprintf("The server sees the host %s instead of %s. It does not go by it, but cannot tell in its log by which host somebody came.", host, v.at.Host), "Have the proxy pass the header Host on.")
	}
}

// peer names who has opened the connection.
func peer(seen web.Sighting) string {
	if seen.Peer == "" {
		return "a socket"
	}
	return seen.Peer
}

// login begins a login as a browser does, and goes the way of its form: where the
// redirect leads, what cookie comes along, and whether the form is given for it.
func (v *visit) login(ctx context.Context) {
	a, err := v.get(ctx, http.MethodGet, "self-service/login/browser", http.Header{"Accept": {"text/html"}})
	if err != nil {
		v.problem(baseURL, fmt.Sprintf("A login cannot be begun: %s.", why(err)), "A redirect to the login page.", "See the log of the proxy and of the server.")
		return
	}
	to, err := v.at.Parse(a.Header.Get("Location"))
	if a.StatusCode != http.StatusSeeOther || err != nil || a.Header.Get("Location") == "" {
		v.problem(baseURL, fmt.Sprintf("GET %sself-service/login/browser answers with the status %d.", v.at, a.StatusCode), "303, to the login page.", "Have the proxy pass all paths on. If the server itself fails, its log says why.")
		return
	}
	setting := "selfservice.flows.login.ui_url"
	if v.exam.config.UIURL(auth.Login) == "" {
		setting = baseURL
	}
	if want, err := v.base.Parse(v.exam.config.PageURL(auth.Login)); err == nil && web.Origin(to) != web.Origin(want) {
		v.problem(setting, fmt.Sprintf("A login begins with a redirect to %s.", web.Origin(to)), web.Origin(want)+".", "If the proxy rewrites Location, switch that off: addresses are complete already. Else the server runs with another configuration.")
	}
	k := v.cookie(a)
	if k == nil {
		return
	}
	query := to.Query()
	id := query.Get("flow")
	if id == "" {
		id = query.Get("id")
	}
	form, err := v.get(ctx, http.MethodGet, "self-service/login/flows?id="+url.QueryEscape(id), http.Header{"Accept": {"application/json"}, "Cookie": {k.Name + "=" + k.Value}})
	if err != nil {
		v.problem(baseURL, fmt.Sprintf("The form of a login cannot be fetched: %s.", why(err)), "The form.", "See the log of the proxy and of the server.")
		return
	}
	var said struct {
		UI struct {
			Action string `json:"action"`
		} `json:"ui"`
		Error struct {
			ID string `json:"id"`
		} `json:"error"`
	}
	_ = json.Unmarshal(form.body, &said) // what is no JSON has no action
	switch {
	case said.Error.ID == "security_csrf_violation":
		v.problem(baseURL, "The server does not see the cookie that it has just set.", "The header Cookie, as the browser sent it.", "Have the proxy pass the headers Cookie and Set-Cookie on as they are.")
	case said.Error.ID == "self_service_flow_not_found":
		v.problem("dsn", "The server does not know the form that it has just begun.", "One database behind one address.", "See that all servers behind the proxy have the same dsn.")
	case form.StatusCode != http.StatusOK:
		v.problem(baseURL, fmt.Sprintf("The form of a login is answered with the status %d.", form.StatusCode), "200.", "See the log of the proxy and of the server.")
	case !strings.HasPrefix(said.UI.Action, v.at.String()) && !strings.HasPrefix(said.UI.Action, v.base.String()):
		v.problem(baseURL, fmt.Sprintf("Forms are to be sent to %s.", originOf(said.UI.Action)), v.base.String(), "Restart the server with this configuration.")
	}
}

// cookie looks at the cookie of a login that has begun; nil where there is none.
func (v *visit) cookie(a answer) *http.Cookie {
	c := &v.exam.config.Cookies
	want := web.NewCSRF(v.base.String(), web.CookieOptions{}).Name()
	var k *http.Cookie
	for _, each := range a.Cookies() {
		if each.Name == want || k == nil && strings.HasPrefix(each.Name, "csrf_token_") {
			k = each
		}
	}
	host := v.at.Hostname()
	switch {
	case k == nil:
		v.problem("cookies", "A login begins without a cookie.", "A cookie "+want[:len("csrf_token_")+8]+"….", "Have the proxy pass the header Set-Cookie on.")
		return nil
	case k.Name != want:
		v.problem(baseURL, "The name of the cookie is that of another public base URL.", fmt.Sprintf("That of %s.", v.base), "Restart the server with this configuration.")
	}
	if k.Domain != "" && !web.DomainCovers(k.Domain, host) {
		v.problem("cookies.domain", fmt.Sprintf("The cookie is for %s, and came from %s: browsers refuse it.", k.Domain, host), fmt.Sprintf("%s, or a domain above it.", host), "Set it to that or leave it out. If it is set so, the proxy changes it.")
	}
	if !strings.EqualFold(strings.TrimPrefix(k.Domain, "."), strings.TrimPrefix(c.Domain, ".")) {
		v.warn("cookies.domain", fmt.Sprintf("The cookie arrives with the domain %q.", k.Domain), fmt.Sprintf("%q, as configured.", c.Domain), "See that the proxy does not rewrite cookies (proxy_cookie_domain and the like).")
	}
	if k.Secure && v.at.Scheme == "http" && !web.Loopback(host) {
		v.problem("cookies.secure", fmt.Sprintf("The cookie is for https only, and browsers come by %s: they refuse it.", v.at), "https://", "Serve https. For development only: --dev, or cookies.secure: false.")
	}
	if k.Secure != c.Secure {
		v.warn("cookies.secure", fmt.Sprintf("The cookie arrives with secure: %t.", k.Secure), fmt.Sprintf("%t, as configured.", c.Secure), "See that the proxy does not rewrite cookies.")
	}
	if k.Path != "" && !web.PathCovers(k.Path, v.at.Path) {
		v.problem("cookies.path", fmt.Sprintf("The cookie is for the path %s, and the server is at %s.", k.Path, v.at.Path), "/", "Set it to /. If it is, the proxy changes it.")
	}
	return k
}

// admin looks whether the admin API can be reached by the public address.
func (v *visit) admin(ctx context.Context) {
	a, err := v.get(ctx, http.MethodGet, "admin/identities?page_size=1", http.Header{"Accept": {"application/json"}})
	if err != nil {
		return // it cannot
	}
	const setting = "serve.admin.host"
	switch id := a.Header.Get("Ory-Error-Id"); {
	case a.StatusCode == http.StatusOK && strings.HasPrefix(strings.TrimSpace(string(a.body)), "["):
		v.problem(setting, fmt.Sprintf("Everybody can do everything: the admin API answers at %sadmin/.", v.at), "The admin API on a port of its own that strangers do not reach.", "Have the proxy pass /admin on to the public server, or to nobody, and make a key with `zelus keys create`.")
	case strings.HasPrefix(id, "admin_key_"):
		v.warn(setting, fmt.Sprintf("The admin API is reached at %sadmin/. It asks for a key.", v.at), "The admin API on a port of its own that strangers do not reach.", "Have the proxy pass /admin on to the public server, or to nobody.")
	}
}

// preflight asks as a browser does before a script of another origin may call.
func (v *visit) preflight(ctx context.Context) {
	cors := &v.exam.config.Serve.Public.CORS
	if !cors.Enabled {
		return
	}
	for _, p := range v.uiPages() {
		origin := web.Origin(p.url)
		if origin == web.Origin(v.at) || !web.AllowsOrigin(cors.AllowedOrigins, origin) {
			continue
		}
		a, err := v.get(ctx, http.MethodOptions, "self-service/login/browser", http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"GET"}})
		if err != nil {
			return
		}
		switch allowed := a.Header.Values("Access-Control-Allow-Origin"); {
		case len(allowed) > 1:
			v.problem(allowOrigins, fmt.Sprintf("Scripts of %s get two answers to whether they may call: %s.", origin, strings.Join(allowed, ", ")), "One header Access-Control-Allow-Origin.", "Let either the proxy or the server answer: take it out of the proxy.")
		case len(allowed) == 0 || allowed[0] != origin:
			v.problem(allowOrigins, fmt.Sprintf("Scripts of %s may not call by this address, though it is allowed.", origin), "Access-Control-Allow-Origin: "+origin+".", "Have the proxy pass OPTIONS on, and the headers Access-Control-*.")
		}
		return
	}
}

// originOf is the origin of an address for messages.
func originOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return web.Origin(u)
	}
	return "nowhere"
}

package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"zelus/internal/auth"
	"zelus/internal/ceremony"
	"zelus/internal/hash"
	"zelus/internal/schema"
	"zelus/internal/web"
)

const (
	baseURL      = "serve.public.base_url"
	returnList   = "selfservice.allowed_return_urls"
	allowOrigins = "serve.public.cors.allowed_origins"
)

// addresses looks at where the two servers are reached.
func addresses(_ context.Context, x *exam, f *findings) {
	host, public := x.base.Hostname(), &x.config.Serve.Public
	ip, _ := netip.ParseAddr(host)
	switch {
	case x.base.Scheme != "http" && x.base.Scheme != "https" || host == "":
		f.problem(baseURL, fmt.Sprintf("The public base URL is %s.", x.base), "A complete address, with http:// or https:// and a host.", "Set it to the address that browsers open.")
		return
	case ip.IsUnspecified():
		f.problem(baseURL, fmt.Sprintf("%s stands for every address of the machine; no browser can open it.", host), "A name or an address that browsers open.", "Set it to that.")
	case public.BaseURL == "" && !x.config.Dev:
		f.warn(baseURL, fmt.Sprintf("No public base URL is set, so that links, forms and cookies are for %s, made from the name of this machine.", x.base),
			"The address that browsers open.", "Set it, for example to https://id.example.org/.")
	}
	if x.base.RawQuery != "" || x.base.Fragment != "" || x.base.User != nil {
		f.problem(baseURL, "The public base URL has a query, a fragment or a user.", "Scheme, host, perhaps a port and a path.", "Leave the rest out.")
	}
	switch local := web.Loopback(host); {
	case x.base.Scheme == "http" && !local:
		f.warn(baseURL, "Passwords and cookies go over the network unencrypted.", "https://", "Put a proxy with TLS before the server, or set serve.public.tls, and change the scheme.")
	case x.config.Dev && !local:
		f.warn("dev", fmt.Sprintf("The server is reached at %s, and runs for development: it shows the mail of everybody and takes weak settings.", host), "dev: false, where others reach it.", "Leave it out.")
	case x.base.Scheme == "https" && public.TLS.Cert.Path == "" && public.TLS.Cert.Base64 == "" && len(public.TrustedProxies) == 0:
		f.note("serve.public.trusted_proxies", "The server speaks plain HTTP, so a proxy stands before it, and is believed nothing: all sessions seem to come from its address.",
			"Name the network of the proxy, for example 127.0.0.1/32.")
	}
	admin := &x.config.Serve.Admin
	if open(admin.Host) && admin.RequireKey != nil && !*admin.RequireKey {
		f.warn("serve.admin.require_key", fmt.Sprintf("The admin server listens at %s and asks nobody for a key: whoever reaches its port can do everything.", admin.Host),
			"A key, or a port that only this machine reaches.", "Make a key with `zelus keys create` and leave the line out, or set serve.admin.host: 127.0.0.1.")
	} else if open(admin.Host) && admin.RequireKey == nil {
		f.note("serve.admin.host", fmt.Sprintf("The admin server listens at %s. Until the first API key is made, whoever reaches its port can do everything.", admin.Host),
			"Make a key with `zelus keys create`, or set serve.admin.host: 127.0.0.1.")
	}
	if f.clean() {
		f.ok("Browsers come to %s, services to %s.", x.base, x.config.AdminURL())
	}
}

// open says whether others than this machine reach what listens there.
func open(host string) bool {
	if strings.HasPrefix(host, "unix:") {
		return false
	}
	return host == "" || !web.Loopback(host)
}

// cookies looks whether browsers keep the cookies and send them back.
func cookies(_ context.Context, x *exam, f *findings) {
	all, own := &x.config.Cookies, &x.config.Session.Cookie
	attributes := func(prefix, domain, path, sameSite string, secure bool, same bool) {
		host := x.base.Hostname()
		switch {
		case domain == "" || same && domain == all.Domain:
		case !web.DomainCovers(domain, host):
			f.problem(prefix+".domain", fmt.Sprintf("The cookies are for %s, but the server is at %s: browsers refuse them.", domain, host), fmt.Sprintf("%s, or a domain above it.", host), "Set it to that, or leave it out.")
		case isSuffix(domain):
			f.problem(prefix+".domain", fmt.Sprintf("%s is a domain below which anybody can have a name: browsers refuse cookies for all of it.", domain), "A domain of your own.", "Set it to that, or leave it out.")
		}
		if path != "" && !(same && path == all.Path) && !web.PathCovers(path, x.base.Path) {
			f.problem(prefix+".path", fmt.Sprintf("The cookies are for the path %s, but the server is at %s: browsers do not send them there.", path, x.base.Path), "/, or a path that the server is below.", "Set it to /.")
		}
		secureKey := prefix + ".secure"
		switch repeated := same && secure == all.Secure && !x.config.Configured(secureKey); {
		case repeated:
		case secure && x.base.Scheme == "http" && !web.Loopback(host):
			f.problem(secureKey, fmt.Sprintf("The cookies are for https only, but the public base URL is %s: browsers keep none of them.", x.base), "https:// in serve.public.base_url.",
				"Serve https, with a proxy or serve.public.tls. For development only: --dev, or "+secureKey+": false.")
		case secure && x.base.Scheme == "http":
			f.note(secureKey, "The cookies are for https only, and the server is reached over http on this machine: Chrome and Firefox keep them nevertheless, Safari does not.", "Start with --dev for development.")
		case !secure && x.base.Scheme == "https":
			f.warn(secureKey, "The cookies would go over plain HTTP too, though the server is reached over https.", "true", "Leave the line out, or set it to true.")
		}
		if sameSite == "None" && !secure {
			f.problem(prefix+".same_site", "Cookies with SameSite=None and without Secure are refused by browsers.", "secure: true with None, or Lax.", "Set "+secureKey+": true, or leave same_site out.")
		}
	}
	attributes("cookies", all.Domain, all.Path, all.SameSite, all.Secure, false)
	attributes("session.cookie", own.Domain, own.Path, own.SameSite, own.Secure, true)
	if own.SameSite == "Strict" {
		f.note("session.cookie.same_site", "With Strict nobody seems signed in who comes by a link from another site or a mail.", "Use Lax, unless that is wanted.")
	}
	if f.clean() {
		scope := "For this host alone"
		if all.Domain != "" {
			scope = "For " + all.Domain + " and all below it"
		}
		f.ok("%s, SameSite=%s, secure: %t.", scope, all.SameSite, all.Secure)
	}
}

// isSuffix says whether a domain is one that people register names below, such
// as com, co.uk or github.io.
func isSuffix(domain string) bool {
	domain = strings.ToLower(strings.TrimPrefix(domain, "."))
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain && domain != "localhost"
}

// uiPage is a page that shows a form.
type uiPage struct {
	setting string
	url     *url.URL
	form    bool // it sends one
}

// uiPages are those that are configured for what is switched on.
func (x *exam) uiPages() []uiPage {
	var all []uiPage
	for _, p := range x.config.UIPages() {
		if u, err := x.base.Parse(p.URL); p.Enabled && p.URL != "" && err == nil {
			all = append(all, uiPage{p.Setting(), u, p.Form()})
		}
	}
	return all
}

// pages looks whether the configured pages are there, and can work with the
// server's cookies.
func pages(ctx context.Context, x *exam, f *findings) {
	all := x.uiPages()
	if len(all) == 0 {
		f.ok("The built-in ones, at %s.", x.config.BuiltInPage(""))
		return
	}
	asked := ask(ctx, all)
	aside, told := "", map[string]bool{}
	for i, p := range all {
		u, origin := p.url, web.Origin(p.url)
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			f.problem(p.setting, fmt.Sprintf("The page is at %s, which no browser opens.", u), "A complete address, with http:// or https://.", "Set it to the address of the page.")
			continue
		}
		if p.form && !told[origin] {
			oneSite(p, x, f)
		}
		if p.form && web.OneSite(u, x.base) && !strings.EqualFold(u.Hostname(), x.base.Hostname()) && !(x.config.Cookies.Domain != "" && web.DomainCovers(x.config.Cookies.Domain, u.Hostname())) {
			aside = u.Hostname()
		}
		switch seen := asked[i]; {
		case seen.err != nil && !told[origin+" is not there"]:
			told[origin+" is not there"] = true
			f.warn(p.setting, fmt.Sprintf("From here %s cannot be opened: %s.", origin, why(seen.err)), "Pages that browsers can open.", "Start what serves them, or correct the address. If only this machine cannot reach it, all is well.")
		case seen.status == http.StatusNotFound || seen.status >= http.StatusInternalServerError:
			f.warn(p.setting, fmt.Sprintf("%s%s answers with the status %d.", origin, u.Path, seen.status), "A page that shows the form, by ?flow=.", "Correct the address, or the page.")
		}
		told[origin] = told[origin] || p.form
	}
	if aside != "" {
		f.note("cookies.domain", fmt.Sprintf("Pages are at %s, and the cookies are for %s alone: the server of a page never sees them, scripts of a page have to ask with credentials.", aside, x.base.Hostname()),
			fmt.Sprintf("If the server of a page fetches forms or sessions, set it to %s.", web.Registrable(aside)))
	}
	if f.clean() {
		f.ok("%d pages can be opened.", len(all))
	}
}

// oneSite looks whether browsers send the server's cookies with the forms of a page.
func oneSite(p uiPage, x *exam, f *findings) {
	origin, server, cookies := web.Origin(p.url), web.Origin(x.base), x.config.Cookies.SameSite
	switch {
	case web.OneSite(p.url, x.base) || cookies == "None":
	case web.Registrable(p.url.Hostname()) == web.Registrable(x.base.Hostname()):
		f.problem(p.setting, fmt.Sprintf("Pages are at %s, the server at %s: browsers keep cookies of the one from the other.", origin, server), "The same scheme, https.", "Change the scheme here, and of other pages there, or in serve.public.base_url.")
	default:
		f.problem(p.setting, fmt.Sprintf("Pages are at %s, the server at %s: to browsers these are two sites, and with SameSite=%s they send no cookies from one to the other.", origin, server, cookies),
			"Pages on the site of serve.public.base_url.", "Use one host, or hosts of one domain, for all; localhost and 127.0.0.1 are two. Or set cookies.same_site: None and cookies.secure: true.")
	}
}

// returnURLs looks at where people are sent back to.
func returnURLs(_ context.Context, x *exam, f *findings) {
	s := &x.config.SelfService
	legacy := x.config.FeatureFlags.LegacyAllowInsecureOrigins
	for i, entry := range s.AllowedReturnURLs {
		setting := fmt.Sprintf("%s.%d", returnList, i)
		u, err := url.Parse(entry)
		switch {
		case web.Allows(entry, s.DefaultBrowserReturnURL, legacy):
			if web.Unbounded(u.Host) {
				f.problem(setting, fmt.Sprintf("%s matches hosts of other people: the server is an open redirect.", entry), "A star before a domain of your own, such as https://*.example.org.", "Name it, and leave feature_flags.legacy_allow_insecure_origins out.")
			}
		case err == nil && web.Unbounded(u.Host):
			f.problem(setting, fmt.Sprintf("%s counts for nothing, because its star reaches beyond one domain.", entry), "A star before a domain of your own, such as https://*.example.org.", "Name that domain.")
		default:
			f.problem(setting, "The entry counts for nothing: it is no address, or one with a user or of a scheme that runs scripts.", "A complete address, such as https://app.example.org/.", "Correct it.")
		}
		if err == nil && u.Scheme == "http" && x.base.Scheme == "https" && !web.Loopback(u.Hostname()) {
			f.warn(setting, "People are sent from https to http, where others can read along.", "https://", "Change the scheme.")
		}
	}
	home, err := x.base.Parse(s.DefaultBrowserReturnURL)
	if err != nil || home.Host == "" {
		f.problem("selfservice.default_browser_return_url", "Where browsers go by default is no address.", "A complete address, such as https://app.example.org/.", "Correct it.")
	}
	if f.clean() {
		f.ok("%d besides the server's own.", len(s.AllowedReturnURLs))
	}
}

// crossOrigin looks whether pages of other origins may call (the Fetch standard,
// section 3.3).
func crossOrigin(_ context.Context, x *exam, f *findings) {
	cors := &x.config.Serve.Public.CORS
	var foreign []uiPage
	for _, p := range x.uiPages() {
		same := func(q uiPage) bool { return web.Origin(q.url) == web.Origin(p.url) }
		if p.form && web.Origin(p.url) != web.Origin(x.base) && !slices.ContainsFunc(foreign, same) {
			foreign = append(foreign, p)
		}
	}
	if !cors.Enabled {
		if len(foreign) == 0 {
			f.ok("Off. No page is of another origin.")
			return
		}
		f.note("serve.public.cors.enabled", fmt.Sprintf("%s is another origin than the server, and CORS is off: scripts of the page cannot call. Forms and servers of pages can.", web.Origin(foreign[0].url)),
			"If pages fetch forms by script, set it to true and name their origins in allowed_origins.")
		return
	}
	if !cors.AllowCredentials {
		f.warn("serve.public.cors.allow_credentials", "Scripts of other origins may call, but without cookies, so that they can neither fetch nor send a form.", "true", "Leave the line out.")
	}
	var counted []string
	for i, origin := range cors.AllowedOrigins {
		setting := fmt.Sprintf("%s.%d", allowOrigins, i)
		switch unbounded, legacy := web.Unbounded(origin), x.config.FeatureFlags.LegacyAllowInsecureOrigins; {
		case unbounded && legacy && cors.AllowCredentials:
			f.problem(setting, fmt.Sprintf("%s, with cookies, lets pages of everybody act as whoever visits them.", origin), "Origins of your own.", "Name them, and leave feature_flags.legacy_allow_insecure_origins out.")
		case unbounded && !legacy:
			f.warn(setting, fmt.Sprintf("%s counts for nothing, because it stands for origins of everybody, and those may not use cookies.", origin), "Origins such as https://app.example.org or https://*.example.org.", "Name the origins of your pages.")
			continue
		}
		counted = append(counted, origin)
	}
	for _, p := range foreign {
		if !web.AllowsOrigin(counted, web.Origin(p.url)) {
			f.warn(allowOrigins, fmt.Sprintf("%s, the origin of %s, is not allowed: scripts of that page cannot call.", web.Origin(p.url), p.setting), "The origins of all pages that fetch forms by script.", "Add "+web.Origin(p.url)+".")
		}
	}
	if f.clean() {
		f.ok("%d origins may call.", len(counted))
	}
}

// securityKeys looks whether browsers make and take keys on the pages that ask for
// them (W3C WebAuthn, sections 5.1.3 and 5.11).
func securityKeys(_ context.Context, x *exam, f *findings) {
	methods := &x.config.SelfService.Methods
	var on []*ceremony.Party
	if methods.WebAuthn.Enabled {
		on = append(on, ceremony.SecurityKeys(x.config))
	}
	if methods.Passkey.Enabled {
		on = append(on, ceremony.Passkeys(x.config))
	}
	if len(on) == 0 {
		f.ok("Off.")
		return
	}
	pages := x.keyPages()
	for _, party := range on {
		id := party.Setting + ".id"
		switch _, err := netip.ParseAddr(party.ID); {
		case err == nil:
			f.problem(id, fmt.Sprintf("%s is an IP address: browsers make no keys for one.", party.ID), "A domain, or localhost for development.", "Set it to the domain that the pages are at, and open them there.")
			continue
		case isSuffix(party.ID):
			f.problem(id, fmt.Sprintf("Below %s anybody can have a name: browsers make no keys for it.", party.ID), "A domain of your own.", "Set it to the domain that the pages are at, or one above it.")
			continue
		}
		seen := map[string]bool{}
		for _, p := range pages {
			if origin := web.Origin(p.url); !seen[origin] {
				seen[origin] = true
				keysAt(p, party, f)
			}
		}
	}
	if f.clean() {
		f.ok("For %s.", on[0].ID)
	}
}

// keysAt looks whether browsers make and take the keys of a party on a page.
func keysAt(p uiPage, party *ceremony.Party, f *findings) {
	origin := web.Origin(p.url)
	if _, err := netip.ParseAddr(p.url.Hostname()); err == nil {
		f.problem(p.setting, fmt.Sprintf("A page is at %s, and browsers have no keys on an IP address.", origin), fmt.Sprintf("A page at %s, for which keys are, or below it.", party.ID), "Set it to an address with a name; for development localhost is one.")
		return
	}
	listed := slices.Contains(party.Origins, origin)
	switch covered := web.DomainCovers(party.ID, p.url.Hostname()); {
	case !covered && !listed:
		f.problem(party.Setting+".id", fmt.Sprintf("Keys are for %s, and the page of %s is at %s: browsers refuse them there.", party.ID, p.setting, origin), fmt.Sprintf("%s, or a domain above it.", p.url.Hostname()), "Set it to that, before anybody has a key: keys are for the id that they were made with.")
	case !listed:
		f.problem(party.Setting+".origins", fmt.Sprintf("%s, where the page of %s is, is not among the origins (%s): the server refuses keys that are used there.", origin, p.setting, strings.Join(party.Origins, ", ")), "The origins of all pages.", "Add "+origin+".")
	case !covered:
		f.note(party.Setting+".origins", fmt.Sprintf("%s is on another domain than the id %s. Browsers allow that if they find it at https://%s/.well-known/webauthn, and only the newer ones.", origin, party.ID, party.ID), "See that this address leads to the server.")
	}
	if p.url.Scheme != "https" && !web.Loopback(p.url.Hostname()) {
		f.problem(p.setting, fmt.Sprintf("%s is not https: browsers have no keys there.", origin), "https://", "Serve the page over https.")
	}
}

// keyPages are those where keys are made and used, built-in ones too.
func (x *exam) keyPages() []uiPage {
	var all []uiPage
	for _, p := range x.config.UIPages() {
		if !p.Enabled || !slices.Contains([]auth.Kind{auth.Login, auth.Registration, auth.Settings}, auth.Kind(p.Flow)) {
			continue
		}
		if p.URL == "" {
			all = append(all, uiPage{baseURL, x.base, true})
		} else if u, err := x.base.Parse(p.URL); err == nil {
			all = append(all, uiPage{p.Setting(), u, true})
		}
	}
	return all
}

// schemas looks whether people can sign in and regain access with what the
// schemas ask of them.
func schemas(_ context.Context, x *exam, f *findings) {
	if x.checked == nil {
		return // the configuration says why
	}
	methods, flows := &x.config.SelfService.Methods, &x.config.SelfService.Flows
	all := x.checked.Schemas.All()
	for i, s := range all {
		setting := fmt.Sprintf("identity.schemas.%d.url", i)
		has := func(what func(schema.Field) bool) bool { return slices.ContainsFunc(s.Fields(), what) }
		byPassword := has(func(f schema.Field) bool { return f.Password })
		byCode := has(func(f schema.Field) bool { return f.Code })
		byKey := has(func(f schema.Field) bool { return f.WebAuthn })
		in := methods.Password.Enabled && byPassword || methods.Code.PasswordlessEnabled && byCode ||
			methods.WebAuthn.Enabled && methods.WebAuthn.Config.Passwordless && byKey || methods.Passkey.Enabled
		if !in {
			f.problem(setting, fmt.Sprintf("Nobody of the schema %s can sign in: it has no identifier for any method that is on.", s.ID()), "A trait that names people, such as an address.",
				`Give the trait "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}, or switch a method on that it has an identifier for.`)
		}
		if methods.Passkey.Enabled && len(s.PasskeyFields()) == 0 {
			f.note(setting, fmt.Sprintf("Passkeys of the schema %s have no name of their own to be told apart by.", s.ID()), `Give a trait "ory.sh/kratos": {"credentials": {"passkey": {"display_name": true}}}.`)
		}
		recoverable := has(func(f schema.Field) bool { return f.RecoverVia != "" })
		switch {
		case flows.Recovery.Enabled && !recoverable:
			f.problem(setting, fmt.Sprintf("Recovery is on, but nobody of the schema %s has an address to recover by.", s.ID()), "A trait that is an address to recover by.", `Give the trait "ory.sh/kratos": {"recovery": {"via": "email"}}.`)
		case !flows.Recovery.Enabled && methods.Password.Enabled && byPassword:
			f.note("selfservice.flows.recovery.enabled", fmt.Sprintf("Recovery is off: whoever of the schema %s forgets their password needs an administrator.", s.ID()), "Set it to true.")
		}
		if flows.Verification.Enabled && !has(func(f schema.Field) bool { return f.VerifyVia != "" }) {
			f.problem(setting, fmt.Sprintf("Verification is on, but nobody of the schema %s has an address to verify.", s.ID()), "A trait that is an address to verify.", `Give the trait "ory.sh/kratos": {"verification": {"via": "email"}}.`)
		}
		texted := has(func(f schema.Field) bool { return f.CodeVia == "sms" || f.VerifyVia == "sms" || f.RecoverVia == "sms" })
		if texted && !x.config.TextsPhones() && !x.config.Dev {
			f.problem("courier.channels", fmt.Sprintf("The schema %s has phone numbers that text messages are sent to, and there is no channel for them.", s.ID()), "A channel with id: sms.", "Add one, or use mail addresses.")
		}
	}
	for _, kind := range []struct{ name, use string }{{"recovery", flows.Recovery.Use}, {"verification", flows.Verification.Use}} {
		on := kind.name == "recovery" && flows.Recovery.Enabled || kind.name == "verification" && flows.Verification.Enabled
		if on && (kind.use == "code" && !methods.Code.Enabled || kind.use == "link" && !methods.Link.Enabled) {
			f.problem("selfservice.flows."+kind.name+".use", fmt.Sprintf("The flow %s sends by the method %s, which is off: nobody gets anything.", kind.name, kind.use), "A method that is on.", fmt.Sprintf("Set selfservice.methods.%s.enabled: true.", kind.use))
		}
	}
	if f.clean() {
		var ids []string
		for _, s := range all {
			ids = append(ids, s.ID())
		}
		f.ok("%s: people have something to sign in with.", strings.Join(ids, ", "))
	}
}

// strongSecret is the length in bytes of a secret that is worth its place.
const strongSecret = 32

// secrets looks at the keys of the server. It repeats none of them.
func secrets(_ context.Context, x *exam, f *findings) {
	s := &x.config.Secrets
	lists := []struct {
		name string
		all  []string
	}{{"default", s.Default}, {"cookie", s.Cookie}, {"cipher", s.Cipher}, {"pagination", s.Pagination}}
	configured, rotated := []string{}, 0
	for _, list := range lists {
		setting := "secrets." + list.name
		if !x.config.Configured(setting) {
			continue
		}
		configured = append(configured, list.name)
		rotated += len(list.all) - 1
		for i, secret := range list.all {
			at := fmt.Sprintf("%s.%d", setting, i)
			switch {
			case distinct(secret) < 10:
				f.warn(at, fmt.Sprintf("A secret is made of few different characters (%d).", distinct(secret)), "A random text.", "Put one in front, for example of `openssl rand -hex 16`, and leave this one behind it until all sessions have ended.")
			case len(secret) < strongSecret:
				f.warn(at, fmt.Sprintf("A secret has %d characters.", len(secret)), fmt.Sprintf("%d or more, random.", strongSecret), "Put a longer one in front, and leave this one behind it until all sessions have ended.")
			}
			for _, other := range lists {
				if other.name > list.name && x.config.Configured("secrets."+other.name) && slices.Contains(other.all, secret) {
					f.note(at, fmt.Sprintf("The same secret stands in secrets.%s.", other.name), "Give each list one of its own, so that they can be replaced apart.")
				}
			}
		}
		if n := len(list.all) - 1; n > 4 {
			f.note(setting, fmt.Sprintf("There are %d former secrets, and each costs a try.", n), "Take away those that are older than the longest session (session.lifespan).")
		}
	}
	if len(configured) == 0 {
		f.note("secrets", "None are configured: the server has made its own, and keeps them in a file beside the database. Without that file nobody stays signed in, and authenticator apps are lost.", "Back the file up with the database, or configure secrets.cookie and secrets.cipher.")
		return
	}
	if !slices.Contains(configured, "cipher") {
		f.note("secrets.cipher", "There is none of its own, so that what is encrypted in the database (authenticator apps, backup codes) hangs on the first list of secrets.", "Set it before you ever take a former secret away.")
	}
	if f.clean() {
		f.ok("%s configured, %d former ones are still read.", strings.Join(configured, ", "), rotated)
	}
}

// distinct counts the different bytes of a text.
func distinct(s string) int {
	seen := map[byte]bool{}
	for i := range len(s) {
		seen[s[i]] = true
	}
	return len(seen)
}

// How long one hash should take. Guessing should cost an attacker something, and
// a sign-in not keep anybody waiting.
const (
	tooFast = 20 * time.Millisecond
	tooSlow = time.Second
)

// passwords measures how long one hash takes on this machine.
func passwords(ctx context.Context, x *exam, f *findings) {
	if !x.config.SelfService.Methods.Password.Enabled {
		f.ok("Off.")
		return
	}
	if x.checked == nil {
		return
	}
	pool, err := hash.NewPool(hash.Options{Params: x.checked.Hashing, Workers: 1, Clock: x.Clock, MaxWait: within})
	if err != nil {
		f.blame(err)
		return
	}
	defer pool.Close()
	const example = "violet-kayak-sings-at-noon"
	if _, err := pool.Generate(ctx, example); err != nil { // the first one warms up
		f.blame(err)
		return
	}
	began := x.Clock()
	if _, err := pool.Generate(ctx, example); err != nil {
		f.blame(err)
		return
	}
	hashing(x.config.Hashers.Algorithm, x.Clock().Sub(began), f)
}

// hashing judges how long one hash took.
func hashing(algorithm string, took time.Duration, f *findings) {
	setting := "hashers.bcrypt.cost"
	if algorithm == "argon2" {
		setting = "hashers.argon2.memory"
	}
	shown := took.Round(time.Millisecond)
	switch {
	case took < tooFast:
		f.note(setting, fmt.Sprintf("One hash (%s) takes %s on this machine, which makes guessing cheap for whoever has the database.", algorithm, shown), "Raise it until a hash takes 100 to 500 ms, if the machine can spare that.")
	case took > tooSlow:
		f.warn(setting, fmt.Sprintf("One hash (%s) takes %s on this machine: people wait that long to sign in, and each core checks fewer than one password a second.", algorithm, shown), "100 to 500 ms.", "Lower it, or use a faster machine.")
	default:
		f.ok("One hash (%s) takes %s here: a core checks %.1f passwords a second.", algorithm, shown, 1/max(took, time.Millisecond).Seconds())
	}
}

package test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

var plainHost = regexp.MustCompile(`^[A-Za-z0-9.:%-]+$`)

// raw is a request whose target is sent as it stands.
func (b *trial) raw(method, base, target, body string, headers ...string) *http.Request {
	b.t.Helper()
	contentType := ""
	if body != "" {
		contentType = asJSON
	}
	r := b.request(method, base, contentType, body, headers...)
	r.URL.Opaque = target
	return r
}

// addresses puts what is no id into each path, and what makes no sense into
// each parameter.
func (b *trial) addresses() {
	long := strings.Repeat("a", 8000)
	key := []string{"Authorization", "Bearer " + b.key}
	token := []string{"X-Session-Token", b.token}
	ids := []string{"x", "0", "-1", "null", "undefined", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", b.id + "x", b.id[:35], b.id[1:], "%7b" + b.id + "%7d", "urn:uuid:" + b.id,
		strings.ReplaceAll(b.id, "-", ""), strings.ReplaceAll(b.id, "-", "_"), b.id + "%00", "%00", "%00" + b.id, b.id + "%20", "%20" + b.id, b.id + "%0a", "%ef%bb%bf" + b.id, "%ff", "\xff", "%ed%a0%80", "%c0%ae", "%25", "%2525", "%2e%2e", "..%2f..%2fetc%2fpasswd", "..%5c..", "%2f", "%5c",
		b.id + "%2fsessions", b.id + ";a=b", b.id + ",", "*", "'%20OR%20'1'='1", "%3cscript%3e", "%22", "%0d%0aSet-Cookie:%20a=b", "%e2%80%8b", "%d9%a1%d9%a2", long, strings.Repeat("%00", 2000), strings.Repeat("%2f", 2000), strings.Repeat("0", 36)}
	for _, id := range ids {
		for _, at := range []struct {
			method, base, before, after, body string
			headers                           []string
		}{
			{"GET", b.s.Admin, "/admin/identities/", "", "", key},
			{"PUT", b.s.Admin, "/admin/identities/", "", `{"schema_id":"default","traits":{"email":"nobody@example.org"},"state":"active"}`, key},
			{"PATCH", b.s.Admin, "/admin/identities/", "", `[{"op":"replace","path":"/traits/name","value":"x"}]`, key},
			{"DELETE", b.s.Admin, "/admin/identities/", "", "", key},
			{"GET", b.s.Admin, "/identities/", "", "", key},
			{"GET", b.s.Admin, "/admin/identities/by/external/", "", "", key},
			{"GET", b.s.Admin, "/admin/identities/", "/sessions", "", key},
			{"DELETE", b.s.Admin, "/admin/identities/", "/sessions", "", key},
			{"DELETE", b.s.Admin, "/admin/identities/", "/credentials/password", "", key},
			{"DELETE", b.s.Admin, "/admin/identities/" + b.id + "/credentials/", "", "", key},
			{"GET", b.s.Admin, "/admin/sessions/", "", "", key},
			{"DELETE", b.s.Admin, "/admin/sessions/", "", "", key},
			{"PATCH", b.s.Admin, "/admin/sessions/", "/extend", "", key},
			{"DELETE", b.s.Admin, "/admin/keys/", "", "", key},
			{"GET", b.s.Public, "/schemas/", "", "", nil},
			{"DELETE", b.s.Public, "/sessions/", "", "", token},
			{"GET", b.s.Public, "/self-service/login/flows?id=", "", "", nil},
			{"GET", b.s.Public, "/self-service/registration/flows?id=", "", "", nil},
			{"GET", b.s.Public, "/self-service/settings/flows?id=", "", "", token},
			{"POST", b.s.Public, "/self-service/login?flow=", "", `{}`, nil},
			{"POST", b.s.Public, "/self-service/registration?flow=", "", `{}`, nil},
			{"POST", b.s.Public, "/self-service/settings?flow=", "", `{}`, token},
			{"GET", b.s.Public, "/self-service/errors?id=", "", "", nil},
			{"GET", b.s.Public, "/self-service/settings/browser?flow=", "", "", token},
			{"GET", b.s.Public, "/api/kratos/admin/identities/", "", "", key},
			{"DELETE", b.s.Public, "/api/kratos/admin/identities/", "", "", key},
			{"GET", b.s.Public, "/api/kratos/admin/identities/", "/sessions", "", key},
			{"PATCH", b.s.Public, "/api/kratos/admin/sessions/", "/extend", "", key},
			{"GET", b.s.Public, "/api/kratos/public/schemas/", "", "", nil},
			{"DELETE", b.s.Public, "/api/kratos/public/sessions/", "", "", token},
			{"GET", b.s.Public, "/api/kratos/public/self-service/login/flows?id=", "", "", nil},
			{"POST", b.s.Public, "/api/kratos/public/self-service/login?flow=", "", `{}`, nil},
		} {
			b.try("ids that are none", at.before+id, b.raw(at.method, at.base, at.before+id+at.after, at.body, at.headers...), false)
		}
	}

	values := []string{"", "x", "-1", "0", "1.5", "99999999999999999999999", "1e9", "NaN", "0x10", "%00", "a%00b", "%ff", "\xff\xfe", "\xc3", "%zz", "%", "a;b", "%ed%a0%80", "+", "'", "%22", "%3cscript%3e", "../..", "null", "true", "[]", "%7b%7d", "%0d%0aX:y", "%e2%80%ae", "%f0%9f%98%80", long, strings.Repeat("%00", 2000), strings.Repeat("\xff", 2000), b.id, "%25", "%255c", "*", "%2a%25_"}
	pages := []string{"page", "per_page", "page_size", "page_token"}
	flows := []string{"return_to", "refresh", "aal", "identity_schema", "via", "organization", "login_challenge", "return_session_token_exchange_code", "flow", "after_verification_return_to"}
	for _, at := range []struct {
		base, path string
		names      []string
		headers    []string
	}{
		{b.s.Admin, "/admin/identities", append([]string{"ids", "credentials_identifier", "preview_credentials_identifier_similar", "organization_id", "include_credential", "consistency"}, pages...), key},
		{b.s.Admin, "/admin/identities/" + b.id, []string{"include_credential"}, key},
		{b.s.Admin, "/admin/identities/" + b.id + "/sessions", append([]string{"active"}, pages...), key},
		{b.s.Admin, "/admin/sessions/" + b.id, []string{"expand"}, key},
		{b.s.Public, "/sessions", pages, token},
		{b.s.Public, "/schemas", pages, nil},
		{b.s.Public, "/sessions/whoami", []string{"tokenize_as"}, token},
		{b.s.Public, "/self-service/login/api", flows, nil},
		{b.s.Public, "/self-service/login/browser", flows, nil},
		{b.s.Public, "/self-service/registration/api", flows, nil},
		{b.s.Public, "/self-service/registration/browser", flows, nil},
		{b.s.Public, "/self-service/settings/api", flows, token},
		{b.s.Public, "/self-service/settings/browser", flows, token},
		{b.s.Public, "/self-service/logout", []string{"token", "return_to"}, token},
		{b.s.Public, "/self-service/logout/browser", []string{"return_to"}, token},
		{b.s.Public, "/api/kratos/admin/identities", pages, key},
		{b.s.Public, "/api/kratos/public/sessions", pages, token},
		{b.s.Public, "/api/kratos/public/self-service/login/api", flows, nil},
	} {
		for _, name := range at.names {
			for _, value := range values {
				// A filter that was left out would make it a list of everybody.
				unreadable := at.base == b.s.Admin && slices.Contains([]string{"%zz", "%", "a;b"}, value)
				b.try("parameters", name+"="+value, b.raw("GET", at.base, at.path+"?"+name+"="+value, "", at.headers...), unreadable)
			}
			b.try("parameters", name, b.raw("GET", at.base, at.path+"?"+strings.Repeat(name+"=x&", 3000), "", at.headers...), false)
		}
		for _, query := range []string{"%zz", "%", "&&&&", "=", "\xff=1", "%00=%00", ";", strings.Repeat("a", 30_000), strings.Repeat("a&", 10_000), "?" + strings.Repeat("?", 1000)} {
			b.try("parameters", "the query", b.raw("GET", at.base, at.path+"?"+query, "", at.headers...), false)
		}
	}
	for _, value := range values {
		b.try("parameters", "identifier", b.raw("DELETE", b.s.Admin, "/admin/identities/"+b.id+"/credentials/oidc?identifier="+value, "", key...), true)
	}
	for _, path := range []string{"//", "/..", "/%2e%2e/admin/identities", "/admin//identities", "/admin/../admin/identities", "/admin/identities/", "/%61dmin/identities", "/admin%2fidentities", "/admin/identities%00", "/ADMIN/identities", "/self-service/login/", "/self-service/%00/api", "/self-service/\xff/api",
		"/.git/config", "/api/kratos/admin/%2e%2e/%2e%2e/sessions/whoami", "/api/kratos/public/../admin/identities", "/" + strings.Repeat("a/", 10_000), "/" + strings.Repeat("%2f", 10_000), "/" + strings.Repeat("../", 10_000), "/sessions/whoami/..%2f", "/sessions/whoami;a=b", "/health/alive/x", "/dev/\xff"} {
		for _, base := range []string{b.s.Public, b.s.Admin} {
			for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "A"} {
				b.try("paths", path, b.raw(method, base, path, "", key...), false)
			}
		}
	}
}

// headers puts what makes no sense into the headers that something reads.
func (b *trial) headers() {
	long := strings.Repeat("a", 8000)
	values := []string{"x", long, "\xff\xfe", "\x80", "é", strings.Repeat("\xff", 4000), `"`, `"""`, "';--", ",,,,", ";;;;=", "=", "a=b;c=d", "Bearer", "Bearer ", "Bearer  x", "Bearer " + long, "bearer \xff", "Basic Og==", "Basic " + base64.StdEncoding.EncodeToString([]byte(b.email+":"+b.password)),
		"null", "*/*;q=x", "text/html;q=99999999999999999999", strings.Repeat("a/b,", 2000), "http://[::1", "http://%zz", "https://evil.example", "1.2.3.4, \xff", "999.999.999.999", "for=\"[::1\"", "100-continue", "bytes=99999999999-0", "gzip, br, x", "identity;q=\xff", "0", "-1", "%00", strings.Repeat("ory_kratos_session=a; ", 300), "ory_kratos_session=\"", "ory_kratos_session=" + long}
	names := []string{"X-Session-Token", "Authorization", "Cookie", "X-CSRF-Token", "Origin", "Referer", "Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-Ip", "True-Client-Ip", "Cf-Ipcity", "Cf-Ipcountry", "X-Request-Id", "User-Agent", "Accept", "Accept-Language",
		"Content-Encoding", "Content-Language", "Range", "If-None-Match", "If-Modified-Since", "X-HTTP-Method-Override", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Upgrade", "Via", "Date", "Prefer", "Access-Control-Request-Method", "Traceparent"}
	action := gjson.Get(b.must(b.request("GET", b.s.Public+"/self-service/registration/api", "", ""), 200), "ui.action").String()
	for _, name := range names {
		for _, value := range values {
			if name == "Host" && !plainHost.MatchString(value) {
				continue // the client refuses others; see connections
			}
			for _, at := range []*http.Request{
				b.request("GET", b.s.Public+"/sessions/whoami", "", "", name, value),
				b.request("GET", b.s.Public+"/self-service/login/browser", "", "", name, value),
				b.request("GET", b.s.Public+"/self-service/registration/api", "", "", name, value),
				b.request("POST", action, asJSON, "{}", name, value),
				b.request("GET", b.s.Admin+"/admin/identities/"+b.id, "", "", "Authorization", "Bearer "+b.key, name, value),
				b.request("PATCH", b.s.Admin+"/admin/identities/"+b.id, asJSON, "[]", name, value),
				b.request("GET", b.s.Public+"/api/kratos/admin/identities", "", "", name, value),
			} {
				b.try("headers", name+": "+value, at, false)
			}
			switch name {
			case "User-Agent", "X-Forwarded-For", "True-Client-Ip", "X-Real-Ip", "Cf-Ipcity", "Cf-Ipcountry", "Cookie", "Accept", "X-Request-Id":
			default:
				continue
			}
			// Somebody who does sign in: what is kept of the headers can be kept.
			login := gjson.Get(b.must(b.request("GET", b.s.Public+"/self-service/login/api", "", ""), 200), "ui.action").String()
			b.try("headers", name+": "+value, b.request("POST", login, asJSON, b.proof(""), name, value), false)
		}
	}
}

// returnTo asks the real endpoints about addresses; internal/web has many more.
func (b *trial) returnTo() {
	good := []string{"https://app.example.org/welcome", "https://app.example.org/welcome/x?y=z#f", "https://a.example.net/back", "contract://callback/x", "/self-service/settings"}
	bad := []string{"https://evil.example/", "//evil.example", "///evil.example", `\\evil.example`, `/\evil.example`, `https:\\evil.example`, "https:evil.example", "https:/evil.example", "https:///evil.example", "https://app.example.org@evil.example/welcome", "https://app.example.org:x@evil.example/welcome",
		"https://evil.example#https://app.example.org/welcome", "https://evil.example?https://app.example.org/welcome", `https://evil.example\@app.example.org/welcome`, "https://evil.example%2f@app.example.org/welcome", "https://evil.example%00.app.example.org/welcome", "https://app.example.org.evil.example/welcome", "https://app.example.org%2eevil.example/welcome",
		"https://app.example.org/welcome/../x", "https://app.example.org/welcome/%2e%2e/x", "https://app.example.org/welcome/..%2fx", "https://app.example.org/welcome/%2e%2e%5cx", "https://app.example.org/welcomed", "https://app.example.org/WELCOME", "http://app.example.org/welcome", "https://app.example.org:444/welcome", "https://app.example.org./welcome",
		"https://аpp.example.org/welcome", "https://ａpp.example.org/welcome", "https://app。example.org/welcome", "https://example.net/back", "https://.example.net/back", "https://evil.example/.example.net/back", "https://evil.example#.example.net/back", "https://evilexample.net/back", "javascript:alert(1)", "javascript://app.example.org/welcome%0aalert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
		"contract://evil", "contract:callback", "contracts://callback", " https://app.example.org/welcome", "https://app.example.org/welcome\n", "ht\ttps://app.example.org/welcome", "\x00https://app.example.org/welcome", "https://app.example.org/\xff", "x", "?", "#", ".", "..", "%2f%2fevil.example", strings.Repeat("a", 5000)}
	ask := func(to string) {
		query := "return_to=" + url.QueryEscape(to)
		for _, at := range []*http.Request{
			b.request("GET", b.s.Public+"/self-service/login/api?"+query, "", ""),
			b.request("GET", b.s.Public+"/self-service/registration/api?"+query, "", ""),
			b.request("GET", b.s.Public+"/self-service/login/browser?"+query, "", ""),
			b.request("GET", b.s.Public+"/self-service/registration/browser?"+query, "", "", "Accept", "text/html"),
			b.request("GET", b.s.Public+"/self-service/settings/browser?"+query, "", "", "Cookie", b.browser.cookies()),
			b.request("GET", b.s.Public+"/self-service/logout/browser?"+query, "", "", "Cookie", b.browser.cookies()),
			b.request("GET", b.s.Public+"/self-service/logout?"+query, "", "", "Cookie", b.browser.cookies()),
			b.request("GET", b.s.Public+"/api/kratos/public/self-service/login/api?"+query, "", ""),
		} {
			_, body := b.try("return_to", to, at, true)
			if id := gjson.GetBytes(body, "error.id").String(); len(body) > 0 && gjson.ValidBytes(body) && !strings.HasPrefix(id, "self_service_flow_return_to_") && id != "parameter_invalid" {
				b.fail("return_to %q: the error is %q", to, id)
			}
		}
	}
	for _, to := range bad {
		ask(to)
	}
	for _, to := range []string{"%", "%zz", "https://app.example.org/welcome%2", "%u2215"} {
		for _, path := range []string{"/self-service/login/api", "/self-service/registration/browser", "/self-service/logout/browser", "/self-service/logout", "/api/kratos/public/self-service/login/api"} {
			b.try("return_to", to, b.raw("GET", b.s.Public, path+"?return_to="+to, "", "Cookie", b.browser.cookies()), true)
		}
	}
	for _, to := range good {
		b.count("return_to")
		b.must(b.request("GET", fmt.Sprintf("%s/self-service/login/api?return_to=%s", b.s.Public, url.QueryEscape(to)), "", ""), 200)
	}
}

package web

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"zelus/internal/auth"
)

// TestLookAlikes is a corpus of addresses that look like an allowed one, with the
// decision for each. Whatever is allowed must lead to the same place in a
// browser; the table says so for what is not, too.
func TestLookAlikes(t *testing.T) {
	ok, no, malformed := error(nil), auth.ErrReturnTo, auth.ErrReturnToMalformed
	to := Compile([]string{
		"https://app.example.org",              // an origin
		"https://shop.example.org:8443/basket", // a port and a path
		"https://*.example.net/back",           // sub-domains
		"https://xn--bcher-kva.example/",       // IDN
		"http://127.0.0.1:4455/",               // an address
		"http://[::1]:4455/",
		"contract://callback", "org.example.app:/callback", // apps
	}, parsed(t, "https://auth.example.org/"), "https://app.example.org/start", false)
	corpus := []struct {
		what string
		want error
		all  []string
	}{
		{"what is meant", ok, []string{
			"https://app.example.org", "https://app.example.org/", "https://app.example.org/a/b?c=d#e", "https://app.example.org?next=https://evil.example", "https://app.example.org#@evil.example",
			"HTTPS://APP.EXAMPLE.ORG/", "https://app.example.org/@evil.example", "https://app.example.org/https://evil.example/", "https://app.example.org/a//evil.example", "https://app.example.org/?@evil.example", "https://app.example.org/a%20b", "https://app.example.org/%40evil.example",
			"https://shop.example.org:8443/basket", "https://shop.example.org:8443/basket/1", "https://a.example.net/back", "https://a.b.example.net/back/x", "https://xn--bcher-kva.example/x", "http://127.0.0.1:4455/x", "http://[::1]:4455/x",
			"contract://callback", "contract://callback/done?x#y", "CONTRACT://callback", "contract://CALLBACK", "org.example.app:/callback/x", "/", "/a", "/a?return_to=//evil.example", "/a#//evil.example", "/@evil.example", "/a:b", "/https://evil.example", "/.well-known/x", "/a/...", "/%E2%9C%93",
			"https://auth.example.org/self-service/settings?flow=x",
		}},
		{"user names", no, []string{
			"https://app.example.org@evil.example", "https://app.example.org@evil.example/", "https://app.example.org:443@evil.example/", "https://app.example.org:pw@evil.example/", "https://user@app.example.org/", "https://user:pw@app.example.org/", "https://@app.example.org/", "https://:@app.example.org/", "https://evil.example%40app.example.org@app.example.org/",
			"https://a:b@c:d@app.example.org/", "https://app.example.org%2f@evil.example/", "https://app.example.org%23@evil.example/", "https://app.example.org%3f@evil.example/", "https://app.example.org;@evil.example/", "https://app.example.org&@evil.example/", "contract://user@callback", "https://%61pp.example.org@evil.example/", "https://app.example.org%5c@evil.example/",
		}},
		{"user names that are none", malformed, []string{"https://app.example.org [@evil.example/", "https://a<b@app.example.org/", "https://app.example.org[@evil.example/", "https://app.example.org|@evil.example/"}},
		{"a host behind a mark", no, []string{
			"https://evil.example/app.example.org", "https://evil.example#app.example.org", "https://evil.example?app.example.org", "https://evil.example/@app.example.org", "https://evil.example#@app.example.org/", "https://evil.example?@app.example.org/", "https://evil.example/.example.net/back", "https://evil.example#.example.net/back", "https://evil.example?.example.net/back",
			"https://evil.example;.example.net/back", "https://evil.example,.example.net/back", "https://evil.example!.example.net/back", "https://evil.example&.example.net/back", "https://evil.example=.example.net/back", "https://evil.example'.example.net/back", "https://evil.example(.example.net/back",
		}},
		{"backslashes", malformed, []string{
			`\`, `\\`, `\\evil.example`, `/\evil.example`, `\/evil.example`, `/\/evil.example`, `//\evil.example`, `https:\\evil.example`, `https:\\app.example.org`, `https:/\evil.example`, `https:\/evil.example`, `https://evil.example\app.example.org`, `https://evil.example\@app.example.org/`, `https://app.example.org\@evil.example/`, `https://app.example.org\.evil.example/`,
			`https://app.example.org/\..\x`, `https://a.example.net\.evil.example/back`, `/a\..\..\b`, `contract:\\callback`, `/?x=\`, `/#\`,
		}},
		{"backslashes that are encoded or of other scripts", no, []string{`https://app.example.org/%5c..%5cx`, `/..%5cx`, `/%2e%2e%5cx`, "https://app.example.org＼.evil.example/"}},
		{"slashes: too few, too many", no, []string{
			"//evil.example", "///evil.example", "////evil.example", "//app.example.org/", "///app.example.org/", "https:evil.example", "https:/evil.example", "https:///evil.example", "https:////evil.example", "https:app.example.org", "https:/app.example.org", "https:///app.example.org/", "http:evil.example", "https:", "https:/", "https://", "https:///", "http://", "//", "///", "//@evil.example", "//user@app.example.org/",
		}},
		{"two slashes and what is no host", malformed, []string{"//[", "//:x", "https://:x/"}},
		{"slashes that are encoded", malformed, []string{"https://app.example.org%2fevil.example/", "https://evil.example%2f.example.net/back", "https://evil.example%2F%2F.example.net/back", "https://%2f%2fevil.example/", "https://app.example.org%3a443/", "https://app.example.org%23.evil.example/", "https://app.example.org%3f.evil.example/", "https://app%2eexample.org/", "https://%61pp.example.org/"}},
		{"slashes encoded where there is no scheme", no, []string{"%2f%2fevil.example", "%2F/evil.example", "%5c%5cevil.example", "https%3a//evil.example", "https%3A%2F%2Fapp.example.org%2F"}},
		{"slashes encoded in a path", ok, []string{"/%2fevil.example", "/%2f%2fevil.example", "https://app.example.org/%2f%2fevil.example"}},
		{"another slash of another script", no, []string{"https://app.example.org／evil.example/", "https://evil.example／.example.net/back", "https://evil.example⁄.example.net/back", "https://evil.example∕.example.net/back", "／／evil.example", "https：//app.example.org/", "https://evil.example？.example.net/back", "https://evil.example＃.example.net/back", "https://evil.example＠.example.net/back"}},
		{"dots in a path", no, []string{
			"https://shop.example.org:8443/basket/../admin", "https://shop.example.org:8443/basket/..", "https://shop.example.org:8443/basket/%2e%2e/admin", "https://shop.example.org:8443/basket/.%2e/admin", "https://shop.example.org:8443/basket/%2E./admin", "https://shop.example.org:8443/basket/..%2fadmin", "https://shop.example.org:8443/basket/%2e%2e%2fadmin", "https://shop.example.org:8443/basket/..%5cadmin",
			"https://shop.example.org:8443/basket/./x", "https://shop.example.org:8443/./basket", "https://shop.example.org:8443/x/../basket", "https://a.example.net/back/../x", "https://a.example.net/back/%2e%2e", "/..", "/../x", "/.", "/./x", "/a/..", "/a/%2e%2e/b", "contract://callback/..", "contract://callback/../x", "org.example.app:/callback/../x", "..", ".", "./x", "../x", "https://auth.example.org/self-service/../admin",
		}},
		{"dots that climb nowhere", ok, []string{"https://shop.example.org:8443/basket/a..b", "https://shop.example.org:8443/basket/...", "https://shop.example.org:8443/basket/.a", "https://shop.example.org:8443/basket/a.", "https://shop.example.org:8443/basket/%252e%252e/x", "https://shop.example.org:8443/basket?x=/../y", "https://shop.example.org:8443/basket#/../y", "https://shop.example.org:8443/basket/..;/x"}},
		{"dots in a host", no, []string{
			"https://app.example.org./", "https://app.example.org../", "https://.app.example.org/", "https://app..example.org/", "https://app.example.org.evil.example/", "https://app.exampleXorg/", "https://app.example。org/", "https://app．example．org/", "https://app｡example.org/", "https://a.example.net./back", "https://example.net/back", "https://.example.net/back", "https://a..example.net/back",
			"https://aexample.net/back", "https://evil-example.net/back", "https://a.example.net.evil.example/back", "https://.../", "https://./",
		}},
		{"letters that look alike", no, []string{
			"https://аpp.example.org/", "https://app.exаmple.org/", "https://app.example.оrg/", "https://ａpp.example.org/", "https://app.example.ｏrg/", "https://ⓐpp.example.org/", "https://𝐚pp.example.org/", "https://app.exam\u00adple.org/", "https://app.example.org\u200b/", "https://app\u200d.example.org/", "https://app.example.org\u2060.evil.example/", "https://ápp.example.org/", "https://app.example.org\u202e/",
			"https://bücher.example/", "https://BÜCHER.example/", "https://xn--bcher-kva.example.evil.example/", "https://xn--pp-eka.example.org/", "https://evil。example.net/back", "https://ｅvil.example.net/back", "https://\u0130.example.net/back", "https://\u212a.example.net/back", "https://ß.example.net/back", "https://faß.example.net/back", "https://app.example.org\u3002evil.example/",
		}},
		{"sub-domains in the way that DNS writes IDN", ok, []string{"https://xn--80ak6aa92e.example.net/back", "https://a_b.example.net/back", "https://a-.example.net/back", "https://1.example.net/back", "https://0x7f.example.net/back"}},
		{"other spellings of an address", no, []string{"http://127.1:4455/", "http://2130706433:4455/", "http://0x7f000001:4455/", "http://0177.0.0.1:4455/", "http://127.0.0.1.:4455/", "http://127.0.0.1:04455/", "http://localhost:4455/", "http://0:4455/", "http://[::ffff:127.0.0.1]:4455/", "http://[0:0:0:0:0:0:0:1]:4455/", "http://１２７.0.0.1:4455/", "http://127.0.0.1/", "http://127.0.0.1:80/", "https://127.0.0.1:4455/"}},
		{"addresses that are none", malformed, []string{"http://127.0.0.1:4455.evil.example/", "http://[::1/", "http://::1]:4455/", "http://[::1]evil.example/", "http://[::1%25]@evil.example:x/", "http://[::1]:x/"}},
		{"ports", no, []string{"https://app.example.org:443/", "https://app.example.org:/", "https://app.example.org:80/", "https://app.example.org:8443/", "https://app.example.org:0443/", "https://shop.example.org/basket"}},
		{"ports that are none", malformed, []string{"https://shop.example.org:8443x/basket", "https://app.example.org:443:443/", "https://app.example.org:-1/", "https://app.example.org:４４３/", "https://app.example.org:80evil.example/"}},
		{"whole segments", no, []string{"https://shop.example.org:8443/basketball", "https://shop.example.org:8443/BASKET", "https://shop.example.org:8443/", "https://shop.example.org:8443", "https://shop.example.org:8443//basket", "https://shop.example.org:8443/basket%2f..", "https://shop.example.org:8443/basket%2fx", "https://shop.example.org:8443/basket%00", "https://a.example.net/backdoor", "https://a.example.net/", "https://a.example.net//back", "contract://callbacks", "org.example.app:/callbacks", "https://auth.example.org/self-services", "https://auth.example.org/"}},
		{"other schemes", no, []string{
			"http://app.example.org/", "ftp://app.example.org/", "ws://app.example.org/", "wss://app.example.org/", "javascript:alert(1)", "JavaScript:alert(1)", "javascript://app.example.org/%0aalert(1)", "javascript:/callback", "data:text/html,x", "data://app.example.org/,x", "vbscript:x", "file:///etc/passwd", "file://app.example.org/", "blob:https://app.example.org/x", "filesystem:https://app.example.org/x", "about:blank", "view-source:https://app.example.org/",
			"mailto:a@app.example.org", "tel:1", "intent://app.example.org#Intent;scheme=https;end", "httpss://app.example.org/", "https+x://app.example.org/", "x-https://app.example.org/", "contracts://callback", "contract:callback", "contract:/callback", "contract:///callback", "contract://callback.evil", "contract://evil/callback", "org.example.app://callback", "org.example.app:callback", "org.example:/callback", "urn:app.example.org", "jar:https://app.example.org!/x",
		}},
		{"schemes that are none", malformed, []string{":", "://app.example.org/", "1https://app.example.org/", ":https://app.example.org/", "ht tps://app.example.org/"}},
		{"what browsers drop", malformed, []string{
			" https://app.example.org/", "https://app.example.org/ ", "\thttps://app.example.org/", "https://app.example.org/\n", "ht\ttps://app.example.org/", "https:/\t/evil.example", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "java\nscript:alert(1)", "\x01javascript:alert(1)", "https://app.exam\nple.org/", "https://app.example.org/\x00", "https://app.example.org\x00.evil.example/", "https://app.example.org/\x7f", "https://app.example.org/\u0085", "\u00a0https://app.example.org/", "\ufeffhttps://app.example.org/", "\u2028//evil.example", "\x00", "\ufeff \t", "https://app.example.org/\r\nSet-Cookie: a=b",
		}},
		{"what only an editor drops", no, []string{"\u200b//evil.example", "x", "evil.example", "app.example.org", "app.example.org/x", "?x", "#x", "*", "null", "undefined", "@", "&"}},
		{"what is no text", malformed, []string{"%", "https://app.example.org/\xff", "https://app.example.org/\xc0\xae\xc0\xae/", "https://app.example.org/\xed\xa0\x80", "https://app.example.org/%", "https://app.example.org/%g1", "https://app.example.org/%2", "https://%/", "https://%zz.example.net/back", "/" + strings.Repeat("a", maxReturnTo)}},
		{"paths that are no text", no, []string{"/%ff", "/%c0%ae%c0%ae/", "/%00", "/%0d%0aSet-Cookie:%20a=b", "/%0a", "/%09/evil.example", "/%7f"}},
	}
	seen := map[string]bool{}
	for _, group := range corpus {
		for _, raw := range group.all {
			if seen[raw] {
				t.Errorf("%q is in the corpus twice", raw)
			}
			seen[raw] = true
			target, err := to.Resolve(raw)
			if !errors.Is(err, group.want) || (err == nil) != (group.want == nil) {
				t.Errorf("%s: %.100q: %v, want %v", group.what, raw, err, group.want)
				continue
			}
			// Relative ones are read as a browser does on a page of the default host.
			if err == nil && strings.HasPrefix(raw, "/") && target != "https://app.example.org"+raw {
				t.Errorf("%s: %q is resolved to %q", group.what, raw, target)
			}
			if err == nil && !isOneOf(target) {
				t.Errorf("%s: %q leads elsewhere in a browser", group.what, raw)
			}
		}
	}
	t.Logf("%d addresses", len(seen))
	if len(seen) < 150 {
		t.Error("the corpus has lost many")
	}
}

// isOneOf says whether a browser that is sent to an address arrives at one of
// the places of TestLookAlikes, and a program that uses net/url does too.
func isOneOf(target string) bool {
	u, ok := asBrowser(target)
	plain, err := url.Parse(target)
	if !ok || err != nil || !strings.EqualFold(plain.Host, u.host) || plain.Scheme != u.scheme {
		return false
	}
	switch at := u.scheme + "://" + strings.ToLower(u.host); at {
	case "https://app.example.org", "https://xn--bcher-kva.example", "http://127.0.0.1:4455", "http://[::1]:4455", "contract://callback":
		return true
	case "https://shop.example.org:8443":
		return u.path == "/basket" || strings.HasPrefix(u.path, "/basket/")
	case "https://auth.example.org":
		return strings.HasPrefix(u.path, "/self-service/")
	case "org.example.app://":
		return strings.HasPrefix(u.path, "/callback")
	default:
		return u.scheme == "https" && strings.HasSuffix(at, ".example.net") && strings.HasPrefix(u.path, "/back")
	}
}

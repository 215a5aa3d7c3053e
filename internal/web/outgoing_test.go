package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

func TestIsPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8":                      true,
		"1.1.1.1":                      true,
		"100.63.255.255":               true,
		"172.32.0.1":                   true,
		"2606:4700:4700::1111":         true,
		"2a00::1":                      true,
		"::ffff:8.8.8.8":               true,
		"64:ff9b::8.8.8.8":             true,
		"0.0.0.0":                      false,
		"0.1.2.3":                      false,
		"10.0.0.1":                     false,
		"100.64.0.1":                   false,
		"100.100.100.200":              false,
		"127.0.0.1":                    false,
		"127.255.255.254":              false,
		"168.63.129.16":                false,
		"169.254.169.254":              false,
		"172.16.0.1":                   false,
		"172.31.255.255":               false,
		"192.0.0.192":                  false,
		"192.168.1.1":                  false,
		"198.18.0.1":                   false,
		"203.0.113.1":                  false,
		"224.0.0.1":                    false,
		"240.0.0.1":                    false,
		"255.255.255.255":              false,
		"::":                           false,
		"::1":                          false,
		"::127.0.0.1":                  false,
		"::ffff:127.0.0.1":             false,
		"::ffff:169.254.169.254":       false,
		"64:ff9b::10.0.0.1":            false,
		"64:ff9b:1::8.8.8.8":           false,
		"100::1":                       false,
		"2001::1":                      false,
		"2001:db8::1":                  false,
		"2002:7f00:1::":                false,
		"3fff::1":                      false,
		"fc00::1":                      false,
		"fd00:ec2::254":                false,
		"fe80::1":                      false,
		"fe80::1%eth0":                 false,
		"fec0::1":                      false,
		"ff02::1":                      false,
		"::ffff:0:127.0.0.1":           false,
		"2001:4860:4860::8888%strange": true,
	} {
		if got := isPublic(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: public is %v", text, got)
		}
	}
	if isPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestOutgoingExceptions(t *testing.T) {
	for _, tt := range []struct {
		pattern, address string
		want             bool
	}{
		{"http://hooks.internal/a", "http://hooks.internal/a", true},
		{"http://hooks.internal/a", "HTTP://u:p@HOOKS.internal/a#b", true},
		{"http://hooks.internal/a", "http://hooks.internal/a/b", false},
		{"http://hooks.internal/a", "http://hooks.internal/a?b", false},
		{"http://hooks.internal/a", "https://hooks.internal/a", false},
		{"http://hooks.internal/a", "http://hooks-internal/a", false},
		{"http://hooks.internal/a?b=[c]", "http://hooks.internal/a?b=[c]", true},
		{"http://hooks.internal", "http://hooks.internal/", true},
		{"http://hooks.internal", "http://hooks.internal.evil.example/", false},
		{"http://hooks.internal", "http://hooks.internal@evil.example/", false},
		{"http://*.internal/hook", "http://a.internal/hook", true},
		{"http://*.internal/hook", "http://a.b.internal/hook", false},
		{"http://*.internal/hook", "http://169.254.169.254/?.internal/hook", false},
		{"http://*.internal/hook", "http://evil?.internal/hook", false},
		{"http://*.internal/hook", "http://evil#.internal/hook", false},
		{"http://**.internal/hook", "http://a.b.internal/hook", true},
		{"http://10.0.0.1:9000/*", "http://10.0.0.1:9000/a", true},
		{"http://10.0.0.1:9000/*", "http://10.0.0.1:9000/a/b", false},
		{"http://10.0.0.1:9000/*", "http://10x0.0.1:9000/a", false},
		{"http://10.0.0.1:9000/**", "http://10.0.0.1:9000/a/b?c=d.e", true},
		{"http://node-?.internal/", "http://node-1.internal/", true},
		{"http://node-?.internal/", "http://node-12.internal/", false},
		{"http://node-[12].internal/", "http://node-2.internal/", true},
		{"http://node-[!12].internal/", "http://node-2.internal/", false},
		{"http://node-[!12].internal/", "http://node-3.internal/", true},
		{"http://node-[a-c].internal/", "http://node-b.internal/", true},
		{"http://{a,b.c}.internal/", "http://b.c.internal/", true},
		{"http://{a,b.c}.internal/", "http://c.internal/", false},
		{`http://a.internal/\*`, "http://a.internal/*", true},
		{`http://a.internal/\*`, "http://a.internal/b", false},
		{"http://a.internal/(.+)$", "http://a.internal/b", false},
	} {
		rules := &OutgoingRules{PublicOnly: true}
		if err := rules.Except(tt.pattern); err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got := rules.open(parsed(t, tt.address)); got != tt.want {
			t.Errorf("%s excepts %s: %v", tt.pattern, tt.address, got)
		}
	}
	for _, pattern := range []string{`http://a\`, "http://[a", "http://a/[]", "http://a/[!]", "http://{a", "http://a}", "http://{a,{b,c}}", "http://a/[z-a]", "http://a/\xff"} {
		if err := new(OutgoingRules).Except(pattern); err == nil {
			t.Errorf("the pattern %q is accepted", pattern)
		}
	}
	if !new(OutgoingRules).open(parsed(t, "http://10.0.0.1/")) {
		t.Error("without PublicOnly an address is refused")
	}
}

func FuzzGlob(f *testing.F) {
	for _, seed := range []string{"http://*.internal/**", "[!a-b]{c,d}?", `\`, "[", "{", "[[:alpha:]]", "[a-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		rules := &OutgoingRules{PublicOnly: true}
		if rules.Except(pattern) == nil {
			rules.open(&url.URL{Scheme: "http", Host: "10.0.0.1", Path: "/" + pattern})
		}
	})
}

// answering is a server on 127.0.0.1 that says hello at /, and sends on from
// /to to the address in the query.
func answering(t *testing.T) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		io.WriteString(w, "hello")
	}))
	t.Cleanup(s.Close)
	return s, &asked
}

func fetch(t *testing.T, client *http.Client, address string) (string, error) {
	t.Helper()
	res, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), nil
}

func TestOutgoing(t *testing.T) {
	home, asked := answering(t)
	var now atomic.Pointer[OutgoingRules]
	set := func(publicOnly bool, exceptions ...string) {
		rules := &OutgoingRules{PublicOnly: publicOnly}
		for _, e := range exceptions {
			if err := rules.Except(e); err != nil {
				t.Fatal(err)
			}
		}
		now.Store(rules)
	}
	client := NewOutgoing(now.Load, nil)
	t.Cleanup(client.CloseIdleConnections)
	_, port, err := net.SplitHostPort(home.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	set(false)
	if got, err := fetch(t, client, home.URL); got != "hello" || err != nil {
		t.Errorf("without rules: %q, %v", got, err)
	}
	// The connection from before must be of no use to what is refused now.
	set(true)
	before := asked.Load()
	for _, address := range []string{home.URL, "http://localhost:" + port, "http://0.0.0.0:" + port, "http://[::ffff:127.0.0.1]:" + port} {
		if _, err := fetch(t, client, address); err == nil {
			t.Errorf("%s was called", address)
		} else if !errors.Is(err, ErrPrivateAddress) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if asked.Load() != before {
		t.Error("the server was reached")
	}

	// An exception is for that request only, not for where it is sent on to.
	start := home.URL + "/start?to=" + url.QueryEscape(home.URL+"/secret")
	set(true, start)
	if _, err := fetch(t, client, start); !errors.Is(err, ErrPrivateAddress) {
		t.Errorf("a redirect to a private address: %v", err)
	}
	set(true, start, home.URL+"/secret")
	if got, err := fetch(t, client, start); got != "hello" || err != nil {
		t.Errorf("a redirect between two exceptions: %q, %v", got, err)
	}
	set(true, home.URL+"/**")
	if got, err := fetch(t, client, home.URL+"/a/b"); got != "hello" || err != nil {
		t.Errorf("a pattern: %q, %v", got, err)
	}
}

func TestOutgoingRedirectsEnd(t *testing.T) {
	home, asked := answering(t)
	client := NewOutgoing(func() *OutgoingRules { return &OutgoingRules{} }, nil)
	t.Cleanup(client.CloseIdleConnections)
	loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/", http.StatusFound)
	}))
	t.Cleanup(loop.Close)
	if _, err := fetch(t, client, loop.URL); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("an endless redirect: %v", err)
	}
	if got := asked.Load(); got != maxRedirects+1 {
		t.Errorf("%d requests were made, want %d", got, maxRedirects+1)
	}
	if _, err := fetch(t, client, home.URL+"/?to="+url.QueryEscape("file:///etc/passwd")); err == nil {
		t.Error("a redirect to a file was followed")
	}
}

func TestOutgoingProxy(t *testing.T) {
	proxy, asked := answering(t)
	rules := &OutgoingRules{}
	client := NewOutgoing(func() *OutgoingRules { return rules }, func(*url.URL) (*url.URL, error) { return parsed(t, proxy.URL), nil })
	t.Cleanup(client.CloseIdleConnections)
	if got, err := fetch(t, client, "http://somewhere.invalid/"); got != "hello" || err != nil || asked.Load() != 1 {
		t.Errorf("through the proxy: %q, %v", got, err)
	}
	rules = &OutgoingRules{PublicOnly: true}
	if _, err := fetch(t, client, "http://127.0.0.1:1/"); !errors.Is(err, ErrPrivateAddress) || asked.Load() != 1 {
		t.Errorf("a private address behind a proxy: %v", err)
	}
}

func TestDialPublic(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if conn, err := DialPublic(context.Background(), "tcp", l.Addr().String()); !errors.Is(err, ErrPrivateAddress) {
		t.Errorf("%v, %v", conn, err)
	}
}

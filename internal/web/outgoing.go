package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// outgoingTimeout bounds a request that the server makes, with redirects
	// and the reading of the answer.
	outgoingTimeout = 30 * time.Second
	// connectTimeout bounds connecting, and TLS after it.
	connectTimeout = 10 * time.Second
	// maxRedirects is how many redirects are followed.
	maxRedirects = 5
	// maxAnswerHeader is the largest header of an answer, in bytes.
	maxAnswerHeader = 64 << 10
)

// ErrPrivateAddress refuses a connection to an address that is not public.
var ErrPrivateAddress = errors.New("the address is not public, and the configuration allows no connections to such addresses")

// OutgoingRules say which addresses the server may call over HTTP. The zero
// value allows all. They do not change once they are in use.
type OutgoingRules struct {
	// PublicOnly refuses addresses that are not public, see DialPublic.
	PublicOnly bool
	exact      []string
	patterns   []*regexp.Regexp
}

// Except lets a URL, or those that match a pattern, reach any address. In a
// pattern * stands for any characters but . and /, ** for any characters, ? for
// one that is neither . nor /, [ab] and [!ab] for one of those or none of them,
// {a,b} for either; a backslash takes the meaning from what follows.
//
// A URL is compared without user and fragment, with scheme and host in lower
// case, and with / for no path.
func (o *OutgoingRules) Except(pattern string) error {
	if u, err := url.Parse(pattern); err == nil && u.Host != "" {
		o.exact = append(o.exact, plainURL(u))
	}
	expression, err := globExpression(pattern)
	if err != nil {
		return err
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return errors.New("the pattern cannot be understood")
	}
	o.patterns = append(o.patterns, compiled)
	return nil
}

// open says whether a request may go to any address.
func (o *OutgoingRules) open(u *url.URL) bool {
	if !o.PublicOnly {
		return true
	}
	plain := plainURL(u)
	return slices.Contains(o.exact, plain) || slices.ContainsFunc(o.patterns, func(p *regexp.Regexp) bool { return p.MatchString(plain) })
}

// plainURL spells a URL in one way, without what does not say where it leads.
// A path is always there, so that no pattern for a host matches a query.
func plainURL(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return strings.ToLower(u.Scheme+"://"+u.Host) + path
}

// globExpression translates a pattern of Except.
func globExpression(pattern string) (string, error) {
	var b strings.Builder
	b.WriteString(`^(?s:`)
	alternatives := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], "**"):
			b.WriteString(`.*`)
			for strings.HasPrefix(pattern[i+1:], "*") {
				i++
			}
		case c == '*':
			b.WriteString(`[^./]*`)
		case c == '?':
			b.WriteString(`[^./]`)
		case c == '\\':
			if i++; i == len(pattern) {
				return "", errors.New("the pattern ends in a backslash")
			}
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		case c == '[':
			length := strings.IndexByte(pattern[i:], ']')
			if length < 2 {
				return "", errors.New("the pattern has a [ without its ]")
			}
			class, not := strings.CutPrefix(pattern[i+1:i+length], "!")
			b.WriteByte('[')
			if not {
				b.WriteByte('^')
			}
			b.WriteString(strings.NewReplacer(`\`, `\\`, `^`, `\^`, `[`, `\[`).Replace(class) + `]`)
			i += length
		case c == '{' && !alternatives:
			alternatives = true
			b.WriteString(`(?:`)
		case c == '}' && alternatives:
			alternatives = false
			b.WriteString(`)`)
		case c == ',' && alternatives:
			b.WriteString(`|`)
		case c == '{' || c == '}':
			return "", errors.New("the pattern has a { or } too many")
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	if alternatives {
		return "", errors.New("the pattern has a { without its }")
	}
	b.WriteString(`)$`)
	return b.String(), nil
}

// NewOutgoing makes the client for all requests that the server makes to
// others. The rules are asked for on every request, redirects included, and
// addresses are checked when the connection is made, after names were looked
// up, so that nothing can change between the check and the use. proxy names the
// proxy for a URL, or nil; it may be nil itself. A request that only public
// addresses are open to uses no proxy: where a proxy connects to cannot be
// checked.
func NewOutgoing(rules func() *OutgoingRules, proxy func(*url.URL) (*url.URL, error)) *http.Client {
	// Two transports keep the connections of the two kinds of requests apart.
	dialer := &net.Dialer{Timeout: connectTimeout}
	o := &outgoing{rules: rules, open: outgoingTransport(dialer.DialContext), public: outgoingTransport(DialPublic)}
	if proxy != nil {
		o.open.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	}
	return &http.Client{Transport: o, Timeout: outgoingTimeout, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("there were more than %d redirects", maxRedirects)
		}
		return nil
	}}
}

func outgoingTransport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return &http.Transport{DialContext: dial, ForceAttemptHTTP2: true, TLSHandshakeTimeout: connectTimeout, IdleConnTimeout: 90 * time.Second,
		MaxIdleConns: 100, MaxResponseHeaderBytes: maxAnswerHeader}
}

// outgoing is a RoundTripper that follows the rules.
type outgoing struct {
	rules        func() *OutgoingRules
	open, public *http.Transport
}

func (o *outgoing) RoundTrip(r *http.Request) (*http.Response, error) {
	if o.rules().open(r.URL) {
		return o.open.RoundTrip(r)
	}
	return o.public.RoundTrip(r)
}

// CloseIdleConnections is what http.Client has a method for.
func (o *outgoing) CloseIdleConnections() {
	o.open.CloseIdleConnections()
	o.public.CloseIdleConnections()
}

// DialPublic connects like a net.Dialer, but to public addresses only; others
// are ErrPrivateAddress. Each address that a name stands for is checked just
// before it is connected to.
func DialPublic(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: connectTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !isPublic(at.Addr()) {
			return ErrPrivateAddress
		}
		return nil
	}}
	return dialer.DialContext(ctx, network, address)
}

var (
	// notPublic4 are the blocks of the IANA IPv4 Special-Purpose Address
	// Registry (RFC 6890) that are not reached through the internet, and what
	// is none of anybody's hosts.
	notPublic4 = prefixes(
		"0.0.0.0/8",        // this network, and the unspecified address
		"10.0.0.0/8",       // private (RFC 1918)
		"100.64.0.0/10",    // shared by customers of a provider (RFC 6598), and metadata services
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // the host of a virtual machine at Azure, though public by its number
		"169.254.0.0/16",   // link-local, and metadata services
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments, and metadata services
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // relays of 6to4
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, and broadcast
	)
	// public6 is all that is handed out of IPv6 (RFC 4291 section 2.4), which
	// leaves out loopback, link-local, private and multicast addresses, and
	// notPublic6 is what of it is special (RFC 6890).
	public6    = netip.MustParsePrefix("2000::/3")
	notPublic6 = prefixes(
		"2001::/23",     // protocol assignments, and Teredo, which holds an IPv4 address
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which holds an IPv4 address
		"3fff::/20",     // documentation
	)
	// nat64 holds an IPv4 address in its last four bytes (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, text := range all {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// isPublic says whether an address is one of a host on the internet. An IPv4
// address inside an IPv6 one is judged as itself.
func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		bytes := a.As16()
		a = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if a.Is4() {
		return !within(notPublic4, a)
	}
	return public6.Contains(a) && !within(notPublic6, a)
}

package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxUserAgent and maxPlace are lengths in bytes.
	maxUserAgent = 512
	maxPlace     = 128
	// maxHops is how many proxies in a row are believed.
	maxHops = 32
)

// Client is what a request tells of its sender, for the list of devices and
// for limits. Each part is empty where it is not known.
type Client struct {
	// IP is an address without port or zone.
	IP string
	// UserAgent is valid UTF-8 of at most 512 bytes.
	UserAgent string
	// Location is "city, country", either part alone, or nothing.
	Location string
}

// ClientOf reads the client's facts. Forwarding headers count only when the
// peer is one of the trusted proxies; a proxy must then overwrite the ones
// that it does not set, or clients can choose their address. A peer on a Unix
// socket has no address and is trusted as soon as any proxy is.
func ClientOf(r *http.Request, proxies []netip.Prefix) Client {
	c := Client{UserAgent: clean(r.UserAgent(), maxUserAgent)}
	peer, known := address(r.RemoteAddr)
	if known {
		c.IP = peer.String()
	}
	if len(proxies) == 0 || known && !within(proxies, peer) {
		return c
	}
	if ip, ok := forwarded(r.Header, proxies); ok {
		c.IP = ip.String()
	}
	city, country := clean(r.Header.Get("Cf-Ipcity"), maxPlace), clean(r.Header.Get("Cf-Ipcountry"), maxPlace)
	c.Location = strings.Trim(city+", "+country, ", ")
	return c
}

// forwarded is the client's address as the proxies tell it.
func forwarded(h http.Header, proxies []netip.Prefix) (netip.Addr, bool) {
	for _, name := range []string{"True-Client-Ip", "Cf-Connecting-Ip", "X-Real-Ip"} {
		if ip, ok := address(h.Get(name)); ok {
			return ip, true
		}
	}
	// Each proxy appends its peer. Read from the end, the first address that
	// is no proxy of ours is the client; everything before is the client's
	// own claim.
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	hops = hops[max(0, len(hops)-maxHops):]
	var last netip.Addr
	for _, hop := range slices.Backward(hops) {
		ip, ok := address(strings.TrimSpace(hop))
		if !ok {
			break
		}
		last = ip
		if !within(proxies, ip) {
			break
		}
	}
	return last, last.IsValid()
}

// address reads an IP address with or without a port.
func address(s string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		ip = withPort.Addr()
	}
	return ip.Unmap().WithZone(""), true
}

func within(prefixes []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// clean makes s valid UTF-8 of at most limit bytes.
func clean(s string, limit int) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if len(s) <= limit {
		return s
	}
	for !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// RequestURL is the absolute address of a request as the outside knows it: the
// public base URL, then the request's path and query. The Host header has no
// say in it.
func RequestURL(r *http.Request, publicBase *url.URL) string {
	base := url.URL{Scheme: publicBase.Scheme, Host: publicBase.Host, Path: publicBase.Path, RawPath: publicBase.RawPath}
	out := strings.TrimRight(base.String(), "/") + "/" + strings.TrimLeft(r.URL.EscapedPath(), "/")
	if r.URL.RawQuery != "" {
		out += "?" + r.URL.RawQuery
	}
	return out
}

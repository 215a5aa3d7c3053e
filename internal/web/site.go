package web

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// DomainCovers says whether the attribute Domain lets a cookie be sent to a host
// (RFC 6265bis section 5.1.3). A leading dot changes nothing.
func DomainCovers(domain, host string) bool {
	domain, host = lower(strings.TrimPrefix(domain, ".")), lower(host)
	if domain == host {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err != nil && strings.HasSuffix(host, "."+domain)
}

// PathCovers says whether the attribute Path lets a cookie be sent to a path
// (RFC 6265bis section 5.1.4).
func PathCovers(attribute, path string) bool {
	if attribute == "" || attribute == "/" || attribute == path {
		return true
	}
	return strings.HasPrefix(path, strings.TrimSuffix(attribute, "/")+"/")
}

// OneSite says whether browsers take two addresses for one site: the same
// scheme, and the same registrable domain by the public suffix list. An IP
// address and localhost are sites of their own.
func OneSite(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && Registrable(a.Hostname()) == Registrable(b.Hostname())
}

// Registrable is the domain of a host that somebody can register
// (app.example.co.uk: example.co.uk); the host itself where there is none.
func Registrable(host string) string {
	host = lower(host)
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}

// Loopback says whether a host is this very machine, where browsers take plain
// HTTP for as good as HTTPS.
func Loopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	return lower(host) == "localhost" || strings.HasSuffix(lower(host), ".localhost")
}

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// CallOptions describe a request as the configuration does.
type CallOptions struct {
	URL string
	// Method is POST if it is empty.
	Method string
	// Headers are sent along. Content-Type says how the body is written: as
	// application/json, which is the default, or as
	// application/x-www-form-urlencoded.
	Headers map[string]string
	// Auth is nil where nobody has to sign in.
	Auth *CallAuth
}

// CallAuth is how the server signs in somewhere else.
type CallAuth struct {
	// Key is the name of a header, or with InCookie that of a cookie, that
	// holds Value. Without one, User and Password are those of HTTP Basic
	// (RFC 7617).
	Key, Value     string
	InCookie       bool
	User, Password string
}

// Call makes requests that the configuration describes. It does not change.
type Call struct {
	options CallOptions
	url     *url.URL
	form    bool
}

// NewCall checks what describes a request. The error begins with the name of the
// part that is wrong, as the configuration has it (url, headers.NAME), and
// repeats no value.
func NewCall(o CallOptions) (*Call, error) {
	c := &Call{options: o}
	if c.options.Method == "" {
		c.options.Method = http.MethodPost
	}
	if !httpguts.ValidHeaderFieldName(c.options.Method) { // both are tokens (RFC 9110 section 5.6.2)
		return nil, errors.New("method: this is not an HTTP method")
	}
	var err error
	if c.url, err = url.Parse(o.URL); err != nil || c.url.Scheme != "http" && c.url.Scheme != "https" || c.url.Host == "" {
		return nil, errors.New("url: this is not a URL that begins with http:// or https:// and has a host")
	}
	for name, value := range o.Headers {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, fmt.Errorf("headers: %.64q is not the name of a header", name)
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("headers.%s: a header is one line", name)
		}
		if !strings.EqualFold(name, "Content-Type") {
			continue
		}
		switch kind, _, _ := mime.ParseMediaType(value); kind {
		case "application/json":
		case "application/x-www-form-urlencoded":
			c.form = true
		default:
			return nil, fmt.Errorf("headers.%s: a body is sent as application/json or application/x-www-form-urlencoded, and as nothing else", name)
		}
	}
	if a := o.Auth; a != nil && a.Key != "" {
		if !httpguts.ValidHeaderFieldName(a.Key) {
			return nil, errors.New("auth.config.name: this is not the name of a header or a cookie")
		}
		if !httpguts.ValidHeaderFieldValue(a.Value) || a.InCookie && strings.ContainsAny(a.Value, "\";,\\ ") {
			return nil, errors.New("auth.config.value: this cannot be sent in a header or a cookie")
		}
	}
	return c, nil
}

// Form says whether the body is sent as a form.
func (c *Call) Form() bool { return c.form }

// Host is whom the request goes to, for logs.
func (c *Call) Host() string { return c.url.Host }

// ErrNotForm says that a body cannot be sent as a form.
var ErrNotForm = errors.New("a body that is sent as application/x-www-form-urlencoded must be an object with texts in it, and nothing else")

// Request makes the request with a body in JSON, which is sent as it is, or as a
// form; ErrNotForm where that cannot be.
func (c *Call) Request(ctx context.Context, body json.RawMessage) (*http.Request, error) {
	content, kind := []byte(body), "application/json"
	if c.form {
		kind = "application/x-www-form-urlencoded"
		var fields map[string]*string
		if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
			return nil, ErrNotForm
		}
		form := url.Values{}
		for name, value := range fields {
			if value == nil {
				return nil, ErrNotForm
			}
			form.Set(name, *value)
		}
		content = []byte(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, c.options.Method, c.url.String(), bytes.NewReader(content))
	if err != nil {
		return nil, errors.New("the request cannot be made") // the error repeats the URL
	}
	r.Header.Set("Content-Type", kind)
	for name, value := range c.options.Headers {
		if strings.EqualFold(name, "Host") {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	switch a := c.options.Auth; {
	case a == nil:
	case a.Key == "":
		r.SetBasicAuth(a.User, a.Password)
	case a.InCookie:
		r.AddCookie(&http.Cookie{Name: a.Key, Value: a.Value})
	default:
		r.Header.Set(a.Key, a.Value)
	}
	return r, nil
}

// Knock makes a request that changes nothing and carries nothing, neither
// credentials nor a body (OPTIONS, RFC 9110 section 9.3.7).
func (c *Call) Knock(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodOptions, c.url.String(), http.NoBody)
	if err != nil {
		return nil, errors.New("the request cannot be made") // the error repeats the URL
	}
	return r, nil
}

// ErrRedirected says that a request was redirected to where it must not go by
// itself.
var ErrRedirected = errors.New("it answered with a redirect that would send the request elsewhere or change it, so it was not followed; configure the address that it leads to")

// StayThere is a client like the given one for requests whose body and
// credentials are for one server alone. It follows a redirect only if that keeps
// method and body (RFC 9110 sections 15.4.8 and 15.4.9) and leads to the same
// scheme, host and port; others are ErrRedirected.
func StayThere(client *http.Client) *http.Client {
	stay := *client
	stay.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		first := via[0].URL
		kept := r.Response.StatusCode == http.StatusTemporaryRedirect || r.Response.StatusCode == http.StatusPermanentRedirect
		if !kept || r.URL.Scheme != first.Scheme || !strings.EqualFold(r.URL.Host, first.Host) {
			return ErrRedirected
		}
		if len(via) > maxRedirects {
			return fmt.Errorf("there were more than %d redirects", maxRedirects)
		}
		return nil
	}
	return &stay
}

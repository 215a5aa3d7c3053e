package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
)

// seen is what came of asking for a page.
type seen struct {
	status int
	err    error
}

// ask asks for all pages at once. Redirects are not followed: a page that leads
// elsewhere is there.
func ask(ctx context.Context, pages []uiPage) []seen {
	client := newClient()
	defer client.CloseIdleConnections()
	all := make([]seen, len(pages))
	var asking sync.WaitGroup
	for i, p := range pages {
		asking.Go(func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url.String(), http.NoBody)
			if err != nil {
				all[i].err = err
				return
			}
			r.Header.Set("Accept", "text/html")
			r.Header.Set("User-Agent", "zelus-doctor")
			res, err := client.Do(r)
			if err != nil {
				all[i].err = err
				return
			}
			res.Body.Close()
			all[i].status = res.StatusCode
		})
	}
	asking.Wait()
	return all
}

// why says in a few words why nobody answered.
func why(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var other x509.HostnameError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "the name " + name.Name + " is not known"
	case errors.As(err, &other):
		return "its certificate is for another name"
	case errors.As(err, &certificate):
		return "its certificate is not trusted: " + certificate.Err.Error()
	case errors.As(err, &plain), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it speaks plain HTTP, not https"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "it took too long"
	}
	// The words around the innermost error repeat the address.
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

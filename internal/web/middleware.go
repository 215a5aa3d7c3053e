package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"zelus/internal/auth"
)

// MaxBody is the largest request body, in bytes.
const MaxBody = 5 << 20

// Values of headers that every answer has, in the form in which a header keeps
// them. Their capacity is their length, so that adding to one makes a copy.
var (
	neverCached = []string{"private, no-cache, no-store, must-revalidate"}
	noSniff     = []string{"nosniff"}
	cookies     = []string{"Cookie"}
	jsonType    = []string{"application/json; charset=utf-8"}
)

// Headers sets what every answer carries: answers to GET and HEAD are never
// cached, and browsers do not guess at content types. Other headers of that
// kind belong to pages; on redirects a referrer policy or on forms a resource
// policy would break sign-in pages of another origin.
func Headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			h["Cache-Control"] = neverCached
		}
		h["X-Content-Type-Options"] = noSniff
		next.ServeHTTP(w, r)
	})
}

// VaryCookie tells caches that answers depend on cookies. except, if not nil,
// names paths for which they do not, such as health checks.
func VaryCookie(next http.Handler, except func(path string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if except == nil || !except(r.URL.Path) {
			if h := w.Header(); h["Vary"] == nil {
				h["Vary"] = cookies
			} else {
				h.Add("Vary", "Cookie")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Deadline ends the context of a request after a while, so that nothing which
// the request waits for, such as a database that hangs, can hold it for ever.
// It must be less than the server's WriteTimeout, or nobody reads the answer.
// It replaces the request by a copy, so that it stands outside of Log and of
// the mux, or behind both around a single route: Log reads from the request
// which route the mux has found.
func Deadline(after time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), after)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// LimitBody stops reading a body after MaxBody bytes. As the outermost of the
// middleware it also closes the connection of a client that goes on sending.
func LimitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// ReadBody reads the whole body. It keeps to MaxBody by itself, whether or not
// LimitBody is in place; a larger body is auth.ErrBodyTooLarge.
func ReadBody(r *http.Request) ([]byte, error) { return readBody(r, MaxBody) }

// readBody reads a body of at most so many bytes.
func readBody(r *http.Request, most int) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	tooLarge := auth.ErrBodyTooLarge
	if most < MaxBody {
		tooLarge = tooLarge.Saying("The request is larger than this server accepts here (%d KB).", most>>10)
	}
	if r.ContentLength > int64(most) {
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit) || len(body) > most:
		return nil, tooLarge
	case err != nil:
		return nil, auth.ErrBody.Saying("The request ended before its body was complete.").Because(err)
	}
	return body, nil
}

// Log writes one line a request: what was asked of which route, the answer,
// and how long it took. Query values, cookies, tokens and bodies are never in
// it. quiet, if not nil, names paths that are left out, such as health checks.
//
// The route is filled in by http.ServeMux on the request itself, so nothing
// between here and the mux may replace the request by a copy.
func (s *Server) Log(next http.Handler, quiet func(path string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if quiet != nil && quiet(r.URL.Path) || !s.Logger.Enabled(r.Context(), slog.LevelInfo) {
			next.ServeHTTP(w, r)
			return
		}
		began, seen := s.Now(), &recorder{ResponseWriter: w}
		defer func() {
			// Also after an abort, which is logged with status 0.
			s.Logger.LogAttrs(r.Context(), slog.LevelInfo, "request", append(about(r),
				slog.Int("status", seen.status), slog.Int64("bytes", seen.bytes), slog.Duration("took", s.Now().Sub(began)))...)
		}()
		next.ServeHTTP(seen, r)
		if seen.status == 0 {
			seen.status = http.StatusOK // net/http sends this for a handler that writes nothing
		}
	})
}

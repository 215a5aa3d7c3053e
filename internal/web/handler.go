package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"zelus/internal/auth"
)

// maxRequestID is how long, in bytes, an X-Request-ID may be.
const maxRequestID = 128

// Handler answers a request or returns an error, never both: once something
// was written, the error is nil.
type Handler func(http.ResponseWriter, *http.Request) error

// Wrap makes a Handler an http.Handler; onError answers in its place when it
// fails.
func Wrap(h Handler, onError func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			onError(w, r, err)
		}
	})
}

// Server is what the parts that log have in common.
type Server struct {
	Logger *slog.Logger
	// Now is the clock; it measures how long a request took.
	Now func() time.Time
	// Dev says whether answers hold the diagnosis of an error. nil is no.
	Dev func() bool
}

// Handle is Wrap for handlers whose errors are always JSON.
func (s *Server) Handle(h Handler) http.Handler { return Wrap(h, s.WriteError) }

// WriteError is the one place that renders an error as JSON. What is not an
// auth.Error becomes a 500 that says nothing of its cause. Faults of the
// server are logged with their cause, faults of the client at debug level but
// for those with a diagnosis.
func (s *Server) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	e := s.ForAnswer(of(r, err))
	s.LogError(r, e)
	answer(w, r, e)
}

// ForAnswer is an error as it is answered: in development with its diagnosis.
func (s *Server) ForAnswer(e *auth.Error) *auth.Error {
	if s.Dev == nil || !s.Dev() {
		return e
	}
	return e.Debugged()
}

// of is the error of a request: that it was given up, if that is the cause.
func of(r *http.Request, err error) *auth.Error {
	switch cause := r.Context().Err(); {
	case errors.Is(cause, context.Canceled) && errors.Is(err, context.Canceled):
		// Most clients have hung up, but some only say no more, and still listen.
		return auth.ErrClientGone.Because(err)
	case errors.Is(cause, context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded):
		return auth.ErrTimeout.Because(err)
	}
	return auth.AsError(err)
}

// LogError logs an error, with more attributes, for those who answer it in
// another way than as JSON. A fault of the server is logged with its cause. Of a
// fault of the client only the kind of its cause is: what is said of it, and what
// the cause says, may repeat what the client sent. Its diagnosis does not, and is
// for whoever has to do something about it.
func (s *Server) LogError(r *http.Request, err error, more ...slog.Attr) {
	e := of(r, err)
	attrs := append(append(about(r), slog.Int("status", e.Status), slog.String("id", e.ID)), more...)
	if e.Status >= http.StatusInternalServerError {
		s.Logger.LogAttrs(r.Context(), slog.LevelError, "request failed", append(attrs, slog.String("error", e.Error()))...)
		return
	}
	if cause := e.Unwrap(); cause != nil {
		attrs = append(attrs, slog.String("cause", kindOfError(cause)))
	}
	level := slog.LevelDebug
	if d := e.Diagnosis(); d != nil {
		level = slog.LevelInfo
		attrs = append(attrs, slog.String("sent", d.Sent), slog.String("expected", d.Expected), slog.String("change", d.Change))
	}
	s.Logger.LogAttrs(r.Context(), level, "request failed", attrs...)
}

// kindOfError is the type of the innermost error; those around it only add
// text.
func kindOfError(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return fmt.Sprintf("%T", err)
}

// answer writes an error as JSON.
func answer(w http.ResponseWriter, r *http.Request, e *auth.Error) {
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		h.Del(name) // of the answer that was not given
	}
	h.Set("Content-Type", "application/json")
	h.Set("Ory-Error-Id", e.ID)
	RetryAfter(w, e)
	w.WriteHeader(e.Status)
	_, _ = w.Write(e.JSON(RequestID(r))) // a client that hung up is nobody's fault
}

// RetryAfter tells the client when to try again, if the error says so (RFC
// 9110 section 10.2.3).
func RetryAfter(w http.ResponseWriter, e *auth.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
}

// WriteJSON answers with v as JSON. It fails before anything is written, so
// that a handler can return its error.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	WriteRawJSON(w, status, body)
	return nil
}

// WriteRawJSON answers with a body that is JSON already.
func WriteRawJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that hung up is nobody's fault
}

// RequestID is the id that the client or a proxy gave the request, or empty:
// one that is too long or not printable ASCII is as good as none.
func RequestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if len(id) > maxRequestID {
		return ""
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return ""
		}
	}
	return id
}

// Recover turns a panic into a logged 500. If half an answer is out already,
// the connection is cut, so that the client sees that it is incomplete.
func (s *Server) Recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &recorder{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p) // a deliberate abort; net/http handles it
			}
			s.Logger.LogAttrs(r.Context(), slog.LevelError, "request panicked", append(about(r),
				slog.String("error", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))...)
			if seen.status != 0 {
				panic(http.ErrAbortHandler)
			}
			w.Header().Del("Set-Cookie") // nobody is signed in by a crash
			w.Header().Del("Location")
			answer(w, r, auth.ErrInternal)
		}()
		next.ServeHTTP(seen, r)
	})
}

// Target refuses a request for "*", which names the server as a whole and is for
// OPTIONS alone (RFC 9112 section 3.2.4). The mux would do so without a word.
func (s *Server) Target(next http.Handler) http.Handler {
	return s.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if r.RequestURI == "*" {
			return auth.ErrBadRequest.Saying("The target * can only be asked for with OPTIONS. Name a path.")
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// about names a request in the log without anything private: its route, never
// its path or query, which may hold tokens.
func about(r *http.Request) []slog.Attr {
	attrs := []slog.Attr{slog.String("method", r.Method), slog.String("route", r.Pattern)}
	if id := RequestID(r); id != "" {
		attrs = append(attrs, slog.String("request", id))
	}
	return attrs
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int   // 0 while nothing was written
	bytes  int64 // of the body
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

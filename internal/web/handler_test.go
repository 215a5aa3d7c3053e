package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"zelus/internal/auth"
)

// logged makes a server that logs everything to a buffer, with a clock that
// moves one second whenever it is read.
func logged() (*Server, *bytes.Buffer) {
	var out bytes.Buffer
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return &Server{
		Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time {
			now = now.Add(time.Second)
			return now
		},
	}, &out
}

func TestWriteError(t *testing.T) {
	secret := errors.New("dial db.internal with password hunter2")
	for name, tt := range map[string]struct {
		err    error
		status int
		id     string
		level  string
	}{
		"client":  {auth.ErrNoSession, 401, "session_inactive", "DEBUG"},
		"wrapped": {errors.Join(errors.New("while reading"), auth.ErrReturnTo.Because(secret)), 400, "self_service_flow_return_to_forbidden", "DEBUG"},
		"foreign": {secret, 500, "internal_error", "ERROR"},
		"server":  {auth.ErrUnavailable.Because(secret), 503, "database_unavailable", "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := logged()
			r := httptest.NewRequest("POST", "/x?token=private", nil)
			r.Header.Set("X-Request-ID", "abc 1")
			w := httptest.NewRecorder()
			w.Header().Set("Content-Length", "99")
			s.Handle(func(http.ResponseWriter, *http.Request) error { return tt.err }).ServeHTTP(w, r)

			if w.Code != tt.status || w.Header().Get("Ory-Error-Id") != tt.id || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("answer is %d %v", w.Code, w.Header())
			}
			if w.Header().Get("Content-Length") != "" {
				t.Error("the length of another answer was left")
			}
			var body struct {
				Error struct {
					ID, Request string
					Code        int
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error.ID != tt.id || body.Error.Code != tt.status || body.Error.Request != "abc 1" {
				t.Errorf("body is %s (%v)", w.Body, err)
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Error("the cause left the server")
			}
			if !strings.Contains(log.String(), "level="+tt.level) || strings.Contains(log.String(), "private") {
				t.Errorf("log is %s", log)
			}
			if got, want := strings.Contains(log.String(), "hunter2"), errors.Is(tt.err, secret) && tt.status >= 500; got != want {
				t.Errorf("the cause is in the log: %v, want %v: %s", got, want, log)
			}
		})
	}
}

// TestLogErrorIsDiscreet: of a client's fault nothing is logged that the client
// may have sent.
func TestLogErrorIsDiscreet(t *testing.T) {
	number := fmt.Errorf("reading private1: %w", &strconv.NumError{Func: "Atoi", Num: "private2", Err: strconv.ErrSyntax})
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"reason":  {auth.ErrTraits.Saying("“private” is not an e-mail address."), "id=identity_traits_invalid"},
		"message": {auth.ErrTraits.Saying("“private” is not an e-mail address.").InMessage(), "id=identity_traits_invalid"},
		"details": {auth.ErrConflict.Detail("identifier", "private").With("beside", "private"), "id=identity_conflict"},
		"cause":   {auth.ErrParameter.Because(number), "cause=*errors.errorString"},
		"kind":    {auth.ErrBody.Because(fmt.Errorf("private: %w", &json.SyntaxError{})), "cause=*json.SyntaxError"},
	} {
		s, log := logged()
		s.LogError(httptest.NewRequest("POST", "/private?private=private", nil), fmt.Errorf("private: %w", tt.err))
		line := log.String()
		if !strings.Contains(line, tt.want) || !strings.Contains(line, "method=POST") || !strings.Contains(line, "status=4") || strings.Contains(line, "private") {
			t.Errorf("%s: %s", name, line)
		}
	}
}

func TestWriteErrorRetryAfter(t *testing.T) {
	s, _ := logged()
	w := httptest.NewRecorder()
	s.WriteError(w, httptest.NewRequest("GET", "/", nil), auth.ErrTooBusy)
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
	}
}

func TestWriteErrorContext(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for name, tt := range map[string]struct {
		ctx    context.Context
		err    error
		status int
	}{
		"client gone":                   {gone, context.Canceled, 499},
		"client gone, another error":    {gone, auth.ErrNoSession, 401},
		"something else was cancelled":  {t.Context(), context.Canceled, 500},
		"too late":                      {late, context.DeadlineExceeded, 503},
		"something else took too long":  {t.Context(), context.DeadlineExceeded, 500},
		"too late, with another reason": {late, auth.ErrConflict, 409},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := logged()
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/", nil).WithContext(tt.ctx)
			s.WriteError(w, r, tt.err)
			s.LogError(r, tt.err)
			if faults := strings.Count(log.String(), "level=ERROR"); faults != 0 && faults != 2 || (faults == 0) != (tt.status < 500) {
				t.Errorf("the log says %s", log)
			}
			if w.Code != tt.status {
				t.Errorf("status is %d, want %d", w.Code, tt.status)
			}
			if !strings.Contains(w.Body.String(), `"code":`+strconv.Itoa(tt.status)) || w.Header().Get("Ory-Error-Id") == "" {
				t.Errorf("the error is %s", w.Body)
			}
		})
	}
}

func TestTarget(t *testing.T) {
	s, _ := logged()
	h := s.Target(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for target, want := range map[string]int{"*": 400, "/": 204, "/*": 204} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI = target
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || want == 400 && w.Header().Get("Ory-Error-Id") != "bad_request" {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestRequestID(t *testing.T) {
	for given, want := range map[string]string{
		"7f-9":                   "7f-9",
		strings.Repeat("x", 128): strings.Repeat("x", 128),
		strings.Repeat("x", 129): "",
		"a\tb":                   "",
		"é":                      "",
		"":                       "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Request-ID", given)
		if got := RequestID(r); got != want {
			t.Errorf("%q gives %q", given, got)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	w := httptest.NewRecorder()
	if err := WriteJSON(w, 201, map[string]int{"count": 3}); err != nil {
		t.Fatal(err)
	}
	if w.Code != 201 || w.Body.String() != `{"count":3}` || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("answer is %d %v %s", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	if err := WriteJSON(w, 200, func() {}); err == nil || w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("what cannot be encoded gives %v and %s", err, w.Body)
	}
}

func TestRecover(t *testing.T) {
	s, log := logged()
	w := httptest.NewRecorder()
	s.Recover(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "session=1")
		panic("kaboom")
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || w.Header().Get("Ory-Error-Id") != "internal_error" || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("answer is %d %v", w.Code, w.Header())
	}
	if strings.Contains(w.Body.String(), "kaboom") || !strings.Contains(log.String(), "kaboom") || !strings.Contains(log.String(), "handler_test.go") {
		t.Errorf("body %s\nlog %s", w.Body, log)
	}
}

func TestRecoverHalfAnAnswer(t *testing.T) {
	s, log := logged()
	server := httptest.NewServer(s.Recover(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		panic("kaboom")
	})))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the client takes half an answer for a whole one")
	}
	server.Close() // the handler is done
	if !strings.Contains(log.String(), "kaboom") {
		t.Errorf("log is %s", log)
	}
}

func TestRecoverLeavesAborts(t *testing.T) {
	s, log := logged()
	defer func() {
		if recover() != http.ErrAbortHandler || log.Len() > 0 {
			t.Errorf("an abort was not handed on, or logged: %s", log)
		}
	}()
	s.Recover(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

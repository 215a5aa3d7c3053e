package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Error is the one error type that reaches people and programs: a stable id,
// an HTTP status, what happened and what to do. What caused it inside stays
// private and is only logged. All values stand in errors.go; they are
// templates: the methods below return changed copies.
type Error struct {
	// ID is stable and may be branched on.
	ID string
	// Status is the HTTP status and the code in the body.
	Status int
	// Reason says what happened here and what to do about it.
	Reason string
	// Message replaces the general sentence of the status class.
	Message string
	// Details are further facts about the error.
	Details map[string]any
	// Beside are members that stand beside "error" in the body.
	Beside map[string]any
	// RetryAfter, in seconds, becomes the header of that name.
	RetryAfter int
	// Debug is what only those who develop are told, see Debugged.
	Debug string

	cause     error
	diagnosis *Diagnosis
}

// Error is for logs, not for people: it includes the private cause.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s (%d)", e.ID, e.Status)
	if e.Reason != "" {
		s += ": " + e.Reason
	} else if e.Message != "" {
		s += ": " + e.Message
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.cause }

// Is compares by id, so that errors.Is(err, auth.ErrNoSession) works on copies.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.ID == e.ID
}

// Because returns a copy with a private cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Saying returns a copy whose reason is the formatted sentence.
func (e *Error) Saying(format string, args ...any) *Error {
	c := *e
	c.Reason = fmt.Sprintf(format, args...)
	return &c
}

// Short is something that came with a request as an error may repeat it: cut
// where it is long.
func Short[T ~string](s T) string {
	const most = 64 // bytes
	if len(s) > most {
		return strings.ToValidUTF8(string(s[:most]), "") + "…"
	}
	return string(s)
}

// Detail returns a copy with one more fact in details.
func (e *Error) Detail(key string, value any) *Error {
	c := *e
	c.Details = maps.Clone(e.Details)
	if c.Details == nil {
		c.Details = map[string]any{}
	}
	c.Details[key] = value
	return &c
}

// With returns a copy with one more member beside "error".
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Beside = maps.Clone(e.Beside)
	if c.Beside == nil {
		c.Beside = map[string]any{}
	}
	c.Beside[key] = value
	return &c
}

// InMessage returns a copy that says in its message what it said in its
// reason: some answers of the wire have no reason.
func (e *Error) InMessage() *Error {
	c := *e
	c.Message, c.Reason = e.Reason, ""
	return &c
}

// RedirectTo returns a copy that tells a browser client where to go.
func (e *Error) RedirectTo(url string) *Error {
	return e.Detail("redirect_browser_to", url).With("redirect_browser_to", url)
}

// Body is the error object of the wire. request is the id that the client
// gave its request, or empty.
func (e *Error) Body(request string) map[string]any {
	out := map[string]any{"code": e.Status, "status": StatusText(e.Status), "message": e.Message}
	if e.Message == "" {
		out["message"] = generalMessage(e.Status)
	}
	if e.ID != "" {
		out["id"] = e.ID
	}
	if request != "" {
		out["request"] = request
	}
	if e.Reason != "" {
		out["reason"] = e.Reason
	}
	if len(e.Details) > 0 {
		out["details"] = e.Details
	}
	if e.Debug != "" {
		out["debug"] = e.Debug
	}
	return out
}

// JSON is the whole body: the error object and what stands beside it.
func (e *Error) JSON(request string) []byte {
	out := map[string]any{"error": e.Body(request)}
	maps.Copy(out, e.Beside)
	b, err := json.Marshal(out)
	if err != nil {
		return ErrInternal.JSON(request)
	}
	return b
}

// AsError finds the Error in err; anything else is an internal error whose
// cause stays private.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return ErrInternal.Because(err)
}

// StatusText is http.StatusText, with a name for the one status of ours that is
// not registered.
func StatusText(status int) string {
	if status == ErrClientGone.Status {
		return "Client Closed Request"
	}
	return http.StatusText(status)
}

func generalMessage(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "The request is not valid. Check it and try again."
	case http.StatusUnauthorized:
		return "You are not signed in. Sign in and try again."
	case http.StatusForbidden:
		return "This is not allowed."
	case http.StatusNotFound:
		return "There is nothing here. Check the address or the id."
	case http.StatusConflict:
		return "This clashes with something that already exists."
	case http.StatusGone:
		return "This is no longer available. Start again."
	case http.StatusRequestEntityTooLarge:
		return "The request is too large."
	case http.StatusUnsupportedMediaType:
		return "This type of content is not understood here."
	case http.StatusUnprocessableEntity:
		return "The browser must go to another address to continue."
	case http.StatusTooManyRequests:
		return "Too much is asked at once. Wait a moment and try again."
	case http.StatusBadGateway:
		return "A service that this server depends on did not answer as expected."
	case http.StatusServiceUnavailable:
		return "The server cannot answer right now. Try again shortly."
	}
	return "Something went wrong on the server. Try again, and tell the operator if it happens again."
}

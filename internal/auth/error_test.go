package auth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zelus/internal/auth"
)

func TestErrorJSON(t *testing.T) {
	for _, test := range []struct {
		name    string
		err     *auth.Error
		request string
		want    string
	}{
		{"a template", auth.ErrNoSession, "",
			`{"error":{"code":401,"id":"session_inactive","message":"You are not signed in. Sign in and try again.","reason":"There is no active session. Sign in and try again.","status":"Unauthorized"}}`},
		{"its own message", auth.ErrOwnSession, "",
			`{"error":{"code":400,"id":"session_is_current","message":"The session of this very request cannot be revoked here. Sign out instead.","status":"Bad Request"}}`},
		{"the id of the request", auth.ErrFlowUnknown, "r-1",
			`{"error":{"code":404,"id":"self_service_flow_not_found","message":"There is nothing here. Check the address or the id.","request":"r-1","status":"Not Found"}}`},
		{"a redirect, in both places where clients look", auth.ErrAAL2Required.RedirectTo("https://a.example/?b=c&d"), "",
			`{"error":{"code":403,"details":{"redirect_browser_to":"https://a.example/?b=c\u0026d"},"id":"session_aal2_required","message":"This is not allowed.","reason":"This session needs a second factor. Complete it and try again.","status":"Forbidden"},"redirect_browser_to":"https://a.example/?b=c\u0026d"}`},
		{"a cause stays private", auth.ErrInternal.Because(errors.New("password of the database")), "",
			`{"error":{"code":500,"id":"internal_error","message":"Something went wrong on the server. Try again, and tell the operator if it happens again.","status":"Internal Server Error"}}`},
		{"no id", &auth.Error{Status: http.StatusTeapot}, "",
			`{"error":{"code":418,"message":"Something went wrong on the server. Try again, and tell the operator if it happens again.","status":"I'm a teapot"}}`},
		{"what cannot be encoded", auth.ErrBadRequest.Detail("a", func() {}), "r-2",
			`{"error":{"code":500,"id":"internal_error","message":"Something went wrong on the server. Try again, and tell the operator if it happens again.","request":"r-2","status":"Internal Server Error"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, string(test.err.JSON(test.request))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Every status that an error may have has a sentence of its own.
func TestGeneralMessages(t *testing.T) {
	seen := map[string]int{}
	for _, status := range []int{400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 500, 502, 503} {
		message := (&auth.Error{Status: status}).Body("")["message"].(string)
		if other, twice := seen[message]; twice {
			t.Errorf("%d says the same as %d: %s", status, other, message)
		}
		seen[message] = status
	}
}

// The methods that change an error give a copy: the templates are shared by
// all requests.
func TestErrorCopies(t *testing.T) {
	before := string(auth.ErrAAL2Required.JSON(""))
	first := auth.ErrAAL2Required.RedirectTo("first").Saying("%d of %s", 1, "2").Because(errors.New("a cause"))
	second := first.Detail("more", 1).With("beside", 2)
	if got := string(auth.ErrAAL2Required.JSON("")); got != before {
		t.Errorf("the template changed to %s", got)
	}
	if len(first.Details) != 1 || len(first.Beside) != 1 {
		t.Errorf("the first copy changed with the second: %v, %v", first.Details, first.Beside)
	}
	if len(second.Details) != 2 || len(second.Beside) != 2 || second.Reason != "1 of 2" {
		t.Errorf("the second copy has lost something: %+v", second)
	}
}

// Some clients show the message and not the reason.
func TestErrorInMessage(t *testing.T) {
	before := string(auth.ErrConflict.JSON(""))
	got := auth.ErrConflict.Because(errors.New("a cause")).InMessage()
	if got.Message != auth.ErrConflict.Reason || got.Reason != "" || !errors.Is(got, auth.ErrConflict) {
		t.Errorf("got %+v", got)
	}
	if now := string(auth.ErrConflict.JSON("")); now != before {
		t.Errorf("the template changed to %s", now)
	}
}

func TestErrorIs(t *testing.T) {
	cause := errors.New("a cause")
	changed := fmt.Errorf("wrapped: %w", auth.ErrNoSession.Because(cause).Saying("else").Detail("a", 1))
	if !errors.Is(changed, auth.ErrNoSession) {
		t.Error("a changed copy is not its template")
	}
	if !errors.Is(changed, cause) {
		t.Error("the cause is lost")
	}
	if errors.Is(changed, auth.ErrTokenUnknown) {
		t.Error("it is another template, too")
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("a cause")
	for _, test := range []struct{ err, want string }{
		{auth.ErrInternal.Error(), "internal_error (500)"},
		{auth.ErrInternal.Because(cause).Error(), "internal_error (500): a cause"},
		{auth.ErrOwnSession.Error(), "session_is_current (400): The session of this very request cannot be revoked here. Sign out instead."},
		{auth.ErrAAL.Because(cause).Error(), "aal_invalid (400): The parameter aal must be aal1 or aal2.: a cause"},
	} {
		if test.err != test.want {
			t.Errorf("got %q, want %q", test.err, test.want)
		}
	}
}

func TestAsError(t *testing.T) {
	if got := auth.AsError(fmt.Errorf("wrapped: %w", auth.ErrTooBusy)); got != auth.ErrTooBusy {
		t.Errorf("got %v", got)
	}
	cause := errors.New("disk on fire")
	got := auth.AsError(cause)
	if !errors.Is(got, auth.ErrInternal) || !errors.Is(got, cause) {
		t.Errorf("a foreign error became %v", got)
	}
	if body := string(got.JSON("")); strings.Contains(body, "fire") {
		t.Errorf("its text leaves the server: %s", body)
	}
}

// Errors are told apart by their ids alone.
func TestErrorIDsAreUnique(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		member, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if name, ok := member.Key.(*ast.Ident); !ok || name.Name != "ID" {
			return true
		}
		id, err := strconv.Unquote(member.Value.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if seen[id] {
			t.Errorf("the id %s stands twice in errors.go", id)
		}
		seen[id] = true
		return true
	})
	if len(seen) < 40 {
		t.Errorf("only %d errors were found", len(seen))
	}
}

// The body is an object that programs can read, whatever the reason says.
func TestErrorBodyIsJSON(t *testing.T) {
	for _, reason := range []string{"", "\"quoted\"", "a\x00b\x1f", "\xff\xfe", "</script>\u2028"} {
		var body struct {
			Error struct{ Code int }
		}
		if err := json.Unmarshal(auth.ErrBadRequest.Saying("%s", reason).JSON(reason), &body); err != nil || body.Error.Code != 400 {
			t.Errorf("%q: %+v, %v", reason, body, err)
		}
	}
}

func TestShort(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"short", "short"},
		{strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{strings.Repeat("a", 65), strings.Repeat("a", 64) + "…"},
		{strings.Repeat("a", 63) + "ä", strings.Repeat("a", 63) + "…"},
		{strings.Repeat("ä", 40), strings.Repeat("ä", 32) + "…"},
		{strings.Repeat("\xff", 70), "…"},
	} {
		if got := auth.Short(test.in); got != test.want {
			t.Errorf("%q became %q, want %q", test.in, got, test.want)
		}
	}
}

package main

import (
	"go/parser"
	"os"
	"strings"
	"testing"

	"zelus/internal/auth"
)

// TestUpToDate fails when the errors have changed since the page was made.
func TestUpToDate(t *testing.T) {
	want, err := reference("../errors.go")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../../docs/reference/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("docs/reference/errors.md is not what errors.go says: run go generate ./...")
	}
}

// TestErrors compares what is read from the source with the values themselves.
func TestErrors(t *testing.T) {
	page, err := reference("../errors.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## Sessions\n",
		"| `" + auth.ErrNoSession.ID + "` | 401 Unauthorized |  | " + auth.ErrNoSession.Reason + " |",
		"| `" + auth.ErrTooBusy.ID + "` | 429 Too Many Requests | 1 | " + auth.ErrTooBusy.Reason + " |",
		"| `" + auth.ErrOwnSession.ID + "` | 400 Bad Request |  | " + auth.ErrOwnSession.Message + " |",
		"| `" + auth.ErrFlowUnknown.ID + "` | 404 Not Found |  | There is nothing here. Check the address or the id. |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

func TestUnreadable(t *testing.T) {
	for _, source := range []string{
		`1`, `&x`, `Error{}`, `&Error{"a"}`, `&Error{ID: f()}`, `&Error{Status: http.StatusNever}`, `&Error{RetryAfter: "a"}`, `&Error{Other: "a"}`, `&Error{ID: 1}`,
	} {
		expression, err := parser.ParseExpr(source)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := read(expression); err == nil {
			t.Errorf("read(%s) = %+v, want an error", source, e)
		}
	}
}

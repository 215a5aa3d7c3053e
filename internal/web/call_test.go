package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestCall(t *testing.T) {
	c, err := NewCall(CallOptions{URL: "https://user:hunter2@x.example:8443/a?b=c", Headers: map[string]string{"Host": "y.example", "x-own": "1",
		"Content-Type": "application/json; charset=utf-8"}, Auth: &CallAuth{Key: "Key", Value: "v"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Form() || c.Host() != "x.example:8443" {
		t.Errorf("%v, %s", c.Form(), c.Host())
	}
	r, err := c.Request(t.Context(), json.RawMessage("{\n  \"a\": 1\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	if r.Method != "POST" || r.URL.String() != "https://user:hunter2@x.example:8443/a?b=c" || r.Host != "y.example" || r.Header.Get("X-Own") != "1" ||
		r.Header.Get("Content-Type") != "application/json; charset=utf-8" || r.Header.Get("Key") != "v" || string(body) != "{\n  \"a\": 1\n}\n" {
		t.Errorf("%s %s %s %v %q", r.Method, r.URL, r.Host, r.Header, body)
	}
}

func TestCallAsForm(t *testing.T) {
	c, err := NewCall(CallOptions{URL: "http://x/", Headers: map[string]string{"content-type": "application/x-www-form-urlencoded"}})
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{
		`{"b": "1 & 2", "a": "ä="}`: "a=%C3%A4%3D&b=1+%26+2",
		`{}`:                        "",
		`{"a": 1}`:                  "error",
		`{"a": null}`:               "error",
		`{"a": {"b": "c"}}`:         "error",
		`["a"]`:                     "error",
		`null`:                      "error",
		``:                          "error",
	} {
		r, err := c.Request(t.Context(), json.RawMessage(given))
		if want == "error" {
			if !errors.Is(err, ErrNotForm) {
				t.Errorf("%s: %v", given, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		body, _ := io.ReadAll(r.Body)
		if string(body) != want || len(r.Header.Values("Content-Type")) != 1 {
			t.Errorf("%s: %s, %v", given, body, r.Header)
		}
	}
}

// TestStayThere: where a redirect may lead, with the client that it is made of
// left as it was.
func TestStayThere(t *testing.T) {
	original := &http.Client{}
	check := StayThere(original).CheckRedirect
	if original.CheckRedirect != nil {
		t.Error("the client itself was changed")
	}
	request := func(address string) *http.Request {
		r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, test := range []struct {
		to      string
		status  int
		allowed bool
	}{
		{"https://a.example/other?q", 307, true},
		{"https://A.example/other", 308, true},
		{"https://a.example/other", 302, false},
		{"https://a.example/other", 301, false},
		{"http://a.example/other", 307, false},
		{"https://a.example:8443/other", 307, false},
		{"https://sub.a.example/other", 308, false},
		{"https://a.example.org/other", 308, false},
	} {
		r := request(test.to)
		r.Response = &http.Response{StatusCode: test.status}
		if err := check(r, []*http.Request{request("https://a.example/")}); errors.Is(err, ErrRedirected) == test.allowed {
			t.Errorf("%d to %s: %v", test.status, test.to, err)
		}
	}
}

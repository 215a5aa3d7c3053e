package source

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/there":
			fmt.Fprint(w, "from a server")
		case "/large":
			fmt.Fprint(w, strings.Repeat("x", MaxSize+1))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	for name, size := range map[string]int{"a file": 3, "large": MaxSize + 1, "largest": MaxSize} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	reader := Reader{Client: server.Client()}
	for address, want := range map[string]string{
		"file://" + dir + "/a%20file": "xxx",
		"file://a file":               "xxx",
		"file://" + dir + "/largest":  strings.Repeat("x", MaxSize),
		server.URL + "/there":         "from a server",
		"base64://" + base64.StdEncoding.EncodeToString([]byte("inside")): "inside",
	} {
		got, err := reader.Read(t.Context(), address)
		if err != nil || string(got) != want {
			t.Errorf("%s: %.30q, %v", address, got, err)
		}
	}

	secret := strings.Replace(server.URL, "://", "://user:hunter2@", 1)
	for address, want := range map[string]string{
		"ftp://x/y":                  `file://, http://, https:// or base64://, not from "ftp"`,
		"nothing":                    "file://",
		"file://" + dir + "/none":    "none",
		"file://" + dir + "/large":   ErrTooLarge.Error(),
		server.URL + "/large":        ErrTooLarge.Error(),
		secret + "/none?key=hunter2": "/none answered 404 Not Found instead of 200",
		"http://user:hunter2@127.0.0.1:1/?key=hunter2": "127.0.0.1:1",
		"http://user:hunter2@[::1/":                    "not a valid URL",
		"base64://hunter2":                             "not standard base64",
		"base64://" + strings.Repeat("A", 2*MaxSize):   ErrTooLarge.Error(),
		strings.Repeat("hunter3", 1000) + "://":        "…",
	} {
		_, err := reader.Read(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 1000 {
			t.Errorf("%.80s: %v, want %s", address, err, want)
		}
	}
	if _, err := (Reader{}).Read(t.Context(), server.URL+"/there"); err == nil {
		t.Error("a server was asked without a client")
	}
	if _, err := reader.Read(t.Context(), "file://"+dir+"/none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// run runs a command line and gives what it says.
func run(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), Process{Args: args, In: strings.NewReader(""), Out: &stdout, Err: &stderr, Clock: time.Now})
	return code, stdout.String(), stderr.String()
}

// configured is a file with a configuration that works, and more.
func configured(t *testing.T, more string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "kratos.yml")
	schema := base64.StdEncoding.EncodeToString([]byte(`{"type": "object", "properties": {"traits": {"type": "object", "properties": {"name": {"type": "string"}}}}}`))
	text := `dsn: sqlite://` + filepath.Join(filepath.Dir(name), "zelus.db") + `
selfservice: {default_browser_return_url: "https://app.example.org/", flows: {registration: {style: unified}}}
secrets: {cookie: [a-secret-of-this-test-alone]}
identity: {schemas: [{id: default, url: "base64://` + schema + `"}]}
` + more
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestConfigCheck(t *testing.T) {
	for name, test := range map[string]struct {
		more string
		want string // of the problem; empty for none
	}{
		"good":        {"", ""},
		"misspelt":    {"lgo: {}\n", "kratos.yml:5: lgo: "},
		"own header":  {"courier:\n  smtp:\n    connection_uri: smtp://localhost:25\n    headers: {From: x@example.org}\n", "kratos.yml:8: courier.smtp.headers.From: "},
		"cost":        {"hashers: {bcrypt: {cost: 31}}\n", "kratos.yml:5: hashers.bcrypt.cost: "},
		"bad pattern": {"clients: {http: {private_ip_exception_urls: ['http://{a']}}\n", "kratos.yml:5: clients.http.private_ip_exception_urls.0: "},
	} {
		t.Run(name, func(t *testing.T) {
			file := configured(t, test.more)
			code, out, problems := run(t, "config", "check", "-c", file)
			if test.want == "" {
				if code != 0 || out != "The configuration is valid.\n" || problems != "" {
					t.Errorf("%d, %s, %s", code, out, problems)
				}
			} else if code != 1 || out != "" || !strings.Contains(problems, test.want) {
				t.Errorf("%d, %s, %s, want %q", code, out, problems, test.want)
			}
			if all, err := os.ReadDir(filepath.Dir(file)); err != nil || len(all) != 1 {
				t.Errorf("something was written: %v, %v", all, err)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	if Version() == "" {
		t.Error("there is no version")
	}
	_, out, _ := run(t, "version")
	if !strings.Contains(out, Version()) {
		t.Errorf("the version %s is not in %q", Version(), out)
	}
	t.Cleanup(func() { version = "" })
	version = "v9.8.7"
	if got := Version(); got != "v9.8.7" {
		t.Errorf("the version of a release is %s", got)
	}
}

func TestServeRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"an argument":      {"serve", "some"},
		"no configuration": {"serve"},
		"a bad one":        {"serve", "-c", configured(t, "session: {lifespan: long}\n")},
	} {
		if code, _, problems := run(t, args...); code != 1 || !strings.HasPrefix(problems, "Error: ") {
			t.Errorf("%s: %d, %s", name, code, problems)
		}
	}
}

// interrupter is standard error with somebody who reads it and presses Ctrl-C.
type interrupter struct {
	bytes.Buffer
	at        string
	interrupt func()
}

func (w *interrupter) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(w.at)) {
		w.interrupt()
	}
	return w.Buffer.Write(b)
}

func TestMigrateStatusIsInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said := &interrupter{at: "Waiting for migrations", interrupt: stop}
	code := Run(ctx, Process{Args: []string{"migrate", "sql", "status", "--block", "sqlite://" + filepath.Join(t.TempDir(), "zelus.db")},
		In: strings.NewReader(""), Out: io.Discard, Err: said, Clock: time.Now})
	if code != 1 || !strings.Contains(said.String(), "Error: interrupted before all steps were done") {
		t.Errorf("%d, %s", code, said.String())
	}
}

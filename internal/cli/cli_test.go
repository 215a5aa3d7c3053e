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

// TestMain lets the binary of the tests be started by itself, to evaluate Jsonnet.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childCommand {
		os.Exit(Run(context.Background(), Process{Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Clock: time.Now}))
	}
	os.Exit(m.Run())
}

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
		"no program":  {templates("{claims: {}"), "kratos.yml:5: session.whoami.tokenizer.templates.t.claims_mapper_url: it is not valid Jsonnet at line 1, column 12: "},
		"a program":   {templates("{claims: {}}"), ""},
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

// templates is configuration for session tokens with claims by a program.
func templates(program string) string {
	encode := func(text string) string { return "base64://" + base64.StdEncoding.EncodeToString([]byte(text)) }
	return "session: {whoami: {tokenizer: {templates: {t: {jwks_url: '" + encode(`{"keys":[{"kty":"oct","alg":"HS256","k":"`+strings.Repeat("a", 43)+`"}]}`) +
		"', claims_mapper_url: '" + encode(program) + "'}}}}}\n"
}

// TestJsonnetChild: the command is not shown to people, and tells those who find
// it what it is.
func TestJsonnetChild(t *testing.T) {
	if _, out, _ := run(t, "help"); strings.Contains(out, "jsonnet") || !strings.Contains(out, "serve") {
		t.Errorf("the help is %s", out)
	}
	if code, _, problems := run(t, "jsonnet-child"); code != 1 || !strings.Contains(problems, "started by the server itself") {
		t.Errorf("%d, %s", code, problems)
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

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zelus/internal/cli"
)

// good is a configuration file. The database comes from the environment.
const good = `serve:
  public:
    host: 127.0.0.1
    port: 4433
  admin:
    host: 127.0.0.1
    port: 4434
selfservice:
  default_browser_return_url: https://app.example/
  flows:
    registration:
      style: unified
secrets:
  cookie:
    - a-secret-of-these-tests-alone
identity:
  schemas:
    - id: default
      url: base64://eyJ0eXBlIjoib2JqZWN0IiwicHJvcGVydGllcyI6eyJ0cmFpdHMiOnsidHlwZSI6Im9iamVjdCIsInByb3BlcnRpZXMiOnsibmFtZSI6eyJ0eXBlIjoic3RyaW5nIn19fX19
`

// output is what a command writes while others may look.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	mark string        // that is waited for
	seen chan struct{} // closed once the mark was written
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.mark != "" && strings.Contains(o.text.String(), o.mark) {
		o.mark = ""
		close(o.seen)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// ran is what came of a command.
type ran struct {
	code     int
	out, err string
}

// run runs a command line with these variables. input is what is typed.
func run(t *testing.T, environ []string, input string, args ...string) ran {
	t.Helper()
	var out, errs output
	code := cli.Run(t.Context(), cli.Process{Args: args, Environ: environ, In: strings.NewReader(input), Out: &out, Err: &errs, Clock: time.Now})
	return ran{code, out.String(), errs.String()}
}

// file writes a file into a folder of the test and returns its name.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// database is the variable that names a new database in a file.
func database(t *testing.T) string {
	t.Helper()
	return "DSN=sqlite://" + filepath.Join(t.TempDir(), "zelus.db") + "?_fk=true"
}

func TestVersion(t *testing.T) {
	got := run(t, nil, "", "version")
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	if got.code != 0 || got.err != "" || len(lines) != 3 {
		t.Fatalf("got %+v", got)
	}
	for n, name := range []string{"Version:", "Build Commit:", "Build Timestamp:"} {
		key, value, _ := strings.Cut(lines[n], "\t")
		if key != name || strings.TrimSpace(value) == "" {
			t.Errorf("line %d is %q", n+1, lines[n])
		}
	}
	if v := cli.Version(); !strings.HasPrefix(v, "v") || !strings.Contains(lines[0], v) {
		t.Errorf("the version is %q", v)
	}
}

func TestHelp(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"serve", "courier", "migrate", "keys", "config", "doctor", "version"}},
		{[]string{"--help"}, []string{"serve", "courier", "migrate", "keys", "config", "doctor", "version"}},
		{[]string{"courier", "watch", "--help"}, []string{"--config", "-c,", "--expose-metrics-port"}},
		{[]string{"keys", "--help"}, []string{"create", "list", "revoke", "--config", "-c,", "--dev"}},
		{[]string{"keys", "create", "--help"}, []string{"--name", "--expires", "90d"}},
		{[]string{"serve", "--help"}, []string{"--config", "-c,", "--dev", "--watch-courier", "--sqa-opt-out", "--watch "}},
		{[]string{"migrate", "sql", "--help"}, []string{"--config", "--read-from-env", "-e,", "--yes", "-y,", "up ", "status "}},
		{[]string{"migrate", "sql", "status", "--help"}, []string{"--block", "--format"}},
		{[]string{"config", "--help"}, []string{"check", "print", "explain", "schema", "--config"}},
	} {
		got := run(t, nil, "", test.args...)
		if got.code != 0 || got.err != "" {
			t.Errorf("%v: got %+v", test.args, got)
		}
		for _, want := range test.want {
			if !strings.Contains(got.out, want) {
				t.Errorf("%v: %q is missing in:\n%s", test.args, want, got.out)
			}
		}
	}
}

// Whatever is wrong with a command line, it is said on standard error, and
// the exit code is 1.
func TestUsageErrors(t *testing.T) {
	environ := []string{database(t)}
	name := file(t, "kratos.yml", good)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"bogus"}, `unknown command "bogus"`},
		{[]string{"--bogus"}, "unknown flag: --bogus"},
		{[]string{"version", "x"}, "x"},
		{[]string{"serve", "bogus"}, `it was given "bogus"`},
		{[]string{"serve", "all", "bogus"}, `it was given "all bogus"`},
		{[]string{"serve", "--bogus"}, "unknown flag: --bogus"},
		{[]string{"serve", "-c"}, "needs an argument"},
		{[]string{"config", "chekc"}, "chekc"},
		{[]string{"migrate", "bogus"}, "bogus"},
		{[]string{"config", "check", "x", "-c", name}, "x"},
		{[]string{"config", "print", "x", "-c", name}, "x"},
		{[]string{"config", "schema", "x"}, "x"},
		{[]string{"config", "explain"}, "accepts 1 arg"},
		{[]string{"config", "explain", "log.level", "dsn"}, "accepts 1 arg"},
		{[]string{"migrate", "sql", "up", "memory", "memory"}, "accepts at most 1 arg"},
		{[]string{"migrate", "sql", "status", "memory", "memory"}, "accepts at most 1 arg"},
		{[]string{"migrate", "sql", "bogus"}, "scheme"},
		{[]string{"migrate", "sql", "up", "oracle://x"}, "oracle"},
		{[]string{"migrate", "sql", "up"}, "no database was named"},
		{[]string{"migrate", "sql", "status"}, "no database was named"},
		{[]string{"migrate", "sql", "status", "memory", "--format", "xml"}, `"xml"`},
	} {
		got := run(t, environ, "", test.args...)
		if got.code != 1 || !strings.HasPrefix(got.err, "Error: ") || !strings.Contains(got.err, test.want) {
			t.Errorf("%v: got %+v", test.args, got)
		}
		if got.out != "" {
			t.Errorf("%v: standard output has %q", test.args, got.out)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	t.Run("good", func(t *testing.T) {
		got := run(t, []string{"DSN=memory"}, "", "config", "check", "-c", file(t, "kratos.yml", good))
		if got.code != 0 || got.out != "The configuration is valid.\n" || strings.Contains(got.err, "Error") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("good in two files", func(t *testing.T) {
		more := file(t, "more.yml", "log:\n  level: debug\ndsn: memory\n")
		got := run(t, nil, "", "config", "check", "--config", file(t, "kratos.yml", good)+","+more)
		if got.code != 0 {
			t.Errorf("got %+v", got)
		}
		if printed := run(t, nil, "", "config", "print", "-c", file(t, "kratos.yml", good), "-c", more); !strings.Contains(printed.out, "more.yml:2") {
			t.Errorf("the second file is not named: %+v", printed)
		}
	})
	bad := "dsn: memory\n" + good
	for _, test := range []struct {
		name, text string
		environ    []string
		want       []string // on standard error; {} is the file
	}{
		{"an unknown key", bad + "logg:\n  level: debug\n", nil, []string{"{}:21: logg", "did you mean"}},
		{"a wrong value", strings.Replace(bad, "port: 4434", "port: many", 1), nil, []string{"{}:8: serve.admin.port", "from 1 to 65535"}},
		{"two of them", strings.Replace(strings.Replace(bad, "port: 4433", "port: 0", 1), "port: 4434", "port: 70000", 1), nil,
			[]string{"2 problems", "{}:5: serve.public.port", "{}:8: serve.admin.port"}},
		{"no YAML", "serve: [\n", nil, []string{"{}"}},
		{"what is required", strings.Replace(bad, "  default_browser_return_url: https://app.example/\n", "", 1), nil, []string{"selfservice.default_browser_return_url"}},
		{"a weak secret", strings.Replace(bad, "a-secret-of-these-tests-alone", "hunter2", 1), nil, []string{"{}:16: secrets.cookie.0", "fewer than 16"}},
		{"a variable", bad, []string{"LOG_LEVEL=loud"}, []string{"LOG_LEVEL", "log.level"}},
		{"a database that is none", strings.Replace(bad, "memory", "hunter2", 1), nil, []string{"{}:1: dsn", "scheme"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := file(t, "kratos.yml", test.text)
			got := run(t, test.environ, "", "config", "check", "-c", name)
			if got.code != 1 || got.out != "" || !strings.HasPrefix(got.err, "Error: ") {
				t.Errorf("got %+v", got)
			}
			for _, want := range test.want {
				if want = strings.ReplaceAll(want, "{}", name); !strings.Contains(got.err, want) {
					t.Errorf("%q is missing in: %s", want, got.err)
				}
			}
			if strings.Contains(got.err, "hunter2") {
				t.Errorf("a secret is told: %s", got.err)
			}
		})
	}
	t.Run("no such file", func(t *testing.T) {
		got := run(t, nil, "", "config", "check", "-c", "/nowhere/kratos.yml")
		if got.code != 1 || !strings.Contains(got.err, "/nowhere/kratos.yml") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("no file", func(t *testing.T) {
		if got := run(t, nil, "", "config", "check"); got.code != 1 || !strings.Contains(got.err, "-c") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("no file for development", func(t *testing.T) {
		if got := run(t, nil, "", "config", "check", "--dev"); got.code != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("weak for development", func(t *testing.T) {
		got := run(t, []string{"DSN=memory"}, "", "config", "check", "--dev", "-c", file(t, "kratos.yml", strings.Replace(good, "a-secret-of-these-tests-alone", "hunter2", 1)))
		if got.code != 0 || !strings.Contains(got.err, "Warning: ") || strings.Contains(got.err, "hunter2") {
			t.Errorf("got %+v", got)
		}
	})
}

func TestConfigPrint(t *testing.T) {
	name := file(t, "kratos.yml", good)
	got := run(t, []string{"DSN=postgres://zelus:hunter2@db.example/zelus", "SECRETS_DEFAULT_0=another-secret-of-these-tests"}, "", "config", "print", "-c", name)
	if got.code != 0 {
		t.Fatalf("got %+v", got)
	}
	for _, want := range []string{"dsn: postgres://zelus:[hidden]@db.example/zelus # environment variable DSN", "port: 4434 # " + name + ":7"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is missing in:\n%s", want, got.out)
		}
	}
	for _, secret := range []string{"hunter2", "a-secret-of-these-tests-alone", "another-secret-of-these-tests"} {
		if strings.Contains(got.out+got.err, secret) {
			t.Errorf("%s is told:\n%s", secret, got.out)
		}
	}
	if got := run(t, nil, "", "config", "print", "-c", file(t, "kratos.yml", "nothing: 1\n")); got.code != 1 || got.out != "" || !strings.Contains(got.err, "nothing") {
		t.Errorf("a bad one: %+v", got)
	}
}

func TestConfigExplain(t *testing.T) {
	got := run(t, nil, "", "config", "explain", "session.lifespan")
	if got.code != 0 || !strings.HasPrefix(got.out, "session.lifespan\n") || !strings.Contains(got.out, "24h") || !strings.Contains(got.out, "SESSION_LIFESPAN") {
		t.Errorf("got %+v", got)
	}
	got = run(t, nil, "", "config", "explain", "session.lifespam")
	if got.code != 1 || got.out != "" || !strings.Contains(got.err, "session.lifespan") {
		t.Errorf("a misspelt one: %+v", got)
	}
}

func TestConfigSchema(t *testing.T) {
	got := run(t, nil, "", "config", "schema")
	var schema struct {
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal([]byte(got.out), &schema); got.code != 0 || err != nil || schema.Properties["dsn"] == nil || schema.Properties["serve"] == nil {
		t.Errorf("got %d, %v, %.200s", got.code, err, got.out)
	}
}

// states are the states of all steps, as status tells them.
func states(t *testing.T, environ string) []string {
	t.Helper()
	got := run(t, []string{environ}, "", "migrate", "sql", "status", "-e", "--format", "json")
	var steps []struct{ State, Version, Name, Content string }
	if err := json.Unmarshal([]byte(got.out), &steps); got.code != 0 || err != nil || len(steps) == 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	var all []string
	for n, step := range steps {
		if step.Version == "" || step.Name == "" || step.Content == "" {
			t.Errorf("step %d is %+v", n, step)
		}
		all = append(all, step.State)
	}
	return slices.Compact(all)
}

func TestMigrate(t *testing.T) {
	environ := database(t)
	if got := states(t, environ); !slices.Equal(got, []string{"Pending"}) {
		t.Fatalf("before: %v", got)
	}
	got := run(t, []string{environ}, "n\n", "migrate", "sql", "up", "-e")
	if got.code != 0 || !strings.Contains(got.out, "[y/n]") || !strings.Contains(got.out, "CREATE TABLE") || !strings.Contains(got.out, "Migration aborted.") {
		t.Errorf("refused: %+v", got)
	}
	for _, answer := range []string{"", "\n", "maybe\n", "yessir\n"} {
		if run(t, []string{environ}, answer, "migrate", "sql", "up", "-e"); !slices.Equal(states(t, environ), []string{"Pending"}) {
			t.Fatalf("the answer %q was taken for a yes", answer)
		}
	}
	got = run(t, []string{environ}, " Y \n", "migrate", "sql", "up", "-e")
	if got.code != 0 || !strings.Contains(got.out, "Successfully applied migrations!") {
		t.Errorf("agreed: %+v", got)
	}
	if got := states(t, environ); !slices.Equal(got, []string{"Applied"}) {
		t.Errorf("after: %v", got)
	}
	got = run(t, []string{environ}, "", "migrate", "sql", "up", "-e")
	if got.code != 0 || strings.Contains(got.out, "[y/n]") || strings.Contains(got.out, "CREATE TABLE") || !strings.Contains(got.out, "Successfully applied migrations!") {
		t.Errorf("again: %+v", got)
	}
	got = run(t, []string{environ}, "", "migrate", "sql", "status", "-e", "--block")
	if lines := strings.Split(got.out, "\n"); got.code != 0 || strings.Join(strings.Fields(lines[0]), " ") != "Version Name Status" || !strings.Contains(lines[1], "Applied") {
		t.Errorf("status: %+v", got)
	}
	got = run(t, []string{environ}, "", "migrate", "sql", "status", "-e", "--format", "json-pretty")
	if got.code != 0 || !strings.HasPrefix(got.out, "[\n  {\n    \"state\": \"Applied\",") {
		t.Errorf("status: %+v", got)
	}
}

// Each way to name a database and to agree, those of old among them.
func TestMigrateCommandLines(t *testing.T) {
	for _, test := range []struct {
		name string
		line string // {dsn}, {file}: with a dsn, {plain}: without
		env  bool   // whether DSN is there
	}{
		{"the variable", "migrate sql up -e --yes", true},
		{"the variable, in full", "migrate sql up --read-from-env -y", true},
		{"without up", "migrate sql -e -y", true},
		{"flags before up", "migrate sql -e --yes up", true},
		{"its URL", "migrate sql up {dsn} --yes", false},
		{"its URL, without up", "migrate sql {dsn} -y", false},
		{"a file and the variable", "migrate sql up -e --yes -c {plain}", true},
		{"a file that names it", "migrate sql up -e --yes -c {file}", false},
		{"a file alone", "migrate sql up --yes --config {file}", false},
		{"a file before the command", "migrate -c {file} sql -e --yes", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			environ := database(t)
			dsn := strings.TrimPrefix(environ, "DSN=")
			line := strings.NewReplacer("{dsn}", dsn, "{plain}", file(t, "plain.yml", good), "{file}", file(t, "named.yml", "dsn: "+dsn+"\n"+good)).Replace(test.line)
			var variables []string
			if test.env {
				variables = []string{environ}
			}
			if got := run(t, variables, "", strings.Fields(line)...); got.code != 0 || !strings.Contains(got.out, "Successfully applied migrations!") {
				t.Errorf("got %+v", got)
			}
			if got := states(t, environ); !slices.Equal(got, []string{"Applied"}) {
				t.Errorf("after: %v", got)
			}
		})
	}
}

func TestMigrateErrors(t *testing.T) {
	for _, test := range []struct {
		name    string
		environ []string
		args    []string
		want    string
	}{
		{"the variable is not there", nil, []string{"-e"}, "no database was named"},
		{"neither the file nor the variable names one", nil, []string{"-e", "-c", file(t, "kratos.yml", good)}, "dsn"},
		{"a file that is not there", nil, []string{"-e", "-c", "/nowhere.yml"}, "/nowhere.yml"},
		{"a server that is not there", []string{"DSN=postgres://zelus:hunter2@127.0.0.1:1/zelus?sslmode=disable"}, []string{"-e"}, "127.0.0.1"},
		{"a URL that cannot be read", []string{"DSN=postgres://zelus:hunter2%zz@127.0.0.1:1/zelus"}, []string{"-e"}, "URL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, verb := range []string{"up", "status"} {
				got := run(t, test.environ, "y\n", append([]string{"migrate", "sql", verb}, test.args...)...)
				if got.code != 1 || !strings.Contains(got.err, "Error: ") || !strings.Contains(got.err, test.want) {
					t.Errorf("%s: got %+v", verb, got)
				}
				if strings.Contains(got.out+got.err, "hunter2") {
					t.Errorf("%s: the password is told: %+v", verb, got)
				}
			}
		})
	}
}

// ports are two that nobody listens at.
func ports(t *testing.T) (public, admin int) {
	t.Helper()
	var free []int
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // both are held until both are known
		free = append(free, l.Addr().(*net.TCPAddr).Port)
	}
	return free[0], free[1]
}

// TestServe starts the server with the command lines of Kratos and stops it.
func TestServe(t *testing.T) {
	for _, line := range []string{"serve --watch-courier --dev -c {file}", "serve all --dev --sqa-opt-out --watch-courier --config {file}", "serve -c {file} --dev --watch"} {
		t.Run(line, func(t *testing.T) {
			public, admin := ports(t)
			text := strings.NewReplacer("port: 4433", fmt.Sprint("port: ", public), "port: 4434", fmt.Sprint("port: ", admin)).Replace(good)
			environ := database(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			out, errs := output{mark: "Zelus is ready.", seen: make(chan struct{})}, output{}
			ended := make(chan int, 1)
			go func() {
				ended <- cli.Run(ctx, cli.Process{Args: strings.Fields(strings.Replace(line, "{file}", file(t, "kratos.yml", text), 1)),
					Environ: []string{environ}, In: strings.NewReader(""), Out: &out, Err: &errs, Clock: time.Now})
			}()
			select {
			case <-out.seen:
			case code := <-ended:
				t.Fatalf("it ended with %d: %s", code, errs.String())
			}
			for _, url := range []string{fmt.Sprintf("http://127.0.0.1:%d/health/ready", public), fmt.Sprintf("http://127.0.0.1:%d/admin/health/ready", admin), fmt.Sprintf("http://127.0.0.1:%d/health/alive", admin)} {
				answer, err := http.Get(url)
				if err != nil {
					t.Error(err)
					continue
				}
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", url, answer.Status)
				}
			}
			http.DefaultClient.CloseIdleConnections()
			stop()
			if code := <-ended; code != 0 || strings.Contains(errs.String(), "Error: ") {
				t.Errorf("it ended with %d: %s", code, errs.String())
			}
			if !strings.Contains(out.String(), fmt.Sprintf("http://127.0.0.1:%d/", public)) || !strings.Contains(out.String(), fmt.Sprintf("http://127.0.0.1:%d/", admin)) {
				t.Errorf("it does not say where it listens: %s", out.String())
			}
			if strings.Contains(out.String()+errs.String(), "a-secret-of-these-tests-alone") {
				t.Errorf("a secret is told: %s %s", out.String(), errs.String())
			}
			// What it did to the database lasts.
			if got := states(t, environ); !slices.Equal(got, []string{"Applied"}) {
				t.Errorf("the tables are %v", got)
			}
		})
	}
}

func TestServeErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, free := ports(t)
	port := taken.Addr().(*net.TCPAddr).Port
	for _, test := range []struct {
		name, text string
		environ    []string
		want       []string
	}{
		{"a bad file", good + "bogus: 1\n", []string{"DSN=memory"}, []string{"kratos.yml:20", "bogus"}},
		{"no database", good, nil, []string{"dsn"}},
		{"a schema that cannot be read", strings.Replace(good, "base64://", "file:///nowhere/", 1), []string{"DSN=memory"}, []string{"identity.schemas.0", "default"}},
		{"the admin port is taken", strings.NewReplacer("port: 4433", fmt.Sprint("port: ", free), "port: 4434", fmt.Sprint("port: ", port)).Replace(good), []string{"DSN=memory"}, []string{"serve.admin.port", fmt.Sprint(port)}},
		{"the public port is taken", strings.NewReplacer("port: 4433", fmt.Sprint("port: ", port), "port: 4434", fmt.Sprint("port: ", free)).Replace(good), []string{"DSN=memory"}, []string{"serve.public.port", fmt.Sprint(port)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := run(t, test.environ, "", "serve", "--dev", "-c", file(t, "kratos.yml", test.text))
			if got.code != 1 || got.out != "" {
				t.Errorf("got %+v", got)
			}
			for _, want := range test.want {
				if !strings.Contains(got.err, want) {
					t.Errorf("%q is missing in: %s", want, got.err)
				}
			}
		})
	}
}

package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zelus/internal/cli"
	"zelus/internal/store/storetest"
)

var aKey = regexp.MustCompile(`^zelus_key_[A-Za-z0-9]{43}\n$`)

// migrated is the variable that names a database with its tables, and a
// configuration file that goes with it.
func migrated(t *testing.T, environ string) (variables []string, name string) {
	t.Helper()
	if got := run(t, []string{environ}, "", "migrate", "sql", "up", "-e", "--yes"); got.code != 0 {
		t.Fatalf("got %+v", got)
	}
	return []string{environ}, file(t, "kratos.yml", good)
}

type listed struct {
	ID, Name, State        string
	CreatedAt              time.Time  `json:"created_at"`
	ExpiresAt              *time.Time `json:"expires_at"`
	RevokedAt, LastUsedAt  *time.Time
	Hash, KeyHash, Project any
}

func listKeys(t *testing.T, environ []string, args ...string) (all []listed) {
	t.Helper()
	got := run(t, environ, "", append([]string{"keys", "list", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(got.out), &all); got.code != 0 || got.err != "" || err != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	return all
}

func TestKeys(t *testing.T) {
	for name, environ := range map[string]func(*testing.T) string{
		"sqlite":   database,
		"postgres": func(t *testing.T) string { return "DSN=" + storetest.Postgres(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			environ, name := migrated(t, environ(t))
			keys := func(args ...string) ran {
				t.Helper()
				return run(t, environ, "", append([]string{"keys", "-c", name}, args...)...)
			}
			if got := keys("list", "--format", "json"); got.code != 0 || got.out != "[]\n" {
				t.Errorf("no keys: %+v", got)
			}
			first := keys("create", "--name", "billing")
			if first.code != 0 || !aKey.MatchString(first.out) {
				t.Fatalf("got %+v", first)
			}
			if strings.Contains(first.err, strings.TrimSpace(first.out)[10:]) || !strings.Contains(first.err, "first one") || !strings.Contains(first.err, "until it is revoked") {
				t.Errorf("it says %s", first.err)
			}
			before := time.Now()
			second := keys("create", "--name", "billing", "--expires", "90d")
			if second.code != 0 || !aKey.MatchString(second.out) || second.out == first.out || strings.Contains(second.err, "first one") {
				t.Errorf("got %+v", second)
			}
			if got := keys("create", "--name", "of a robot", "--expires=2w"); got.code != 0 {
				t.Errorf("got %+v", got)
			}
			all := listKeys(t, environ, "-c", name)
			if len(all) != 3 || all[0].Name != "billing" || all[1].Name != "billing" || all[2].Name != "of a robot" || all[0].State != "live" || all[0].ExpiresAt != nil {
				t.Fatalf("got %+v", all)
			}
			if end := all[1].ExpiresAt.Sub(before); end < 90*24*time.Hour-time.Second || end > 90*24*time.Hour+time.Minute {
				t.Errorf("90d became %v", end)
			}
			if !strings.Contains(second.err, all[1].ID) || !strings.Contains(second.err, all[1].ExpiresAt.Format(time.RFC3339)) {
				t.Errorf("it says %s", second.err)
			}

			lines := strings.Split(keys("list").out, "\n")
			if strings.Join(strings.Fields(lines[0]), " ") != "ID Name State Created Expires Last used" || len(lines) != 5 || !regexp.MustCompile(`^`+all[0].ID+`\s+billing\s+live\s+\S+Z\s+never\s+never`).MatchString(lines[1]) {
				t.Errorf("the table is %q", lines)
			}
			pretty := keys("list", "--format", "json-pretty")
			if !strings.HasPrefix(pretty.out, "[\n  {\n    \"id\": \""+all[0].ID+"\",") || strings.Contains(pretty.out, "hash") {
				t.Errorf("got %s", pretty.out)
			}

			// A name that two live keys have names neither.
			got := keys("revoke", "billing")
			if got.code != 1 || !strings.Contains(got.err, "2 live keys") || !strings.Contains(got.err, all[0].ID) || !strings.Contains(got.err, all[1].ID) || strings.Contains(got.err, all[2].ID) {
				t.Errorf("an ambiguous name: %+v", got)
			}
			for range 2 { // the second time it is revoked already
				if got := keys("revoke", strings.ToUpper(all[0].ID)); got.code != 0 || !strings.Contains(got.out, all[0].ID) {
					t.Errorf("by its id: %+v", got)
				}
			}
			if got := keys("revoke", "billing"); got.code != 0 || !strings.Contains(got.out, all[1].ID) {
				t.Errorf("by its name: %+v", got)
			}
			if got := keys("revoke", "billing"); got.code != 1 || !strings.Contains(got.err, "no live key") || !strings.Contains(got.err, all[1].ID) {
				t.Errorf("a name of revoked keys: %+v", got)
			}
			for _, unknown := range []string{"", "Billing", "bill", "of a robot ", "00000000-0000-0000-0000-000000000000", "3b0ba2c9-7d31-4f49-8f4e-0d2a3c0e5b11"} {
				if got := keys("revoke", unknown); got.code != 1 || !strings.Contains(got.err, "there is no key") {
					t.Errorf("%q: %+v", unknown, got)
				}
			}
			var states []string
			for _, line := range strings.Split(strings.TrimSpace(keys("list").out), "\n")[1:] {
				for _, state := range []string{"live", "expired", "revoked"} {
					if strings.Contains(line, "\t"+state+"\t") {
						states = append(states, state)
					}
				}
			}
			if want := []string{"revoked", "revoked", "live"}; !slices.Equal(states, want) {
				t.Errorf("the states are %v, want %v", states, want)
			}
			// Later a key has come to its end by itself.
			var out, errs output
			code := cli.Run(t.Context(), cli.Process{Args: []string{"keys", "list", "-c", name}, Environ: environ, In: strings.NewReader(""), Out: &out, Err: &errs,
				Clock: func() time.Time { return time.Now().Add(15 * 24 * time.Hour) }})
			if code != 0 || strings.Count(out.String(), "expired") != 1 {
				t.Errorf("%d, %s%s", code, out.String(), errs.String())
			}
		})
	}
}

func TestKeysErrors(t *testing.T) {
	environ, name := migrated(t, database(t))
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"create"}, `"name" not set`},
		{[]string{"create", "--name", ""}, "1 to 100 characters"},
		{[]string{"create", "--name", "a\x1b[2Jb"}, "1 to 100 characters"},
		{[]string{"create", "--name", "\xff"}, "1 to 100 characters"},
		{[]string{"create", "--name", strings.Repeat("n", 101)}, "1 to 100 characters"},
		{[]string{"create", "--name", "n", "--expires", ""}, "90d, 12h or 2w"},
		{[]string{"create", "--name", "n", "--expires", "0d"}, "90d, 12h or 2w"},
		{[]string{"create", "--name", "n", "--expires", "-1h"}, "90d, 12h or 2w"},
		{[]string{"create", "--name", "n", "--expires", "soon"}, "90d, 12h or 2w"},
		{[]string{"create", "--name", "n", "--expires", "11000d"}, "90d, 12h or 2w"},
		{[]string{"create", "n"}, "unknown command"},
		{[]string{"list", "n"}, "unknown command"},
		{[]string{"list", "--format", "xml"}, `"xml"`},
		{[]string{"revoke"}, "accepts 1 arg"},
		{[]string{"revoke", "a", "b"}, "accepts 1 arg"},
		{[]string{"bogus"}, "bogus"},
	} {
		got := run(t, environ, "", append([]string{"keys", "-c", name}, test.args...)...)
		if got.code != 1 || got.out != "" || !strings.HasPrefix(got.err, "Error: ") || !strings.Contains(got.err, test.want) || strings.Contains(got.err, "(400)") {
			t.Errorf("%q: got %+v", test.args, got)
		}
	}
	if all := listKeys(t, environ, "-c", name); len(all) != 0 {
		t.Errorf("there are keys: %+v", all)
	}
}

// TestKeysBeforeTheServer: where the server has not made what a key needs, it
// is said what to do, and nothing is made.
func TestKeysBeforeTheServer(t *testing.T) {
	empty := t.TempDir()
	t.Chdir(empty)
	fresh := database(t)
	folder := filepath.Dir(strings.TrimPrefix(strings.TrimSuffix(fresh, "?_fk=true"), "DSN=sqlite://"))
	plain := strings.Replace(good, "secrets:\n  cookie:\n    - a-secret-of-these-tests-alone\n", "", 1)
	old := filepath.Join(t.TempDir(), "old.db")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		environ []string
		args    []string
		want    string
	}{
		{"no file", nil, nil, "-c"},
		{"no server in this folder", nil, []string{"--dev"}, "zelus-data/zelus.db.secrets"},
		{"no secrets", []string{fresh}, []string{"-c", file(t, "kratos.yml", plain)}, "zelus.db.secrets"},
		{"no secrets, PostgreSQL", []string{"DSN=postgres://zelus:hunter2@127.0.0.1:1/zelus"}, []string{"-c", file(t, "kratos.yml", plain)}, "secrets"},
		{"no database", []string{fresh}, []string{"-c", file(t, "kratos.yml", good)}, "start the server once"},
		{"no tables", []string{"DSN=sqlite://" + old}, []string{"-c", file(t, "kratos.yml", good)}, "zelus migrate sql up"},
		{"in memory", []string{"DSN=memory"}, []string{"-c", file(t, "kratos.yml", good)}, "POST /admin/keys"},
		{"in memory, without secrets", []string{"DSN=memory"}, []string{"-c", file(t, "kratos.yml", plain)}, "POST /admin/keys"},
		{"no server", []string{"DSN=postgres://zelus:hunter2@127.0.0.1:1/zelus?sslmode=disable"}, []string{"-c", file(t, "kratos.yml", good)}, "127.0.0.1"},
	} {
		for _, command := range [][]string{{"create", "--name", "n"}, {"list"}, {"revoke", "n"}} {
			got := run(t, test.environ, "", slices.Concat([]string{"keys"}, command, test.args)...)
			if got.code != 1 || got.out != "" || !strings.Contains(got.err, "Error: ") || !strings.Contains(got.err, test.want) || strings.Contains(got.err, "hunter2") {
				t.Errorf("%s, %s: got %+v", test.name, command[0], got)
			}
		}
	}
	for _, untouched := range []string{empty, folder} {
		if entries, err := os.ReadDir(untouched); err != nil || len(entries) > 0 {
			t.Errorf("something was made: %v, %v", entries, err)
		}
	}
}

// broken is a standard output that nobody reads any more.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("nobody reads this") }

// TestKeyThatCannotBePrinted: it is said which key nobody has now.
func TestKeyThatCannotBePrinted(t *testing.T) {
	environ, name := migrated(t, database(t))
	var errs output
	code := cli.Run(t.Context(), cli.Process{Args: []string{"keys", "create", "--name", "n", "-c", name}, Environ: environ, In: strings.NewReader(""), Out: broken{}, Err: &errs, Clock: time.Now})
	all := listKeys(t, environ, "-c", name)
	if code != 1 || len(all) != 1 || !strings.Contains(errs.String(), "zelus keys revoke "+all[0].ID) {
		t.Errorf("%d, %s, %+v", code, errs.String(), all)
	}
}

// TestKeysOfADevelopmentServer: beside a server that was started without any
// file, a key is made, closes its admin API, opens it again for who has it, and
// ends.
func TestKeysOfADevelopmentServer(t *testing.T) {
	t.Chdir(t.TempDir())
	public, admin := ports(t)
	environ := []string{fmt.Sprint("SERVE_PUBLIC_PORT=", public), fmt.Sprint("SERVE_ADMIN_PORT=", admin)}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, errs := output{mark: "Zelus is ready.", seen: make(chan struct{})}, output{}
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, cli.Process{Args: []string{"serve", "--dev"}, Environ: environ, In: strings.NewReader(""), Out: &out, Err: &errs, Clock: time.Now})
	}()
	select {
	case <-out.seen:
	case code := <-ended:
		t.Fatalf("it ended with %d: %s", code, errs.String())
	}
	for _, want := range []string{fmt.Sprintf("Open        http://localhost:%d/\n", public), fmt.Sprintf("Mail        http://localhost:%d/dev/mail\n", public),
		fmt.Sprintf("Admin API   http://127.0.0.1:%d/\n", admin), "ada@example.org", "grace@example.org", "Data        zelus-data"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	status := func(key string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("http://127.0.0.1:%d/admin/identities", admin), nil)
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(key))
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if got := status(""); got != 200 {
		t.Errorf("before: %d", got)
	}
	made := run(t, environ, "", "keys", "create", "--dev", "--name", "me")
	if made.code != 0 || !aKey.MatchString(made.out) {
		t.Fatalf("got %+v", made)
	}
	if got := status(""); got != 401 {
		t.Errorf("without the key: %d", got)
	}
	if got := status(made.out); got != 200 {
		t.Errorf("with the key: %d", got)
	}
	if got := run(t, environ, "", "keys", "list", "--dev", "--format", "json"); strings.Contains(got.out, `"last_used_at":null`) {
		t.Errorf("the use is not listed: %+v", got)
	}
	if got := run(t, environ, "", "keys", "revoke", "--dev", "me"); got.code != 0 {
		t.Errorf("got %+v", got)
	}
	if a, b := status(made.out), status(""); a != 401 || b != 401 {
		t.Errorf("after: %d with the key, %d without", a, b)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("it ended with %d: %s", code, errs.String())
	}
	if strings.Contains(errs.String(), strings.TrimSpace(made.out)[10:]) {
		t.Errorf("the key is in the log: %s", errs.String())
	}
}

// TestKeyThatNobodyAsksFor: who makes one is told.
func TestKeyThatNobodyAsksFor(t *testing.T) {
	environ, name := migrated(t, database(t))
	more := file(t, "more.yml", "serve: {admin: {require_key: false}}\n")
	if got := run(t, environ, "", "keys", "create", "--name", "n", "-c", name, "-c", more); got.code != 0 || !strings.Contains(got.err, "serve.admin.require_key is false") || strings.Contains(got.err, "first one") {
		t.Errorf("got %+v", got)
	}
}

package test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"zelus/test/server"
)

// TestGoClient walks the server with Ory's Go client. The program is a module
// of its own, in sdk/go, so that the client is no dependency of the server.
func TestGoClient(t *testing.T) {
	notShort(t)
	run(t, server.Start(t, "testdata/basic.yml"), "sdk/go", goModule, "go", "test", "-count=1", "./...")
}

// TestGoClientsOfV0alpha2 walks the server with the Go clients of that era,
// which know nothing but the prefix, and refuse much that they do not know.
func TestGoClientsOfV0alpha2(t *testing.T) {
	notShort(t)
	s := server.Start(t, "testdata/links.yml")
	run(t, s, "sdk/v0alpha2/go", append(goModule, "ZELUS_ADMIN_KEY="+adminKey(t, s)), "go", "test", "-count=1", "./...")
}

// TestNodeClient walks the server with Ory's JavaScript client.
func TestNodeClient(t *testing.T) {
	notShort(t)
	node(t, server.Start(t, "testdata/basic.yml"), "sdk/node", nil)
}

// TestNodeClientsOfV0alpha2 walks it with the JavaScript clients of that era.
func TestNodeClientsOfV0alpha2(t *testing.T) {
	notShort(t)
	s := server.Start(t, "testdata/links.yml")
	node(t, s, "sdk/v0alpha2/node", []string{"ZELUS_ADMIN_KEY=" + adminKey(t, s)})
}

func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("this test may download packages and starts a server: not in short mode")
	}
}

// goModule has go take the module in its folder as it is.
var goModule = []string{"GOWORK=off", "GOFLAGS=-mod=readonly"}

// node installs a JavaScript package and runs its tests, one file after the other: all, or
// those that are named.
func node(t *testing.T, s *server.Server, dir string, env []string, files ...string) {
	t.Helper()
	// Milliseconds: a test that hangs says so.
	run(t, s, dir, env, installed(t, s, dir), append([]string{"--test", "--test-timeout=900000", "--test-concurrency=1"}, files...)...)
}

// installed installs a JavaScript package, and gives the path of node.
func installed(t *testing.T, s *server.Server, dir string) string {
	t.Helper()
	node, npm := needs(t, "node", "nodejs"), needs(t, "npm", "npm")
	run(t, s, dir, nil, npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	return node
}

// needs gives the path of a program. Where it is missing the test is skipped, or
// fails if nothing may be skipped.
func needs(t *testing.T, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("ZELUS_TEST_REQUIRE") == "1" {
			t.Fatalf("%v: install the Debian package %s", err, debianPackage)
		}
		t.Skipf("%v: install the Debian package %s to run this test", err, debianPackage)
	}
	return path
}

// adminKey makes a key for the admin API.
func adminKey(t *testing.T, s *server.Server) string {
	t.Helper()
	res, err := http.Post(s.Admin+"/admin/keys", "application/json", strings.NewReader(`{"name":"clients"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var made struct{ Key string }
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("making a key: %s, %v", res.Status, err)
	}
	return made.Key
}

// run runs a program in dir against s and fails with its output.
func run(t *testing.T, s *server.Server, dir string, env []string, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ZELUS_PUBLIC="+s.Public, "ZELUS_ADMIN="+s.Admin)
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v in %s: %v\n%s", cmd.Args, dir, err, out)
	}
}

// TestNodeLockNamesNoHosts keeps the lock file free of the address of
// whichever registry it was written with: checksums are enough.
func TestNodeLockNamesNoHosts(t *testing.T) {
	for _, dir := range []string{"sdk/node", "sdk/v0alpha2/node", "browser"} {
		b, err := os.ReadFile(dir + "/package-lock.json")
		if err != nil {
			t.Fatal(err)
		}
		var lock struct {
			Packages map[string]struct{ Resolved, Integrity string }
		}
		if err := json.Unmarshal(b, &lock); err != nil {
			t.Fatal(err)
		}
		for name, p := range lock.Packages {
			if p.Resolved != "" {
				t.Errorf("%s: %s is resolved to %s; run npm install in that folder, where .npmrc leaves addresses out", dir, name, p.Resolved)
			}
			if name != "" && p.Integrity == "" {
				t.Errorf("%s: %s has no checksum", dir, name)
			}
		}
	}
}

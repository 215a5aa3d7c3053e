package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"zelus/test/server"
)

// TestGoClient walks the server with Ory's Go client. The program is a module
// of its own, in sdk/go, so that the client is no dependency of the server.
func TestGoClient(t *testing.T) {
	if testing.Short() {
		t.Skip("this test may download a module and starts a server: not in short mode")
	}
	s := server.Start(t, "testdata/basic.yml")
	run(t, s, "sdk/go", []string{"GOWORK=off", "GOFLAGS=-mod=readonly"}, "go", "test", "-count=1", "./...")
}

// TestNodeClient walks the server with Ory's JavaScript client.
func TestNodeClient(t *testing.T) {
	if testing.Short() {
		t.Skip("this test may download packages and starts a server: not in short mode")
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("ZELUS_TEST_REQUIRE") == "1" {
				t.Fatalf("%v: install the Debian packages nodejs and npm", err)
			}
			t.Skipf("%v: install the Debian packages nodejs and npm to run this test", err)
		}
	}
	s := server.Start(t, "testdata/basic.yml")
	run(t, s, "sdk/node", nil, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	run(t, s, "sdk/node", nil, "node", "--test")
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
	b, err := os.ReadFile("sdk/node/package-lock.json")
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
			t.Errorf("package-lock.json: %s is resolved to %s; run npm install in test/sdk/node, where .npmrc leaves addresses out", name, p.Resolved)
		}
		if name != "" && p.Integrity == "" {
			t.Errorf("package-lock.json: %s has no checksum", name)
		}
	}
}

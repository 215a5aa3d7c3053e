package server

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Postgres is a PostgreSQL server of a test's own, which it may kill.
type Postgres struct {
	// URL is the address of an empty database.
	URL string

	programs, dir string
	port          int
	as            *syscall.Credential // PostgreSQL refuses to run as root
	cmd           *exec.Cmd
}

// StartPostgres makes a cluster and starts it; it is gone when the test ends.
// Where PostgreSQL is not installed the test is skipped, or fails where it
// must not be.
func StartPostgres(tb testing.TB) *Postgres {
	tb.Helper()
	programs, ok := postgresPrograms()
	if !ok {
		if os.Getenv("ZELUS_TEST_REQUIRE") == "1" {
			tb.Fatal("install the Debian package postgresql")
		}
		tb.Skip("install the Debian package postgresql to run this test")
	}
	port, _ := freePorts(tb)
	p := &Postgres{programs: programs, dir: tb.TempDir(), port: port}
	p.URL = fmt.Sprintf("postgres://zelus@127.0.0.1:%d/postgres?sslmode=disable", port)
	if os.Getuid() == 0 {
		p.lowerRights(tb)
	}
	if out, err := p.command("initdb", "-D", p.data(), "-U", "zelus", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, out)
	}
	p.Again(tb)
	tb.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // an immediate end; it may be gone already
		_ = p.cmd.Wait()
	})
	return p
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// lowerRights has the server run as a user without rights.
func (p *Postgres) lowerRights(tb testing.TB) {
	tb.Helper()
	name, err := user.Lookup("postgres")
	if err != nil {
		if name, err = user.Lookup("nobody"); err != nil {
			tb.Fatal(err)
		}
	}
	uid, err := strconv.Atoi(name.Uid)
	if err != nil {
		tb.Fatal(err)
	}
	gid, err := strconv.Atoi(name.Gid)
	if err != nil {
		tb.Fatal(err)
	}
	p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	// The folders above belong to the test; PostgreSQL only has to pass.
	for dir := filepath.Dir(p.dir); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.Chown(p.dir, uid, gid); err != nil {
		tb.Fatal(err)
	}
}

func (p *Postgres) command(program string, args ...string) *exec.Cmd {
	path := filepath.Join(p.programs, program)
	if _, err := os.Stat(path); err != nil {
		path = program // a client, which is on the PATH
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	return cmd
}

// Again starts the server, on what a killed one left behind.
func (p *Postgres) Again(tb testing.TB) {
	tb.Helper()
	// A killed server's helpers notice after a moment that it is gone. Until
	// then a new one refuses to start.
	deadline := time.Now().Add(readyWithin)
	for {
		p.cmd = p.command("postgres", "-D", p.data(), "-p", strconv.Itoa(p.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=100")
		var said bytes.Buffer
		p.cmd.Stderr = &said
		if err := p.cmd.Start(); err != nil {
			tb.Fatal(err)
		}
		if p.accepts(deadline) {
			return
		}
		_ = p.cmd.Process.Kill() // it may have ended by itself
		_ = p.cmd.Wait()
		if time.Now().After(deadline) {
			tb.Fatalf("PostgreSQL did not start: %s", said.String())
		}
	}
}

// accepts waits until the server takes connections, or has ended.
func (p *Postgres) accepts(deadline time.Time) bool {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for range again.C {
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port))); err == nil {
			conn.Close()
			return true
		}
		if time.Now().After(deadline) || p.ended() {
			return false
		}
	}
	return false
}

// ended says whether the process is gone; nobody has waited for it yet.
func (p *Postgres) ended() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return true
	}
	for i, b := range slices.Backward(stat) {
		if b == ')' {
			return i+2 < len(stat) && stat[i+2] == 'Z'
		}
	}
	return false
}

// ReadOnly takes the right to change anything away from all that come, or
// gives it back.
func (p *Postgres) ReadOnly(tb testing.TB, on bool) {
	tb.Helper()
	// A session of this command's own must be able to change it back.
	cmd := p.command("psql", "-q", "-v", "ON_ERROR_STOP=1", p.URL, "-c", "SET default_transaction_read_only = off",
		"-c", fmt.Sprintf("ALTER SYSTEM SET default_transaction_read_only = %t", on), "-c", "SELECT pg_reload_conf()")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("psql: %v\n%s", err, out)
	}
}

// Kill ends the server without a warning (SIGKILL).
func (p *Postgres) Kill(tb testing.TB) {
	tb.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		tb.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed
}

// postgresPrograms is the folder of the server programs. Debian keeps them off
// the PATH.
func postgresPrograms() (string, bool) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), true
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is right
	if len(found) == 0 {
		return "", false
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), true
}

package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"
)

const (
	readyWithin   = 60 * time.Second
	stoppedWithin = 20 * time.Second
	// shownOfLog is how much of the log's end a failed test shows, in bytes.
	shownOfLog = 8 << 10
)

// Server is one running server.
type Server struct {
	// Public and Admin are the base URLs, without a slash at the end.
	Public, Admin string
	// Dir is the folder where the server keeps everything.
	Dir string

	binary, config string   // paths; config is empty without a configuration
	environ        []string // besides what every server has
	log            string   // path of the log file
	cmd            *exec.Cmd
	killed         bool          // on purpose
	exited         chan struct{} // closed once the process is gone
	err            error         // how it ended; read after exited is closed
}

// place is what a configuration template can say about where it runs.
type place struct {
	// Dir is the server's own folder, Source the folder of the template.
	Dir, Source string
	// DSN is the database: one in Dir, unless the test has another.
	DSN                   string
	PublicPort, AdminPort int
	// Own is what a test adds, by name.
	Own map[string]string
}

// Start builds the binary, starts it in development mode on the configuration
// in the file config (a text/template, see place) and returns once both ports
// say that they are ready. The server stops when the test ends; one that does
// not stop cleanly fails the test.
func Start(tb testing.TB, config string) *Server {
	tb.Helper()
	return start(tb, config, place{})
}

// StartOn is Start with a database of the test's own.
func StartOn(tb testing.TB, config, dsn string) *Server {
	tb.Helper()
	return start(tb, config, place{DSN: dsn})
}

// StartWith is Start with what the test adds to place.
func StartWith(tb testing.TB, config string, own map[string]string) *Server {
	tb.Helper()
	return start(tb, config, place{Own: own})
}

// StartBare starts the binary in development without any configuration, as somebody does
// who tries it out. environ are settings as environment variables.
func StartBare(tb testing.TB, environ ...string) *Server {
	tb.Helper()
	binary, err := build()
	if err != nil {
		tb.Fatal(err)
	}
	return startBare(tb, binary, environ)
}

// StartLater is StartBare with a clock that is ahead by the duration (of Go) in the file
// that is returned, or right while it does not exist. It may only move on.
func StartLater(tb testing.TB, environ ...string) (s *Server, clock string) {
	tb.Helper()
	binary, err := buildLater()
	if err != nil {
		tb.Fatal(err)
	}
	clock = filepath.Join(tb.TempDir(), "ahead")
	return startBare(tb, binary, append(environ, "ZELUS_TEST_CLOCK="+clock)), clock
}

func startBare(tb testing.TB, binary string, environ []string) *Server {
	tb.Helper()
	dir := tb.TempDir()
	public, admin := freePorts(tb)
	s := &Server{
		Public:  fmt.Sprintf("http://localhost:%d", public),
		Admin:   fmt.Sprintf("http://127.0.0.1:%d", admin),
		Dir:     dir,
		log:     filepath.Join(dir, "log"),
		binary:  binary,
		environ: append(environ, fmt.Sprintf("SERVE_PUBLIC_PORT=%d", public), fmt.Sprintf("SERVE_ADMIN_PORT=%d", admin)),
	}
	s.Again(tb)
	tb.Cleanup(func() { s.stop(tb) })
	return s
}

// start completes what is known of the place, and starts the server there.
func start(tb testing.TB, config string, here place) *Server {
	tb.Helper()
	binary, err := build()
	if err != nil {
		tb.Fatal(err)
	}
	source, err := filepath.Abs(filepath.Dir(config))
	if err != nil {
		tb.Fatal(err)
	}
	here.Dir, here.Source = tb.TempDir(), source
	here.PublicPort, here.AdminPort = freePorts(tb)
	if here.DSN == "" {
		here.DSN = "sqlite://" + filepath.Join(here.Dir, "zelus.sqlite") + "?_fk=true&mode=rwc"
	}
	rendered := filepath.Join(here.Dir, "zelus.yml")
	if err := render(rendered, config, here); err != nil {
		tb.Fatal(err)
	}

	s := &Server{
		Public: fmt.Sprintf("http://127.0.0.1:%d", here.PublicPort),
		Admin:  fmt.Sprintf("http://127.0.0.1:%d", here.AdminPort),
		Dir:    here.Dir,
		log:    filepath.Join(here.Dir, "log"),
		binary: binary,
		config: rendered,
	}
	s.Again(tb)
	tb.Cleanup(func() { s.stop(tb) })
	return s
}

// Again starts the server on what a killed one left behind, and returns once
// both ports say that they are ready.
func (s *Server) Again(tb testing.TB) {
	tb.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, "serve", "--dev")
	if s.config != "" {
		s.cmd.Args = append(s.cmd.Args, "-c", s.config)
	}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Dir = s.Dir
	// Settings in the tester's environment must not reach the server.
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir}, s.environ...)
	if err := s.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	cmd, exited := s.cmd, make(chan struct{})
	s.exited, s.killed = exited, false
	go func() {
		s.err = cmd.Wait()
		close(exited)
	}()
	if err := s.ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// Binary and Config are what it was started with.
func (s *Server) Binary() string { return s.binary }

// Config is the path of its configuration.
func (s *Server) Config() string { return s.config }

// Kill ends the server as a power cut would, as far as the process is
// concerned: without a warning (SIGKILL).
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	s.killed = true
	if err := s.cmd.Process.Kill(); err != nil {
		tb.Fatal(err)
	}
	<-s.exited
}

// Log is all that the server has written to its standard output and error.
func (s *Server) Log(tb testing.TB) string {
	tb.Helper()
	b, err := os.ReadFile(s.log)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if answersReady(ctx, s.Public) && answersReady(ctx, s.Admin) {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended before it was ready: %v", s.err)
		case <-ctx.Done():
			return errors.New("the server did not get ready in time")
		case <-again.C:
		}
	}
}

func answersReady(ctx context.Context, base string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health/ready", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// stop asks the server to end as an operator's service manager would.
func (s *Server) stop(tb testing.TB) {
	// The process may have ended by itself; that shows in s.err.
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		if s.err != nil && !s.killed {
			tb.Errorf("the server did not end cleanly: %v", s.err)
		}
	case <-time.After(stoppedWithin):
		_ = s.cmd.Process.Kill()
		<-s.exited
		tb.Errorf("the server did not stop within %v of SIGTERM", stoppedWithin)
	}
	if tb.Failed() {
		log := s.Log(tb)
		tb.Logf("the end of the server's log:\n%s", log[max(0, len(log)-shownOfLog):])
	}
}

func render(to, from string, values place) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	t, err := template.New(filepath.Base(from)).Parse(string(text))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, values); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o600)
}

// freePorts finds two ports that were free a moment ago.
func freePorts(tb testing.TB) (int, int) {
	tb.Helper()
	var ports [2]int
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		defer l.Close() // not before both are chosen, so that they differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1]
}

// build makes bin/zelus from the sources, once per test program, and gives
// its path. buildLater makes the same program with a clock that can be moved.
var (
	build      = sync.OnceValues(func() (string, error) { return compile("zelus", "./cmd/zelus") })
	buildLater = sync.OnceValues(func() (string, error) { return compile("zelus-later", "./test/server/later") })
)

func compile(name, from string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(root, "bin", name)
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, from)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building bin/%s: %w\n%s", name, err, out)
	}
	return binary, nil
}

// Root is the folder of the repository: the nearest one above the working
// folder that holds the module zelus.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module zelus\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of the module zelus in %s or above", start)
		}
	}
}

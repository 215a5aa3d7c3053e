package jsonnet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the binary of the tests is told to be, by its first argument.
const (
	asChild  = "jsonnet-child"
	asServer = "jsonnet-server"
)

// TestMain lets the binary of the tests be a child, or a server with children,
// that can be killed.
func TestMain(m *testing.M) {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	switch role {
	case asChild:
		if err := Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case asServer:
		serveForever()
	default:
		os.Exit(m.Run())
	}
}

// serveForever has a child in an endless loop, tells its number, and waits to be
// killed.
func serveForever() {
	p := New(Options{Command: command(), Timeout: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	c, err := p.start()
	if err == nil {
		fmt.Println(c.cmd.Process.Pid)
		_, _, err = c.ask(frameEvaluate, []byte(`{"source":`+strconv.Quote(endless)+`}`), time.Hour)
	}
	fmt.Println(err)
}

// command starts this binary as a child.
func command() []string {
	path, err := os.Executable()
	if err != nil {
		return []string{os.Args[0], asChild}
	}
	return []string{path, asChild}
}

// Programs that do harm.
const (
	endless = `local all = std.range(1, 100000); std.foldl(function(a, x) std.foldl(function(b, y) b + y, all, a), all, 0)`
	// doubling makes a little more with each step, until there is no more.
	doubling = `local twice(a, n) = if n == 0 then a else twice(a + a, n - 1) tailstrict; std.length(twice([1], 60))`
)

// journal is a log that tests read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// open makes a pool that is closed when the test ends, and that is patient unless
// the test says otherwise: the machine may be busy.
func open(t testing.TB, o Options) (*Pool, *journal) {
	t.Helper()
	j := &journal{}
	if o.Command == nil {
		o.Command = command()
	}
	if o.Timeout == 0 {
		o.Timeout = patience
	}
	o.Logger = slog.New(slog.NewTextHandler(j, nil))
	p := New(o)
	t.Cleanup(p.Close)
	return p, j
}

// patience is how long a test waits for what must happen in the end.
const patience = time.Minute

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-deadline.C:
			t.Fatalf("this did not happen within %s: %s", patience, what)
		case <-again.C:
		}
	}
}

// is evaluates a program and compares its output, without white space.
func (p *Pool) is(t *testing.T, program Program, want string) {
	t.Helper()
	got, err := p.Evaluate(context.Background(), program)
	if err != nil {
		t.Fatalf("%s: %v", program.Source, err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, got); err != nil {
		t.Fatalf("%s: %v in %q", program.Source, err, got)
	}
	if compact.String() != want {
		t.Fatalf("%s: %s, want %s", program.Source, compact.String(), want)
	}
}

// children are the numbers of the processes that wait for work.
func (p *Pool) children() (pids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		pids = append(pids, c.cmd.Process.Pid)
	}
	return pids
}

// alive says whether there is a process with this number that has not ended.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

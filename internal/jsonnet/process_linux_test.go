package jsonnet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestChildrenAreBare: a child has no environment, no file of the server's, the
// root as its folder, a group of its own, and its limits.
func TestChildrenAreBare(t *testing.T) {
	t.Setenv("ZELUS_TEST_SECRET", "seen")
	kept, err := os.Create(filepath.Join(t.TempDir(), "kept"))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	p, _ := open(t, Options{Children: 1, MemoryLimit: 128 << 20})
	p.is(t, Program{Source: `1`}, `1`)
	pid := p.children()[0]
	proc := func(name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }
	if environ, err := os.ReadFile(proc("environ")); err != nil || len(environ) != 0 {
		t.Errorf("the environment is %q, %v", environ, err)
	}
	if folder, err := os.Readlink(proc("cwd")); err != nil || folder != "/" {
		t.Errorf("the folder is %q, %v", folder, err)
	}
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("the group is %d, %v", group, err)
	}
	files, err := os.ReadDir(proc("fd"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		to, _ := os.Readlink(proc("fd/" + f.Name()))
		if n, _ := strconv.Atoi(f.Name()); n <= 2 && !strings.HasPrefix(to, "pipe:") || to == kept.Name() || strings.HasPrefix(to, "socket:") {
			t.Errorf("the file %s is %s", f.Name(), to)
		}
	}
	set, err := os.ReadFile(proc("limits"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(set), "\n") {
		for _, name := range []string{"Max data size", "Max address space", "Max file size", "Max core file size"} {
			if strings.HasPrefix(line, name) && strings.Contains(line, "unlimited") {
				t.Error(line)
			}
		}
	}
}

// TestKilledChildren: children that somebody kills, idle or in the middle of an
// evaluation, are replaced.
func TestKilledChildren(t *testing.T) {
	p, j := open(t, Options{Children: 1})
	p.is(t, Program{Source: `1`}, `1`)
	kill(t, p.children()[0])
	eventually(t, "the dead child is noticed", func() bool { return len(p.children()) == 0 })
	p.is(t, Program{Source: `1`}, `1`)

	// Once during an evaluation: another child does it again. The loop counts far
	// enough for the kill to come first.
	pid, done := p.children()[0], make(chan error, 1)
	go func() {
		_, err := p.Evaluate(t.Context(), Program{Source: `local some = std.range(1, 1500); std.foldl(function(a, x) std.foldl(function(b, y) b + y, some, a), some, 0)`})
		done <- err
	}()
	eventually(t, "the child is busy", func() bool { return len(p.children()) == 0 })
	kill(t, pid)
	if err := <-done; err != nil {
		t.Errorf("after a kill: %v\n%s", err, j)
	}

	// Again and again: the evaluation is given up.
	go func() {
		_, err := p.Evaluate(t.Context(), Program{Source: endless})
		done <- err
	}()
	var err error
	for given := false; !given; {
		for _, pid := range own(t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case err = <-done:
			given = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	var failed *ProgramError
	if err == nil || errors.As(err, &failed) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrMemory) {
		t.Errorf("after many kills: %v", err)
	}
	if !strings.Contains(j.String(), "signal: killed") {
		t.Errorf("the log says %s", j)
	}
	p.is(t, Program{Source: `1`}, `1`)
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// own are the numbers of this process's living children.
func own(t *testing.T) (pids []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		list, _ := os.ReadFile(name) // threads come and go
		for _, text := range strings.Fields(string(list)) {
			if pid, err := strconv.Atoi(text); err == nil && alive(pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// TestKilledServer: no child outlives a server that was killed, even one that is
// in an endless loop.
func TestKilledServer(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(path, asServer)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	child, failed := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || failed != nil || !alive(child) {
		t.Fatalf("the server says %q, %v", line, err)
	}
	kill(t, server.Process.Pid)
	_ = server.Wait()
	eventually(t, "the child has ended", func() bool { return !alive(child) })
}

// TestEndOfInput: a child that no system ends with its parent ends by itself, in
// the middle of an endless loop.
func TestEndOfInput(t *testing.T) {
	child := exec.Command(command()[0], command()[1:]...)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := writeFrame(in, frameLimits, []byte(`{"memory":268435456,"output":1000}`)); err != nil {
		t.Fatal(err)
	}
	if kind, _, err := readFrame(out, 100); kind != frameReady || err != nil {
		t.Fatalf("%q, %v", kind, err)
	}
	if err := writeFrame(in, frameEvaluate, []byte(`{"source":`+strconv.Quote(endless)+`}`)); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if rest, err := io.ReadAll(out); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

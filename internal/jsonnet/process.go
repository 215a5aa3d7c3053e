package jsonnet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// startWithin is how long a child may take until it is ready.
	startWithin = 20 * time.Second
	// maxStderr is how much is kept of what a child says to its standard error.
	maxStderr = 1 << 10
)

// process is a child. It is used by one goroutine at a time.
type process struct {
	cmd    *exec.Cmd
	in     *os.File // to its standard input
	out    *os.File // from its standard output
	reader *bufio.Reader
	stderr opening
	limits limits

	uses  int         // evaluations so far
	idle  *time.Timer // ends it when it is not needed any more
	late  atomic.Bool // it was killed because it took too long
	gone  chan struct{}
	state *os.ProcessState // once gone is closed
}

// opening keeps the beginning of what is written to it.
type opening struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *opening) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b[:min(len(b), maxStderr-o.text.Len())])
	return len(b), nil
}

func (o *opening) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// newProcess prepares a child: an empty environment, the root as its folder, and
// pipes for its three streams. Nothing else that the server has open reaches it.
func newProcess(command []string, l limits) (*process, error) {
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		stdin.Close()
		in.Close()
		return nil, err
	}
	p := &process{in: in, out: out, reader: bufio.NewReader(out), limits: l, gone: make(chan struct{})}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Env, p.cmd.Dir, p.cmd.SysProcAttr = []string{}, "/", apart()
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, &p.stderr
	return p, nil
}

// start starts the child. ended is called when it is gone.
func (p *process) start(ended func()) error {
	err := p.cmd.Start()
	p.cmd.Stdin.(*os.File).Close()
	p.cmd.Stdout.(*os.File).Close()
	if err != nil {
		p.in.Close()
		p.out.Close()
		return err
	}
	go func() {
		_ = p.cmd.Wait() // the state has it
		p.state = p.cmd.ProcessState
		close(p.gone)
		p.in.Close()
		ended()
	}()
	return nil
}

// greet tells the child its limits and waits until they hold.
func (p *process) greet() error {
	payload, err := json.Marshal(p.limits)
	if err != nil {
		return err
	}
	kind, _, err := p.ask(frameLimits, payload, startWithin)
	if err == nil && kind != frameReady {
		err = fmt.Errorf("it answered with the kind %q", kind)
	}
	return err
}

// ask sends a frame and waits for the answer. After an error the child is not to
// be used again.
func (p *process) ask(kind byte, payload []byte, within time.Duration) (byte, []byte, error) {
	timer := time.AfterFunc(within, func() {
		p.late.Store(true)
		p.kill()
	})
	err := writeFrame(p.in, kind, payload)
	var answer byte
	var said []byte
	if err == nil {
		// What a program says of its failure can be longer than an output may be,
		// and JSON makes up to six characters of one.
		answer, said, err = readFrame(p.reader, max(p.limits.Output, 8*maxMessage))
	}
	if !timer.Stop() && err == nil {
		err = ErrTimeout // it was killed just after it answered
	}
	if err != nil {
		return 0, nil, err
	}
	return answer, said, nil
}

// kill ends the child at once.
func (p *process) kill() {
	select {
	case <-p.gone: // its number may be another process's by now
	default:
		killGroup(p.cmd.Process)
	}
}

// end ends the child and waits until it is gone.
func (p *process) end() {
	p.kill()
	<-p.gone
	p.out.Close()
}

// crashed says whether the child, which is gone, was ended from inside by what
// runs it: by Go, with the code 2, or by Go's race detector, with 66. Panics are
// recovered from, so what is left is a want of memory or of stack, however that
// is put: Go may even fault where the system gave it none. Where Serve fails by
// itself the code is 1, and there is none for who was killed.
func (p *process) crashed() bool { return p.state.ExitCode() > 1 }

// LogValue describes the end of a child that is gone. Of what it said only that
// is told which Go itself says of a crash.
func (p *process) LogValue() slog.Value {
	said, _, _ := strings.Cut(p.stderr.String(), "\n")
	if !strings.HasPrefix(said, "fatal error: ") && !strings.HasPrefix(said, "runtime: ") {
		said = ""
	}
	return slog.GroupValue(slog.Int("pid", p.cmd.Process.Pid), slog.String("state", p.state.String()), slog.String("said", said))
}

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a server that is measured.
type process struct {
	cmd           *exec.Cmd
	public, admin string // base URLs
	ready         time.Duration
}

// settings is the configuration that all measurements use: the hash is as
// cheap as it can be, so that the rest shows.
const settings = `
dsn: %q
log: {level: warning}
serve:
  public: {base_url: "http://127.0.0.1:%[2]d/", host: 127.0.0.1, port: %[2]d}
  admin: {base_url: "http://127.0.0.1:%[3]d/", host: 127.0.0.1, port: %[3]d}
identity:
  default_schema_id: default
  schemas: [{id: default, url: "file://%[4]s"}]
selfservice:
  default_browser_return_url: http://127.0.0.1:%[2]d/
  methods: {password: {config: {haveibeenpwned_enabled: false}}}
  flows: {registration: {enable_legacy_one_step: true, after: {password: {hooks: [{hook: session}]}}}}
hashers: {algorithm: bcrypt, bcrypt: {cost: %[5]d}}
secrets:
  default: [%[6]q]
  cookie: [a-cookie-secret-that-only-benchmarks-use]
  cipher: [a-32-byte-cipher-secret-of-bench]
`

// secretOfBench is the key of session tokens, so that sessions can be made
// without the server.
const secretOfBench = "a-default-secret-that-only-benchmarks-use"

const person = `{"$id":"https://example.org/person","type":"object","properties":{"traits":{"type":"object","properties":{
"email":{"type":"string","format":"email","title":"E-mail","ory.sh/kratos":{"credentials":{"password":{"identifier":true},"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"},"recovery":{"via":"email"}}},
"name":{"type":"string","title":"Name"}},"required":["email"],"additionalProperties":false}}}`

// start starts the server on a database file in dir, with more configuration laid
// over the settings, and waits until it is ready.
func (b *bench) start(dir string, more ...string) (*process, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	schema, config := filepath.Join(dir, "person.schema.json"), filepath.Join(dir, "zelus.yml")
	text := fmt.Sprintf(settings, "sqlite://"+filepath.Join(dir, "zelus.sqlite"), ports[0], ports[1], schema, cheapest, secretOfBench)
	if err := errors.Join(os.WriteFile(schema, []byte(person), 0o600), os.WriteFile(config, []byte(text), 0o600)); err != nil {
		return nil, err
	}
	p := &process{public: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), admin: fmt.Sprintf("http://127.0.0.1:%d", ports[1])}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(b.binary, "serve", "--dev", "-c", config)
	for n, text := range more {
		over := filepath.Join(dir, fmt.Sprintf("more%d.yml", n))
		if err := os.WriteFile(over, []byte(text), 0o600); err != nil {
			return nil, err
		}
		p.cmd.Args = append(p.cmd.Args, "-c", over)
	}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = log, log, dir
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	if err := p.begin(p.public + "/health/ready"); err != nil {
		said, _ := os.ReadFile(log.Name()) // nothing, if it cannot be read
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return p, nil
}

// bare starts a program that gives the same answer to every request.
func (b *bench) bare(answer *answer) (*process, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "answer.json")
	if err := answer.write(file); err != nil {
		return nil, err
	}
	p := &process{public: fmt.Sprintf("http://127.0.0.1:%d", ports[0])}
	p.cmd = exec.Command(os.Args[0], "bare", strconv.Itoa(ports[0]), file)
	p.cmd.Stderr = os.Stderr
	return p, p.begin(p.public + "/")
}

// begin starts the process and waits until an address answers with 200.
func (p *process) begin(address string) error {
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	for time.Since(began) < 10*time.Second {
		res, err := http.Get(address)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				p.ready = time.Since(began)
				return nil
			}
		}
		<-time.After(500 * time.Microsecond)
	}
	p.end()
	return fmt.Errorf("%s did not get ready", address)
}

// end stops the process.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = p.cmd.Wait()
}

// used is how long the process has been on a processor, all its threads
// together, to the nanosecond. It is the clock that clock_getcpuclockid(3) names.
func (p *process) used() (time.Duration, error) {
	const sched = 2 // CPUCLOCK_SCHED in the kernel's posix-timers
	return spent(int32(^p.cmd.Process.Pid)<<3 | sched)
}

// spent is what a clock of time on a processor says.
func spent(clock int32) (time.Duration, error) {
	var at unix.Timespec
	err := unix.ClockGettime(clock, &at)
	return time.Duration(at.Nano()), err
}

// resident is how much memory the process has in use (VmRSS), in bytes.
func (p *process) resident() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return kb << 10, err
		}
	}
	return 0, errors.New("/proc says nothing of VmRSS")
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // not before all are chosen, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

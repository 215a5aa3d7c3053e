package jsonnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// watchEvery is how often a child looks at its memory while it evaluates.
	watchEvery = 5 * time.Millisecond
	// maxStack bounds the stack of the interpreter, which parsing and printing
	// what is nested deeply make grow. Go ends the process beyond it.
	maxStack = 64 << 20
)

// Serve is the work of a child process: it evaluates the programs that come in,
// one after the other, and ends when the input does, even in the middle of an
// evaluation. It limits the whole process that it is called in.
func Serve(in io.Reader, out io.Writer) error {
	kind, payload, err := readFrame(in, maxFrame)
	if err != nil {
		return notTheServer(err)
	}
	var l limits
	if err := json.Unmarshal(payload, &l); kind != frameLimits || err != nil || l.Memory <= 0 || l.Output <= 0 {
		return notTheServer(errors.New("the first frame does not tell the limits"))
	}
	debug.SetTraceback("none") // a crash says in one line what it is
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(l.Memory / 4 * 3) // collect rather than come near the limit
	confine(l.Memory)
	if err := writeFrame(out, frameReady, nil); err != nil {
		return err
	}
	c := &server{out: out, limits: l, interpreter: newInterpreter()}
	return c.run(in)
}

// notTheServer tells somebody who tried the command out what it is.
func notTheServer(err error) error {
	return fmt.Errorf("this command is started by the server itself, which then speaks to it over its standard input: %w", err)
}

// server is the state of a child.
type server struct {
	out         io.Writer
	limits      limits
	interpreter *interpreter
}

type frame struct {
	kind    byte
	payload []byte
	err     error
}

func (s *server) run(in io.Reader) error {
	asked, answers := make(chan frame), make(chan frame, 1)
	go func() {
		for {
			kind, payload, err := readFrame(in, maxFrame)
			asked <- frame{kind, payload, err}
			if err != nil {
				return
			}
		}
	}()
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	watch.Stop()
	for {
		select {
		case f := <-asked:
			if errors.Is(f.err, io.EOF) {
				return nil // the server wants no more, or is gone
			}
			if f.err != nil {
				return f.err
			}
			watch.Reset(watchEvery)
			go func() { answers <- s.answer(f) }()
		case f := <-answers:
			watch.Stop()
			if f.err != nil {
				return f.err
			}
			if err := writeFrame(s.out, f.kind, f.payload); err != nil {
				return err
			}
		case <-watch.C:
			if used() > uint64(s.limits.Memory) {
				return writeFrame(s.out, frameMemory, nil)
			}
		}
	}
}

// answer does what a frame asks for.
func (s *server) answer(f frame) (a frame) {
	defer func() {
		if recover() != nil { // what was panicked with may hold data
			a = failed(&ProgramError{Message: interpreterFailed})
		}
	}()
	var p Program
	if err := json.Unmarshal(f.payload, &p); err != nil {
		return frame{err: err}
	}
	switch f.kind {
	case frameCheck:
		if _, err := s.interpreter.parse(p.Source); err != nil {
			return failed(err)
		}
		return frame{kind: frameValue}
	case frameEvaluate:
		output, err := s.interpreter.evaluate(p)
		switch {
		case err != nil:
			return failed(err)
		case len(output) > s.limits.Output:
			return frame{kind: frameTooLarge}
		}
		return frame{kind: frameValue, payload: []byte(output)}
	}
	return frame{err: fmt.Errorf("there is no frame of the kind %q", f.kind)}
}

func failed(err *ProgramError) frame {
	payload, _ := json.Marshal(err) // two strings and a bool
	return frame{kind: frameFailed, payload: payload}
}

// used is the memory that the process holds, in bytes.
func used() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

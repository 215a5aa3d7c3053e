package jsonnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEvaluate(t *testing.T) {
	p, _ := open(t, Options{})
	for _, test := range []struct {
		program Program
		want    string
	}{
		{Program{Source: `{a: 1 + 1, b: [x * 2 for x in std.range(1, 3)]}`}, `{"a":2,"b":[2,4,6]}`},
		{Program{Source: `function(ctx) {to: ctx.recipient, n: std.length(ctx.body)}`,
			TLA: map[string]json.RawMessage{"ctx": json.RawMessage(`{"recipient":"ada@example.org","body":"four"}`)}}, `{"n":4,"to":"ada@example.org"}`},
		{Program{Source: `{sub: std.extVar('session').identity.id, ttl: std.extVar('claims')}`,
			Ext: map[string]json.RawMessage{"session": json.RawMessage(`{"identity":{"id":"i"}}`), "claims": json.RawMessage(`60`)}}, `{"sub":"i","ttl":60}`},
		// std.trace has nowhere to go and does no harm.
		{Program{Source: `std.trace("x", 1)`}, `1`},
	} {
		p.is(t, test.program, test.want)
	}
}

// TestValuesAreData: what a program is given is never read as code.
func TestValuesAreData(t *testing.T) {
	p, _ := open(t, Options{})
	for given, want := range map[string]string{
		`"%(a)s ${a} ' \" \\ \u0000 |||"`: `"%(a)s ${a} ' \" \\ \u0000 |||"`,
		`{"self":1,"$":2,"a":{"self":3}}`: `{"$":2,"a":{"self":3},"self":1}`,
		`"\ud83d\ude00"`:                  `"😀"`,
		`"\ud800"`:                        `"�"`,
		`{"a":1,"a":2}`:                   `{"a":2}`,
		`-1.5e3`:                          `-1500`,
	} {
		p.is(t, Program{Source: `std.extVar('x')`, Ext: map[string]json.RawMessage{"x": json.RawMessage(given)}}, want)
	}
	if _, err := p.Evaluate(t.Context(), Program{Name: "x", Source: `1`, Ext: map[string]json.RawMessage{"x": json.RawMessage(`error 'no'`)}}); err == nil {
		t.Error("a value that is code was taken")
	}
}

func TestProgramErrors(t *testing.T) {
	p, _ := open(t, Options{})
	for _, test := range []struct {
		source, message, place string
		syntax                 bool
	}{
		{`error 'cancel'`, "cancel", "line 1, column 1", false},
		{"{\n  a: error 'the secret ' + std.extVar('x')}", "the secret 42", "line 2, column 6", false},
		{`{`, "end of file", "line 1, column 2", true},
		{`nope`, "Unknown variable: nope", "line 1, column 1", true},
		{`local x(n) = x(n + 1) + 1; x(0)`, "max stack frames exceeded", "line 1", false},
		{`std.extVar('none')`, "none", "line 1", false},
		{`std.native('exec')('ls')`, "null", "line 1", false},
		{`function(a) a`, "Missing argument", "", false},
		{`import 'x.jsonnet'`, "imports are switched off", "line 1", false},
		{`importstr '/etc/passwd'`, "imports are switched off", "line 1", false},
		{`importbin '/etc/passwd'`, "imports are switched off", "line 1", false},
		{`error std.repeat('x', 100000)`, "…", "line 1", false},
	} {
		_, err := p.Evaluate(t.Context(), Program{Name: "the.setting", Source: test.source, Ext: map[string]json.RawMessage{"x": json.RawMessage("42")}})
		var failed *ProgramError
		if !errors.As(err, &failed) {
			t.Errorf("%s: %v", test.source, err)
			continue
		}
		if !strings.Contains(failed.Message, test.message) || !strings.HasPrefix(failed.Place, test.place) || failed.Syntax != test.syntax || len(failed.Message) > maxMessage+8 {
			t.Errorf("%s: %+v", test.source, failed)
		}
		if failed.Cancelled() != (test.message == "cancel") {
			t.Errorf("%s: cancelled is %v", test.source, failed.Cancelled())
		}
		if said := err.Error(); !strings.HasPrefix(said, "the.setting ") || strings.Contains(said, "secret") {
			t.Errorf("%s: the log would say %q", test.source, said)
		}
	}
	small, _ := open(t, Options{OutputLimit: 10})
	for source, want := range map[string]string{`error std.repeat('\u0001', 5000)`: "…", `error 'short'`: "short"} {
		var failed *ProgramError
		if _, err := small.Evaluate(t.Context(), Program{Source: source}); !errors.As(err, &failed) || !strings.HasSuffix(failed.Message, want) {
			t.Errorf("where outputs are short, %s: %v", source, err)
		}
	}
	if len(p.children()) != 1 {
		t.Errorf("errors of programs cost children: there are %d", len(p.children()))
	}
}

func TestCheck(t *testing.T) {
	p, _ := open(t, Options{})
	if err := p.Check(t.Context(), "x", `function(ctx) {a: ctx.b, c: std.extVar('d')}`); err != nil {
		t.Error(err)
	}
	if err := p.Check(t.Context(), "x", endless); err != nil {
		t.Errorf("a program was run: %v", err)
	}
	if err := p.Check(t.Context(), "the.setting", "{\n a: }"); err == nil || !strings.HasPrefix(err.Error(), "the.setting is not valid Jsonnet at line 2, column ") {
		t.Error(err)
	}
}

// TestLimits: what takes too much is stopped and named, and the next program is
// evaluated as if nothing had been.
func TestLimits(t *testing.T) {
	for _, test := range []struct {
		what, source string
		options      Options
		want         error
	}{
		{"an endless loop", endless, Options{Timeout: time.Second}, ErrTimeout},
		{"a recursion that does not end", `local loop(n) = if n < 0 then n else loop(n + 1) tailstrict; loop(0)`, Options{}, ErrMemory},
		{"one large allocation", `std.length(std.repeat('x', 100000000) + std.repeat('y', 3000000000))`, Options{}, ErrMemory},
		{"an array that doubles", doubling, Options{}, ErrMemory},
		{"a text that doubles", `local twice(a, n) = if n == 0 then a else twice(a + a, n - 1) tailstrict; std.length(twice('x', 40))`, Options{}, ErrMemory},
		{"an output that is nested deeply", `std.foldl(function(a, i) [a], std.range(1, 3000000), [])`, Options{}, ErrMemory},
		{"a source that is nested deeply", strings.Repeat("[", 3<<20), Options{}, ErrMemory},
		{"a large output", `std.repeat('x', 300000)`, Options{}, ErrTooLarge},
		{"a large input", `"` + strings.Repeat("x", maxFrame) + `"`, Options{}, ErrInputTooLarge},
	} {
		t.Run(test.what, func(t *testing.T) {
			p, j := open(t, test.options)
			p.is(t, Program{Source: `1`}, `1`)
			if _, err := p.Evaluate(t.Context(), Program{Source: test.source}); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			p.is(t, Program{Source: `1`}, `1`)
			if j.String() != "" {
				t.Errorf("the log says %s", j)
			}
		})
	}
}

// TestLargest: an output as large as allowed is not refused.
func TestLargest(t *testing.T) {
	p, _ := open(t, Options{})
	got, err := p.Evaluate(t.Context(), Program{Source: fmt.Sprintf(`std.repeat('x', %d)`, 256<<10-3)})
	if err != nil || len(got) != 256<<10 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestManyAtOnce: more evaluations than children wait for each other, and each
// gets its own answer.
func TestManyAtOnce(t *testing.T) {
	p, j := open(t, Options{Children: 3})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			got, err := p.Evaluate(t.Context(), Program{Source: `std.extVar('n') * 2`, Ext: map[string]json.RawMessage{"n": json.RawMessage(fmt.Sprint(i))}})
			if want := fmt.Sprintln(2 * i); err != nil || string(got) != want {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		})
	}
	all.Wait()
	if n := len(p.children()); n == 0 || n > 3 {
		t.Errorf("there are %d children", n)
	}
	if j.String() != "" {
		t.Errorf("the log says %s", j)
	}
}

// TestQueue: only so many wait, and only as long as their context.
func TestQueue(t *testing.T) {
	p, _ := open(t, Options{Children: 1, Timeout: 2 * time.Second})
	busy, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _, _ = p.Evaluate(busy, Program{Source: endless}) }()
	eventually(t, "the child is busy", func() bool { return len(p.free) == 0 })

	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range queuePerChild {
		waiting.Go(func() {
			if _, err := p.Evaluate(ctx, Program{Source: `1`}); !errors.Is(err, context.Canceled) {
				t.Errorf("somebody who waited: %v", err)
			}
		})
	}
	eventually(t, "the queue is full", func() bool { return p.waiting.Load() == queuePerChild })
	if _, err := p.Evaluate(t.Context(), Program{Source: `1`}); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	waiting.Wait()
	p.is(t, Program{Source: `1`}, `1`) // once the loop was stopped
}

// TestGoneClients: a client that gives up costs no child.
func TestGoneClients(t *testing.T) {
	p, _ := open(t, Options{Children: 1})
	p.is(t, Program{Source: `1`}, `1`)
	before := p.children()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		_, _ = p.Evaluate(ctx, Program{Source: `std.length(std.range(1, 10000))`})
	}
	p.is(t, Program{Source: `1`}, `1`)
	eventually(t, "the same child waits for work", func() bool { now := p.children(); return len(now) == 1 && now[0] == before[0] })
}

// TestNothingIsLeft: nothing of one evaluation is seen by the next.
func TestNothingIsLeft(t *testing.T) {
	p, _ := open(t, Options{Children: 1})
	same := `[std.extVar('x'), if std.length(std.extVar('x')) > 2 then std.extVar('y')]`
	p.is(t, Program{Source: same, Ext: map[string]json.RawMessage{"x": json.RawMessage(`"first"`), "y": json.RawMessage(`"secret"`)}}, `["first","secret"]`)
	p.is(t, Program{Source: same, Ext: map[string]json.RawMessage{"x": json.RawMessage(`"2"`)}}, `["2",null]`)
	if got, err := p.Evaluate(t.Context(), Program{Source: same, Ext: map[string]json.RawMessage{"x": json.RawMessage(`"third"`)}}); err == nil {
		t.Errorf("another evaluation's value was there: %s", got)
	}
	if got, err := p.Evaluate(t.Context(), Program{Source: `function(ctx) ctx`}); err == nil {
		t.Errorf("another evaluation's argument was there: %s", got)
	}
}

// TestChildrenAreReplaced after some evaluations, and end when they are not needed.
func TestChildrenAreReplaced(t *testing.T) {
	p, _ := open(t, Options{Children: 1})
	if len(p.children()) != 0 {
		t.Error("there is a child before anybody needs one")
	}
	p.uses = 2
	p.is(t, Program{Source: `1`}, `1`)
	first := p.children()[0]
	p.is(t, Program{Source: `1`}, `1`)
	eventually(t, "a child ends after its last evaluation", func() bool { return len(p.children()) == 0 })
	p.keep = time.Millisecond
	p.is(t, Program{Source: `1`}, `1`)
	eventually(t, "an idle child ends", func() bool { return len(p.children()) == 0 })
	p.is(t, Program{Source: `1`}, `1`)
	if now := p.children(); len(now) > 0 && now[0] == first {
		t.Error("the child is still the same")
	}
}

func TestClose(t *testing.T) {
	p, _ := open(t, Options{})
	p.is(t, Program{Source: `1`}, `1`)
	p.Close()
	p.Close()
	if _, err := p.Evaluate(t.Context(), Program{Source: `1`}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	unused, _ := open(t, Options{})
	unused.Close()
}

// TestBadCommands: where no child can be started, that is what is said.
func TestBadCommands(t *testing.T) {
	for _, command := range [][]string{{}, {"/nowhere/zelus"}, {"/bin/true"}, {"/bin/echo", "what is this? it is no frame"}} {
		p, _ := open(t, Options{Command: command})
		_, err := p.Evaluate(t.Context(), Program{Source: `1`})
		var failed *ProgramError
		if err == nil || errors.As(err, &failed) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrMemory) {
			t.Errorf("%q: %v", command, err)
		}
	}
}

// FuzzValues: a program that gives back what it was given gives back the same
// JSON, as Go reads it.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,-0,1e3,null,true,"x"]}`, `"\ud800\u0000"`, `{"a":1,"a":{"b":[]}}`, `12345678901234567890`, `{"":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, given []byte) {
		var want any
		if json.Unmarshal(given, &want) != nil {
			return // no JSON, or a number that is none in Go either
		}
		output, failed := newInterpreter().evaluate(Program{Source: `std.extVar('x')`, Ext: map[string]json.RawMessage{"x": given}})
		if failed != nil {
			if strings.Contains(failed.Message, "max stack") {
				return // nested too deeply for the interpreter
			}
			t.Fatalf("%q: %+v", given, failed)
		}
		var got any
		if err := json.Unmarshal([]byte(output), &got); err != nil {
			t.Fatalf("%q became %q: %v", given, output, err)
		}
		one, _ := json.Marshal(want)
		two, _ := json.Marshal(got)
		if string(one) != string(two) {
			t.Errorf("%q became %q", one, two)
		}
	})
}

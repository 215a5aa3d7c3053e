package jsonnet

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"
)

const (
	// fileName is what the interpreter calls the program.
	fileName = "program"
	// maxMessage bounds what a program may say of its failure, in bytes.
	maxMessage = 1 << 10
	// A child remembers so many programs that it has parsed, of up to so many bytes.
	programsKept = 64
	largestKept  = 64 << 10
	// interpreterFailed is said of a program that makes the interpreter panic.
	interpreterFailed = "the interpreter itself failed at this program"
)

// interpreter evaluates programs, one at a time.
type interpreter struct {
	parsed map[[sha256.Size]byte]ast.Node
}

func newInterpreter() *interpreter {
	return &interpreter{parsed: map[[sha256.Size]byte]ast.Node{}}
}

// parse reads a program, or remembers it. What is remembered follows from the
// source alone and is never changed by an evaluation.
func (i *interpreter) parse(source string) (ast.Node, *ProgramError) {
	key := sha256.Sum256([]byte(source))
	if node, known := i.parsed[key]; known {
		return node, nil
	}
	node, err := jsonnet.SnippetToAST(fileName, source)
	if err != nil {
		return nil, failure(err)
	}
	if len(source) <= largestKept {
		if len(i.parsed) >= programsKept {
			clear(i.parsed)
		}
		i.parsed[key] = node
	}
	return node, nil
}

// evaluate runs a program with an interpreter of its own: no imports, no
// functions beside the standard library, and std.trace leads nowhere.
func (i *interpreter) evaluate(p Program) (string, *ProgramError) {
	program, failed := i.parse(p.Source)
	if failed != nil {
		return "", failed
	}
	vm := jsonnet.MakeVM()
	vm.Importer(noImports{})
	vm.SetTraceOut(io.Discard)
	for name, raw := range p.Ext {
		node, err := value(raw)
		if err != nil {
			return "", failure(err)
		}
		vm.ExtNode(name, node)
	}
	for name, raw := range p.TLA {
		node, err := value(raw)
		if err != nil {
			return "", failure(err)
		}
		vm.TLANode(name, node)
	}
	output, err := vm.Evaluate(program)
	if err != nil {
		return "", failure(err)
	}
	return output, nil
}

// noImports refuses import, importstr and importbin.
type noImports struct{}

func (noImports) Import(_, _ string) (jsonnet.Contents, string, error) {
	return jsonnet.Contents{}, "", errors.New("imports are switched off: put everything into one file")
}

// value turns JSON into a part of a program. It is never read as code, so that
// JSON which Jsonnet would not take (half a surrogate pair, a member that occurs
// twice) has the meaning that it has elsewhere in the server.
func value(raw json.RawMessage) (ast.Node, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, errors.New("a value that the program was given is not JSON")
	}
	return literal(v), nil
}

func literal(v any) ast.Node {
	switch v := v.(type) {
	case map[string]any:
		o := &ast.DesugaredObject{}
		for name, member := range v {
			o.Fields = append(o.Fields, ast.DesugaredObjectField{Hide: ast.ObjectFieldInherit, Name: text(name), Body: literal(member)})
		}
		return o
	case []any:
		a := &ast.Array{}
		for _, element := range v {
			a.Elements = append(a.Elements, ast.CommaSeparatedExpr{Expr: literal(element)})
		}
		return a
	case string:
		return text(v)
	case json.Number:
		return &ast.LiteralNumber{OriginalString: v.String()}
	case bool:
		return &ast.LiteralBoolean{Value: v}
	}
	return &ast.LiteralNull{}
}

func text(s string) ast.Node { return &ast.LiteralString{Value: s, Kind: ast.VerbatimStringDouble} }

// failure tells of an error of the interpreter.
func failure(err error) *ProgramError {
	var located interface{ Loc() ast.LocationRange }
	var running jsonnet.RuntimeError
	f := &ProgramError{}
	switch {
	case errors.As(err, &running):
		f.Message = running.Msg
		for _, frame := range running.StackTrace {
			if frame.Loc.FileName == fileName && frame.Loc.IsSet() {
				f.Place = place(frame.Loc) // the innermost comes last
			}
		}
	case errors.As(err, &located):
		at := located.Loc()
		f.Syntax, f.Place = true, place(at)
		f.Message = strings.TrimSpace(strings.TrimPrefix(err.Error(), at.String()))
	case strings.HasPrefix(err.Error(), "(CRASH)"):
		f.Message = interpreterFailed
	default:
		f.Message = err.Error()
	}
	if len(f.Message) > maxMessage {
		f.Message = strings.ToValidUTF8(f.Message[:maxMessage], "") + "…"
	}
	return f
}

func place(at ast.LocationRange) string {
	if !at.IsSet() {
		return ""
	}
	return fmt.Sprintf("line %d, column %d", at.Begin.Line, at.Begin.Column)
}

package override

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"text/template/parse"
)

// check refuses templates that name one that is not there, that lead back to
// themselves, which would go on until the memory is full, and roots that show what
// data of the type of their samples do not have.
func check(trees map[string]*parse.Tree, roots map[string]any) error {
	c := &checker{trees: trees, state: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		sample, root := roots[name]
		c.data = reflect.TypeOf(sample)
		if err := c.template(name, root); err != nil {
			return err
		}
	}
	return nil
}

type checker struct {
	trees map[string]*parse.Tree
	state map[string]int // 1 while it is being looked at, 2 when that is done
	data  reflect.Type   // that the root is given
	name  string
	err   error
}

func (c *checker) template(name string, root bool) error {
	tree := c.trees[name]
	if tree == nil || tree.Root == nil || c.state[name] == 2 && !root {
		return nil
	}
	before := c.name
	c.state[name], c.name = 1, name
	c.walk(tree.Root, root, root)
	c.state[name], c.name = 2, before
	return c.err
}

// fail notes the first thing that is wrong.
func (c *checker) fail(n parse.Node, format string, a ...any) {
	if c.err == nil {
		location, _ := c.trees[c.name].ErrorContext(n)
		c.err = fmt.Errorf("%s: %s", location, fmt.Sprintf(format, a...))
	}
}

// walk looks at n and all below it. dot and dollar say whether . and $ are what the
// root is given.
func (c *checker) walk(n parse.Node, dot, dollar bool) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, each := range n.Nodes {
				c.walk(each, dot, dollar)
			}
		}
	case *parse.ActionNode:
		c.walk(n.Pipe, dot, dollar)
	case *parse.IfNode:
		c.branch(&n.BranchNode, dot, dot, dollar)
	case *parse.WithNode:
		c.branch(&n.BranchNode, false, dot, dollar)
	case *parse.RangeNode:
		c.branch(&n.BranchNode, false, dot, dollar)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				for _, argument := range command.Args {
					c.walk(argument, dot, dollar)
				}
			}
		}
	case *parse.ChainNode:
		c.walk(n.Node, dot, dollar)
	case *parse.FieldNode:
		c.field(n, n.Ident, dot)
	case *parse.VariableNode:
		c.field(n, n.Ident[1:], dollar && n.Ident[0] == "$")
	case *parse.TemplateNode:
		c.walk(n.Pipe, dot, dollar)
		switch {
		case c.trees[n.Name] == nil:
			c.fail(n, "there is no template %q", n.Name)
		case c.state[n.Name] == 1:
			c.fail(n, "the template %q leads back to itself", n.Name)
		default:
			c.template(n.Name, false)
		}
	}
}

func (c *checker) branch(n *parse.BranchNode, inside, outside, dollar bool) {
	c.walk(n.Pipe, outside, dollar)
	c.walk(n.List, inside, dollar)
	c.walk(n.ElseList, outside, dollar)
}

// field refuses a field that the data do not have.
func (c *checker) field(n parse.Node, path []string, data bool) {
	if !data || len(path) == 0 {
		return
	}
	fields := c.data
	if fields.Kind() == reflect.Pointer {
		fields = fields.Elem()
	}
	_, field := fields.FieldByName(path[0])
	_, method := c.data.MethodByName(path[0])
	if !field && !method {
		c.fail(n, "there is no field .%s here", path[0])
	}
}

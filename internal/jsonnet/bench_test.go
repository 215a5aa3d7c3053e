package jsonnet

import (
	"encoding/json"
	"testing"
)

// BenchmarkEvaluate measures what a small program costs in a child that lives
// on, and in one that is started for it alone.
func BenchmarkEvaluate(b *testing.B) {
	program := Program{Source: `function(ctx) {to: ctx.recipient, n: std.length(ctx.body)}`,
		TLA: map[string]json.RawMessage{"ctx": json.RawMessage(`{"recipient":"ada@example.org","body":"four"}`)}}
	for _, way := range []struct {
		name string
		uses int
	}{{"long-lived", maxUses}, {"one process each", 1}} {
		b.Run(way.name, func(b *testing.B) {
			p, _ := open(b, Options{Children: 2})
			p.uses = way.uses
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := p.Evaluate(b.Context(), program); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

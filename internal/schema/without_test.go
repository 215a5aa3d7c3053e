package schema

import (
	"encoding/json"
	"testing"
)

func TestWithout(t *testing.T) {
	for _, test := range []struct{ traits, want string }{
		{`{"email":"ada@example.org","name":"eve@example.org"}`, `{"email":"ada@example.org"}`},
		{`{"email":" EVE@Example.Org ","more":["eve@example.org","ada@example.org","+49 30 1234567","eve@example.org"]}`, `{"more":["ada@example.org"]}`},
		{`{"a.b":{"c":"eve@example.org","d":1}}`, `{"a.b":{"d":1}}`},
		{`{"age":36}`, `{"age":36}`},
		{`{}`, `{}`},
	} {
		if got := Without(json.RawMessage(test.traits), []string{"eve@example.org", "+49301234567"}); string(got) != test.want {
			t.Errorf("%s became %s, want %s", test.traits, got, test.want)
		}
	}
}

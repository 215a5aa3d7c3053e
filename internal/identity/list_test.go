package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
)

// Who is looked up by what nobody can be called is nobody, and not everybody.
func TestList(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		var ids []uuid.UUID
		for n := range 5 {
			ids = append(ids, f.create(t, Creation{Traits: json.RawMessage(fmt.Sprintf(`{"email":"p%d@example.org"}`, n))}).ID)
		}
		f.give(t, ids[4], auth.OIDC, `{}`, "github:Ada")
		for _, test := range []struct {
			name string
			list List
			want []int
			more bool
		}{
			{"all", List{Size: 10}, []int{0, 1, 2, 3, 4}, false},
			{"as many as there are", List{Size: 5}, []int{0, 1, 2, 3, 4}, false},
			{"a page", List{Size: 2}, []int{0, 1}, true},
			{"the next one", List{Size: 2, After: ids[1]}, []int{2, 3}, true},
			{"the last one", List{Size: 2, After: ids[3]}, []int{4}, false},
			{"behind the last one", List{Size: 2, After: ids[4]}, nil, false},
			{"by number", List{Size: 2, Skip: 3, ByNumber: true}, []int{3, 4}, false},
			{"an identifier", List{Size: 10, Identifier: " P3@Example.org"}, []int{3}, false},
			{"an identifier by number", List{Size: 10, Identifier: "p3@example.org", ByNumber: true}, []int{3}, false},
			{"a social account", List{Size: 10, Identifier: "github:Ada"}, []int{4}, false},
			{"a social account in other letters", List{Size: 10, Identifier: "github:ada"}, nil, false},
			{"what identifiers begin with", List{Size: 10, Similar: "P"}, []int{0, 1, 2, 3, 4}, false},
			{"a page of them", List{Size: 2, Similar: "p", After: ids[0]}, []int{1, 2}, true},
			{"ids", List{Size: 10, IDs: []uuid.UUID{ids[3], ids[1], uuid.New()}}, []int{1, 3}, false},
			{"an organisation", List{Size: 10, Organization: uuid.NullUUID{UUID: uuid.New(), Valid: true}}, nil, false},
			{"a space", List{Size: 10, Identifier: " "}, nil, false},
			{"a space by number", List{Size: 10, Identifier: " ", ByNumber: true}, nil, false},
			{"what cannot be seen", List{Size: 10, Identifier: "\u200b\u202e"}, nil, false},
			{"a zero", List{Size: 10, Identifier: "\x00"}, nil, false},
			{"a zero in between", List{Size: 10, Identifier: "p3@example\x00.org"}, nil, false},
			{"no UTF-8", List{Size: 10, Identifier: "\xff"}, nil, false},
			{"what begins with a space", List{Size: 10, Similar: "\t"}, nil, false},
			{"what begins with no UTF-8", List{Size: 10, Similar: "p\xff"}, nil, false},
			{"a wildcard", List{Size: 10, Similar: "%"}, nil, false},
		} {
			t.Run(test.name, func(t *testing.T) {
				test.list.Credentials = true
				page, err := f.List(t.Context(), test.list)
				if err != nil {
					t.Fatal(err)
				}
				var got []int
				for _, row := range page.Rows {
					got = append(got, slices.Index(ids, row.ID))
					if len(page.Credentials[row.ID]) == 0 {
						t.Errorf("%s comes without credentials", row.ID)
					}
				}
				if !slices.Equal(got, test.want) || page.More != test.more {
					t.Errorf("got %v, more %v; want %v, %v", got, page.More, test.want, test.more)
				}
			})
		}
		for name, list := range map[string]List{
			"two filters":         {Size: 1, Identifier: "a", Similar: "a"},
			"an id and a filter":  {Size: 1, IDs: ids[:1], Organization: uuid.NullUUID{Valid: true}},
			"too many ids":        {Size: 1, IDs: make([]uuid.UUID, maxIDs+1)},
			"a page far behind":   {Size: 1, ByNumber: true, Skip: maxByNumber + 1},
			"an identifier twice": {Size: 1, Identifier: " ", Similar: "\x00"},
		} {
			if page, err := f.List(t.Context(), list); !errors.Is(err, auth.ErrParameter) {
				t.Errorf("%s: %+v, %v", name, page, err)
			}
		}
	})
}

// However often a social account is given, it is one way to sign in, and the
// last one stays.
func TestSocialAccountGivenTwice(t *testing.T) {
	f := newFixture(t, storetest.Memory(t, nil))
	give := func(times int) *Import {
		return object[*Import](t, `{"oidc":{"config":{"providers":[`+strings.TrimSuffix(strings.Repeat(`{"provider":"github","subject":"1"},`, times), ",")+`]}}}`)
	}
	i := f.create(t, Creation{Traits: json.RawMessage(`{"email":"ada@example.org"}`), Credentials: give(3)})
	for range 2 {
		if _, err := f.Replace(t.Context(), i.ID, Replacement{Traits: i.Traits, Credentials: give(2)}); err != nil {
			t.Fatal(err)
		}
	}
	got := f.get(t, i.ID)
	if f.FirstFactors(got) != 1 || len(Providers(got.Credentials[auth.OIDC])) != 1 {
		t.Errorf("%d ways to sign in: %s", f.FirstFactors(got), got.Credentials[auth.OIDC].Config)
	}
	if err := f.DeleteCredential(t.Context(), i.ID, auth.OIDC, "github:1", nil); !errors.Is(err, auth.ErrCredentialLast) {
		t.Errorf("the last one was deleted: %v", err)
	}
}

package flow

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/schema"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
	"zelus/internal/ui"
)

// Methods are asked in the order of the list; the first that claims a
// submission decides.
func TestAsk(t *testing.T) {
	var asked []string
	method := func(name string, claims func(*Submission) bool) Method {
		part := &Part{Claims: claims, Submit: func(context.Context, *Submission) (Outcome, error) {
			asked = append(asked, name)
			return Next(), nil
		}}
		return Method{Name: name, Enabled: func(*config.Config) bool { return name != "off" }, Login: part}
	}
	greedy := method("greedy", func(s *Submission) bool { return s.Values.Has("code") })
	elsewhere := method("elsewhere", nil)
	elsewhere.Login, elsewhere.Settings = nil, elsewhere.Login
	withheld := method("withheld", nil)
	withheld.Login.Offered = func(*Form) bool { return false }
	methods := []Method{method("first", nil), greedy, method("second", nil), method("off", nil), elsewhere, withheld, method("second", nil)}
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), configuration(), methods...), login, httptest.NewRequest(http.MethodPost, "/", nil))
	for _, test := range []struct {
		name, body string
		done       bool
		want       string // who was asked
		err        error
	}{
		{"by its name", `{"method":"second"}`, false, "second", nil},
		{"the first by its name", `{"method":"first"}`, false, "first", nil},
		{"by a field", `{"code":"1"}`, false, "greedy", nil},
		{"by a field, before the one that is named", `{"code":"1","method":"second"}`, false, "greedy", nil},
		{"by its name, before the one that has a field", `{"code":"1","method":"first"}`, false, "first", nil},
		{"one that is switched off", `{"method":"off"}`, false, "", auth.ErrMethodDisabled},
		{"one that takes no part", `{"method":"elsewhere"}`, false, "", nil},
		{"one that this form does not have", `{"method":"withheld"}`, false, "", nil},
		{"one that nobody knows", `{"method":"third"}`, false, "", nil},
		{"none", `{}`, false, "", nil},
		{"in other letters", `{"method":"First"}`, false, "", nil},
		{"no text", `{"method":["first"]}`, false, "", nil},
		{"a flow that is over", `{"method":"first"}`, true, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked = nil
			f := newFlow(auth.Login, auth.API)
			f.Done = test.done
			s := &Submission{Form: Form{Flow: f}, Values: values(t, test.body)}
			outcome, m, err := v.ask(t.Context(), s, nil)
			if !errors.Is(err, test.err) || strings.Join(asked, " ") != test.want {
				t.Fatalf("asked %v, %v", asked, err)
			}
			if test.want != "" {
				if m == nil || m.Name != test.want || outcome.verdict != next {
					t.Errorf("got %+v of %+v", outcome, m)
				}
				return
			}
			if test.err == nil {
				if m != nil || outcome.verdict != again || len(outcome.problems) != 1 || outcome.problems[0].Message.ID != ui.ErrorLoginNoMethod || outcome.problems[0].Field != "" {
					t.Errorf("got %+v of %+v", outcome, m)
				}
				if s.Values != nil {
					t.Error("what was typed is not put aside")
				}
			}
		})
	}
}

// In a registration the person comes before the method.
func TestAskCandidate(t *testing.T) {
	called := 0
	method := toy("toy", func(_ context.Context, s *Submission) (Outcome, error) {
		called++
		return Again(), nil
	})
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), configuration(), method), registration, asked(t, true))
	for _, test := range []struct {
		name, body string
		called     bool
		fields     string
		traits     string
	}{
		{"good", `{"method":"toy","traits":{"email":"ada@example.org"}}`, true, "", `{"email":"ada@example.org","name":{"titles":{}}}`},
		{"with a number as text", `{"method":"toy","traits.email":"ada@example.org","traits.age":"36"}`, true, "", `{"email":"ada@example.org","age":36,"name":{"titles":{}}}`},
		{"nothing", `{"method":"toy"}`, false, "traits.email", `{"name":{"titles":{}}}`},
		{"nobody's method", `{"method":"nobody"}`, false, "traits.email", `{"name":{"titles":{}}}`},
		{"wrong", `{"method":"toy","traits":{"email":"nobody"}}`, false, "traits.email", `{"email":"nobody","name":{"titles":{}}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			called = 0
			f := newFlow(auth.Registration, auth.API)
			form, err := v.form(f)
			if err != nil {
				t.Fatal(err)
			}
			s := &Submission{Form: *form, Values: values(t, test.body)}
			outcome, _, err := v.ask(t.Context(), s, nil)
			if err != nil || (called == 1) != test.called {
				t.Fatalf("called %d times, %v", called, err)
			}
			var fields []string
			for _, p := range outcome.problems {
				fields = append(fields, p.Field)
			}
			if got := strings.Join(fields, " "); got != test.fields || string(s.Candidate.Traits) != test.traits {
				t.Errorf("problems at %q with %s", got, s.Candidate.Traits)
			}
		})
	}
}

func TestWithObjects(t *testing.T) {
	s := loadSchemas(t, map[string]string{"person": personSchema}).Default()
	flat := loadSchemas(t, map[string]string{"person": `{"type":"object","properties":{"traits":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":["object","null"]}}}}}`}).Default()
	odd := loadSchemas(t, map[string]string{"person": `{"type":"object","properties":{"traits":{"type":"object","properties":{
		"0":{"type":"object"},"a*?|#@!":{"type":"object","properties":{"-1":{"type":"object"},"1":{"type":"object"}}},"\\":{"type":"object"},"ä b":{"type":"object"}}}}}`}).Default()
	for _, test := range []struct {
		name   string
		schema *schema.Schema
		traits string
		want   string
	}{
		{"nothing", s, ``, `{"name":{"titles":{}}}`},
		{"an empty object", s, `{}`, `{"name":{"titles":{}}}`},
		{"beside others", s, `{"email":"a","age":1}`, `{"email":"a","age":1,"name":{"titles":{}}}`},
		{"the outer one is there", s, `{"name":{"first":"Ada"}}`, `{"name":{"first":"Ada","titles":{}}}`},
		{"both are there", s, `{"name":{"titles":{"doctor":true}}}`, `{"name":{"titles":{"doctor":true}}}`},
		{"the outer one is null", s, `{"name":null}`, `{"name":null}`},
		{"the inner one is null", s, `{"name":{"titles":null}}`, `{"name":{"titles":null}}`},
		{"the outer one is a text", s, `{"name":"Ada"}`, `{"name":"Ada"}`},
		{"the outer one is a list", s, `{"name":[{}]}`, `{"name":[{}]}`},
		{"the traits are a text", s, `"x"`, `"x"`},
		{"the traits are a list", s, `[]`, `[]`},
		{"the traits are null", s, `null`, `null`},
		{"no objects in the schema", flat, `{"a":"x"}`, `{"a":"x"}`},
		{"names that are numbers and signs", odd, `{}`, `{"0":{},"a*?|#@!":{"-1":{},"1":{}},"\\":{},"ä b":{}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := withObjects(json.RawMessage(test.traits), test.schema)
			var have, want any
			if err := json.Unmarshal(got, &have); err != nil {
				t.Fatalf("%v in %s", err, got)
			}
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// FuzzWithObjects: to whatever traits, only empty objects are added.
func FuzzWithObjects(f *testing.F) {
	s := loadSchemas(f, map[string]string{"person": personSchema}).Default()
	f.Add([]byte(`{"email":"a","name":{"first":"Ada"}}`))
	f.Fuzz(func(t *testing.T, traits []byte) {
		if !json.Valid(traits) {
			t.Skip()
		}
		got := withObjects(traits, s)
		if !json.Valid(got) {
			t.Fatalf("%q became %q", traits, got)
		}
		if string(withObjects(got, s)) != string(got) {
			t.Errorf("%q becomes another thing the second time", got)
		}
		for _, name := range []string{"email", "age", "name.first", "name.titles.doctor"} {
			if before, after := gjson.GetBytes(traits, name), gjson.GetBytes(got, name); before.Raw != after.Raw {
				t.Errorf("%s was %q and is %q", name, before.Raw, after.Raw)
			}
		}
	})
}

// form has the given nodes: "name=value", or "!name=value" for a hidden one.
func form(fields ...string) ui.Container {
	var c ui.Container
	for _, field := range fields {
		name, value, has := strings.Cut(field, "=")
		name, hidden := strings.CutPrefix(name, "!")
		n := ui.Input(ui.GroupDefault, name, ui.InputText, nil)
		if hidden {
			n.Attributes.Type = ui.InputHidden
		}
		if has {
			n.Attributes.Value = value
		}
		c.Nodes = append(c.Nodes, n)
	}
	return c
}

func fieldsOf(c ui.Container) []string {
	var fields []string
	for _, n := range c.Nodes {
		field := n.Name()
		if n.Attributes.Type == ui.InputHidden {
			field = "!" + field
		}
		if text, ok := n.Attributes.Value.(string); ok {
			field += "=" + text
		}
		fields = append(fields, field)
	}
	return fields
}

func TestKeep(t *testing.T) {
	for _, test := range []struct {
		name                string
		kind                *kind
		before, fresh, want string
	}{
		{"the identifier", login, "identifier=ada", "identifier=", "identifier=ada"},
		{"traits", registration, "traits.email=a traits.name.first=b", "traits.email traits.name.first traits.age", "traits.email=a traits.name.first=b traits.age"},
		{"an empty text", registration, "traits.email=", "traits.email=x", "traits.email="},
		{"what another kind would keep is not", login, "traits.email=a", "traits.email", "traits.email"},
		{"nor the other way around", registration, "identifier=ada", "identifier=", "identifier="},
		{"secrets are not", login, "password=p code=123 totp_code=1 lookup_secret=l csrf_token=c", "password code totp_code lookup_secret csrf_token=fresh", "password code totp_code lookup_secret csrf_token=fresh"},
		{"nor when somebody signs up", registration, "password=p code=123", "password code", "password code"},
		{"names that only begin alike are not", login, "identifierx=a", "identifierx", "identifierx"},
		{"nor those of traits", registration, "traitsx=b traits=c", "traitsx traits", "traitsx traits"},
		{"a field that is gone stays gone", registration, "traits.gone=a", "traits.email", "traits.email"},
		{"traits are hidden in the second step", registration, "traits.email=a traits.age", "!traits.email !traits.age", "!traits.email=a !traits.age"},
		{"and shown in the first", registration, "!traits.email=a !traits.age", "traits.email traits.age", "traits.email=a traits.age"},
		{"hidden fields do not take", registration, "traits.email=a", "!traits.email=fixed", "!traits.email=fixed"},
		{"nothing typed", registration, "traits.email", "traits.email=preset", "traits.email=preset"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fresh := form(strings.Fields(test.fresh)...)
			test.kind.keep(&fresh, form(strings.Fields(test.before)...))
			if diff := cmp.Diff(strings.Fields(test.want), fieldsOf(fresh)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestEcho(t *testing.T) {
	long := strings.Repeat("a", echoed)
	for _, test := range []struct{ name, body, traits, fresh, want string }{
		{"the identifier", `{"identifier":"ada","password":"p"}`, "", "identifier= password", "identifier=ada password"},
		{"its older name", `{"password_identifier":"ada"}`, "", "identifier=", "identifier=ada"},
		{"its newer name first", `{"password_identifier":"old","identifier":"new"}`, "", "identifier=", "identifier=new"},
		{"none: what was kept goes", `{}`, "", "identifier=before", "identifier="},
		{"the longest", `{"identifier":"` + long + `"}`, "", "identifier=", "identifier=" + long},
		{"a longer one", `{"identifier":"` + long + `a"}`, "", "identifier=before", "identifier="},
		{"one that is hidden stays", `{"identifier":"eve"}`, "", "!identifier=ada", "!identifier=ada"},
		{"no such field", `{"identifier":"ada"}`, "", "totp_code", "totp_code"},
		{"traits", `{"traits":{"email":"ignored"},"password":"p"}`, `{"email":"a","name":{"first":"b"}}`, "traits.email traits.name.first=x traits.age password", "traits.email=a traits.name.first=b traits.age password"},
		{"traits that have no field", `{}`, `{"colour":"red","email":"a"}`, "traits.email", "traits.email=a"},
		{"a trait that is too long", `{}`, `{"email":"` + long + `a","age":"` + long + `"}`, "traits.email traits.age", "traits.email traits.age=" + long},
		{"a trait cannot reach beyond the traits", `{}`, `{"x":"a"}`, "x=1 password=2 traits.x", "x=1 password=2 traits.x=a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, k := &Submission{Values: values(t, test.body)}, login
			if test.traits != "" {
				s.Candidate, k = &auth.Identity{Traits: json.RawMessage(test.traits)}, registration
			}
			fresh := form(strings.Fields(test.fresh)...)
			k.echo(&fresh, s)
			if diff := cmp.Diff(strings.Fields(test.want), fieldsOf(fresh)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// said lists the messages of a form: id, or name:id at a field.
func said(c ui.Container) string {
	var all []string
	for _, m := range c.Messages {
		all = append(all, strconv.Itoa(m.ID))
	}
	for _, n := range c.Nodes {
		for _, m := range n.Messages {
			all = append(all, n.Name()+":"+strconv.Itoa(m.ID))
		}
	}
	return strings.Join(all, " ")
}

// A form that is shown again is made anew: nothing of an earlier submission is
// left but what was typed.
func TestRefuse(t *testing.T) {
	st := storetest.Memory(t, nil)
	e := newEngine(t, st, configuration(), toy("toy", nil), toy("other", nil))
	for _, kind := range []struct {
		kind   *kind
		fields string
	}{
		{login, "!csrf_token= identifier=%s toy other method=toy method=other"},
		{registration, "!csrf_token= traits.email=%s traits.name.first traits.name.titles.doctor traits.age toy other method=toy method=other"},
	} {
		t.Run(string(kind.kind.name), func(t *testing.T) {
			f := newFlow(kind.kind.name, auth.API)
			v, _ := visitOf(e, kind.kind, asked(t, true))
			if err := v.start(f, nil); err != nil {
				t.Fatal(err)
			}
			before := f.UI.Action
			typed := ""
			for n, step := range []struct {
				body     string
				unread   bool // what was sent could not be read
				problems []Problem
				said     string
			}{
				{`{"identifier":"ada","traits":{"email":"ada"},"toy":"secret"}`, false, []Problem{{"toy", ui.Say(ui.ErrorInvalidCredentials)}, {"", ui.Say(ui.ErrorInvalidCredentials)}}, "4000006 toy:4000006"},
				{`{"identifier":"bob","traits":{"email":"bob"}}`, false, []Problem{{"unknown", ui.Say(ui.ErrorInvalidCredentials)}}, "unknown:4000006"},
				{`{"identifier":"eve","traits":{"email":"eve"}}`, true, []Problem{{"", ui.Say(kind.kind.nobody)}}, ""},
				{`{"identifier":"eve","traits":{"email":"eve"}}`, false, nil, ""},
			} {
				w := httptest.NewRecorder()
				v.w = w
				loaded, err := v.load(f.ID)
				if err != nil {
					t.Fatal(err)
				}
				form, err := v.form(loaded)
				if err != nil {
					t.Fatal(err)
				}
				s := &Submission{Form: *form, Values: values(t, step.body)}
				if kind.kind == registration {
					s.Candidate = &auth.Identity{Traits: s.Values.Raw("traits")}
				}
				if step.unread {
					s = nil
					step.said = strconv.Itoa(kind.kind.nobody)
				} else {
					typed = values(t, step.body).String("identifier")
				}
				if err := v.refuse(form, s, Again(step.problems...)); err != nil {
					t.Fatal(err)
				}
				if w.Code != http.StatusBadRequest {
					t.Errorf("step %d: answered %d", n, w.Code)
				}
				stored, err := v.load(f.ID)
				if err != nil {
					t.Fatal(err)
				}
				if got := said(stored.UI); got != step.said {
					t.Errorf("step %d: it says %q, want %q", n, got, step.said)
				}
				want := strings.Fields(strings.ReplaceAll(kind.fields, "%s", typed))
				// A message for a field that the form lacks has brought it along.
				got := slices.DeleteFunc(fieldsOf(stored.UI), func(s string) bool { return n == 1 && s == "unknown" })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("step %d (-want +got):\n%s", n, diff)
				}
				if stored.UI.Action != before || stored.UI.Method != "POST" || strings.Contains(w.Body.String(), "secret") {
					t.Errorf("step %d: %s", n, w.Body)
				}
			}
		})
	}
}

// A flow that is over keeps its form.
func TestRefuseDone(t *testing.T) {
	st := storetest.Memory(t, nil)
	e := newEngine(t, st, configuration(), toy("toy", nil))
	v, w := visitOf(e, login, asked(t, true))
	f := newFlow(auth.Login, auth.API)
	f.UI, f.Done = form("only=this"), true
	f.UI.Say(ui.Say(ui.ErrorInvalidCredentials))
	f.UI.SayAt("only", ui.Say(ui.ErrorInvalidCredentials))
	storeFlow(t, st, f)
	form, err := v.form(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.refuse(form, nil, Again(Problem{Message: ui.Say(ui.ErrorLoginNoMethod)})); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusBadRequest || strings.Join(fieldsOf(f.UI), " ") != "only=this" || said(f.UI) != "4010002" {
		t.Errorf("answered %d, %v, %s", w.Code, fieldsOf(f.UI), said(f.UI))
	}
}

// A step further makes the form of the flow's new state, without the messages
// of before.
func TestNext(t *testing.T) {
	st := storetest.Memory(t, nil)
	e := newEngine(t, st, configuration(), toy("toy", nil))
	v, w := visitOf(e, login, asked(t, true))
	f := newFlow(auth.Login, auth.API)
	storeFlow(t, st, f)
	f.State, f.Active = auth.SentEmail, "toy"
	f.UI = form("code")
	f.UI.SayAt("code", ui.Say(ui.ErrorInvalidCredentials))
	f.UI.Say(ui.Say(ui.ErrorInvalidCredentials))
	s := &Submission{Form: Form{Flow: f, UI: &f.UI, Schema: v.schemas.Default()}, Values: values(t, `{}`)}
	if err := v.conclude(s, &e.Methods[0], Next(Problem{Message: ui.Say(ui.InfoSignInCodeSent)}), nil); err != nil {
		t.Fatal(err)
	}
	stored, err := v.load(f.ID)
	if err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusBadRequest || said(stored.UI) != "1010014" || stored.State != auth.SentEmail || stored.Active != "toy" || stored.Done || stored.UI.Find("code") != nil || stored.UI.Find("toy") == nil {
		t.Errorf("answered %d; stored %+v", w.Code, stored)
	}
}

func TestBeginLogin(t *testing.T) {
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), configuration()), login, asked(t, true))
	one, two := rowOf(uuid.New(), auth.AAL1), rowOf(uuid.New(), auth.AAL2)
	for _, test := range []struct {
		name, query string
		row         *store.SessionRow
		want        error
		aal         auth.AAL
		refresh     bool
		bound       bool
	}{
		{"nobody", "", nil, nil, auth.AAL1, false, false},
		{"nobody refreshes", "refresh=true", nil, nil, auth.AAL1, false, false},
		{"nobody steps up", "aal=aal2", nil, auth.ErrAAL1Required, "", false, false},
		{"nobody steps up with a refresh", "aal=aal2&refresh=true", nil, auth.ErrAAL1Required, "", false, false},
		{"a level that does not exist", "aal=aal3", nil, auth.ErrAAL, "", false, false},
		{"no level", "aal=aal0", nil, auth.ErrAAL, "", false, false},
		{"in capitals", "aal=AAL1", nil, nil, auth.AAL1, false, false},
		{"signed in", "", one, auth.ErrSessionAlready, "", false, false},
		{"signed in, not refreshing", "refresh=false", one, auth.ErrSessionAlready, "", false, false},
		{"signed in, a word that is no boolean", "refresh=yes", one, auth.ErrSessionAlready, "", false, false},
		{"signed in, refreshing", "refresh=true", one, nil, auth.AAL1, true, true},
		{"signed in, refreshing in short", "refresh=1", one, nil, auth.AAL1, true, true},
		{"steps up", "aal=aal2", one, nil, auth.AAL2, false, true},
		{"steps up in capitals", "aal=Aal2", one, nil, auth.AAL2, false, true},
		{"has stepped up", "aal=aal2", two, auth.ErrSessionAlready, "", false, false},
		{"has stepped up, asks for less", "", two, auth.ErrSessionAlready, "", false, false},
		{"has stepped up, refreshing", "aal=aal2&refresh=true", two, nil, auth.AAL2, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			query, err := url.ParseQuery(test.query)
			if err != nil {
				t.Fatal(err)
			}
			f := newFlow(auth.Login, auth.API)
			err = beginLogin(v, f, test.row, query)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				return
			}
			if f.RequestedAAL != test.aal || f.Refresh != test.refresh || (f.IdentityID != uuid.Nil) != test.bound {
				t.Errorf("got %s, refresh %v, of %s", f.RequestedAAL, f.Refresh, f.IdentityID)
			}
			if test.bound && f.IdentityID != test.row.Session.IdentityID {
				t.Errorf("it belongs to %s", f.IdentityID)
			}
			greetLogin(f, test.row)
			var want []string
			if test.refresh {
				want = append(want, "1010003")
			}
			if test.row != nil && test.aal == auth.AAL2 && test.row.Session.AAL == auth.AAL1 {
				want = append(want, "1010004")
			}
			if got := said(f.UI); got != strings.Join(want, " ") {
				t.Errorf("it says %q, want %v", got, want)
			}
		})
	}
}

func TestChosenSchema(t *testing.T) {
	v, _ := visitOf(newEngine(t, storetest.Memory(t, nil), configuration()), registration, asked(t, true))
	for query, want := range map[string]string{
		"": "", "identity_schema=": "", "identity_schema=person": "person", "identity_schema=chosen": "chosen", "identity_schema=Y2hvc2Vu": "chosen",
		"identity_schema=hidden": "!", "identity_schema=aGlkZGVu": "!", "identity_schema=unknown": "!", "identity_schema=..%2Fchosen": "!",
	} {
		parsed, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.chosenSchema(parsed)
		if want == "!" {
			if !errors.Is(err, auth.ErrIdentitySchemaNotSelectable) {
				t.Errorf("%s: %q, %v", query, got, err)
			}
		} else if err != nil || got != want {
			t.Errorf("%s: %q, %v", query, got, err)
		}
	}
}

func TestGuard(t *testing.T) {
	ada := uuid.New()
	one, two, bob := rowOf(ada, auth.AAL1), rowOf(ada, auth.AAL2), rowOf(uuid.New(), auth.AAL1)
	const home = "https://app.example/"
	for _, test := range []struct {
		name   string
		kind   *kind
		row    *store.SessionRow
		change func(*auth.Flow)
		want   error  // nil: go on
		inForm bool   // those who talk JSON are told in the form
		to     string // where browsers are sent
		status int
	}{
		{"nobody signs in", login, nil, nil, nil, false, "", 0},
		{"nobody steps up", login, nil, func(f *auth.Flow) { f.RequestedAAL = auth.AAL2 }, auth.ErrAAL1Required, false, "", 0},
		{"signed in already", login, one, nil, auth.ErrSessionAlready, true, home, 303},
		{"refreshes", login, one, func(f *auth.Flow) { f.Refresh, f.IdentityID = true, ada }, nil, false, "", 0},
		{"steps up", login, one, func(f *auth.Flow) { f.RequestedAAL, f.IdentityID = auth.AAL2, ada }, nil, false, "", 0},
		{"has stepped up meanwhile", login, two, func(f *auth.Flow) { f.RequestedAAL, f.IdentityID = auth.AAL2, ada }, auth.ErrSessionAlready, true, home, 303},
		{"somebody else refreshes", login, bob, func(f *auth.Flow) { f.Refresh, f.IdentityID = true, ada }, auth.ErrIdentityMismatch, false, "", 0},
		{"somebody else steps up", login, bob, func(f *auth.Flow) { f.RequestedAAL, f.IdentityID = auth.AAL2, ada }, auth.ErrIdentityMismatch, false, "", 0},
		{"nobody signs up", registration, nil, nil, nil, false, "", 0},
		{"signs up and is signed in", registration, one, nil, auth.ErrSessionAlready, false, home, 302},
	} {
		for _, asJSON := range []bool{true, false} {
			t.Run(test.name+map[bool]string{true: " JSON", false: " page"}[asJSON], func(t *testing.T) {
				st := storetest.Memory(t, nil)
				v, w := visitOf(newEngine(t, st, configuration()), test.kind, asked(t, asJSON))
				f := newFlow(test.kind.name, auth.Browser)
				if test.change != nil {
					test.change(f)
				}
				storeFlow(t, st, f)
				no := test.kind.guard(v, f, test.row)
				if (no == nil) != (test.want == nil) {
					t.Fatalf("got %+v", no)
				}
				if no == nil {
					return
				}
				err := v.turnAway(&Form{Config: v.config, Flow: f, UI: &f.UI, Schema: v.schemas.Default()}, no)
				switch {
				case !asJSON && test.to != "":
					if err != nil || w.Code != test.status || w.Header().Get("Location") != test.to {
						t.Errorf("answered %d to %s, %v", w.Code, w.Header().Get("Location"), err)
					}
				case !asJSON:
					if err != nil || w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "https://id.example/ui/error?id=") {
						t.Errorf("answered %d to %s, %v", w.Code, w.Header().Get("Location"), err)
					}
				case test.inForm:
					if err != nil || w.Code != 400 || said(f.UI) != "4000001" {
						t.Errorf("answered %d with %q, %v", w.Code, said(f.UI), err)
					}
				default:
					if !errors.Is(err, test.want) {
						t.Errorf("got %v", err)
					}
				}
			})
		}
	}
}

func TestFromBrowser(t *testing.T) {
	e := newEngine(t, storetest.Memory(t, nil), configuration())
	for _, test := range []struct {
		name, origin, cookie string
		want                 bool
	}{
		{"an app", "", "", false},
		{"an origin", "https://app.example", "", true},
		{"a null origin", "null", "", true},
		{"a cookie", "", "session=x", true},
		{"Cloudflare's cookies", "", "__cf_bm=1; _cfuvid=2; cf_clearance=3", false},
		{"Cloudflare's and another", "", "__cf_bm=1; a=b", true},
		{"one that only resembles them", "", "xcf_clearance=3", true},
	} {
		r := asked(t, true)
		for name, value := range map[string]string{"Origin": test.origin, "Cookie": test.cookie} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		v, _ := visitOf(e, login, r)
		if got := v.fromBrowser(); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
		e.Apps = true
		if v.fromBrowser() {
			t.Errorf("%s: refused where it is allowed", test.name)
		}
		e.Apps = false
	}
}

// Which fields a flow has on the wire depends on its kind.
func TestShow(t *testing.T) {
	e := newEngine(t, storetest.Memory(t, nil), configuration())
	const common = "expires_at id issued_at request_url state type ui"
	want := map[auth.Kind]string{
		auth.Login:        common + " created_at organization_id refresh requested_aal updated_at",
		auth.Registration: common + " organization_id",
	}
	for _, k := range allKinds() {
		fields, known := want[k.name]
		if !known {
			continue // the tests of that kind know it
		}
		f := newFlow(k.name, auth.API)
		f.CSRF, f.IdentityID = []byte("csrf"), uuid.New()
		names := func() string {
			v, w := visitOf(e, k, asked(t, true))
			if err := v.show(http.StatusOK, f); err != nil {
				t.Fatal(err)
			}
			var object map[string]json.RawMessage
			if err := json.Unmarshal(w.Body.Bytes(), &object); err != nil {
				t.Fatal(err)
			}
			return strings.Join(slices.Sorted(maps.Keys(object)), " ")
		}
		sorted := func(list string) string { return strings.Join(slices.Sorted(slices.Values(strings.Fields(list))), " ") }
		if got := names(); got != sorted(fields) {
			t.Errorf("%s has %s, want %s", k.name, got, sorted(fields))
		}
		f.Active, f.TransientPayload, f.SchemaID = "toy", json.RawMessage(`{}`), "chosen"
		f.RequestURL += "?return_to=https://app.example/"
		fields += " active transient_payload return_to identity_schema"
		if got := names(); got != sorted(fields) {
			t.Errorf("%s with everything has %s, want %s", k.name, got, sorted(fields))
		}
	}
}

// The token of a form is for the browser that began the flow, and is never
// stored with it.
func TestShowToken(t *testing.T) {
	e := newEngine(t, storetest.Memory(t, nil), configuration())
	f := newFlow(auth.Login, auth.Browser)
	f.UI = form("!csrf_token=", "identifier=ada")
	v, w := visitOf(e, login, asked(t, true))
	secret := v.csrf.Ensure(w, v.r)
	f.CSRF = v.bindings.Hash(string(secret))
	cookie := w.Result().Cookies()[0]
	token := func(cookies ...*http.Cookie) string {
		v, w := visitOf(e, login, asked(t, true))
		for _, c := range cookies {
			v.r.AddCookie(c)
		}
		if err := v.show(http.StatusOK, f); err != nil {
			t.Fatal(err)
		}
		return gjson.GetBytes(w.Body.Bytes(), `ui.nodes.#(attributes.name=="csrf_token").attributes.value`).String()
	}
	first, second := token(cookie), token(cookie)
	if first == "" || first == second || !v.csrf.Valid(first, secret) || !v.csrf.Valid(second, secret) {
		t.Errorf("the tokens are %q and %q", first, second)
	}
	if diff := cmp.Diff([]string{"!csrf_token=", "identifier=ada"}, fieldsOf(f.UI)); diff != "" {
		t.Errorf("the flow itself changed:\n%s", diff)
	}
	if got := token(); got != "" {
		t.Errorf("another browser gets %q", got)
	}
	f.Type = auth.API
	if got := token(cookie); got != "" {
		t.Errorf("an app gets %q", got)
	}
}

// submissionOf is a submission of a flow as it is stored.
func submissionOf(t testing.TB, v *visit, id uuid.UUID, body string) *Submission {
	t.Helper()
	f, err := v.load(id)
	if err != nil {
		t.Fatal(err)
	}
	form, err := v.form(f)
	if err != nil {
		t.Fatal(err)
	}
	v.app = f.Type == auth.API
	return &Submission{Form: *form, Values: values(t, body)}
}

var (
	byToy     = auth.AMR{Method: "toy", AAL: auth.AAL1}
	notProven = Problem{Message: ui.Say(ui.ErrorInvalidCredentials)}
)

// Of several submissions of one flow at the same time, one is a success.
func TestOneSuccess(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, st *store.Store) {
		ada := storeIdentity(t, st, `{"email":"ada@example.org"}`)
		e := newEngine(t, st, configuration(), toy("toy", nil))
		f := newFlow(auth.Login, auth.API)
		storeFlow(t, st, f)
		codes := make([]int, 8)
		var all sync.WaitGroup
		for n := range codes {
			v, w := visitOf(e, login, asked(t, true))
			s := submissionOf(t, v, f.ID, `{"method":"toy"}`)
			all.Go(func() {
				if err := v.conclude(s, &e.Methods[0], Proven(ada, ada.Credentials[auth.Password], byToy, notProven), nil); err != nil {
					t.Error(err)
				}
				codes[n] = w.Code
			})
		}
		all.Wait()
		slices.Sort(codes)
		if want := []int{200, 400, 400, 400, 400, 400, 400, 400}; !slices.Equal(codes, want) {
			t.Errorf("answered %v", codes)
		}
		if n := count(t, st, ada.ID); n != 1 {
			t.Errorf("%d sessions were begun", n)
		}
	})
}

// What a method adds to the transaction stands or falls with it.
func TestThen(t *testing.T) {
	st := storetest.Memory(t, nil)
	ada := storeIdentity(t, st, `{"email":"ada@example.org"}`)
	e := newEngine(t, st, configuration(), toy("toy", nil))
	for _, failure := range []error{nil, auth.ErrTooBusy} {
		v, w := visitOf(e, login, asked(t, true))
		f := newFlow(auth.Login, auth.API)
		storeFlow(t, st, f)
		before, called := count(t, st, ada.ID), 0
		outcome := Proven(ada, ada.Credentials[auth.Password], byToy, notProven).
			Then(func(context.Context, *store.Tx) error { called++; return nil }).
			Then(func(context.Context, *store.Tx) error { called++; return failure })
		if err := v.conclude(submissionOf(t, v, f.ID, `{}`), &e.Methods[0], outcome, nil); !errors.Is(err, failure) {
			t.Errorf("got %v, want %v", err, failure)
		}
		after, err := v.load(f.ID)
		if err != nil {
			t.Fatal(err)
		}
		if worked := failure == nil; after.Done != worked || (count(t, st, ada.ID) > before) != worked || worked && w.Code != http.StatusOK || called != 2 {
			t.Errorf("failure %v: the flow is over: %v, answered %d, called %d times", failure, after.Done, w.Code, called)
		}
	}
	// It is done, too, where the form goes on.
	for _, outcome := range []Outcome{Again(), Next()} {
		v, _ := visitOf(e, login, asked(t, true))
		f := newFlow(auth.Login, auth.API)
		storeFlow(t, st, f)
		called := 0
		err := v.conclude(submissionOf(t, v, f.ID, `{}`), &e.Methods[0], outcome.Then(func(context.Context, *store.Tx) error { called++; return nil }), nil)
		if err != nil || called != 1 {
			t.Errorf("%s: called %d times, %v", outcome.verdict, called, err)
		}
	}
}

// What has changed while a proof was checked makes the proof void.
func TestProofTooLate(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(context.Context, *store.Tx, *auth.Identity) error
		want   error // nil: the form says otherwise
	}{
		{"another password", func(ctx context.Context, tx *store.Tx, i *auth.Identity) error {
			return tx.ReplaceConfig(ctx, i.ID, i.Credentials[auth.Password], json.RawMessage(`{"hashed_password":"new"}`))
		}, nil},
		{"deleted", func(ctx context.Context, tx *store.Tx, i *auth.Identity) error {
			_, err := tx.DeleteIdentity(ctx, auth.DefaultProject, i.ID)
			return err
		}, nil},
		{"switched off", func(ctx context.Context, tx *store.Tx, i *auth.Identity) error {
			after := *i
			after.State, after.UpdatedAt = auth.Inactive, i.UpdatedAt.Add(time.Second)
			return tx.UpdateIdentity(ctx, i, &after)
		}, auth.ErrIdentityInactive},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := storetest.Memory(t, nil)
			ada := storeIdentity(t, st, `{"email":"ada@example.org"}`)
			proof := Proven(ada, ada.Credentials[auth.Password], byToy, notProven)
			e := newEngine(t, st, configuration(), toy("toy", func(context.Context, *Submission) (Outcome, error) { return proof, nil }))
			f := newFlow(auth.Login, auth.API)
			storeFlow(t, st, f)
			v, w := visitOf(e, login, asked(t, true))
			s := submissionOf(t, v, f.ID, `{"method":"toy","identifier":"ada"}`)
			if err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return test.change(t.Context(), tx, ada) }); err != nil {
				t.Fatal(err)
			}
			err := v.conclude(s, &e.Methods[0], proof, nil)
			if !errors.Is(err, test.want) || test.want == nil && (w.Code != http.StatusBadRequest || said(s.Flow.UI) != "4000006") {
				t.Errorf("answered %d with %q, %v", w.Code, said(s.Flow.UI), err)
			}
			after, err := v.load(f.ID)
			if err != nil || after.Done || count(t, st, ada.ID) != 0 {
				t.Errorf("the flow is over: %v, %d sessions, %v", after.Done, count(t, st, ada.ID), err)
			}
		})
	}
}

// A method that decides nothing is a mistake of ours and no success.
func TestNoDecision(t *testing.T) {
	st := storetest.Memory(t, nil)
	e := newEngine(t, st, configuration(), toy("toy", nil))
	f := newFlow(auth.Login, auth.API)
	storeFlow(t, st, f)
	v, _ := visitOf(e, login, asked(t, true))
	err := v.conclude(submissionOf(t, v, f.ID, `{}`), &e.Methods[0], Outcome{}, nil)
	if err == nil || !errors.Is(auth.AsError(err), auth.ErrInternal) || !strings.Contains(err.Error(), "toy") {
		t.Errorf("got %v", err)
	}
}

func count(t testing.TB, st *store.Store, identity uuid.UUID) int {
	t.Helper()
	_, n, err := st.SessionsOf(t.Context(), auth.DefaultProject, identity, uuid.Nil, store.AllSessions, time.Unix(begin, 0), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAddCredential(t *testing.T) {
	at := time.Unix(begin, 0).UTC()
	s := &Submission{Candidate: &auth.Identity{CreatedAt: at, Credentials: map[auth.CredentialType]auth.Credential{
		auth.Password: {Type: auth.Password, Identifiers: []string{"ada"}, Config: json.RawMessage(`{}`), Version: 1, CreatedAt: at}}}}
	s.AddCredential(auth.Password, json.RawMessage(`{"a":1}`))
	s.AddCredential(auth.Passkey, json.RawMessage(`{"b":1}`))
	want := map[auth.CredentialType]auth.Credential{
		auth.Password: {Type: auth.Password, Identifiers: []string{"ada"}, Config: json.RawMessage(`{"a":1}`), Version: 1, CreatedAt: at, UpdatedAt: at},
		auth.Passkey:  {Type: auth.Passkey, Config: json.RawMessage(`{"b":1}`), CreatedAt: at, UpdatedAt: at},
	}
	if diff := cmp.Diff(want, s.Candidate.Credentials); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	f := Form{Identity: s.Candidate}
	if c, ok := f.Credential(auth.Passkey); !ok || string(c.Config) != `{"b":1}` {
		t.Errorf("got %+v, %v", c, ok)
	}
	if _, ok := f.Credential(auth.TOTP); ok {
		t.Error("a credential that is not there is found")
	}
	if _, ok := (&Form{}).Credential(auth.Password); ok {
		t.Error("a form of nobody has a credential")
	}
}

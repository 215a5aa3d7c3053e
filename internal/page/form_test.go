package page

import (
	"bytes"
	"encoding/json"
	"html/template"
	"slices"
	"strings"
	"testing"
	"time"

	"zelus/internal/auth"
	"zelus/internal/language"
	"zelus/internal/ui"
)

func english(t *testing.T) *speaker {
	t.Helper()
	return spoken(t, language.English)
}

func spoken(t *testing.T, tag string) *speaker {
	t.Helper()
	s, err := newSpeaker(language.New(nil), newTexts(), tag)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// formsOf are the forms of nodes in a flow of a kind, and the fields before them.
func formsOf(t *testing.T, kind auth.Kind, nodes ...ui.Node) (b *builder, shared []item, all []*form) {
	t.Helper()
	b = &builder{speaker: english(t), alone: alone[kind], usernames: []string{"traits.email"}, minimum: 8, sent: time.Hour}
	b.read(&ui.Container{Action: "https://id.example/self-service/x?flow=y", Method: "POST", Nodes: nodes})
	b.rank(ranks, true)
	for _, g := range b.groups {
		all = append(all, b.forms(g)...)
	}
	return b, apart(all), all
}

var (
	csrf       = ui.Input(ui.GroupDefault, "csrf_token", ui.InputHidden, "token").Required()
	identifier = ui.Input(ui.GroupDefault, "identifier", ui.InputText, "").Required().Labelled(ui.Say(ui.LabelIdentifier))
	password   = ui.Input(ui.GroupPassword, "password", ui.InputPassword, nil).Required().Autocomplete("current-password").Labelled(ui.Say(ui.LabelPassword))
)

func method(group string) ui.Node { return ui.Button(group, "method", group, ui.Say(ui.LabelContinue)) }

// shape is what a form has, in a line: its id, what it sends, what is typed into it (in
// brackets where it is copied), its buttons.
func shape(f *form) string {
	var parts []string
	for _, h := range f.Hidden {
		parts = append(parts, h.Name)
	}
	for _, i := range f.Items {
		name := i.ID
		if i.Mirrored {
			name = "[" + name + "]"
		}
		parts = append(parts, name)
	}
	for _, b := range f.Buttons {
		parts = append(parts, b.Name+"="+b.Value)
	}
	return f.ID + ": " + strings.Join(parts, " ")
}

func shapes(shared []item, all []*form) (lines []string) {
	for _, i := range shared {
		lines = append(lines, "for "+i.Form+": "+i.ID)
	}
	for _, f := range all {
		lines = append(lines, shape(f))
	}
	return lines
}

// TestForms: each method has a form of its own, also one that nobody knows yet.
func TestForms(t *testing.T) {
	trigger := ui.Input(ui.GroupPasskey, "passkey_login_trigger", ui.InputButton, "").OnClick("oryPasskeyLogin", "").Labelled(ui.Say(ui.LabelSignInPasskey))
	resend := ui.Button(ui.GroupCode, "resend", "code", ui.Say(ui.LabelResend))
	code := ui.Input(ui.GroupCode, "code", ui.InputText, nil).Required().Labelled(ui.Say(ui.LabelLoginCode))
	remove := ui.Button("future", "future_remove", "id", ui.Say(ui.LabelRemovePasskey, "display_name", "a <b>", "added_at", "2026-05-04T08:30:00Z"))
	for _, test := range []struct {
		name  string
		kind  auth.Kind
		nodes []ui.Node
		want  []string
	}{
		{"a password", auth.Login, []ui.Node{csrf, identifier, password, method("password")},
			[]string{"password: csrf_token password-identifier password-password method=password"}},
		{"what others share is copied from the first", auth.Login, []ui.Node{csrf, identifier, method("code"), password, method("password")},
			[]string{"password: csrf_token password-identifier password-password method=password", "code: csrf_token [code-identifier] method=code"}},
		{"a passkey comes first and needs nothing", auth.Login, []ui.Node{csrf, identifier, password, method("password"), trigger},
			[]string{"passkey: csrf_token passkey_login_trigger=", "password: csrf_token password-identifier password-password method=password"}},
		{"a passkey in a sign-up needs who it is for, and Enter there is for the password", auth.Registration, []ui.Node{csrf, ui.Input(ui.GroupDefault, "traits.email", ui.InputEmail, nil), password, method("password"), trigger},
			[]string{"for password: password-traits-email", "passkey: csrf_token [passkey-traits-email] passkey_login_trigger=", "password: csrf_token password-password method=password"}},
		{"a passkey alone in a sign-up", auth.Registration, []ui.Node{csrf, ui.Input(ui.GroupDefault, "traits.email", ui.InputEmail, nil), trigger},
			[]string{"passkey: csrf_token passkey-traits-email passkey_login_trigger="}},
		{"a new code is asked for without one", auth.Login, []ui.Node{csrf, code, method("code"), resend},
			[]string{"code: csrf_token code-code method=code", "code-resend: csrf_token resend=code"}},
		{"a method that nobody knows", auth.Login, []ui.Node{csrf, identifier, ui.Input("future", "secret", ui.InputText, nil), method("future")},
			[]string{"future: csrf_token future-identifier future-secret method=future"}},
		{"what it can take away", auth.Settings, []ui.Node{csrf, ui.Input("future", "secret", ui.InputText, nil), method("future"), remove},
			[]string{"future: csrf_token future-secret method=future", "future-future-remove: csrf_token future_remove=id"}},
		{"what is only remembered", auth.Login, []ui.Node{csrf, ui.Input(ui.GroupIdentifierFirst, "identifier", ui.InputHidden, "ada"), password, method("password")},
			[]string{"password: csrf_token identifier password-password method=password"}},
		{"several to choose from", auth.Login, []ui.Node{csrf, ui.Button(ui.GroupCode, "address", "a", ui.Say(ui.LabelContinue)), ui.Button(ui.GroupCode, "address", "b", ui.Say(ui.LabelContinue))},
			[]string{"code: csrf_token address=a address=b"}},
		{"a script's own", auth.Login, []ui.Node{csrf, ui.Input(ui.GroupPasskey, "passkey_login", ui.InputHidden, nil).OnLoad("f", ""), identifier, password, method("password")},
			[]string{"passkey: csrf_token passkey_login", "password: csrf_token password-identifier password-password method=password"}},
		{"a link", auth.Verification, []ui.Node{csrf, ui.Link(ui.GroupCode, "continue", "com.example.app://done", ui.Say(ui.LabelContinue))},
			[]string{"code: csrf_token code-continue"}},
	} {
		_, shared, all := formsOf(t, test.kind, test.nodes...)
		if got := shapes(shared, all); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
	_, _, all := formsOf(t, auth.Settings, csrf, remove)
	if r := all[0].Removal; r == nil || r.What != "<bdi>a &lt;b&gt;</bdi>" || r.Added != "Added: 4 May 2026" {
		t.Errorf("what is removed: %+v", r)
	}
}

// TestPrimary: a page has one primary action, and one for browsers without JavaScript.
func TestPrimary(t *testing.T) {
	trigger := ui.Input(ui.GroupPasskey, "t", ui.InputButton, "").OnClick("f", "").Labelled(ui.Say(ui.LabelSignInPasskey))
	_, _, all := formsOf(t, auth.Login, csrf, identifier, method("code"), password, method("password"), trigger)
	emphasise(all)
	var got []string
	for _, f := range all {
		for _, b := range f.Buttons {
			switch {
			case b.Fallback:
				got = append(got, f.ID+" fallback")
			case b.Primary:
				got = append(got, f.ID+" primary")
			}
		}
	}
	if want := []string{"passkey primary", "password fallback"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTie: a message above the form belongs to the field that the table names.
func TestTie(t *testing.T) {
	b, _, all := formsOf(t, auth.Login, csrf, identifier, method("code"), password, method("password"))
	problems := b.tie([]ui.Message{ui.Say(ui.ErrorInvalidCredentials), ui.Say(ui.ErrorGeneric, "reason", "<x>"), ui.Say(ui.InfoReauthenticate)}, itemsOf(nil, all))
	if len(problems) != 2 || problems[0].Field != "password-password" || problems[1].Field != "" || problems[1].Text != "&lt;x&gt;" {
		t.Errorf("the problems are %+v", problems)
	}
	for _, it := range all[0].Items {
		if !it.Invalid {
			t.Errorf("%s is not wrong", it.ID)
		}
	}
	// A field's own message names it as its label does.
	identifier := identifier
	identifier.Messages = []ui.Message{ui.Say(ui.ErrorRequired, "property", "identifier")}
	b, _, all = formsOf(t, auth.Login, csrf, identifier, password, method("password"))
	problems = b.tie(nil, itemsOf(nil, all))
	if len(problems) != 1 || problems[0].Field != "password-identifier" || !strings.Contains(string(problems[0].Text), "Sign-in name") {
		t.Errorf("the problems are %+v", problems)
	}
	// Each name in the table is that of a field somewhere.
	for id, names := range about {
		if ui.Say(id).Type != ui.Error || len(names) == 0 {
			t.Errorf("message %d is about nothing, or no error", id)
		}
	}
}

func TestItems(t *testing.T) {
	b := &builder{speaker: english(t), usernames: []string{"traits.email"}}
	for _, test := range []struct {
		node ui.Node
		want item
	}{
		{ui.Input(ui.GroupDefault, "traits.email", ui.InputEmail, "a@b").Autocomplete("email"), item{Kind: "input", Type: "email", Value: "a@b", Autocomplete: "username"}},
		{ui.Input(ui.GroupDefault, "traits.n", ui.InputNumber, 1e21), item{Kind: "input", Type: "number", Value: "1000000000000000000000"}},
		{ui.Input(ui.GroupDefault, "traits.b", ui.InputCheckbox, true), item{Kind: "checkbox", Type: "checkbox", Value: "true"}},
		{ui.Input(ui.GroupDefault, "traits.at", ui.InputDateTime, "2026-05-04T08:30:00Z"), item{Kind: "input", Type: "text", Value: "2026-05-04T08:30:00Z"}},
		{ui.Input(ui.GroupDefault, "identifier", ui.InputText, "").Autocomplete("username webauthn"), item{Kind: "input", Type: "text", Autocomplete: "username webauthn"}},
		{ui.Input(ui.GroupTOTP, "totp_code", ui.InputText, ""), item{Kind: "input", Type: "text", Autocomplete: "one-time-code"}},
		{ui.Input(ui.GroupPassword, "password", ui.InputPassword, "never shown"), item{Kind: "password", Type: "password"}},
		{ui.Image("g", "i", "https://evil.example/x.png", 9), item{Kind: "image"}},
		{ui.Image("g", "i", "data:image/png;base64,AAAA", 9), item{Kind: "image", Source: "data:image/png;base64,AAAA"}},
		{ui.Link("g", "l", "JavaScript:alert(1)", ui.Say(ui.LabelContinue)), item{Kind: "link"}},
		{ui.Link("g", "l", " data:text/html,x", ui.Say(ui.LabelContinue)), item{Kind: "link"}},
		{ui.Link("g", "l", "com.example.app://done", ui.Say(ui.LabelContinue)), item{Kind: "link", To: "com.example.app://done"}},
		{ui.Text("g", "t", ui.Say(ui.InfoTOTPSecret, "secret", "ABCDEFGH")), item{Kind: "secret"}},
		{ui.Node{Type: ui.NodeDiv}, item{Kind: "nothing"}},
	} {
		got := b.item("form", test.node)
		if got.Kind != test.want.Kind || got.Type != test.want.Type || got.Value != test.want.Value || got.Autocomplete != test.want.Autocomplete ||
			got.Source != test.want.Source || got.To != test.want.To {
			t.Errorf("%s %s: got %+v", test.node.Type, test.node.Name(), got)
		}
	}
	node := ui.Input(ui.GroupDefault, "traits.plan", ui.InputText, "b")
	node.Attributes.Options = []ui.Option{{Value: "a"}, {Value: "b"}, {Value: 7.0}}
	if got := b.item("form", node); got.Kind != "select" || !slices.Equal(got.Options, []option{{"a", false}, {"b", true}, {"7", false}}) {
		t.Errorf("a choice: %+v", got)
	}
	if got := inFours("ABCDEFGHI"); got != "ABCD EFGH I" {
		t.Errorf("in fours: %q", got)
	}
}

// TestCodes: backup codes are listed as they were made, and as they are read again.
func TestCodes(t *testing.T) {
	b := &builder{speaker: spoken(t, "de")}
	made := []ui.Message{ui.Say(ui.InfoLookupSecret, "secret", "abcd1234"), ui.Say(ui.InfoLookupSecretUsed, "used_at", time.Unix(0, 0))}
	stored, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	var read any
	from := json.NewDecoder(bytes.NewReader(stored))
	from.UseNumber() // as the store does
	if err := from.Decode(&read); err != nil {
		t.Fatal(err)
	}
	for _, secrets := range []any{made, read} {
		m := ui.Say(ui.InfoLookupSecrets)
		m.Context = map[string]any{"secrets": secrets}
		got := b.item("lookup-secret", ui.Text(ui.GroupLookupSecret, "lookup_secret_codes", m))
		if !slices.Equal(got.Codes, []codeLine{{"abcd1234", false}, {"verwendet", true}}) || got.File != "data:text/plain;charset=utf-8,abcd1234%0A" || got.Plain != "abcd1234" {
			t.Errorf("got %+v", got)
		}
	}
}

func TestSay(t *testing.T) {
	s := english(t)
	for _, test := range []struct {
		message ui.Message
		want    string
	}{
		{ui.Say(ui.LabelSignInCodeTo, "address", "a@b"), "Send a code to <bdi>a@b</bdi>"},
		{ui.Say(ui.LabelSignInCodeTo, "address", "<i>"), "Send a code to <bdi>&lt;i&gt;</bdi>"},
		{ui.Say(ui.LabelSignInCodeTo, "address", "</bdi>"), "Send a code to <bdi>&lt;/bdi&gt;</bdi>"},
		{ui.Say(ui.LabelGenerated, "title", "Name"), "Name"},
	} {
		if got := s.Say(test.message); string(got) != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	if got := s.H("welcome.text", "name", "a{name}<b>"); string(got) != "You are signed in as <bdi>a{name}&lt;b&gt;</bdi>." {
		t.Errorf("got %s", got)
	}
}

// TestHeadings: a section of which these pages know nothing is called by its button, and
// what is in a name stays as it was written.
func TestHeadings(t *testing.T) {
	link := ui.Button("later", "link", "tj", ui.Message{ID: 1, Text: "Link Tom & Jerry <Ltd>", Type: ui.Info})
	_, _, all := formsOf(t, auth.Settings, link)
	for what, test := range map[string]struct {
		forms []*form
		want  string
	}{
		"by its button":   {all, "Link Tom &amp; Jerry &lt;Ltd&gt;"},
		"without buttons": {nil, "a &amp; b"},
	} {
		var out bytes.Buffer
		title, _ := (&builder{speaker: english(t)}).heading(&section{Forms: test.forms}, "a & b")
		if err := template.Must(template.New("").Parse("<h2>{{.}}</h2>")).Execute(&out, title); err != nil {
			t.Fatal(err)
		}
		if got := strings.NewReplacer("<bdi>", "", "</bdi>", "").Replace(out.String()); got != "<h2>"+test.want+"</h2>" {
			t.Errorf("%s: %s, want %s", what, got, test.want)
		}
	}
}

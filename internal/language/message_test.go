package language_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"zelus/internal/language"
	"zelus/internal/language/languagetest"
	"zelus/internal/ui"
)

// TestMessagesAreComplete: every message of the catalogue has a text in every
// language, in all plural forms that it needs, with the placeholders of the English
// one.
func TestMessagesAreComplete(t *testing.T) {
	for _, tag := range language.Tags() {
		texts := languagetest.Read(t, os.DirFS("."), "messages", tag)
		for id, text := range texts {
			n, err := strconv.Atoi(id)
			if err != nil || ui.English(n) == "" {
				t.Errorf("%s: no message has the id %s", tag, id)
				continue
			}
			text.Check(t, tag, id)
			if got, want := languagetest.Placeholders(text.Forms["other"]), languagetest.Placeholders(ui.English(n)); !slices.Equal(got, want) {
				t.Errorf("%s: %s puts in %v, want %v", tag, id, got, want)
			}
			if by := "{" + text.By + "}"; text.By != "" && !strings.Contains(ui.English(n), by) {
				t.Errorf("%s: %s counts by %s, which it does not have", tag, id, by)
			}
		}
		for _, id := range ui.IDs() {
			text, found := texts[strconv.Itoa(id)]
			if tag == language.English {
				if found && text.By == "" {
					t.Errorf("the English text of %d is that of the catalogue; the file is for plural forms", id)
				}
				continue
			}
			if !found {
				t.Errorf("%s lacks %d: %s", tag, id, ui.English(id))
			}
		}
	}
}

// TestNothingIsEnglish: no text was forgotten when a file was copied.
func TestNothingIsEnglish(t *testing.T) {
	// Words that a language took over.
	same := regexp.MustCompile(`^(\{\w+\}|E-mail|Passkey|Password|Name|Nickname|Newsletter|Website|Organisation|Code|date|\{n\} minutes?|\{day\} \{month\} \{year\}|\{a\}, \{b\}|.|)$`)
	english := languagetest.Read(t, os.DirFS("."), "texts", language.English)
	for _, tag := range language.Tags() {
		if tag == language.English {
			continue
		}
		check := func(key, text, original string) {
			if text == original && !same.MatchString(text) && !strings.HasPrefix(key, "months.") {
				t.Errorf("%s: %s is English: %s", tag, key, text)
			}
			for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
				if slices.Contains([]string{"the", "this", "you", "your", "please", "with"}, word) {
					t.Errorf("%s: %s has the English word %s: %s", tag, key, word, text)
				}
			}
		}
		for key, text := range languagetest.Read(t, os.DirFS("."), "texts", tag) {
			check(key, text.Forms["other"], english[key].Forms["other"])
		}
		for id, text := range languagetest.Read(t, os.DirFS("."), "messages", tag) {
			n, _ := strconv.Atoi(id)
			check(id, text.Forms["other"], ui.English(n))
		}
	}
}

func TestMessage(t *testing.T) {
	at := time.Date(2026, time.November, 22, 4, 5, 0, 0, time.UTC)
	for _, test := range []struct {
		name, tag string
		m         ui.Message
		want      string
	}{
		{"no context", "de", ui.Say(ui.LabelSignInPasskey), "Mit Passkey anmelden"},
		{"English", "en", ui.Say(ui.LabelSignInPasskey), "Sign in with a passkey"},
		{"a value", "de", ui.Say(ui.LabelSignInWith, "provider", "Google", "provider_id", "google"), "Mit Google anmelden"},
		{"a value like a placeholder", "de", ui.Say(ui.ErrorMinimum, "actual", "{minimum}", "minimum", 5), "{minimum} ist zu klein. Es muss mindestens 5 sein."},
		{"one", "pl", ui.Say(ui.ErrorMinLength, "min_length", 1, "actual_length", 0), "To za krótkie: potrzebny jest co najmniej 1 znak, a jest 0."},
		{"few", "pl", ui.Say(ui.ErrorMinLength, "min_length", 22, "actual_length", 1), "To za krótkie: potrzebne są co najmniej 22 znaki, a jest 1."},
		{"many", "pl", ui.Say(ui.ErrorPasswordMinLength, "min_length", 15, "actual_length", 4), "To hasło jest za krótkie: potrzeba co najmniej 15 znaków, a jest 4."},
		{"two in Arabic", "ar", ui.Say(ui.ErrorMinItems, "min_items", 2, "actual_items", 1), "العناصر قليلة جدًا: لديك 1، والحد الأدنى عنصران."},
		{"one in English", "en", ui.Say(ui.ErrorMinLength, "min_length", 1, "actual_length", 0), "This is too short: at least 1 character is needed, and there are 0."},
		{"a fraction", "de", ui.Say(ui.ErrorMultipleOf, "base", json.Number("0.25"), "actual", json.Number("1.3")), "1,3 ist kein Vielfaches von 0,25."},
		{"a fraction in Japanese", "ja", ui.Say(ui.ErrorMultipleOf, "base", json.Number("0.25"), "actual", 1.3), "1.3は0.25の倍数ではありません。"},
		{"types", "de", ui.Say(ui.ErrorWrongType, "actual_type", "string", "allowed_types", []string{"integer", "number", "null"}),
			"Das ist von der falschen Art: Möglich ist hier nur eine ganze Zahl, eine Zahl oder leer, nicht Text."},
		{"methods", "zh", ui.Say(ui.ErrorDuplicateWithHints, "available_credential_types", []string{"password", "oidc", "new_one"}, "credential_identifier_hint", "ada@example.org"),
			"已有使用这些信息的账号（ada@example.org）。请使用以下方式之一登录：密码、使用其他服务登录或new_one。"},
		{"messages", "de", ui.Say(ui.InfoLookupSecrets, "secrets", []ui.Message{ui.Say(ui.InfoLookupSecret, "secret", "abcd"), ui.Say(ui.InfoLookupSecretUsed, "used_at", at)}), "abcd, verwendet"},
		{"a field of ours", "de", ui.Say(ui.ErrorRequired, "property", "password"), "Bitte füllen Sie dieses Feld aus: Passwort."},
		{"a field of theirs", "fr", ui.Say(ui.ErrorRequired, "property", "first_name"), "Remplissez ce champ\u00a0: Prénom."},
		{"an unknown field", "fr", ui.Say(ui.ErrorRequired, "property", "shoe_size"), "Remplissez ce champ\u00a0: shoe_size."},
		{"an unknown field in English", "en", ui.Say(ui.ErrorRequired, "property", "shoe_size"), "Please fill in shoe_size."},
		{"a title", "de", ui.Say(ui.LabelGenerated, "title", "First name", "name", "traits.name.first"), "Vorname"},
		{"a title in English", "en", ui.Say(ui.LabelGenerated, "title", "Given Name", "name", "traits.name.first"), "Given Name"},
		{"an unknown title", "de", ui.Say(ui.LabelGenerated, "title", "Shoe size", "name", "traits.shoe"), "Shoe size"},
		{"a reason", "it", ui.Say(ui.ErrorGeneric, "reason", "Please choose one of the addresses."), "Scegli uno degli indirizzi."},
		{"a reason with values", "de", ui.Say(ui.ErrorGeneric, "reason", "This must be one of red, green, blue."), "Möglich ist hier nur: red, green, blue."},
		{"a reason with values in quotes", "de", ui.Say(ui.ErrorGeneric, "reason", `"31.2.2024 is not a valid day" is not a valid date.`), `"31.2.2024 is not a valid day" ist nicht gültig. Erwartet wird: Datum.`},
		{"an unknown reason", "de", ui.Say(ui.ErrorGeneric, "reason", "The hook says no."), "The hook says no."},
		{"an unknown id", "de", ui.Message{ID: 99, Text: "The hook says no."}, "The hook says no."},
		{"an unknown language", "sv", ui.Say(ui.LabelSave), "Save"},
		{"what cannot be seen", "de", ui.Say(ui.ErrorEmail, "value", "a\u202eb\nc\x00\u2066d"), "„ab cd“ ist keine E-Mail-Adresse."},
	} {
		l := in(t, test.tag)
		if got := l.Message(test.m).String(); got != test.want {
			t.Errorf("%s in %s is %q, want %q", test.name, test.tag, got, test.want)
		}
		// The same of a form that was stored.
		raw, err := json.Marshal(test.m)
		if err != nil {
			t.Fatal(err)
		}
		var stored ui.Message
		if err := json.Unmarshal(raw, &stored); err != nil {
			t.Fatal(err)
		}
		if got := l.Message(stored).String(); got != test.want {
			t.Errorf("%s in %s is %q after storing, want %q", test.name, test.tag, got, test.want)
		}
	}
}

// TestHTML: what comes from outside is escaped and kept apart.
func TestHTML(t *testing.T) {
	m := ui.Say(ui.ErrorEmail, "value", `<img src=x onerror="alert(1)">`)
	if got, want := in(t, "ar").Message(m).HTML(), "«<bdi>&lt;img src=x onerror=&#34;alert(1)&#34;&gt;</bdi>» ليس عنوان بريد إلكتروني."; string(got) != want {
		t.Errorf("it is %s, want %s", got, want)
	}
	if got, want := in(t, "de").Message(ui.Say(ui.LabelGenerated, "title", "a<b>", "name", "x")).HTML(), "a&lt;b&gt;"; string(got) != want {
		t.Errorf("it is %s, want %s", got, want)
	}
}

// TestMissingContext: without a value that its text wants, a message says what it
// brings along.
func TestMissingContext(t *testing.T) {
	for _, tag := range language.Tags() {
		l := in(t, tag)
		for _, id := range ui.IDs() {
			if len(languagetest.Placeholders(ui.English(id))) == 0 {
				continue
			}
			for _, context := range []map[string]any{nil, {}, {"provider": nil}, {"reason": map[string]any{"a": 1}, "secrets": []any{}, "secret": []any{nil}}} {
				if got := l.Message(ui.Message{ID: id, Text: "As it was.", Context: context}).String(); got != "As it was." {
					t.Errorf("%d in %s with %v is %q", id, tag, context, got)
				}
			}
		}
	}
}

// FuzzMessage: no context breaks a message, leaves something of a text out or gets a
// tag into the HTML.
func FuzzMessage(f *testing.F) {
	f.Add(uint(0), `{"provider":"{provider}"}`)
	f.Add(uint(30), `{"secrets":[{"id":1050009,"text":"a","context":{"secret":"x"}},{"id":1}],"min_length":1e99,"used_at_unix":-1}`)
	f.Add(uint(90), `{"reason":"This must be one of .","property":"<b>","allowed_types":["integer",1,null]}`)
	f.Add(uint(70), `{"reason":"This has {want} fields, at least {got} are needed.","actual":0.1,"minimum":"\u202e","secrets":[[[[]]]]}`)
	texts, ids := language.New(nil), ui.IDs()
	f.Fuzz(func(t *testing.T, n uint, context string) {
		m := ui.Message{ID: ids[n%uint(len(ids))], Text: "As it was."}
		if json.Unmarshal([]byte(context), &m.Context) != nil {
			return
		}
		for _, tag := range []string{"en", "pl", "ar"} {
			l, err := texts.In(tag)
			if err != nil {
				t.Fatal(err)
			}
			s := l.Message(m)
			html := strings.NewReplacer("<bdi>", "", "</bdi>", "").Replace(string(s.HTML()))
			if strings.ContainsAny(html, `<>"'`) {
				t.Errorf("%d in %s with %s is %s", m.ID, tag, context, s.HTML())
			}
			if strings.ContainsAny(s.String(), "\n\x00\u202e") {
				t.Errorf("%d in %s with %s is %q", m.ID, tag, context, s)
			}
		}
	})
}

// TestReasonsAreKnown: the sentences that our code gives to messages without a text
// of their own are in the files, so that they can be said in every language.
func TestReasonsAreKnown(t *testing.T) {
	english := languagetest.Read(t, os.DirFS("."), "texts", language.English)
	known := func(reason string) bool {
		_, found := english["reasons."+reason]
		return found
	}
	found := 0
	check := func(at token.Position, e ast.Expr) {
		literal, isLiteral := e.(*ast.BasicLit)
		if !isLiteral {
			return
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			return
		}
		// What fmt puts in has a name in the files.
		pattern := regexp.MustCompile(`^` + regexp.MustCompile(`%[a-z]`).ReplaceAllString(regexp.QuoteMeta(text), `(\{\w+\}|.+)`) + `$`)
		if found++; text == "%s." || known(text) {
			return
		}
		for key := range english {
			if reason, isReason := strings.CutPrefix(key, "reasons."); isReason && pattern.MatchString(reason) {
				return
			}
		}
		t.Errorf("%s: %q is not among the reasons of texts/en.json", at, text)
	}
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			fn, isFunc := decl.(*ast.FuncDecl)
			if !isFunc {
				continue
			}
			// Functions that make such a message take the sentence as it is.
			makes := slices.Contains([]string{"generic", "without", "tooMany"}, fn.Name.Name)
			ast.Inspect(decl, func(n ast.Node) bool {
				call, isCall := n.(*ast.CallExpr)
				if !isCall || makes {
					return true
				}
				name := ""
				switch f := call.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				switch {
				case slices.Contains([]string{"generic", "without"}, name):
					for _, arg := range call.Args {
						if literal, ok := arg.(*ast.BasicLit); ok && literal.Value != `"traits"` {
							check(fset.Position(arg.Pos()), arg)
						}
					}
				case name == "Say" && len(call.Args) == 3:
					if key, ok := call.Args[1].(*ast.BasicLit); ok && key.Value == `"reason"` {
						check(fset.Position(call.Pos()), call.Args[2])
					}
				}
				return true
			})
			if file.Name.Name == "schema" && fn.Name.Name == "reason" {
				ast.Inspect(decl, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.ReturnStmt:
						check(fset.Position(n.Pos()), n.Results[0])
					case *ast.CallExpr:
						if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
							check(fset.Position(n.Pos()), n.Args[0])
						}
					}
					return true
				})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("only %d reasons were found in the code: they are made in another way now", found)
	}
}

// TestFaults: every error of auth/errors.go is said to people, or is for programs.
func TestFaults(t *testing.T) {
	source, err := os.ReadFile("../auth/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile(`^(admin_key_|json_patch_|password_|credential_(identifier_required|type_not_deletable)|identity_(schema_unknown|state_invalid)|message_not_found|session_token_)`)
	l := in(t, "de")
	unknown := l.Fault("", 418)
	for _, found := range regexp.MustCompile(`Error\{ID: "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		id := found[1]
		// Of an unknown error its status would be told, so it is one that tells nothing.
		if f := l.Fault(id, 0); f == l.Fault("", 0) && id != "internal_error" && !programs.MatchString(id) {
			t.Errorf("%s is not among the faults", id)
		} else if f.Heading == "" || f.Text == "" || f.Button == "" || f.Way == "" {
			t.Errorf("%s is %+v", id, f)
		}
	}
	for status, want := range map[int]string{401: "Sie sind nicht angemeldet", 403: "Das ist nicht erlaubt", 404: "Hier ist nichts", 418: unknown.Heading, 429: "Gerade ist hier viel los",
		500: "Etwas ist schiefgegangen", 503: "Wir können gerade nicht antworten", 0: "Etwas ist schiefgegangen", -7: "Etwas ist schiefgegangen"} {
		if got := l.Fault("something_new", status); got.Heading != want || got.Button == "" {
			t.Errorf("an unknown error with status %d is %+v, want %s", status, got, want)
		}
	}
	if got := in(t, "ja").Fault("session_inactive", 401); got.Way != language.WaySignIn || got.Button != "ログイン" {
		t.Errorf("it leads to %+v", got)
	}
}

func TestOwn(t *testing.T) {
	own, err := language.ReadOwn(fstest.MapFS{
		"de.json":   {Data: []byte(`{"1070004": "Kundennummer", "4000007": "Gibt es schon.", "Shoe size": "Schuhgröße", "First name": "Rufname", "The hook says no.": "Das geht nicht."}`)},
		"en.json":   {Data: []byte(`{"1070004": "Customer number", "1010002": "Go on with {provider}"}`)},
		"README.md": {Data: []byte(`{`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	texts := language.New(own)
	for _, test := range []struct {
		tag  string
		m    ui.Message
		want string
	}{
		{"de", ui.Say(ui.LabelIdentifier), "Kundennummer"},
		{"en", ui.Say(ui.LabelIdentifier), "Customer number"},
		{"fr", ui.Say(ui.LabelIdentifier), "Identifiant"},
		{"en", ui.Say(ui.LabelSignInWith, "provider", "Acme"), "Go on with Acme"},
		{"en", ui.Message{ID: ui.LabelSignInWith, Text: "Sign in with Acme"}, "Sign in with Acme"},
		{"de", ui.Say(ui.LabelGenerated, "title", "Shoe size", "name", "x"), "Schuhgröße"},
		{"de", ui.Say(ui.LabelGenerated, "title", "First name", "name", "x"), "Rufname"},
		{"de", ui.Say(ui.ErrorGeneric, "reason", "The hook says no."), "Das geht nicht."},
		{"de", ui.Message{ID: 99, Text: "The hook says no."}, "Das geht nicht."},
	} {
		l, err := texts.In(test.tag)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Message(test.m).String(); got != test.want {
			t.Errorf("%d in %s is %q, want %q", test.m.ID, test.tag, got, test.want)
		}
	}
}

// TestOwnIsChecked: what is wrong is named with its file, all of it at once.
func TestOwnIsChecked(t *testing.T) {
	_, err := language.ReadOwn(fstest.MapFS{
		"de.json": {Data: []byte(`{"1010002": "Mit {name}", "99": "x", "1070001": " "}`)},
		"fr.json": {Data: []byte(`["a"]`)},
		"it.json": {Data: []byte(`{"a": 1}`)},
		"sv.json": {Data: []byte(`{}`)},
	})
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{`de.json: "1010002": this message has no {name}; the English text is "Sign in with {provider}"`, `de.json: "99": no message has this id`,
		`de.json: "1070001": the text is empty`, "fr.json: ", "it.json: ", `sv.json: there is no language "sv" here`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	l, err := language.New(nil).In("de")
	if err != nil {
		b.Fatal(err)
	}
	m := ui.Say(ui.LabelSignInWith, "provider", "Google", "provider_id", "google")
	b.ReportAllocs()
	for b.Loop() {
		l.Message(m)
	}
}

// BenchmarkRead is what a language costs when it is first used.
func BenchmarkRead(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := language.New(nil).In("ar"); err != nil {
			b.Fatal(err)
		}
	}
}

package app

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zelus/internal/language"
)

// TestLocaleThatIsNoText: a trait locale counts where it is text. Anything else
// is passed over, and the message is in the browser's language.
func TestLocaleThatIsNoText(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{"locale":{},
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"recovery":{"via":"email"}}}}}}}`
	more := proving("identity", `{"default_schema_id":"many","schemas":[{"id":"many","url":"base64://`+base64.StdEncoding.EncodeToString([]byte(document))+`"}]}`)
	onEach(t, more, func(t *testing.T, s *server) {
		says := func(locale any) string {
			p := s.having(t, map[string]any{"locale": locale})
			c := s.client(t, app)
			c.submit(c.begin("recovery", ""), fields{"method": "code", "email": p.email}, "Accept-Language", "de").is(200)
			l := s.mail(t, p.email, "recovery_code_valid")
			return strings.ReplaceAll(l.subject, l.code(), "")
		}
		german := says("de")
		if french := says("fr"); french == german {
			t.Fatalf("a French message says %q as well", french)
		}
		for _, locale := range []any{"", nil, 5, 4.19e30, true, map[string]any{"fr": "fr"}, map[string]any{}, []any{"fr"}, []any{}, []any{[]any{"fr.UTF-8"}}} {
			if got := says(locale); got != german {
				t.Errorf("with %#v the subject is %q, want %q", locale, got, german)
			}
		}
	})
}

// TestLanguageOfMessages: a message speaks as the pages do to who asks for it, unless
// the account says which language its owner reads.
func TestLanguageOfMessages(t *testing.T) {
	const document = `{"properties":{"traits":{"type":"object","properties":{"locale":{},
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"recovery":{"via":"email"}}}}}}}`
	more := proving("identity", `{"default_schema_id":"many","schemas":[{"id":"many","url":"base64://`+base64.StdEncoding.EncodeToString([]byte(document))+`"}]}`)
	onEach(t, more, func(t *testing.T, s *server) {
		for _, test := range []struct{ locale, query, cookie, want string }{
			{"", "", "", "zur Wiederherstellung"},
			{"", "", "fr", "pour récupérer"},
			{"", "ui_locales=sv+it-CH", "fr", "per recuperare"},
			{"pl", "ui_locales=it", "fr", "do odzyskania"},
		} {
			p := s.having(t, map[string]any{"locale": test.locale})
			c := s.client(t, script)
			c.submit(c.begin("recovery", test.query), fields{"method": "code", "email": p.email}, "Accept-Language", "de", "Cookie", language.Cookie+"="+test.cookie).is(200)
			if got := s.mail(t, p.email, "recovery_code_valid").subject; !strings.Contains(got, test.want) {
				t.Errorf("with the trait %q, %q and the cookie %q the subject is %q, want %q", test.locale, test.query, test.cookie, got, test.want)
			}
		}
	})
}

// TestTemplatesOfDecoys: an operator's template is run for an address that is
// nobody's too, and one that fails there alone tells nothing.
func TestTemplatesOfDecoys(t *testing.T) {
	for name, text := range map[string]string{
		"one that works":             "For {{ .To }}, with {{ .RecoveryCode }}{{ .VerificationCode }}.",
		"one that fails for nobody":  `For {{ index .Identity.traits.email 0 }}, with {{ .RecoveryCode }}{{ .VerificationCode }}.`,
		"one that fails for anybody": `{{ index .Identity.traits.nothing 0 }}`,
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for _, kind := range []string{"recovery_code", "verification_code"} {
				if err := os.MkdirAll(filepath.Join(folder, kind, "valid"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, kind, "valid", "email.body.plaintext.gotmpl"), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			onEach(t, proving("courier.template_override_path", fmt.Sprintf("%q", folder)), func(t *testing.T, s *server) {
				for _, kind := range []string{"recovery", "verification"} {
					ask := func(address string) (status int, says, sql []string, faults int) {
						c := s.client(t, app)
						f := c.begin(kind, "")
						var a answer
						before := strings.Count(s.log.String(), "a template of a message failed")
						sql = s.statements.during(func() { a = c.submit(f, fields{"method": "code", "email": address}) })
						body := strings.NewReplacer(f.id, "ID", address, "ADDRESS").Replace(string(a.body))
						return a.status, []string{body}, sql, strings.Count(s.log.String(), "a template of a message failed") - before
					}
					p, q := s.person(t), stranger()
					known, saysKnown, sqlKnown, _ := ask(p.email)
					unknown, saysUnknown, sqlUnknown, faults := ask(q.email)
					if known != http.StatusOK || unknown != known || !slices.Equal(saysKnown, saysUnknown) || !slices.Equal(sqlKnown, sqlUnknown) {
						t.Errorf("%s: known and unknown differ: %d %s after %q and %d %s after %q", kind, known, saysKnown, sqlKnown, unknown, saysUnknown, sqlUnknown)
					}
					if (faults > 0) != (name != "one that works") {
						t.Errorf("%s: %d faults of the template for nobody", kind, faults)
					}
					if log := s.log.String(); strings.Contains(log, p.email) || strings.Contains(log, q.email) {
						t.Errorf("%s: the log tells addresses", kind)
					}
					if own := strings.HasPrefix(s.mail(t, p.email, kind+"_code_valid").body, "For "); own != (name != "one that fails for anybody") {
						t.Errorf("%s: the message is the operator's: %v", kind, own)
					}
					if all := s.mails(t, q.email); len(all) != 0 {
						t.Errorf("%s: nobody is sent %v", kind, all)
					}
				}
			})
		})
	}
}

package app

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/courier"
	"zelus/internal/courier/couriertest"
	"zelus/internal/store"
)

// enqueue writes a mail into the outbox, and gives its id.
func (s *server) enqueue(t testing.TB, to, body string) (id string) {
	t.Helper()
	m := courier.Message{Project: auth.DefaultProject, Type: auth.ViaEmail, Template: "recovery_code_valid", Recipient: to, Subject: "Your code", Body: body}
	if err := s.app.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return s.app.courier.Enqueue(t.Context(), tx, m) }); err != nil {
		t.Fatal(err)
	}
	all, err := s.app.courier.Messages(t.Context(), store.MessageFilter{Recipient: to}, store.PageKey{}, 1)
	if err != nil || len(all) != 1 {
		t.Fatal(len(all), err)
	}
	return all[0].ID.String()
}

// deliver has the worker try everything that is due.
func (s *server) deliver(t testing.TB) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.app.courier.Run(ctx)
	}()
	s.app.courier.Wake()
	eventually(t, "all messages are tried", func() bool {
		due, err := s.app.store.MessagesDue(t.Context(), s.clock.now())
		return err == nil && !due
	})
	stop()
	<-ended
}

// TestMessages: administrators see what became of messages, and not what they say.
func TestMessages(t *testing.T) {
	mail := couriertest.Start(t)
	onEach(t, "{dev: false, hashers: {bcrypt: {cost: 12}}, courier: {smtp: {connection_uri: \""+mail.URI()+"\"}}}", func(t *testing.T, s *server) {
		if _, err := s.app.store.Migrate(t.Context()); err != nil { // outside development that is the operator's affair
			t.Fatal(err)
		}
		o := s.operator(t)
		if got := string(o.get("/admin/courier/messages").is(200).body); got != "[]" {
			t.Errorf("an empty outbox is %s", got)
		}
		sent := s.enqueue(t, "ada@example.org", "123456")
		s.deliver(t)
		s.clock.advance(time.Second)
		mail.Fail(couriertest.Fault{Step: couriertest.To, How: "550 5.1.1 charles@example.org is not here", Times: 1})
		failed := s.enqueue(t, "charles@example.org", "123456")
		s.deliver(t)
		s.clock.advance(time.Second)
		waiting := s.enqueue(t, "ada@example.org", "123456")

		list := func(query string) (ids []string) {
			a := o.get("/admin/courier/messages" + query).is(200)
			for _, m := range a.at("@this").Array() {
				ids = append(ids, m.Get("id").String())
				if m.Get("dispatches").Exists() || m.Get("body").String() != "<redacted-unless-dev-mode>" || m.Get("subject").String() != "<redacted-unless-dev-mode>" {
					t.Errorf("listed is %s", m.Raw)
				}
			}
			return ids
		}
		for query, want := range map[string][]string{
			"":                                         {waiting, failed, sent},
			"?status=sent":                             {sent},
			"?status=queued":                           {waiting, failed},
			"?status=processing":                       nil,
			"?status=abandoned":                        nil,
			"?recipient=ada%40example.org":             {waiting, sent},
			"?recipient=ADA%40example.org":             nil, // exactly
			"?recipient=nobody%40example.org":          nil,
			"?status=sent&recipient=":                  {sent},
			"?recipient=ada@example.org&status=queued": {waiting},
			"?page_size=2":                             {waiting, failed},
			"?page_size=0":                             {waiting, failed, sent},
		} {
			if d := cmp.Diff(want, list(query)); d != "" {
				t.Errorf("%s (-want +got):\n%s", query, d)
			}
		}
		for query, id := range map[string]string{"?status=lost": "parameter_invalid", "?status=": "parameter_invalid", "?page_size=x": "parameter_invalid",
			"?page_token=x": "page_token_invalid", "?status=%zz": "parameter_invalid"} {
			o.get("/admin/courier/messages"+query).refused(400, id)
		}

		one := o.get("/admin/courier/messages/" + sent).is(200)
		for path, want := range map[string]string{"status": `"sent"`, "type": `"email"`, "channel": `"email"`, "recipient": `"ada@example.org"`, "template_type": `"recovery_code_valid"`,
			"send_count": "1", "dispatches.#": "1", "dispatches.0.status": `"success"`, "dispatches.0.error": "null", "dispatches.0.message_id": `"` + sent + `"`} {
			if got := one.at(path).Raw; got != want {
				t.Errorf("%s is %s, want %s", path, got, want)
			}
		}
		if one.at("body").String() != "<redacted-unless-dev-mode>" {
			t.Errorf("the body is told: %s", one.body)
		}
		// What has left is of no use to anybody any more.
		for id, want := range map[string]string{sent: "", waiting: "123456"} {
			if m, err := s.app.courier.Message(t.Context(), uuid.MustParse(id)); err != nil || m.Body != want {
				t.Errorf("a message that is %s says %q, want %q; %v", m.Status, m.Body, want, err)
			}
		}
		two := o.get("/admin/courier/messages/" + failed).is(200)
		if got := two.at("dispatches.0").Raw; !strings.Contains(got, `"failed"`) || !strings.Contains(got, "550 5.1.1") || strings.Contains(got, "charles") {
			t.Errorf("the failure is told as %s", got)
		}
		if o.get("/admin/courier/messages/" + waiting).is(200).at("dispatches").Exists() {
			t.Error("a message that was not tried has dispatches")
		}
		o.get("/admin/courier/messages/"+uuid.NewString()).refused(404, "message_not_found")
		o.get("/admin/courier/messages/nope").refused(400, "id_malformed")
	})
}

// TestMessagePages: all messages come, page by page, each once, also while others
// are written.
func TestMessagePages(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		var want []string
		for range 7 {
			want = append(want, s.enqueue(t, "ada@example.org", ""))
			s.clock.advance(time.Second)
		}
		slices.Reverse(want)
		o := s.operator(t)
		var got []string
		path, first := "/admin/courier/messages?page_size=3&recipient=ada%40example.org", ""
		for n := 0; path != "" && n < 5; n++ {
			a := o.get(path).is(200)
			for _, m := range a.at("@this").Array() {
				got = append(got, m.Get("id").String())
			}
			path = ""
			for link := range strings.SplitSeq(a.header.Get("Link"), ",") {
				to, rel, _ := strings.Cut(link, ">; rel=")
				switch to = strings.TrimPrefix(to, "<"); rel {
				case `"next"`:
					path = to
				case `"first"`:
					first = to
				}
			}
			s.enqueue(t, "charles@example.org", "")
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if again := o.get(first).is(200).at("#.id").Array(); len(again) != 3 || again[0].String() != want[0] {
			t.Errorf("the first page is %v", again)
		}
		u, err := url.Parse(first)
		if err != nil || u.Query().Get("recipient") != "ada@example.org" || u.Query().Get("page_size") != "3" {
			t.Errorf("the link to the first page is %q, %v", first, err)
		}
	})
}

// TestMessagesInDevelopment: developers see what a message says.
func TestMessagesInDevelopment(t *testing.T) {
	s := start(t, setup{})
	id := s.enqueue(t, "ada@example.org", "123456")
	for _, path := range []string{"/admin/courier/messages", "/admin/courier/messages/" + id} {
		if a := s.operator(t).get(path).is(200); !strings.Contains(string(a.body), "123456") || !strings.Contains(string(a.body), "Your code") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	// A rotation that forgets the old secret: what was sealed under it is gone.
	s.reconfigure(t, "secrets: {default: [a-newer-default-secret-of-these-tests]}")
	a := s.operator(t).get("/admin/courier/messages/" + id).is(200)
	if a.at("body").String() != "" || a.at("recipient").String() != "ada@example.org" {
		t.Errorf("without its key: %s", a.body)
	}
}

// TestWhoSends: with an embedded database the server sends by itself, with
// another one where it is asked to.
func TestWhoSends(t *testing.T) {
	onEach(t, "", func(t *testing.T, s *server) {
		c := *s.app.Config()
		c.Dev = false
		embedded := s.app.store.Dialect() == "sqlite"
		if s.app.sends(&c) != embedded {
			t.Errorf("%s: sends %t", s.app.store.Dialect(), !embedded)
		}
		c.WatchCourier = true
		if !s.app.sends(&c) {
			t.Error("watch-courier changes nothing")
		}
	})
}

// TestCaughtMailIsNotLimited: a developer who tries a form many times sees every
// mail, and whoever gets real mail is spared.
func TestCaughtMailIsNotLimited(t *testing.T) {
	mail := couriertest.Start(t)
	s := start(t, setup{more: "courier: {recipient_limit: 2}"})
	for range 3 {
		s.enqueue(t, "ada@example.org", "")
	}
	s.deliver(t)
	if got := len(s.app.catcher.Messages()); got != 3 {
		t.Errorf("%d mails were caught, not 3", got)
	}
	s.reconfigure(t, "courier: {recipient_limit: 2, smtp: {connection_uri: \""+mail.URI()+"\"}}")
	for range 3 {
		s.enqueue(t, "charles@example.org", "")
	}
	s.deliver(t)
	if got := len(mail.Mails()); got != 2 {
		t.Errorf("%d mails were sent, not 2", got)
	}
}

// TestStrangersDoNotStarveTheOwner: whoever asks for codes to somebody's address
// holds up neither what the owner is told nor, for long, the code that the owner
// asks for.
func TestStrangersDoNotStarveTheOwner(t *testing.T) {
	mail := couriertest.Start(t)
	more := careful("courier.recipient_limit", "2", "courier.smtp.connection_uri", `"`+mail.URI()+`"`,
		"selfservice.flows.settings.after.password.hooks", `[{"hook":"notify_owner"}]`)
	onEach(t, more, func(t *testing.T, s *server) {
		c, p := s.signedIn(t, app)
		s.proven(t, p)
		before := len(mail.Mails())
		arrived := func() int {
			s.deliver(t)
			return len(mail.Mails()) - before
		}
		for range 5 {
			s.client(t, app).asked("recovery", p.email)
		}
		if got := arrived(); got != 2 {
			t.Fatalf("%d codes arrive, want 2", got)
		}
		f := c.begin("settings", "")
		c.changed(f, c.submit(f, fields{"method": "password", "password": stranger().password}))
		s.mail(t, p.email, "password_changed")
		if got := arrived(); got != 3 {
			t.Errorf("%d mails arrive: the owner is not told", got)
		}
		s.clock.advance(time.Second)
		owner := s.client(t, app)
		g := owner.asked("recovery", p.email)
		code := s.mail(t, p.email, "recovery_code_valid").code()
		if got := arrived(); got != 3 {
			t.Errorf("%d mails arrive: there is no limit", got)
		}
		s.clock.advance(30 * time.Minute)
		all := mail.Mails()
		if got := arrived(); got != 4 {
			t.Fatalf("%d mails arrive half an hour later, want one more", got)
		}
		if last := mail.Mails()[len(all)]; !strings.Contains(last.Content, code) {
			t.Errorf("the newest code is not what leaves: %s", last.Content)
		}
		if got := owner.typed(g, code); !inside(got) {
			t.Errorf("the code is of no use: %d %s", got.status, got.body)
		}
	})
}

package courier

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/store"
)

func catch(t *testing.T, c *Catcher, m store.Message) {
	t.Helper()
	if err := c.Send(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
}

func style() string { return "/pages.css" }

func get(t *testing.T, c *Catcher, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	c.Page(style).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s has %s: %q", path, name, got)
		}
	}
	return w
}

func TestCatcherForgets(t *testing.T) {
	var c Catcher
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 60 {
				catch(t, &c, someMail)
			}
		})
	}
	all.Wait()
	last := someMail
	last.ID = uuid.New()
	catch(t, &c, last)
	if got := c.Messages(); len(got) != caughtKept || got[0].ID != last.ID {
		t.Errorf("%d messages are kept, the newest is %s", len(got), got[0].ID)
	}
}

func TestCatcherJSON(t *testing.T) {
	var c Catcher
	w := get(t, &c, "/dev/mail.json")
	if strings.TrimSpace(w.Body.String()) != "[]" || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("empty: %s", w.Body)
	}
	catch(t, &c, someMail)
	var got []map[string]any
	if err := json.Unmarshal(get(t, &c, "/dev/mail.json").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]map[string]any{{"id": someMail.ID.String(), "type": "email", "template_type": "recovery_code_valid", "to": "ada@example.org",
		"subject": someMail.Subject, "body": someMail.Body, "html": someMail.HTML, "created_at": "2020-10-30T12:00:00Z"}}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestCatcherList(t *testing.T) {
	var c Catcher
	if w := get(t, &c, "/dev/mail"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "There is no mail yet") {
		t.Errorf("empty: %d %s", w.Code, w.Body)
	}
	first, second := someMail, someMail
	second.ID, second.Subject = uuid.New(), `<script>alert("1")</script>`
	catch(t, &c, first)
	catch(t, &c, second)
	w := get(t, &c, "/dev/mail")
	text := w.Body.String()
	at := func(id uuid.UUID) int { return strings.Index(text, fmt.Sprintf(`href="mail/%s"`, id)) }
	if at(first.ID) < 0 || at(second.ID) < 0 || at(first.ID) < at(second.ID) || strings.Contains(text, "<script>") {
		t.Errorf("the list is not newest first:\n%s", text)
	}
	nonce := regexp.MustCompile(`<style nonce="([A-Z2-7]{26,})">`).FindStringSubmatch(text)
	if nonce == nil {
		t.Fatalf("the style has no nonce:\n%s", text)
	}
	if got, want := w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'self' 'nonce-"+nonce[1]+"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src 'nonce-"+nonce[1]+"'; connect-src 'self'"; got != want {
		t.Errorf("policy %s", got)
	}
	if !strings.Contains(text, `<link rel="stylesheet" href="/pages.css">`) {
		t.Error("it does not look like the other pages")
	}
	if strings.Contains(get(t, &c, "/dev/mail").Body.String(), nonce[1]) {
		t.Error("the nonce is used twice")
	}
}

// TestCatcherFollows: whoever has seen the list is told so in few words, and gets
// it again when there is more.
func TestCatcherFollows(t *testing.T) {
	var c Catcher
	seen := ""
	look := func() int {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/dev/mail?items", nil)
		r.Header.Set("If-None-Match", seen)
		w := httptest.NewRecorder()
		c.Page(style).ServeHTTP(w, r)
		if (w.Code == http.StatusNotModified) != (w.Body.Len() == 0) || strings.Contains(w.Body.String(), "<html") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		seen = w.Header().Get("ETag")
		return w.Code
	}
	for range 3 {
		if first, again := look(), look(); first != http.StatusOK || again != http.StatusNotModified {
			t.Errorf("with something new %d, without %d", first, again)
		}
		m := someMail
		m.ID = uuid.New()
		catch(t, &c, m)
	}
}

func TestCatcherMessage(t *testing.T) {
	var c Catcher
	m := someMail
	m.Subject, m.Body = "A <b>subject</b>", "Go to https://example.org/verify?code=1&flow=2. <i>Or</i> not (http://localhost:4433/x)."
	m.HTML = `<a href="https://example.org">"Hello" & &lt;goodbye&gt;</a></iframe><script>alert(1)</script>`
	catch(t, &c, m)
	w := get(t, &c, "/dev/mail/"+m.ID.String())
	text := w.Body.String()
	for _, want := range []string{
		"<h1>A &lt;b&gt;subject&lt;/b&gt;</h1>",
		`Go to <a href="https://example.org/verify?code=1&amp;flow=2" rel="noreferrer">https://example.org/verify?code=1&amp;flow=2</a>. &lt;i&gt;Or&lt;/i&gt; not (<a href="http://localhost:4433/x"`,
		`href="../mail"`, "ada@example.org", "recovery_code_valid", "2020-10-30T12:00:00Z",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s:\n%s", want, text)
		}
	}
	frame := regexp.MustCompile(`<iframe title="[^"]+" sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="([^"]*)"></iframe>`).FindStringSubmatch(text)
	if frame == nil || html.UnescapeString(frame[1]) != `<base target="_blank">`+m.HTML || strings.Count(text, "</iframe>") != 1 {
		t.Errorf("the frame is %q", frame)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self' 'nonce-") || strings.Contains(policy, "script-src") {
		t.Errorf("policy %s", policy)
	}

	m.ID, m.Subject, m.HTML = uuid.New(), "", ""
	catch(t, &c, m)
	if text := get(t, &c, "/dev/mail/"+m.ID.String()).Body.String(); strings.Contains(text, "<iframe") || !strings.Contains(text, "<h1>recovery_code_valid</h1>") {
		t.Errorf("without subject and HTML:\n%s", text)
	}
	for _, id := range []string{uuid.NewString(), "x", "%3Cscript%3E"} {
		if w := get(t, &c, "/dev/mail/"+id); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
	}
}

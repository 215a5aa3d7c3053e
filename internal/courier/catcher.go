package courier

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"zelus/internal/config"
	"zelus/internal/store"
)

// caughtKept is how many messages a Catcher remembers.
const caughtKept = 200

// Catcher is a Sender that sends nothing: it keeps the last 200 messages in
// memory and shows them on a page. It is for development without a mail
// server. The page shows codes and links that let people in, so it must not
// be served anywhere else. The zero Catcher is empty and ready; it is safe
// for concurrent use.
type Catcher struct {
	mu   sync.Mutex
	kept []Caught // oldest first
}

// Caught is a message as the Catcher keeps and answers it.
type Caught struct {
	ID        uuid.UUID `json:"id"`
	Type      string    `json:"type"` // email or sms
	Template  string    `json:"template_type"`
	To        string    `json:"to"`
	Subject   string    `json:"subject"`
	Body      string    `json:"body"`
	HTML      string    `json:"html,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// Send keeps the message. It cannot fail.
func (c *Catcher) Send(_ context.Context, m *store.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) == caughtKept {
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	c.kept = append(c.kept, Caught{ID: m.ID, Type: m.Type, Template: m.Template, To: m.Recipient, Subject: m.Subject, Body: m.Body, HTML: m.HTML,
		CreatedAt: m.CreatedAt})
	return nil
}

// Messages lists what was caught, newest first.
func (c *Catcher) Messages() []Caught {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := append([]Caught{}, c.kept...)
	slices.Reverse(all)
	return all
}

// Page answers GET /dev/mail (the list, which follows what comes in), /dev/mail/{id}
// (one message) and /dev/mail.json (the list as JSON, for tests and scripts). style
// gives the path of the style sheet of all other pages, on this server.
func (c *Catcher) Page(style func() string) http.Handler {
	const at = "/" + config.MailPath
	mux := http.NewServeMux()
	writePage := func(w http.ResponseWriter, status int, name string, p page) {
		p.Style = style()
		p.write(w, status, name)
	}
	mux.HandleFunc("GET "+at, func(w http.ResponseWriter, r *http.Request) {
		all := c.Messages()
		// The page asks again and again whether there is more.
		version := `W/"none"`
		if len(all) > 0 {
			version = `W/"` + all[0].ID.String() + `"`
		}
		w.Header().Set("ETag", version)
		if r.Header.Get("If-None-Match") == version {
			private(w.Header())
			w.WriteHeader(http.StatusNotModified)
			return
		}
		name := "list"
		if r.URL.Query().Has("items") {
			name = "items"
		}
		writePage(w, http.StatusOK, name, page{Title: "Mail", Messages: all})
	})
	mux.HandleFunc("GET "+at+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, m := range c.Messages() {
			if m.ID.String() == r.PathValue("id") {
				p := page{Title: m.Title(), Message: m, Text: linked(m.Body)}
				if m.HTML != "" {
					p.Frame = `<base target="_blank">` + m.HTML // links open a new window
				}
				writePage(w, http.StatusOK, "message", p)
				return
			}
		}
		writePage(w, http.StatusNotFound, "missing", page{Title: "No such message"})
	})
	mux.HandleFunc("GET "+at+".json", func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.Marshal(c.Messages())
		if err != nil { // every text and time can be encoded
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		private(w.Header())
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Write(body)
	})
	return mux
}

// Title is the subject, or what stands for one.
func (c Caught) Title() string {
	if c.Subject == "" {
		return c.Template
	}
	return c.Subject
}

// page is what the templates in catcher.html show.
type page struct {
	Title    string
	Nonce    string
	Style    string
	Messages []Caught // of the list
	Message  Caught   // the one message
	Text     []span   // its body
	Frame    string   // its HTML, if it has some
}

//go:embed catcher.html
var catcherHTML string

var catcherPage = template.Must(template.New("catcher").Parse(catcherHTML))

func (p page) write(w http.ResponseWriter, status int, name string) {
	p.Nonce = rand.Text()
	var b bytes.Buffer
	if err := catcherPage.ExecuteTemplate(&b, name, p); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	// The frame with a message's HTML is under this policy, too: its style
	// attributes are applied, everything it would load is not.
	policy := "default-src 'none'; style-src 'self' 'nonce-" + p.Nonce + "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	switch {
	case p.Frame != "":
		policy += "; style-src-attr 'unsafe-inline'"
	case name == "list":
		policy += "; script-src 'nonce-" + p.Nonce + "'; connect-src 'self'"
	}
	private(w.Header())
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// private keeps messages out of caches and out of other sites' reach.
func private(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// span is a piece of text; a URL is a link to itself.
type span struct {
	Text string
	URL  bool
}

var webAddress = regexp.MustCompile(`https?://[^\s<>"]+[^\s<>".,;:!?')\]]`)

// linked cuts a text at the web addresses in it.
func linked(text string) (all []span) {
	at := 0
	for _, found := range webAddress.FindAllStringIndex(text, -1) {
		all = append(all, span{Text: text[at:found[0]]}, span{Text: text[found[0]:found[1]], URL: true})
		at = found[1]
	}
	return append(all, span{Text: text[at:]})
}

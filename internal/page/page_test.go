package page

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"zelus/internal/config"
	"zelus/internal/language/languagetest"
)

func TestSourceOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://app.example.org/a?b#c": "https://app.example.org", "https://App.Example.org:443/": "https://app.example.org", "http://localhost:3000": "http://localhost:3000",
		"https://*.example.org/x": "https://*.example.org", "com.example.app://done": "com.example.app:", "exp://127.0.0.1": "exp:", "http://[::1]:3000/": "http://[::1]:3000",
		"": "", "/path": "", "//host": "", "https://*": "", "https:///x": "", "https://a;b/": "", "https://a b/": "", "https://a,b/": "", "https://é.example/": "",
		"x y://z": "",
	} {
		if got := sourceOf(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

func TestContentPolicy(t *testing.T) {
	c := &config.Config{}
	c.Serve.Public.BaseURL = "https://id.example.org/auth"
	set := &c.SelfService
	set.DefaultBrowserReturnURL = "https://app.example.org/"
	set.AllowedReturnURLs = []string{"https://app.example.org/x", "https://*.apps.example.org", "/relative", "com.example.app://", "https://evil;script-src *"}
	set.Flows.Login.After.Methods = map[string]config.MethodAfter{"password": {DefaultBrowserReturnURL: "https://by-method.example/"}}
	set.Flows.Settings.UIURL = "https://ui.example.org/settings"
	set.Flows.Deletion.UIURL = "https://data.example.org/"
	_, action, _ := strings.Cut(contentPolicy(c), "form-action ")
	want := "'self' com.example.app: https://*.apps.example.org https://app.example.org https://by-method.example https://data.example.org https://id.example.org https://ui.example.org"
	if action != want {
		t.Errorf("got\n%s\nwant\n%s", action, want)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{"gzip": true, "deflate, GZIP;q=1.0, *;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=0.001": true, "br": false, "": false, "x-gzip": false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", header)
		if got := acceptsGzip(r); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

func TestAgent(t *testing.T) {
	s := english(t)
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                                   "Chrome on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                   "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0":                                                                    "Firefox on Android",
		"my-app/1.0": "my-app/1.0", "": "Unknown device", strings.Repeat("é", 100): strings.Repeat("é", 60) + "…",
	} {
		if got := s.agent(agent); got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}

// TestTexts: there is a text for each key that templates and code name, and no other.
func TestTexts(t *testing.T) {
	raw, err := os.ReadFile("texts/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	// Keys that are put together, of all that they are put together with.
	for _, g := range order {
		used["settings."+g+".title"], used["settings."+g+".text"], used["settings."+g+".text.some"] = true, true, true
	}
	put := regexp.MustCompile(`\$?\.Place "([a-z]+)"`)
	dotted := regexp.MustCompile(`"([a-z_]+(?:\.[a-z_]+)+)"`) // no other word in quotes need be a text
	// What is asked for as a text, by a title, or by a table.
	key := regexp.MustCompile(`(?:(?:\bT|\bH|Has) ?\(?|(?:view\(w, r|own\(w, r, "[a-z]+"), |\btitle(?: :?=|:) +|(?:\}|[a-z]"|auth\.\w+|flow\.Word\w+): +)"([a-z_]+(?:\.[a-z_]+)*)"`)
	for _, folder := range []string{".", "templates"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), ".html") || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			content, err := os.ReadFile(folder + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range dotted.FindAllStringSubmatch(string(content), -1) {
				used[found[1]] = true
			}
			for _, found := range put.FindAllStringSubmatch(string(content), -1) {
				used["nav."+found[1]] = true
			}
			for _, found := range key.FindAllStringSubmatch(string(content), -1) {
				name := found[1]
				used[name] = true
				if _, ok := texts[name]; !ok && (strings.Contains(name, ".") || strings.HasSuffix(e.Name(), ".html")) {
					t.Errorf("%s names the text %q, which is not there", e.Name(), name)
				}
			}
		}
	}
	for name := range texts {
		if !used[name] {
			t.Errorf("nobody names the text %q", name)
		}
	}
}

func TestTextsAreComplete(t *testing.T) { languagetest.Complete(t, os.DirFS("."), "texts") }

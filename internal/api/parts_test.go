package api

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"zelus/internal/adminkey"
	"zelus/internal/auth"
	"zelus/internal/identity"
	"zelus/internal/store"
	"zelus/internal/store/storetest"
	"zelus/internal/web"
)

const someID = "01890a5d-ac96-774b-bcce-b302099a8057"

func query(t testing.TB, text string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestWholeQuery(t *testing.T) {
	for text, want := range map[string]bool{"": true, "a=b&a=c": true, "a=%20": true, "a": true, "a=%zz": false, "%": false, "a=b;c=d": false, "a=b&c;": false} {
		got, err := wholeQuery(&http.Request{URL: &url.URL{RawQuery: text}})
		if (err == nil) != want || err != nil && (!errors.Is(err, auth.ErrParameter) || got != nil) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

func TestParameter(t *testing.T) {
	err := parameter(query(t, "active="+strings.Repeat("x", 100)), "active", "true or false")
	want := `The parameter active is "` + strings.Repeat("x", 64) + `…", but it must be true or false.`
	if e := auth.AsError(err); !errors.Is(err, auth.ErrParameter) || e.Reason != want {
		t.Errorf("got %v", err)
	}
}

func TestShown(t *testing.T) {
	for _, known := range auth.CredentialTypes {
		if got, err := shown(query(t, "include_credential="+string(known))); err != nil || len(got) != 1 || got[0] != known {
			t.Errorf("%s: %v, %v", known, got, err)
		}
	}
	for _, test := range []struct {
		query string
		want  []auth.CredentialType
		wrong bool
	}{
		{"", nil, false},
		{"include_credential=password&include_credential=totp", []auth.CredentialType{auth.Password, auth.TOTP}, false},
		{"include_credential=", nil, true},
		{"include_credential=password&include_credential=", nil, true},
		{"include_credential=PASSWORD", nil, true},
		{"include_credential=password,totp", nil, true},
		{"include_credential=%00", nil, true},
	} {
		got, err := shown(query(t, test.query))
		if !slices.Equal(got, test.want) || errors.Is(err, auth.ErrParameter) != test.wrong || !test.wrong && err != nil {
			t.Errorf("%s: %v, %v", test.query, got, err)
		}
	}
}

func TestIdentityID(t *testing.T) {
	for text, good := range map[string]bool{
		someID: true, strings.ToUpper(someID): true,
		"": false, "x": false, someID[1:]: false, someID + "0": false, "{" + someID + "}": false, "urn:uuid:" + someID: false, strings.ReplaceAll(someID, "-", ""): false,
		strings.Replace(someID, "-", "_", 1): false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetPathValue("id", text)
		id, err := identityID(r)
		if good && (err != nil || id.String() != someID) || !good && !errors.Is(err, auth.ErrIdentityUnknown) {
			t.Errorf("%q: %v, %v", text, id, err)
		}
	}
}

func TestReadList(t *testing.T) {
	id := uuid.MustParse(someID)
	for _, test := range []struct {
		query string
		want  identity.List
		err   *auth.Error
	}{
		{"", identity.List{Size: pageSize}, nil},
		{"unknown=3", identity.List{Size: pageSize}, nil},
		{"page_size=2", identity.List{Size: 2}, nil},
		{"page_size=2&page_token=" + someID, identity.List{Size: 2, After: id}, nil},
		{"page_token=", identity.List{Size: pageSize}, nil},
		{"page_token=x", identity.List{}, auth.ErrPageToken},
		{"page_token={" + someID + "}", identity.List{}, auth.ErrPageToken},
		{"page_token=" + strings.ReplaceAll(someID, "-", ""), identity.List{}, auth.ErrPageToken},
		{"page=1", identity.List{ByNumber: true, Size: pageSize, Skip: pageSize}, nil},
		{"page=0&per_page=3", identity.List{ByNumber: true, Size: 3}, nil},
		{"page=1&page_size=2", identity.List{Size: 2}, nil},
		{"page=1&page_token=" + someID, identity.List{Size: pageSize, After: id}, nil},
		{"ids=" + someID + "&ids=" + someID, identity.List{Size: pageSize, IDs: []uuid.UUID{id, id}}, nil},
		{"ids=" + someID + "&ids=x", identity.List{}, auth.ErrParameter},
		{"ids=", identity.List{}, auth.ErrParameter},
		{"credentials_identifier=Ada@Example.org+", identity.List{Size: pageSize, Identifier: "Ada@Example.org "}, nil},
		{"preview_credentials_identifier_similar=ADA", identity.List{Size: pageSize, Similar: "ADA"}, nil},
		{"organization_id=" + someID, identity.List{Size: pageSize, Organization: uuid.NullUUID{UUID: id, Valid: true}}, nil},
		{"organization_id=acme", identity.List{}, auth.ErrParameter},
		{"organization_id=", identity.List{Size: pageSize}, nil},
	} {
		got, err := readList(query(t, test.query))
		if test.err != nil {
			if !errors.Is(err, test.err) {
				t.Errorf("%s: %+v, %v", test.query, got, err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.query, err, diff)
		}
	}
}

// FuzzReadList: no query makes a list fail in another way than with an answer
// that is short and says what it is about, or asks for more than a page.
func FuzzReadList(f *testing.F) {
	f.Add("credentials_identifier=ada@example.org")
	f.Fuzz(func(t *testing.T, text string) {
		q, _ := url.ParseQuery(text) // as net/http does, what can be read is used
		if _, err := shown(q); err != nil && !errors.Is(err, auth.ErrParameter) {
			t.Error(err)
		}
		got, err := readList(q)
		if err == nil {
			if got.Size < 1 || got.Size > maxPageSize || got.Skip < 0 {
				t.Errorf("%q asks for %d behind %d", text, got.Size, got.Skip)
			}
			return
		}
		if e := auth.AsError(err); e.Status != http.StatusBadRequest || e.Reason == "" || len(e.Reason) > 600 {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestSendOn(t *testing.T) {
	for _, test := range []struct{ target, want string }{
		{"/admin/sessions/whoami", "https://id.example/sessions/whoami"},
		{"/sessions/whoami?a=b&c=%2F", "https://id.example/sessions/whoami?a=b&c=%2F"},
		{"/admin/schemas/a%2Fb%20c", "https://id.example/schemas/a%2Fb%20c"},
		{"/admin/self-service/login/api?return_to=https://app.example/", "https://id.example/self-service/login/api?return_to=https://app.example/"},
	} {
		r, w := httptest.NewRequest(http.MethodGet, test.target, nil), httptest.NewRecorder()
		a := &API{}
		a.now.Store(&current{public: "https://id.example/", admin: "https://admin.example/"})
		if err := a.toPublic(w, r); err != nil || w.Code != http.StatusTemporaryRedirect || w.Header().Get("Location") != test.want {
			t.Errorf("%s: %d to %s, %v", test.target, w.Code, w.Header().Get("Location"), err)
		}
	}
	for _, test := range []struct{ target, want string }{
		{"/identities", "https://admin.example/admin/identities"},
		{"/admin/identities/" + someID + "?include_credential=totp", "https://admin.example/admin/identities/" + someID + "?include_credential=totp"},
		{"/identities/by/external/a%2Fb", "https://admin.example/admin/identities/by/external/a%2Fb"},
	} {
		r, w := httptest.NewRequest(http.MethodPost, test.target, nil), httptest.NewRecorder()
		a := &API{}
		a.now.Store(&current{public: "https://id.example/", admin: "https://admin.example/"})
		if err := a.toAdmin(w, r); err != nil || w.Code != http.StatusTemporaryRedirect || w.Header().Get("Location") != test.want {
			t.Errorf("%s: %d to %s, %v", test.target, w.Code, w.Header().Get("Location"), err)
		}
	}
}

// The routes of each server go together in one table.
func TestRoutesDoNotClash(t *testing.T) {
	a := &API{}
	for name, routes := range map[string]func(Mount){"admin": a.Admin, "public": func(mount Mount) {
		a.SessionCheck(mount)
		a.Public(mount)
		a.Redirects(mount)
	}} {
		mux, n := http.NewServeMux(), 0
		routes(func(pattern string, _ web.Handler) {
			mux.Handle(pattern, http.NotFoundHandler()) // panics where two clash
			n++
		})
		if n < 10 {
			t.Errorf("the %s server has %d routes", name, n)
		}
	}
}

func TestSessionList(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	i := &auth.Identity{ID: uuid.MustParse(someID), SchemaID: "default", State: auth.Active, CreatedAt: now, UpdatedAt: now}
	row := func(change func(*store.SessionRow)) store.SessionRow {
		r := store.SessionRow{Identity: i.Pack(), State: auth.Active, Session: auth.Session{ID: uuid.MustParse(someID), Active: true, AAL: auth.AAL1, ExpiresAt: now.Add(time.Hour)}}
		change(&r)
		return r
	}
	live := row(func(*store.SessionRow) {})
	rows := []store.SessionRow{live, row(func(r *store.SessionRow) { r.Session.Active = false }), row(func(r *store.SessionRow) { r.Session.ExpiresAt = now }),
		row(func(r *store.SessionRow) { r.State = auth.Inactive })}
	if got := string(sessionList(nil, now, auth.Reader{})); got != "[]" {
		t.Errorf("none: %s", got)
	}
	var want []string
	for n := range rows {
		want = append(want, string(rows[n].Session.AppendJSON(nil, n == 0, i.Pack().Render(auth.Reader{}))))
	}
	if diff := cmp.Diff("["+strings.Join(want, ",")+"]", string(sessionList(rows, now, auth.Reader{}))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// each does all of it, and never more at once than there are places.
func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, batchWorkers, 5 * batchWorkers} {
		var at, most atomic.Int64
		var mu sync.Mutex
		seen := map[int]int{}
		err := each(n, func(i int) {
			running := at.Add(1)
			for have := most.Load(); have < running && !most.CompareAndSwap(have, running); have = most.Load() {
			}
			mu.Lock()
			seen[i]++
			mu.Unlock()
			at.Add(-1)
		})
		if err != nil || len(seen) != n || most.Load() > batchWorkers {
			t.Errorf("of %d, %d were done, %d at once, %v", n, len(seen), most.Load(), err)
		}
		for i, times := range seen {
			if times != 1 {
				t.Errorf("%d was done %d times", i, times)
			}
		}
	}
}

// A call that panics does not end the process; the others are made.
func TestEachPanic(t *testing.T) {
	var done atomic.Int64
	err := each(3*batchWorkers, func(i int) {
		if i%batchWorkers == 0 {
			panic("on purpose")
		}
		done.Add(1)
	})
	if err == nil || !strings.Contains(err.Error(), "on purpose") || done.Load() != 3*(batchWorkers-1) {
		t.Errorf("%d were done, %v", done.Load(), err)
	}
}

// TestReadyForOperators: why a server is not ready is told to those whom the
// admin server lets in, and to nobody else.
func TestReadyForOperators(t *testing.T) {
	here := storetest.Memory(t, nil)
	broken, err := store.Open(t.Context(), store.Options{Dialect: "sqlite", Memory: true, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}
	settings := adminkey.Settings{Secrets: []string{"a-secret-of-these-tests-alone"}}
	keys, err := adminkey.New(here, time.Now, slog.New(slog.DiscardHandler), settings)
	if err != nil {
		t.Fatal(err)
	}
	a := &API{Store: broken, Keys: keys}
	asked := func(authorization ...string) string {
		t.Helper()
		r, w := httptest.NewRequest(http.MethodGet, "/admin/health/ready", nil), httptest.NewRecorder()
		r.Header["Authorization"] = authorization
		err := a.readyForOperators(w, r)
		if e := auth.AsError(err); !errors.Is(err, auth.ErrNotReady) || e.Status != http.StatusServiceUnavailable {
			t.Fatalf("got %v", err)
		}
		return auth.AsError(err).Reason
	}
	secretive := auth.ErrNotReady.Reason
	if got := asked(); !strings.Contains(got, "closed") {
		t.Errorf("no key is due: %s", got)
	}
	_, key, err := keys.Create(t.Context(), "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := asked(); got != secretive {
		t.Errorf("without a key: %s", got)
	}
	if got := asked("Bearer x"); got != secretive {
		t.Errorf("with a wrong key: %s", got)
	}
	if got := asked("Bearer " + key); !strings.Contains(got, "closed") {
		t.Errorf("with a key: %s", got)
	}
	no := false
	settings.Require = &no
	if err := keys.Configure(settings); err != nil {
		t.Fatal(err)
	}
	if got := asked(); !strings.Contains(got, "closed") {
		t.Errorf("no key is required: %s", got)
	}
}

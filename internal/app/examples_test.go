package app

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zelus/internal/config"
)

// examples are the people of a server.
func examples(t *testing.T, s *server) []Example {
	t.Helper()
	all, err := s.app.Examples(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestExamples: without a configuration there are two people from the first start
// on, whose passwords can be told at each start, as long as they are still theirs.
func TestExamples(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	options := Options{Config: config.Options{Flags: config.Flags{Dev: true}, DataDir: folder}, Log: io.Discard, Clock: time.Now}
	var first []Example
	t.Run("first start", func(t *testing.T) {
		s := serve(t, open(t, options))
		first = examples(t, s)
		if len(first) != 2 || first[0].Email != "ada@example.org" || first[0].Password == first[1].Password {
			t.Fatalf("the people are %+v", first)
		}
		for _, e := range first {
			c := s.client(t, app)
			c.signIn(person{email: e.Email, password: e.Password})
			if me := c.whoami().is(200); !me.at("identity.verifiable_addresses.0.verified").Bool() || me.at("identity.traits.name.first").String() == "" {
				t.Errorf("%s is %s", e.Email, me.body)
			}
		}
		if again := examples(t, s); !slices.Equal(again, first) {
			t.Errorf("asked again, they are %+v", again)
		}
	})
	t.Run("second start", func(t *testing.T) {
		s := serve(t, open(t, options))
		if again := examples(t, s); !slices.Equal(again, first) {
			t.Errorf("they are %+v, and were %+v", again, first)
		}
		c := s.client(t, app)
		c.signIn(person{email: first[0].Email, password: first[0].Password})
		c.finish(c.begin("settings", ""), fields{"method": "password", "password": "a-password-of-ones-own"})
		gone, err := s.app.identities.Named(t.Context(), first[1].Email)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.app.identities.Delete(t.Context(), gone.ID); err != nil {
			t.Fatal(err)
		}
		if left, want := examples(t, s), []Example{{Email: first[0].Email}}; !slices.Equal(left, want) {
			t.Errorf("of one whose password was changed, and one who was deleted, there are %+v", left)
		}
	})
	t.Run("with a file", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "built-in.yml") // as the built-in one is called
		text := "dsn: sqlite://" + filepath.Join(folder, "zelus.db") + "\nselfservice: {default_browser_return_url: 'http://localhost/'}\n" +
			"identity: {schemas: [{id: default, url: 'base64://" + encoded(`{"properties":{"traits":{"type":"object","properties":{"email":{"type":"string"}}}}}`) + "'}]}\n"
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		with := options
		with.Config.Files = []string{name}
		if all := examples(t, serve(t, open(t, with))); len(all) != 0 {
			t.Errorf("there are %+v", all)
		}
	})
}

// TestExamplesAreNotPutBesideOthers: they are made in an empty database alone.
func TestExamplesAreNotPutBesideOthers(t *testing.T) {
	s := serve(t, open(t, Options{Config: config.Options{Flags: config.Flags{Dev: true}, DataDir: filepath.Join(t.TempDir(), "data")}, Log: io.Discard, Clock: time.Now}))
	phone := s.client(t, app)
	phone.finish(phone.begin("registration", ""), stranger().signUp())
	if all := examples(t, s); len(all) != 0 {
		t.Errorf("there are %+v", all)
	}
}

// TestNoExamplesElsewhere: who names a database or secrets does more than try
// things out.
func TestNoExamplesElsewhere(t *testing.T) {
	for name, environ := range map[string][]string{
		"a database": {"DSN=sqlite://" + filepath.Join(t.TempDir(), "zelus.db")},
		"memory":     {"DSN=memory"},
		"secrets":    {"SECRETS_COOKIE_0=a-secret-of-this-test-alone"},
	} {
		o := config.Options{Flags: config.Flags{Dev: true}, DataDir: t.TempDir(), Environ: environ}
		if all := examples(t, serve(t, open(t, Options{Config: o, Log: io.Discard, Clock: time.Now}))); len(all) != 0 {
			t.Errorf("with %s there are %+v", name, all)
		}
	}
}

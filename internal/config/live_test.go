package config

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// logs is a log that tests read while it is written.
type logs struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.String()
}

func liveFile(t *testing.T, text string) (l *Live, write func(string)) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "kratos.yml")
	write = func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	l, err := NewLive(Options{Files: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	return l, write
}

func TestReload(t *testing.T) {
	text := withoutSecrets("memory")
	l, write := liveFile(t, text)
	var out logs
	logger := slog.New(slog.NewTextHandler(&out, nil))
	changes := 0
	var refusal error
	reload := func(text string) *Config {
		t.Helper()
		write(text)
		l.reload(l.look(), logger, func(c *Config, _ []Warning) error {
			if l.Now() == c {
				t.Error("the change is in force before it was accepted")
			}
			if refusal == nil {
				changes++
			}
			return refusal
		})
		return l.Now()
	}

	first := l.Now()
	if reload("# a comment\n"+text) != first || changes != 0 {
		t.Error("a comment changed the configuration")
	}

	second := reload(text + "session: {lifespan: 1h}\n")
	if second.Session.Lifespan.Hours() != 1 || changes != 1 || l.Revision() == first.Revision {
		t.Errorf("lifespan %v, %d changes", second.Session.Lifespan, changes)
	}
	if second.Secrets.Cookie[0] != first.Secrets.Cookie[0] {
		t.Error("a reload made new secrets")
	}

	// What changes after the look may be read in part, so that it waits for the next one.
	write(text + "session: {lifespan: 30m}\n")
	before := l.look()
	write(text + "session: {lifespan: 45m}\n")
	l.reload(before, logger, func(*Config, []Warning) error {
		t.Error("what was loaded is not what was looked at")
		return nil
	})

	if reload(text+"session: {lifespan: soon}\nlgo: {}\n") != second || changes != 1 {
		t.Error("a bad file was taken")
	}
	said := out.String()
	if !strings.Contains(said, "session.lifespan") || !strings.Contains(said, "did you mean log?") {
		t.Errorf("problems are not logged: %s", said)
	}
	l.reload(l.look(), logger, nil)
	if out.String() != said {
		t.Errorf("logged twice: %s", out.String())
	}

	refusal = errors.New("session.lifespan: must not be 90m here")
	if reload(text+"session: {lifespan: 90m}\n") != second || changes != 1 {
		t.Error("a change was taken that the rest of the program refuses")
	}
	if want := "kratos.yml:"; !strings.Contains(strings.TrimPrefix(out.String(), said), want) || !strings.Contains(out.String(), ": session.lifespan: must not be 90m here") {
		t.Errorf("the refusal is not logged with its place: %s", out.String())
	}
	refusal = nil

	third := reload(text + "serve: {public: {port: 99, tls: {cert: {path: /c}, key: {path: /k}}}, admin: {base_url: 'https://admin'}}\nlog: {level: debug}\n")
	if third.Serve.Public.Port != 4433 || third.Serve.Public.TLS != (TLS{}) || third.Log.Level != "info" || third.PublicURL().Port() != "4433" {
		t.Errorf("took effect without a restart: %+v %v", third.Serve.Public, third.Log)
	}
	if third.AdminURL().String() != "https://admin/" {
		t.Errorf("admin base URL: %v", third.AdminURL())
	}
	if want := "serve.public.port, serve.public.tls.cert.path, serve.public.tls.key.path, log.level"; !strings.Contains(out.String(), want) {
		t.Errorf("missing %q in %s", want, out.String())
	}
}

// pass lets time pass, in a bubble in which that takes none.
func pass(d time.Duration) { <-time.After(d) }

// watch has a configuration watched until the test has ended.
func watch(t *testing.T, l *Live, put func(*Config) error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Watch(ctx, slog.New(slog.DiscardHandler), func(c *Config, _ []Warning) error { return put(c) })
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
}

// next is the next configuration that is put in force, or is to be.
func next(t *testing.T, put chan *Config) *Config {
	t.Helper()
	select {
	case c := <-put:
		return c
	case <-time.After(time.Hour): // of the bubble
		t.Fatal("the change is not noticed")
		return nil
	}
}

// TestWatch: a change is loaded when two looks have seen the same of it.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, write := liveFile(t, least)
		changed := make(chan *Config, 1)
		watch(t, l, func(c *Config) error { changed <- c; return nil })
		began := time.Now()
		write(least + "session: {lifespan: 2h}\n")
		if c := next(t, changed); c.Session.Lifespan.Hours() != 2 || time.Since(began) != 2*pace {
			t.Errorf("the lifespan is %s after %s", c.Session.Lifespan, time.Since(began))
		}
		// As editors and Kubernetes do it: a new file takes the place of the old.
		name := l.options.Files[0]
		if err := os.WriteFile(name+".new", []byte(least+"session: {lifespan: 3h}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
		if c := next(t, changed); c.Session.Lifespan.Hours() != 3 {
			t.Errorf("the lifespan is %s", c.Session.Lifespan)
		}
		// One who writes still is waited for.
		write(least + "session: {lifespan: 4h}\n")
		pass(pace + pace/2)
		write(least + "session: {lifespan: 5h}\n")
		if c := next(t, changed); c.Session.Lifespan.Hours() != 5 {
			t.Errorf("the lifespan is %s", c.Session.Lifespan)
		}
	})
}

// TestWatchSources: what the configuration names is followed as well, also where
// it is of a configuration that was refused.
func TestWatchSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		put := func(name, content string) {
			t.Helper()
			name = filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		put("schemas/person.json", "{}")
		put("templates/recovery/valid/email.subject.gotmpl", "Hello")
		text := strings.Replace(least, "file://person.schema.json", "file://"+dir+"/schemas/person.json", 1) + "courier: {template_override_path: " + dir + "/templates}\n"
		l, write := liveFile(t, text)
		looked := make(chan *Config, 1)
		watch(t, l, func(c *Config) error {
			looked <- c
			if c.Session.Lifespan.Hours() == 5 {
				return errors.New("not today")
			}
			return nil
		})
		put("schemas/person.json", `{"title":"new"}`)
		next(t, looked)
		put("templates/recovery/valid/email.subject.gotmpl", "Hello again")
		next(t, looked)
		put("templates/verification/valid/email.subject.gotmpl", "new")
		next(t, looked)
		// A link that leads elsewhere, to what is of the same size and time.
		at := time.Unix(1, 0)
		for _, name := range []string{"one", "two"} {
			put(name+"/person.json", `{"title":"`+name+`"}`)
			if err := os.Chtimes(filepath.Join(dir, name, "person.json"), at, at); err != nil {
				t.Fatal(err)
			}
		}
		link := filepath.Join(dir, "linked")
		if err := os.Symlink("one", link); err != nil {
			t.Fatal(err)
		}
		write(strings.Replace(text, "schemas/person.json", "linked/person.json", 1) + "session: {lifespan: 4h}\n")
		next(t, looked)
		if err := errors.Join(os.Remove(link), os.Symlink("two", link)); err != nil {
			t.Fatal(err)
		}
		if c := next(t, looked); c.Session.Lifespan.Hours() != 4 {
			t.Errorf("the lifespan is %s", c.Session.Lifespan)
		}
		put("elsewhere/person.json", "{}")
		write(strings.Replace(text, "schemas/person.json", "elsewhere/person.json", 1) + "session: {lifespan: 5h}\n")
		if c := next(t, looked); c.Session.Lifespan.Hours() != 5 {
			t.Errorf("the lifespan is %s", c.Session.Lifespan)
		}
		put("elsewhere/person.json", `{"title":"better"}`)
		if c := next(t, looked); c.Session.Lifespan.Hours() != 5 || l.Now() == c {
			t.Errorf("the lifespan is %s", c.Session.Lifespan)
		}
	})
}

// TestRestless: a file among the templates that is written all the time does not keep a
// change from being noticed.
func TestRestless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		text := least + "courier: {template_override_path: " + dir + "}\n"
		l, write := liveFile(t, text)
		changed := make(chan *Config, 1)
		watch(t, l, func(c *Config) error { changed <- c; return nil })
		write(text + "session: {lifespan: 1h}\n")
		pass(pace / 2) // so that it is written between two looks
		for n := 1; ; n++ {
			if err := os.WriteFile(filepath.Join(dir, "log"), bytes.Repeat([]byte("x"), n), 0o600); err != nil {
				t.Fatal(err)
			}
			select {
			case c := <-changed:
				if c.Session.Lifespan != time.Hour || n < patience {
					t.Errorf("the lifespan is %s after %d looks", c.Session.Lifespan, n)
				}
				return
			case <-time.After(pace):
			}
			if n > 2*patience {
				t.Fatal("the change is not noticed")
			}
		}
	})
}

package config

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDerivedSecrets(t *testing.T) {
	c := mustLoad(t, least)
	// These must never change: whoever upgrades could no longer read what the
	// release before has written.
	want := Secrets{
		Default:    []string{"gjoyr6t7v_9pTTjSVfPyicUDkcxkGiz1YEfTM6Q2PZd"},
		Cookie:     []string{"a-secret-of-this-test-alone"},
		Cipher:     []string{"IGlxBmQylf3M7_2y2pjvBjcsY1vXp9fG"},
		Pagination: []string{"Yf6ungqVlViHulJ2R40LvCFkZxQqgvDJGiIGEr8cW6o"},
	}
	if diff := cmp.Diff(want, c.Secrets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	rotated := mustLoad(t, strings.Replace(least, "    - a-", "    - another-secret-of-this-test\n    - a-", 1))
	for name, pair := range map[string][2][]string{
		"default":    {c.Secrets.Default, rotated.Secrets.Default},
		"cipher":     {c.Secrets.Cipher, rotated.Secrets.Cipher},
		"pagination": {c.Secrets.Pagination, rotated.Secrets.Pagination},
	} {
		if len(pair[1]) != 2 || pair[1][1] != pair[0][0] || pair[1][0] == pair[0][0] {
			t.Errorf("%s after rotation: %v, before: %v", name, pair[1], pair[0])
		}
	}

	byDefault := mustLoad(t, strings.Replace(least, "  cookie:\n", "  default:\n", 1))
	if diff := cmp.Diff(byDefault.Secrets.Default, byDefault.Secrets.Cookie); diff != "" {
		t.Errorf("cookie does not fall back to default:\n%s", diff)
	}
	if len(c.Secrets.Cipher[0]) != cipherSecret {
		t.Errorf("derived cipher key has %d characters", len(c.Secrets.Cipher[0]))
	}
}

// withoutSecrets is least without secrets, with the given database.
func withoutSecrets(dsn string) string {
	text := strings.Replace(least, "secrets:\n  cookie:\n    - a-secret-of-this-test-alone\n", "", 1)
	return strings.Replace(text, "sqlite:///var/lib/zelus/zelus.db?_fk=true", dsn, 1)
}

func loadFile(t *testing.T, text string, readOnly bool) (*Config, error) {
	t.Helper()
	c, _, err := Load(Options{Files: []string{"kratos.yml"}, ReadFile: reading(map[string]string{"kratos.yml": text}), ReadOnly: readOnly})
	return c, err
}

func TestGeneratedSecrets(t *testing.T) {
	folder := t.TempDir()
	text := withoutSecrets("sqlite://" + folder + "/zelus.db?_fk=true")
	name := filepath.Join(folder, "zelus.db.secrets")

	if _, err := loadFile(t, text, true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Fatalf("a command that only looks has made the file: %v", err)
	}

	if _, _, err := Load(Options{Files: []string{"kratos.yml"}, ReadFile: reading(map[string]string{"kratos.yml": text}), Existing: true}); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("a command that needs what a server has made: %v", err)
	}
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Fatalf("it has made the file: %v", err)
	}

	// Servers that start at the same moment agree.
	cookies := make([]string, 8)
	var group sync.WaitGroup
	for i := range cookies {
		group.Go(func() {
			c, err := loadFile(t, text, false)
			if err != nil {
				t.Error(err)
				return
			}
			cookies[i] = c.Secrets.Cookie[0]
		})
	}
	group.Wait()
	for _, cookie := range cookies {
		if cookie != cookies[0] || len(cookie) != 44 {
			t.Errorf("secrets differ: %v", cookies)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	beside, _, err := Load(Options{Files: []string{"kratos.yml"}, ReadFile: reading(map[string]string{"kratos.yml": text}), Existing: true})
	if err != nil || beside.Secrets.Cookie[0] != cookies[0] {
		t.Errorf("a command beside the servers has other secrets: %v", err)
	}

	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := loadFile(t, text, false); err == nil || !strings.Contains(err.Error(), "chmod 600 "+name) {
		t.Errorf("readable by others: %v", err)
	}
	for content, want := range map[string]string{"": "is empty", "short\n": "fewer than 16", strings.Repeat("x", 70_000): "too large"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadFile(t, text, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.10q: %v", content, err)
		}
	}
	if _, err := loadFile(t, withoutSecrets("sqlite://"+folder+"/missing/zelus.db"), false); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("missing folder: %v", err)
	}
}

func TestSecretsOfOtherDatabases(t *testing.T) {
	a, err := loadFile(t, withoutSecrets("memory"), false)
	if err != nil {
		t.Fatal(err)
	}
	b, err := loadFile(t, withoutSecrets("memory"), false)
	if err != nil {
		t.Fatal(err)
	}
	if a.Secrets.Cookie[0] == b.Secrets.Cookie[0] {
		t.Error("two processes have the same secrets")
	}
	_, err = loadFile(t, withoutSecrets("postgres://h/db"), false)
	if err == nil || !strings.Contains(err.Error(), "secrets:\n      cookie:\n        - ") {
		t.Errorf("postgres: %v", err)
	}
}

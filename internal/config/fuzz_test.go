package config

import (
	"bytes"
	"errors"
	"testing"
)

// Whatever a file or a variable holds, Load answers with a configuration that
// can be printed or with an *Error.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(least), "yml", "LOG_LEVEL=debug")
	f.Add([]byte(`{"dsn":"memory","dev":true,"identity":{"schemas":[{"id":"a","url":"base64://e30="}]},"selfservice":{"default_browser_return_url":"/"}}`), "json", "SECRETS_COOKIE_0=x")
	f.Add([]byte("dsn = \"memory\"\n[[identity.schemas]]\nid = \"a\"\nurl = \"file://a\"\n[identity.schemas.x]\ny.z = 1979-05-27\n"), "toml", "SECRETS_COOKIE_12=x")
	f.Add([]byte("a: &a [*a]\n? [x]\n: 1\n<<: [*a, {b: !!binary x}]\n"), "yml", "IDENTITY_SCHEMAS=[{}]")
	f.Add([]byte("hashers: {argon2: {memory: 99999999999999999999EB}}\nsession: {lifespan: 9999999999h}\nserve: {public: {port: 1e400}}\n"), "yml", "IDENTITY_SCHEMAS_0={\"a\":")
	f.Add([]byte("selfservice: {flows: {login: {after: {password: {hooks: [{hook: organization, config: [1]}, null, {hook: {}}]}}}}}\n"), "yml", "SELFSERVICE={}")
	f.Fuzz(func(t *testing.T, data []byte, ending, variable string) {
		name := "file." + ending
		c, _, err := Load(Options{
			Files: []string{name}, Environ: []string{variable}, ReadOnly: true,
			ReadFile: func(string) ([]byte, error) { return data, nil },
		})
		if err != nil {
			if all := (*Error)(nil); !errors.As(err, &all) || len(all.Problems) == 0 || c != nil {
				t.Errorf("not an *Error with problems: %v", err)
			}
			return
		}
		if err := Print(&bytes.Buffer{}, c); err != nil {
			t.Error(err)
		}
	})
}

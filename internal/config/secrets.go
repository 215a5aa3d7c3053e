package config

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// freshSecret makes a random text of the given length, with 6 bits in each
// character.
func freshSecret(length int) string {
	raw := make([]byte, length)
	rand.Read(raw) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(raw)[:length]
}

// fillSecrets makes the lists of secrets complete. What is not configured is
// derived from the cookie secrets, entry by entry, so that it changes with them
// and stays readable while an old entry is kept. Where nothing is configured at
// all the secrets are generated.
func (c *Config) fillSecrets(o Options, found *problems) {
	s := &c.Secrets
	switch {
	case len(s.Cookie) > 0:
	case len(s.Default) > 0:
		s.Cookie = s.Default
		c.notes["secrets.cookie"] = "from secrets.default"
	default:
		generated, from, err := c.generatedSecrets(o)
		if err != nil {
			found.add(c.origin("dsn"), "secrets", "%v", err)
			return
		}
		c.generated, s.Cookie = generated, generated
		c.notes["secrets.cookie"] = from
	}
	for _, each := range []struct {
		name   string
		list   *[]string
		length int // of a derived text, 6 bits in each character
	}{
		{"default", &s.Default, 43},
		{"cipher", &s.Cipher, cipherSecret},
		{"pagination", &s.Pagination, 43},
	} {
		if len(*each.list) > 0 {
			continue
		}
		for _, secret := range s.Cookie {
			derived, err := derive(secret, each.name, each.length)
			if err != nil {
				found.add(Origin{}, "secrets."+each.name, "cannot be derived: %v", err)
				return
			}
			*each.list = append(*each.list, derived)
		}
		c.notes["secrets."+each.name] = "derived from secrets.cookie"
	}
}

// derive makes a secret for one purpose out of another (HKDF, RFC 5869, with
// SHA-256, without salt). The purpose is bound in, so that knowing the one
// tells nothing about the other.
func derive(secret, purpose string, length int) (string, error) {
	raw, err := hkdf.Key(sha256.New, []byte(secret), nil, "zelus secrets."+purpose+" v1", length)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw)[:length], nil
}

// generatedSecrets gives the secrets of a server whose operator configured
// none, and says where they come from.
func (c *Config) generatedSecrets(o Options) (secrets []string, from string, err error) {
	dsn, err := ParseDSN(c.DSN)
	if err != nil {
		return nil, "", err
	}
	switch {
	case dsn.Dialect != "sqlite":
		return nil, "", fmt.Errorf("are required with this database, because every server must have the same; add these lines\nsecrets:\n  cookie:\n    - %s\n  cipher:\n    - %s",
			freshSecret(43), freshSecret(cipherSecret))
	case len(o.generated) > 0:
		return o.generated, "generated for this process", nil
	case dsn.Memory:
		return []string{freshSecret(43)}, "generated for this process", nil
	}
	name := dsn.Path + ".secrets"
	secrets, err = readSecrets(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return secrets, "from " + name, err
	}
	if o.Existing {
		return nil, "", fmt.Errorf("are not configured, and there is no file %s, which the server makes at its first start; start it once, and run this in the same folder", name)
	}
	if o.ReadOnly {
		return []string{freshSecret(43)}, "generated; the server will keep its own in " + name, nil
	}
	if c.origin("dsn").builtIn() {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return nil, "", fmt.Errorf("the data folder cannot be made: %w", err)
		}
	}
	raw := make([]byte, 32)
	rand.Read(raw) // never fails (crypto/rand)
	if err := createSecrets(name, base64.StdEncoding.EncodeToString(raw)+"\n"); err != nil {
		return nil, "", fmt.Errorf("are not configured, and generated ones cannot be kept beside the database: %w", err)
	}
	secrets, err = readSecrets(name) // another server may have been faster
	return secrets, "from " + name, err
}

// readSecrets reads generated secrets, one a line, the newest first. It
// refuses a file that others may read.
func readSecrets(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	const windows = "windows" // has no such mode bits
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	case info.Size() > 64<<10:
		return nil, fmt.Errorf("%s is too large to be a file of secrets", name)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != windows:
		return nil, fmt.Errorf("%s can be read or written by others (mode %04o); run: chmod 600 %s", name, info.Mode().Perm(), name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	secrets := strings.Fields(string(data))
	for i, secret := range secrets {
		if len(secret) < minSecret {
			return nil, fmt.Errorf("%s holds a secret with fewer than %d characters (number %d)", name, minSecret, i+1)
		}
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%s is empty; restore it, or delete it to begin with new secrets (all sessions end)", name)
	}
	return secrets, nil
}

// createSecrets writes a file that nobody else can read. It appears whole or
// not at all, also after a power cut, and never replaces one that is there.
func createSecrets(name, content string) error {
	temporary := name + "." + freshSecret(8)
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	_, err = f.WriteString(content)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	// A link is made only if the name is free; a rename would replace the
	// secrets of a server that was started at the same moment.
	switch err := os.Link(temporary, name); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil: // a file system without links
		if err := os.Rename(temporary, name); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder makes a new name in a folder last. Not every system can.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	_ = folder.Sync()
	return folder.Close()
}

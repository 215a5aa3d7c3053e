// Command preview writes all built-in messages in all languages into a folder,
// with a page of links to them, so that somebody can look at them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zelus/internal/auth"
	"zelus/internal/courier/templates"
	"zelus/internal/language"
	"zelus/internal/source"
)

func main() {
	out := flag.String("out", "bin/mails", "the folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "preview:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	all, err := templates.New(context.Background(), templates.Settings{Brand: "Acme Cloud", Languages: language.New(nil)}, source.Reader{})
	if err != nil {
		return err
	}
	var index strings.Builder
	index.WriteString("<!DOCTYPE html>\n<meta charset=utf-8>\n<title>Mails</title>\n")
	for _, tag := range language.Tags() {
		folder := filepath.Join(out, tag)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		fmt.Fprintf(&index, "<h2 lang=en>%s</h2>\n<ul>\n", tag)
		texts := ""
		for _, name := range templates.Names(auth.ViaEmail) {
			r, err := all.Render(name, auth.ViaEmail, tag, sample(name))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, name+".html"), []byte(r.HTML), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(&index, "<li><a href=\"%s/%s.html\">%s</a></li>\n", tag, name, name)
			texts += "== " + name + "\n" + r.Subject + "\n\n" + r.Body + "\n"
		}
		for _, name := range templates.Names(auth.ViaSMS) {
			r, err := all.Render(name, auth.ViaSMS, tag, sample(name))
			if err != nil {
				return err
			}
			texts += "== " + name + ", text message\n" + r.Body + "\n\n"
		}
		if err := os.WriteFile(filepath.Join(folder, "plain.txt"), []byte(texts), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&index, "<li><a href=\"%s/plain.txt\">plain text</a></li>\n</ul>\n", tag)
	}
	return os.WriteFile(filepath.Join(out, "index.html"), []byte(index.String()), 0o644)
}

func sample(name string) templates.Data {
	expires := 15
	switch name {
	case "address_undo":
		expires = 72 * 60
	case "account_deletion":
		expires = 14 * 24 * 60
	}
	change := ""
	if strings.HasPrefix(name, "authenticator_") {
		change = templates.ChangePasskey // other messages are about no way to sign in
	}
	const link = "https://id.example.org/self-service/verification?flow=0f6f2c1e-2d0b-4b7d-9c55-7f2f1c6a9b10&code=482915"
	at := time.Date(2026, time.November, 22, 4, 15, 0, 0, time.UTC)
	return templates.Data{To: "ada.lovelace@example.org", RecoveryCode: "482915", RecoveryURL: link, VerificationCode: "482915", VerificationURL: link,
		LoginCode: "482915", RegistrationCode: "482915", Identity: json.RawMessage(`{"traits":{"email":"ada.lovelace@example.org"}}`),
		RequestURL: "https://id.example.org/self-service/login/browser", ExpiresInMinutes: expires, ChangedAt: at, AddedAt: at,
		UndoURL: "https://id.example.org/self-service/undo?token=9dG2kq0ZtE1yVwHn", Change: change}
}

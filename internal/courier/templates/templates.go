package templates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"zelus/internal/auth"
	"zelus/internal/language"
	"zelus/internal/source"
)

// Ways to sign in, for Data.Change: names of language.Language.Method.
const (
	ChangePassword = "password"
	ChangeTOTP     = "totp"
	ChangeLookup   = "lookup_secret"
	ChangeWebAuthn = "webauthn"
	ChangePasskey  = "passkey"
	ChangeCode     = "code"
	ChangeOIDC     = "oidc"
)

// Data is what a message may say. Each template shows some of it; see kinds.
type Data struct {
	To string // an email address or a phone number

	RecoveryCode, RecoveryURL         string
	VerificationCode, VerificationURL string
	LoginCode, RegistrationCode       string

	// Identity is the identity as the session check shows it, without what is
	// for administrators only; nil where there is none.
	Identity json.RawMessage
	// Traits are those of somebody who signs up.
	Traits json.RawMessage
	// RequestURL is the URL with which the flow began.
	RequestURL string
	// TransientPayload is that of the submission; nil where it had none.
	TransientPayload json.RawMessage
	// ExpiresInMinutes is how long code and link are valid. Where it is 0, the
	// built-in texts do not say.
	ExpiresInMinutes int
	// ChangedAt or AddedAt is when it happened, in a notice.
	ChangedAt, AddedAt time.Time
	// UndoURL takes a change of address back.
	UndoURL string
	// Change is one of the constants: which way to sign in a notice is about. With
	// none of them the notice does not say it.
	Change string
}

// Rendered is a message as it is sent.
type Rendered struct {
	Subject string // one line; empty for a text message
	Body    string // plain text
	HTML    string // empty for a text message
	// Data is the template_data of Kratos' wire, for services that are handed
	// messages over HTTP.
	Data json.RawMessage
	// Fault says which of the operator's templates failed, so that the built-in
	// text stands in its place. It is to be logged; nothing of the message is in it.
	Fault error
}

// Settings are where texts come from besides the built-in ones.
type Settings struct {
	// Brand is the name of the service, as mails call it. Needed.
	Brand string
	// Languages are the texts that mails and pages share. Needed.
	Languages *language.Texts
	// Dir is the folder of the operator's templates
	// (courier.template_override_path); empty for none.
	Dir string
	// Remote are the URLs of templates, by the key below courier.templates, such
	// as recovery.valid.email.body.html. Empty ones count as not set.
	Remote map[string]string
}

// Templates makes messages. It never changes and is safe for concurrent use.
type Templates struct {
	brand     string
	languages *language.Texts
	texts     *language.Files[texts]
	overrides map[place]*custom
}

// New reads and parses everything that messages are made of. fetch reads those
// of Settings.Remote; without a client only what needs no network. The error
// lists all that is wrong, each with its setting and its file.
func New(ctx context.Context, s Settings, fetch source.Reader) (*Templates, error) {
	t := &Templates{brand: clean(s.Brand), languages: s.Languages, texts: language.NewFiles[texts](languageFiles, "languages")}
	var err error
	if t.overrides, err = readOverrides(ctx, s, fetch); err != nil {
		return nil, err
	}
	return t, nil
}

// Render makes a message of the template with this name. via is auth.ViaEmail
// or auth.ViaSMS, tag one of language.Tags; any other is English. An operator's
// template that fails is replaced by the built-in text; see Rendered.Fault.
func (t *Templates) Render(template, via, tag string, d Data) (*Rendered, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == template })
	if i < 0 {
		return nil, fmt.Errorf("templates: there is no template %q", template)
	}
	k := &kinds[i]
	fields := k.fields(via)
	if fields == nil {
		return nil, fmt.Errorf("templates: the template %s cannot go by %q", template, via)
	}
	data, err := encode(fields, &d)
	if err != nil {
		return nil, fmt.Errorf("templates: %s: %w", template, err)
	}
	spoken, err := t.languages.In(tag)
	if err != nil {
		return nil, fmt.Errorf("templates: %s: %w", template, err)
	}
	words, err := t.texts.In(tag)
	if err != nil {
		return nil, fmt.Errorf("templates: %s: %w", template, err)
	}
	r := &Rendered{Data: data}
	b := builtin{language: spoken, texts: words, words: words.Templates[k.words], brand: t.brand, kind: k, data: &d}
	if via == auth.ViaSMS {
		r.Body = b.sms()
	} else if err := b.mail(r); err != nil {
		return nil, fmt.Errorf("templates: %s: %w", template, err)
	}
	return r, t.override(r, k, via, spoken.Tag, &d)
}

// override replaces what the operator has written templates for.
func (t *Templates) override(r *Rendered, k *kind, via, tag string, d *Data) error {
	var shown *view
	var faults []error
	for _, p := range parts {
		o := t.overrides[place{k.name, p.file}]
		if o == nil || p.via != via {
			continue
		}
		if shown == nil {
			var err error
			if shown, err = newView(r.Data, d, tag, t.brand); err != nil {
				return fmt.Errorf("templates: %s: %w", k.name, err)
			}
		}
		text, err := o.set.Run(p.file, shown)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w; the built-in text was sent instead", o.origin, err))
			continue
		}
		// A member that somebody's traits do not have is nothing, not these words.
		p.put(r, strings.ReplaceAll(text, "<no value>", ""))
	}
	r.Fault = errors.Join(faults...)
	return nil
}

// clean makes one line of a text that comes from outside, so that it cannot
// look like lines of ours.
func clean(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

package ceremony

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/secret"
	"zelus/internal/ui"
)

// Challenge is what authenticators have to answer in this form. It is made when
// the form asks first and stays the same as long as the form lives, so that an
// answer fits that was given to an earlier rendering of it; its success ends it
// (section 13.4.3).
func Challenge(form *flow.Form, method string) []byte {
	return kept(form, method+"_challenge", func() []byte { return secret.Bytes(32) })
}

// handleLength is that of a new user handle: as long as they may be (section 5.4.3).
const handleLength = 64

// Handle is the handle of the person who makes a key in this form: the one that
// their other keys have, or a new one. It is text, because passkeys are looked up
// by it.
func Handle(form *flow.Form, method string, have Config) []byte {
	if len(have.UserHandle) > 0 {
		return have.UserHandle
	}
	return kept(form, method+"_user_handle", func() []byte { return []byte(secret.Token("", handleLength)) })
}

func kept(form *flow.Form, name string, fresh func() []byte) []byte {
	if have := form.Kept(name); have != nil {
		return have
	}
	made := fresh()
	form.Keep(name, made)
	return made
}

// Sent says whether a submission has one of these fields, with something in it.
func Sent(s *flow.Submission, fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { return s.Values.String(f) != "" })
}

// OnPage says whether the form is shown by a page, which can run the script.
func OnPage(form *flow.Form) bool { return form.Flow.Type == auth.Browser }

// PutScript adds the script to a form that a page shows.
func PutScript(form *flow.Form) {
	if OnPage(form) {
		form.UI.Put(ui.Script(ui.GroupWebAuthn, "webauthn_script", strings.TrimRight(form.Config.PublicURL().String(), "/")+ScriptPath, Integrity, uuid.NewString()))
	}
}

// Call is a call of one of the script's functions, for pages; arguments are JSON.
func Call(form *flow.Form, function, arguments string) string {
	if !OnPage(form) {
		return ""
	}
	return "window." + function + "(" + arguments + ")"
}

// PutRemoval adds a button for each key with which it is removed. last says that
// a key is all that its owner has to sign in with.
func PutRemoval(form *flow.Form, group, field string, label int, keys []Key, last func(*Key) bool) {
	for i := range keys {
		k := &keys[i]
		n := ui.Button(group, field, k.HexID(), ui.Say(label, "display_name", k.name(), "added_at", k.AddedAt))
		n.Attributes.Disabled = last(k)
		form.UI.Put(n)
	}
}

// generic is a problem of the whole form.
func generic(reason string) flow.Problem {
	return flow.Problem{Message: ui.Say(ui.ErrorGeneric, "reason", reason)}
}

// Unreadable is what people are told whose page has sent no answer of an
// authenticator.
func Unreadable() flow.Problem {
	return generic("The page did not send what your security key or passkey answered. Load the page again and try once more.")
}

// NotMade is what they are told where no key can be made of an answer.
func NotMade() flow.Problem {
	return generic("This security key or passkey could not be set up. Load the page again and try once more.")
}

// maxKeys bounds how many keys of a type somebody can have.
const maxKeys = 64

// Full says whether somebody has so many keys that no further one is taken.
func (c Config) Full() bool { return len(c.Keys) >= maxKeys }

// TooMany is what they are told then.
func TooMany() flow.Problem {
	return generic("You have as many keys as an account can have. Remove one that you do not use any more, then add this one.")
}

// Remove decides about removing the key that a field names. last says that a key
// is all that its owner has to sign in with; set puts the keys that are left into
// the identity.
func Remove(s *flow.Submission, t auth.CredentialType, field string, last func(*Key) bool, set func(*auth.Identity, Config, time.Time)) flow.Outcome {
	id, err := hex.DecodeString(s.Values.String(field))
	c, _ := s.Credential(t)
	keys := Read(c)
	at := keys.find(id)
	if err != nil || at < 0 {
		return flow.Again(generic("This account has no such key any more."))
	}
	if last(&keys.Keys[at]) {
		p := generic("You could not sign in any more without this key. Set up something else first.")
		p.Field = field
		return flow.Again(p)
	}
	return flow.Changed(func(i *auth.Identity, now time.Time) {
		left := Read(i.Credentials[t])
		set(i, left.Only(func(k *Key) bool { return !slices.Equal(k.ID, id) }), now)
	})
}

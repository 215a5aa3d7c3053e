package ceremony

import (
	"slices"
	"strings"

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

// generic is a problem of the whole form.
func generic(reason string) flow.Problem {
	return flow.Problem{Message: ui.Say(ui.ErrorGeneric, "reason", reason)}
}

// Unreadable is what people are told whose page has sent no answer of an
// authenticator.
func Unreadable() flow.Problem {
	return generic("The page did not send what your security key or passkey answered. Load the page again and try once more.")
}

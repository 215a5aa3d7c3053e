package auth

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/google/uuid"

	"zelus/internal/ui"
)

// Kind is one of the five self-service flows.
type Kind string

// The five kinds. They are one type, one table, one handler.
const (
	Login        Kind = "login"
	Registration Kind = "registration"
	Settings     Kind = "settings"
	Recovery     Kind = "recovery"
	Verification Kind = "verification"
)

// FlowType tells apps that hold a token from browsers that hold cookies.
type FlowType string

// The two types. A single-page app that talks JSON is a browser.
const (
	API     FlowType = "api"
	Browser FlowType = "browser"
)

// States of a flow. Settings uses its own two, recovery adds more with the
// choice among several addresses.
const (
	ChooseMethod    = "choose_method"
	SentEmail       = "sent_email"
	PassedChallenge = "passed_challenge"
	ShowForm        = "show_form"
	Success         = "success"

	RecoveryAwaitingAddress       = "recovery_awaiting_address"
	RecoveryAwaitingAddressChoice = "recovery_awaiting_address_choice"
	RecoveryConfirmingAddress     = "recovery_confirming_address"
	RecoveryAwaitingCode          = "recovery_awaiting_code"
)

// Step says how much of a form is shown.
type Step string

// A form shows everything at once, or in two steps: first it asks who somebody
// is, then how they prove it.
const (
	AtOnce     Step = ""
	FirstStep  Step = "first"
	SecondStep Step = "second"
)

// Flow is one form on its way: what was asked for, what the form looks like
// now, and how far it has come. A flow can be started again, so losing one to
// a crash costs a person one reload.
type Flow struct {
	ID         uuid.UUID `json:"-"`
	Project    uuid.UUID `json:"-"`
	Kind       Kind      `json:"-"`
	Type       FlowType  `json:"type"`
	State      string    `json:"state"`
	Active     string    `json:"active,omitempty"`
	RequestURL string    `json:"request_url"`
	// CSRF is the keyed hash of the CSRF cookie that a browser's flow is
	// bound to; empty for API flows.
	CSRF []byte `json:"csrf,omitempty"`
	// Reader is the same of the browser in which the link of the flow's message
	// was opened, where that did not end the flow for others.
	Reader    []byte       `json:"reader,omitempty"`
	UI        ui.Container `json:"ui"`
	IssuedAt  time.Time    `json:"issued_at"`
	ExpiresAt time.Time    `json:"-"`
	CreatedAt time.Time    `json:"created_at"`
	UpdatedAt time.Time    `json:"updated_at"`

	// Refresh and RequestedAAL are of a login: that somebody who is signed in
	// proves again who they are, and how strongly.
	Refresh      bool `json:"refresh,omitempty"`
	RequestedAAL AAL  `json:"aal,omitempty"`
	// IdentityID is whose flow this is, where that is known at the start: in a
	// login of somebody who is signed in, and in settings.
	IdentityID uuid.UUID `json:"identity,omitzero"`
	// SchemaID is the identity schema that a login or registration was asked
	// for; empty means the default.
	SchemaID string `json:"schema,omitempty"`
	// Step is how far the form of a login or registration in two steps has come.
	Step Step `json:"step,omitempty"`
	// Identifier is who somebody has said they are in the first of two steps, as it
	// was typed.
	Identifier string `json:"identifier,omitempty"`

	// Alone is the method that has the form to itself; empty where it is for all.
	Alone string `json:"alone,omitempty"`

	// Address is where a code or a link was sent, or shall be, as addresses are kept.
	Address string `json:"address,omitempty"`
	// Confirmed is the address that was chosen among several, and typed once
	// more; ConfirmPhone says that the one to be typed is a phone number.
	Confirmed    string `json:"confirmed,omitempty"`
	ConfirmPhone bool   `json:"confirm_phone,omitempty"`
	// Resend is the field by which the code is sent again, where that is not
	// "email".
	Resend string `json:"resend,omitempty"`
	// Unbound says that whoever has the id may see and submit a browser's flow:
	// an administrator has begun it for somebody.
	Unbound bool `json:"unbound,omitempty"`
	// Undo says that a recovery takes back a change of address, and Opened that
	// its link was opened, in the browser to which the flow belongs since.
	Undo   bool `json:"undo,omitempty"`
	Opened bool `json:"opened,omitempty"`
	// Code is one that the link of a message has filled in, for whom Reader is.
	Code string `json:"-"`
	// Private is what methods remember of a form and nobody is told: a secret that
	// is being set up, a challenge. It ends with the form's success.
	Private map[string]Kept `json:"-"`
	// Sealed is how Code and Private are stored, and with them the nodes that hold
	// secrets: encrypted.
	Sealed []byte `json:"private,omitempty"`
	// HandedOut says that the flow was begun for somebody by an administrator or
	// by the server itself: it goes on where others cannot begin one.
	HandedOut bool `json:"handed_out,omitempty"`
	// SkipSettings says that a recovery leads no further than to a session.
	SkipSettings bool `json:"skip_settings,omitempty"`
	// Recovered says that settings were begun by a recovery, for a new password.
	Recovered bool `json:"recovered,omitempty"`

	// Filled says that the form shows the traits of its owner, which are put into
	// it whenever it is read, and not stored a second time.
	Filled bool `json:"filled,omitempty"`

	// TransientPayload is sent along with a submission and never stored.
	TransientPayload json.RawMessage `json:"-"`
	// Done is set once the flow has succeeded; the store lets only one
	// submission do that.
	Done bool `json:"-"`
}

// Kept is one thing that is remembered of a form.
type Kept struct {
	Value []byte `json:"value"`
	// Until is when it is forgotten; zero where it lasts as long as the form.
	Until time.Time `json:"until,omitzero"`
}

// Over says whether it is forgotten by now.
func (k Kept) Over(now time.Time) bool { return !k.Until.IsZero() && !now.Before(k.Until) }

// ReturnTo is where the request that began the flow wants the browser to go
// in the end; empty if it did not say.
func (f *Flow) ReturnTo() string {
	u, err := url.Parse(f.RequestURL)
	if err != nil {
		return ""
	}
	return u.Query().Get("return_to")
}

// ContinueWith is one thing for a client to do after a flow.
type ContinueWith struct {
	Action            string            `json:"action"`
	SessionToken      string            `json:"ory_session_token,omitempty"`
	RedirectBrowserTo string            `json:"redirect_browser_to,omitempty"`
	Flow              *ContinueWithFlow `json:"flow,omitempty"`
}

// ContinueWithFlow names the flow that a client should show next.
type ContinueWithFlow struct {
	ID                uuid.UUID `json:"id"`
	VerifiableAddress string    `json:"verifiable_address,omitempty"`
	URL               string    `json:"url,omitempty"`
}

// Values of ContinueWith.Action.
const (
	SetSessionToken    = "set_ory_session_token"
	RedirectBrowserTo  = "redirect_browser_to"
	ShowVerificationUI = "show_verification_ui"
	ShowSettingsUI     = "show_settings_ui"
	ShowRecoveryUI     = "show_recovery_ui"
)

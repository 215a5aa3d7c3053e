package templates

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"zelus/internal/auth"
)

// kind is one template: a message that somebody may get.
type kind struct {
	name string
	// folder is where operators put files for it, below the folder of overrides.
	folder string
	// key is where its URLs stand, below courier.templates; empty: nowhere.
	key string
	// words names its texts in the files of languages.
	words string
	// code and link are what the person is to use, where there is such a thing.
	code, link func(*Data) string
	// email and sms are what template_data holds; nil where it cannot go that way.
	email, sms []field
}

// field is a member of template_data.
type field struct {
	name  string
	value func(*Data) any
}

var (
	to               = field{"to", func(d *Data) any { return d.To }}
	recoveryCode     = field{"recovery_code", func(d *Data) any { return d.RecoveryCode }}
	recoveryURL      = field{"recovery_url", func(d *Data) any { return d.RecoveryURL }}
	verificationCode = field{"verification_code", func(d *Data) any { return d.VerificationCode }}
	verificationURL  = field{"verification_url", func(d *Data) any { return d.VerificationURL }}
	loginCode        = field{"login_code", func(d *Data) any { return d.LoginCode }}
	registrationCode = field{"registration_code", func(d *Data) any { return d.RegistrationCode }}
	identity         = field{"identity", func(d *Data) any { return d.Identity }}
	traits           = field{"traits", func(d *Data) any { return d.Traits }}
	requestURL       = field{"request_url", func(d *Data) any { return d.RequestURL }}
	transient        = field{"transient_payload", func(d *Data) any { return d.TransientPayload }}
	expires          = field{"expires_in_minutes", func(d *Data) any { return d.ExpiresInMinutes }}
	changedAt        = field{"changed_at", func(d *Data) any { return moment(d.ChangedAt) }}
	addedAt          = field{"added_at", func(d *Data) any { return moment(d.AddedAt) }}
	undoURL          = field{"undo_url", func(d *Data) any { return d.UndoURL }}
	change           = field{"change", func(d *Data) any { return d.Change }}

	// In text messages Kratos has the code of a recovery under this name.
	recoveryCodeSMS = field{"verification_code", recoveryCode.value}
	// Kratos has an identity in the text message of a registration; there is none
	// yet, so that it is one of traits only.
	newIdentity = field{"identity", func(d *Data) any {
		if len(d.Identity) > 0 || len(d.Traits) == 0 {
			return d.Identity
		}
		return map[string]json.RawMessage{"traits": d.Traits}
	}}
)

// kinds is every template. Those of Kratos come first, and have the fields that
// it gives them in either channel.
var kinds = []kind{
	{name: "recovery_invalid", folder: "recovery/invalid", key: "recovery.invalid", words: "recovery_invalid",
		email: []field{to, requestURL, transient}},
	{name: "recovery_valid", folder: "recovery/valid", key: "recovery.valid", words: "recovery_valid",
		link:  func(d *Data) string { return d.RecoveryURL },
		email: []field{to, recoveryURL, identity, requestURL, transient, expires},
		sms:   []field{to, recoveryURL, identity, requestURL, transient, expires}},
	{name: "recovery_code_invalid", folder: "recovery_code/invalid", key: "recovery_code.invalid", words: "recovery_invalid",
		email: []field{to, requestURL, transient}},
	{name: "recovery_code_valid", folder: "recovery_code/valid", key: "recovery_code.valid", words: "recovery_code_valid",
		code:  func(d *Data) string { return d.RecoveryCode },
		email: []field{to, recoveryCode, identity, requestURL, transient, expires},
		sms:   []field{to, recoveryCodeSMS, identity, requestURL, transient, expires}},
	{name: "verification_invalid", folder: "verification/invalid", key: "verification.invalid", words: "verification_invalid",
		email: []field{to, requestURL, transient}},
	{name: "verification_valid", folder: "verification/valid", key: "verification.valid", words: "verification_valid",
		link:  func(d *Data) string { return d.VerificationURL },
		email: []field{to, verificationURL, identity, requestURL, transient, expires},
		sms:   []field{to, verificationURL, identity, requestURL, transient, expires}},
	{name: "verification_code_invalid", folder: "verification_code/invalid", key: "verification_code.invalid", words: "verification_invalid",
		email: []field{to, requestURL, transient}},
	{name: "verification_code_valid", folder: "verification_code/valid", key: "verification_code.valid", words: "verification_code_valid",
		code:  func(d *Data) string { return d.VerificationCode },
		link:  func(d *Data) string { return d.VerificationURL },
		email: []field{to, verificationURL, verificationCode, identity, requestURL, transient, expires},
		sms:   []field{to, verificationCode, identity, requestURL, transient, expires}},
	{name: "login_code_valid", folder: "login_code/valid", key: "login_code.valid", words: "login_code_valid",
		code:  func(d *Data) string { return d.LoginCode },
		email: []field{to, loginCode, identity, requestURL, transient, expires},
		sms:   []field{to, loginCode, identity, requestURL, transient, expires}},
	{name: "registration_code_valid", folder: "registration_code/valid", key: "registration_code.valid", words: "registration_code_valid",
		code:  func(d *Data) string { return d.RegistrationCode },
		email: []field{to, traits, registrationCode, requestURL, transient, expires},
		sms:   []field{to, registrationCode, newIdentity, requestURL, transient, expires}},
	{name: "verifiable_address_changed", folder: "verifiable_address_changed", key: "verifiable_address_changed", words: "verifiable_address_changed",
		email: []field{to, identity, changedAt, transient},
		sms:   []field{to, identity, changedAt, transient}},
	{name: "authenticator_key_added", folder: "authenticator_key_added", words: "authenticator_added",
		email: []field{to, identity, addedAt, transient},
		sms:   []field{to, identity, addedAt, transient}},

	// Ours. address_undo goes to a former address, whose reader need not learn the
	// new one, so that it has no identity.
	{name: "address_undo", folder: "address_undo", words: "address_undo",
		link:  func(d *Data) string { return d.UndoURL },
		email: []field{to, undoURL, requestURL, changedAt, transient, expires},
		sms:   []field{to, undoURL, requestURL, changedAt, transient, expires}},
	// What a stranger has sent along is not for who has the account.
	{name: "account_exists", folder: "account_exists", words: "account_exists",
		email: []field{to, identity, requestURL},
		sms:   []field{to, identity, requestURL}},
	{name: "account_deletion", folder: "account_deletion", words: "account_deletion",
		link:  func(d *Data) string { return d.UndoURL },
		email: []field{to, identity, undoURL, requestURL, changedAt, transient, expires},
		sms:   []field{to, identity, undoURL, requestURL, changedAt, transient, expires}},
	notice("account_deleted", changedAt),
	notice("password_changed", changedAt),
	notice("account_recovered", changedAt),
	notice("authenticator_added", addedAt, change),
	notice("authenticator_removed", changedAt, change),
	notice("authenticator_used", changedAt, change),
}

// notice is a template that tells of something that has happened.
func notice(name string, own ...field) kind {
	fields := append([]field{to, identity, requestURL, transient}, own...)
	return kind{name: name, folder: name, words: name, email: fields, sms: fields}
}

// Names lists the templates that can go by a channel.
func Names(via string) []string {
	var names []string
	for _, k := range kinds {
		if k.fields(via) != nil {
			names = append(names, k.name)
		}
	}
	return names
}

// fields are what template_data holds in a channel; nil where the template
// cannot go that way.
func (k *kind) fields(via string) []field {
	switch via {
	case auth.ViaEmail:
		return k.email
	case auth.ViaSMS:
		return k.sms
	}
	return nil
}

// has says whether template_data of a mail holds the field.
func (k *kind) has(f field) bool {
	return slices.ContainsFunc(k.email, func(own field) bool { return own.name == f.name })
}

// encode writes template_data.
func encode(fields []field, d *Data) (json.RawMessage, error) {
	all := map[string]any{}
	for _, f := range fields {
		all[f.name] = f.value(d)
	}
	return json.Marshal(all)
}

// moment is a time as template_data has it.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// view is what operators' templates see: the fields of template_data by the
// names that Kratos gives them in Go, and some more.
type view struct {
	To               string         `json:"to"`
	RecoveryCode     string         `json:"recovery_code"`
	RecoveryURL      string         `json:"recovery_url"`
	VerificationCode string         `json:"verification_code"`
	VerificationURL  string         `json:"verification_url"`
	LoginCode        string         `json:"login_code"`
	RegistrationCode string         `json:"registration_code"`
	Identity         map[string]any `json:"identity"`
	Traits           map[string]any `json:"traits"`
	RequestURL       string         `json:"request_url"`
	TransientPayload map[string]any `json:"transient_payload"`
	ExpiresInMinutes int            `json:"expires_in_minutes"`
	ChangedAt        string         `json:"changed_at"`
	AddedAt          string         `json:"added_at"`
	UndoURL          string         `json:"undo_url"`
	Change           string         `json:"change"`

	// RequestURLDomain is the host of RequestURL, without port.
	RequestURLDomain string `json:"-"`
	// OAuth2LoginRequest is nothing: nobody is signed in for another server.
	OAuth2LoginRequest any `json:"-"`
	// Language is the one that the built-in text has.
	Language string `json:"-"`
	// Brand is the name of the service.
	Brand string `json:"-"`
}

// newView makes the view of a message with this template_data.
func newView(data json.RawMessage, d *Data, tag, brand string) (*view, error) {
	v := &view{RequestURLDomain: host(d.RequestURL), Language: tag, Brand: brand}
	if err := json.Unmarshal(data, v); err != nil {
		return nil, err
	}
	// In a text message it stands under another name in template_data.
	v.RecoveryCode = cmp.Or(v.RecoveryCode, d.RecoveryCode)
	return v, nil
}

// host is the host in an address, without port; empty where there is none.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

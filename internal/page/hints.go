package page

import (
	"strings"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/ui"
)

// What the wire does not say about single fields and messages, and a page has to know.
// Whatever stands in none of these tables is shown by its type.

// hint is how a field is typed into (HTML, sections 4.10.18.7, 6.8.4 to 6.8.6).
type hint struct {
	autocomplete string
	inputMode    string
	enterKey     string
	code         bool // a code that a person copies from somewhere
}

// hints by the name of the field.
var hints = map[string]hint{
	"identifier":                    {autocomplete: "username"},
	"code":                          {autocomplete: "one-time-code", inputMode: "numeric", enterKey: "go", code: true},
	"totp_code":                     {autocomplete: "one-time-code", inputMode: "numeric", enterKey: "go", code: true},
	"lookup_secret":                 {autocomplete: "off", enterKey: "go", code: true},
	"email":                         {autocomplete: "email", inputMode: "email", enterKey: "go"},
	"recovery_address":              {autocomplete: "username", enterKey: "go"},
	"recovery_confirm_address":      {autocomplete: "off", enterKey: "go"},
	"webauthn_register_displayname": {autocomplete: "off", enterKey: "done"},
}

// alone are groups whose way of signing in, or signing up, needs nothing that stands
// outside of them.
var alone = map[auth.Kind]map[string]bool{
	auth.Login:        {ui.GroupPasskey: true, ui.GroupOIDC: true, "saml": true},
	auth.Registration: {ui.GroupOIDC: true, "saml": true},
}

// ranks put ways to do something in order, the best first: what cannot be stolen by a
// page that looks like this one, then what most people have. A group without a rank
// follows those with one.
var ranks = []string{ui.GroupPasskey, ui.GroupIdentifierFirst, ui.GroupProfile, ui.GroupPassword, ui.GroupTOTP, ui.GroupCode, ui.GroupLink, ui.GroupWebAuthn,
	ui.GroupOIDC, "saml"}

// lastResorts are ways for whoever has lost the others.
var lastResorts = map[string]bool{ui.GroupLookupSecret: true}

// about are the fields that a message is about which stands above the form: it belongs
// to the first of them that the form has, and all of them are wrong.
var about = map[int][]string{
	ui.ErrorInvalidCredentials:       {"password", "identifier"},
	ui.ErrorVerifierWrong:            {"totp_code"},
	ui.ErrorLookupWrong:              {"lookup_secret"},
	ui.ErrorLookupUsed:               {"lookup_secret"},
	ui.ErrorLoginCode:                {"code"},
	ui.ErrorRegistrationCode:         {"code"},
	ui.ErrorRecoveryCode:             {"code"},
	ui.ErrorVerificationCode:         {"code"},
	ui.ErrorNoCodeUser:               {"identifier"},
	ui.ErrorNoKeyUser:                {"identifier"},
	ui.ErrorAccountNotFound:          {"identifier"},
	ui.ErrorAddressUnverified:        {"identifier"},
	ui.ErrorLoginAddressUnknown:      {"identifier"},
	ui.ErrorDuplicate:                {usernames},
	ui.ErrorDuplicateWithHints:       {usernames},
	ui.ErrorIdentifierMissing:        {usernames},
	ui.ErrorPasswordPolicy:           {"password"},
	ui.ErrorPasswordTooSimilar:       {"password"},
	ui.ErrorPasswordMinLength:        {"password"},
	ui.ErrorPasswordMaxLength:        {"password"},
	ui.ErrorPasswordBreached:         {"password"},
	ui.ErrorPasswordUnchanged:        {"password"},
	ui.ErrorSettingsTooManyAddresses: {usernames},
}

// inGroup is a message and the group of nodes in which it stands.
type inGroup struct {
	message int
	group   string
}

// nearer are texts of pages in the place of messages that many groups share, and that
// can be said better in this one. Clients of the API are told the message.
var nearer = map[inGroup]string{
	{ui.LabelSignUp, ui.GroupProfile}:        "go_on", // there is another step
	{ui.LabelSignUp, ui.GroupPassword}:       "button.sign_up_password",
	{ui.LabelSave, ui.GroupPassword}:         "button.save_password",
	{ui.LabelSave, ui.GroupTOTP}:             "button.add_app",
	{ui.LabelSignInTOTPSubmit, ui.GroupTOTP}: "go_on",
	{ui.ErrorVerifierWrong, ui.GroupTOTP}:    "wrong.app",
}

// done are the texts for what was done before a page of somebody who is signed in; that an
// account is deleted is said on another.
var done = map[flow.Word]string{
	flow.WordSaved:         "done.saved",
	flow.WordKept:          "done.kept",
	flow.WordRevoked:       "done.revoked",
	flow.WordRevokedOthers: "done.revoked_others",
	flow.WordTrusted:       "done.trusted",
	flow.WordDistrusted:    "done.distrusted",
	flow.WordDistrustedAll: "done.distrusted_all",
}

// saidByTitle are messages that the title of their page says already.
var saidByTitle = []int{ui.InfoReauthenticate, ui.InfoSignUpChooseMethod, ui.SuccessVerification, ui.SuccessVerificationPhone}

// usernames stands for the trait by which somebody signs in, in about.
const usernames = "\x00username"

// questions are what is asked before a button takes something away, by its name; of others
// "remove.question" is.
var questions = map[string]string{
	"passkey_remove":        "remove.passkey_remove",
	"webauthn_remove":       "remove.webauthn_remove",
	"totp_unlink":           "remove.totp_unlink",
	"lookup_secret_disable": "remove.lookup_secret_disable",
}

// events are what somebody did when they proved who they are, as their history says it;
// anything else is a sign-in.
var events = map[auth.Event]string{
	auth.SignedUp:     "history.registration",
	auth.ProvenAgain:  "history.refresh",
	auth.ProvenSecond: "history.second_factor",
	auth.Recovered:    "history.recovery",
}

// removes says whether a button takes something away, by its name: such a one asks
// before it acts.
func removes(name string) bool {
	for _, end := range []string{"unlink", "_remove", "_disable"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// resends says whether a button has something sent once more, which takes a moment to
// arrive.
func resends(n *ui.Node) bool { return n.Meta.Label != nil && n.Meta.Label.ID == ui.LabelResend }

// goesBack says whether a button leads to an earlier step.
func goesBack(n *ui.Node) bool {
	return n.Attributes.Name == "screen"
}

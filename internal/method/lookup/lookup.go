package lookup

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"strings"
	"time"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/onetime"
	"zelus/internal/secret"
	"zelus/internal/ui"
)

const (
	name       = "lookup_secret"
	field      = "lookup_secret"
	reveal     = "lookup_secret_reveal"
	regenerate = "lookup_secret_regenerate"
	confirm    = "lookup_secret_confirm"
	disable    = "lookup_secret_disable"

	// What a form remembers: codes that were made and not confirmed yet, and that
	// those in force are shown.
	made  = "lookup codes"
	shown = "lookup codes shown"

	// shownFor is how long a form shows the codes in force to whoever reads it: long
	// enough for a redirect and for pages that read it twice. Who comes upon the browser
	// later finds none in it.
	shownFor = time.Minute

	howMany = 12
	length  = 8 // letters and digits
)

// Lookup is what the method uses.
type Lookup struct {
	Secrets *onetime.Secrets
	Clock   func() time.Time
}

// Method is the method for the engine.
func (l *Lookup) Method() flow.Method {
	return flow.Method{
		Name:     name,
		Enabled:  func(c *config.Config) bool { return c.SelfService.Methods.LookupSecret.Enabled },
		Login:    &flow.Part{Offered: (*flow.Form).SecondFactor, Prepare: prepareLogin, Submit: l.login},
		Settings: &flow.Part{Prepare: prepareSettings, Submit: l.change, Claims: claims, Privileged: true},
		Factor:   identity.Factor{Type: auth.LookupSecret, Holds: holds, Only: only},
		Counts:   func(*config.Config) auth.Policy { return auth.Policy{Second: auth.FactorLookupSecret} },
	}
}

// holds counts codes that are used, too: whoever has used the last one is still
// asked for a second factor.
func holds(c auth.Credential) []auth.Factors {
	if len(codesOf(c)) > 0 {
		return []auth.Factors{auth.FactorLookupSecret}
	}
	return nil
}

// only takes codes that were made together as one, used or not.
func only(c auth.Credential, keep func(name string, added time.Time) bool) json.RawMessage {
	var texts []string
	for _, one := range codesOf(c) {
		texts = append(texts, one.Code)
	}
	if !keep(strings.Join(texts, " "), c.UpdatedAt) {
		return nil
	}
	return c.Config
}

// code is one of the codes.
type code struct {
	Code   string     `json:"code"`
	UsedAt *time.Time `json:"used_at"`
}

// stored is the config of a credential.
type stored struct {
	Codes []code `json:"recovery_codes"`
}

func codesOf(c auth.Credential) []code {
	var config stored
	if len(c.Config) == 0 || json.Unmarshal(c.Config, &config) != nil {
		return nil
	}
	return config.Codes
}

func configOf(codes []code) json.RawMessage {
	out, _ := json.Marshal(stored{codes}) // texts and times always encode
	return out
}

// inForce are the codes that somebody has.
func inForce(form *flow.Form) ([]code, auth.Credential) {
	c, _ := form.Credential(auth.LookupSecret)
	return codesOf(c), c
}

func prepareLogin(_ context.Context, form *flow.Form) error {
	if codes, _ := inForce(form); len(codes) == 0 {
		return nil
	}
	form.Protect()
	form.UI.Put(ui.Input(ui.GroupLookupSecret, field, ui.InputText, "").Required().Labelled(ui.Say(ui.LabelSignInLookup)))
	form.UI.Put(ui.Button(ui.GroupLookupSecret, "method", name, ui.Say(ui.LabelSignInLookupSubmit)))
	return nil
}

// login checks a code as a second factor, and uses it up.
func (l *Lookup) login(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	given := readable(s.Values.String(field))
	if given == "" {
		return flow.Again(flow.Missing(field)), nil
	}
	codes, c := inForce(&s.Form)
	if len(codes) == 0 {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorNoLookup)}), nil
	}
	wrong, at := flow.Problem{Message: ui.Say(ui.ErrorLookupWrong)}, -1
	right, err := l.Secrets.Guess(ctx, name, s.Identity, func() bool {
		for n := range codes {
			if subtle.ConstantTimeCompare([]byte(readable(codes[n].Code)), []byte(given)) == 1 {
				at = n
			}
		}
		return at >= 0 && codes[at].UsedAt == nil
	})
	switch {
	case err != nil:
		return flow.Outcome{}, err
	case at >= 0 && codes[at].UsedAt != nil:
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorLookupUsed)}), nil
	case !right:
		return flow.Again(wrong), nil
	}
	now := auth.Now(l.Clock())
	codes[at].UsedAt = &now
	return flow.Proven(s.Identity, c, auth.AMR{Method: name, AAL: auth.AAL2}, wrong).Replacing(s.Identity.ID, c, configOf(codes)), nil
}

// readable is a code as it is compared: people type what they have on paper with
// spaces, dashes and capitals.
func readable(code string) string {
	return strings.ToLower(flow.PlainCode(code))
}

var buttons = []string{regenerate, reveal, confirm, disable}

// pressed is the button that was used; empty is none.
func pressed(s *flow.Submission) string {
	for _, button := range buttons {
		if s.Values.True(button) {
			return button
		}
	}
	return ""
}

func claims(s *flow.Submission) bool {
	method := s.Values.String("method")
	return (method == "" || method == name) && pressed(s) != ""
}

func prepareSettings(_ context.Context, form *flow.Form) error {
	codes, _ := inForce(form)
	var fresh []code
	if raw := form.Kept(made); raw != nil {
		fresh = codesOf(auth.Credential{Config: raw})
	}
	put := func(last bool, name string, label int) {
		n := ui.Button(ui.GroupLookupSecret, name, "true", ui.Say(label))
		n.Last = last
		form.UI.Put(n)
	}
	switch {
	case len(fresh) > 0:
		form.UI.Put(list(fresh))
		put(true, confirm, ui.LabelConfirmLookup)
	case len(codes) == 0:
		put(false, regenerate, ui.LabelRegenerateLookup)
	case form.Kept(shown) != nil:
		form.UI.Put(list(codes))
		put(true, disable, ui.LabelDisableLookup)
		put(true, regenerate, ui.LabelRegenerateLookup)
	default:
		put(false, reveal, ui.LabelRevealLookup)
		put(false, disable, ui.LabelDisableLookup)
	}
	return nil
}

// list is the node that shows codes.
func list(codes []code) ui.Node {
	said := make([]ui.Message, len(codes))
	for n, c := range codes {
		if said[n] = ui.Say(ui.InfoLookupSecret, "secret", c.Code); c.UsedAt != nil {
			said[n] = ui.Say(ui.InfoLookupSecretUsed, "used_at", *c.UsedAt)
		}
	}
	n := ui.Text(ui.GroupLookupSecret, "lookup_secret_codes", ui.Say(ui.InfoLookupSecrets, "secrets", said)).Labelled(ui.Say(ui.LabelLookupSecrets))
	n.Secret, n.Last = true, true
	return n
}

// change makes codes, shows them, and takes them away.
func (l *Lookup) change(_ context.Context, s *flow.Submission) (flow.Outcome, error) {
	codes, _ := inForce(&s.Form)
	switch button := pressed(s); {
	case button == regenerate:
		fresh := make([]code, howMany)
		for n := range fresh {
			fresh[n].Code = secret.Readable(length)
		}
		s.Keep(made, configOf(fresh))
		s.Flow.State = auth.ShowForm
		return flow.Next(), nil
	case button == confirm:
		config := s.Kept(made)
		if config == nil {
			return without("Make new backup codes first, then confirm that you have kept them."), nil
		}
		id := s.Identity.ID.String()
		return flow.Changed(func(i *auth.Identity, now time.Time) {
			i.Credentials[auth.LookupSecret] = auth.Credential{Type: auth.LookupSecret, Identifiers: []string{id}, Config: config, CreatedAt: now, UpdatedAt: now}
		}).Proving(auth.AMR{Method: name, AAL: auth.AAL2}), nil
	case len(codes) == 0:
		return without("You have no backup codes. Make some first."), nil
	case button == reveal:
		// They let somebody past the second factor, so they are shown to whoever
		// has got past it already.
		s.KeepUntil(shown, []byte{1}, l.Clock().Add(shownFor))
		s.Flow.State = auth.ShowForm
		return flow.Next().Needing(auth.AAL2), nil
	}
	return flow.Changed(func(i *auth.Identity, _ time.Time) { delete(i.Credentials, auth.LookupSecret) }), nil
}

func without(reason string) flow.Outcome {
	return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorGeneric, "reason", reason)})
}

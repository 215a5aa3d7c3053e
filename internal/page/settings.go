package page

import (
	"context"
	"html/template"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/ceremony"
	"zelus/internal/flow"
	"zelus/internal/ui"
)

// settingsBody is one's own account, a section for each group of the flow.
type settingsBody struct{ Sections []section }

// section is what belongs together.
type section struct {
	ID, Text string
	Title    template.HTML
	// Things are what is there, of which each can be taken away; Forms add or change
	// something; Removals take away what there is one of.
	Things, Forms, Removals []*form
	// Setup is what unfolds a form that is too much to be shown at once.
	Setup string
	// Scripted sections are of no use without JavaScript.
	Scripted bool
}

// order is that of the sections: who somebody is, then how they sign in, then what keeps
// others out. Others follow.
var order = []string{ui.GroupProfile, ui.GroupPassword, ui.GroupPasskey, ui.GroupOIDC, ui.GroupWebAuthn, ui.GroupTOTP, ui.GroupLookupSecret}

// showSettings shows somebody their account.
func (p *Pages) showSettings(w http.ResponseWriter, r *http.Request, s *flow.Shown) error {
	c := p.now.Load()
	v, err := p.own(w, r, "settings", "title.settings", s.Wishes, s.Owner)
	if err != nil {
		return err
	}
	b := p.builder(c, v.speaker, s)
	b.read(&s.UI)
	if s.Flow.Recovered { // the new password is what the page is for
		b.rank(append([]string{ui.GroupPassword}, order...), false)
	} else {
		b.rank(order, false)
	}
	var all []*form
	body := &settingsBody{}
	for _, g := range b.groups {
		one := section{ID: slug(g.name), Setup: b.T("settings.setup")}
		for _, f := range b.forms(g) {
			all = append(all, f)
			switch {
			case f.Removal != nil && f.Removal.What != "":
				one.Things = append(one.Things, f)
			case f.Removal != nil:
				one.Removals = append(one.Removals, f)
			case !f.Invisible():
				one.Forms = append(one.Forms, f)
			}
		}
		one.Scripted = len(one.Things)+len(one.Removals) == 0 && !slices.ContainsFunc(one.Forms, func(f *form) bool { return !f.Scripted })
		one.Title, one.Text = b.heading(&one, g.name)
		body.Sections = append(body.Sections, one)
	}
	if err := p.describeKeys(r.Context(), b, all, s.Flow.IdentityID); err != nil {
		return err
	}
	for _, f := range all {
		f.Folded = slices.ContainsFunc(f.Items, func(i item) bool { return i.Kind == "image" })
	}
	v.Problems = b.tie(s.UI.Messages, itemsOf(nil, all))
	v.Lead, v.Success, v.Scripts = b.said(s.UI.Messages, ui.Info), append(v.Success, b.said(s.UI.Messages, ui.Success)...), b.scripts
	v.Body = body
	if len(body.Sections) > 0 {
		emphasise(foremost(body.Sections).Forms)
	}
	return p.render(w, http.StatusOK, "settings.html", v)
}

// foremost is the section that somebody is in the middle of: something is wrong there, or
// it has backup codes that they have not kept yet. Otherwise it is the first.
func foremost(all []section) *section {
	for i := range all {
		for _, f := range all[i].Forms {
			if slices.ContainsFunc(f.Items, func(i item) bool { return i.Invalid || i.Kind == "codes" }) {
				return &all[i]
			}
		}
	}
	return &all[0]
}

// rename is a form by which a key is called something else.
type rename struct {
	*speaker
	ID, Action, Token string
	Key               string // the id of the form that removes it
	Name              string // that it has now
	To                string // where the form leads
}

// keys are the types of keys, by the name of the button that removes one.
var keys = map[string]auth.CredentialType{"webauthn_remove": auth.WebAuthn, "passkey_remove": auth.Passkey}

// describeKeys says of somebody's keys what the form does not: when each was last used,
// and how to call it something else.
func (p *Pages) describeKeys(ctx context.Context, b *builder, forms []*form, of uuid.UUID) error {
	var owner *auth.Identity
	for _, f := range forms {
		if f.Removal == nil || keys[f.Buttons[0].Name] == "" {
			continue
		}
		if owner == nil {
			var err error
			if owner, err = p.engine.Identities.Get(ctx, of); err != nil {
				return err
			}
		}
		kind, id := keys[f.Buttons[0].Name], f.Buttons[0].Value
		all := ceremony.Read(owner.Credentials[kind]).Keys
		at := slices.IndexFunc(all, func(k ceremony.Key) bool { return k.HexID() == id })
		if at < 0 {
			continue // removed meanwhile
		}
		k, c := all[at], p.now.Load()
		f.Removal.Rename = &rename{speaker: b.speaker, Key: f.ID, ID: f.ID + "-rename", Action: c.base + flow.AccountPath + "credentials/" + string(kind) + "/" + id,
			Name: k.DisplayName, To: c.config.BuiltInPage("settings")}
		if f.Removal.What = isolated(k.DisplayName); k.DisplayName == "" {
			f.Removal.What, f.Buttons[0].Label = b.H("settings.unnamed"), b.H("remove")
		}
		if k.LastUsedAt != nil {
			f.Removal.Used = b.T("sessions.used", "date", b.Day(*k.LastUsedAt))
		}
		for _, h := range f.Hidden {
			if h.Name == "csrf_token" {
				f.Removal.Rename.Token = h.Value
			}
		}
	}
	return nil
}

// heading names a section. One that a later method brings is called by its button.
func (b *builder) heading(s *section, group string) (title template.HTML, text string) {
	if key := "settings." + group; b.Has(key + ".title") {
		state := ".text"
		if len(s.Things)+len(s.Removals) > 0 && b.Has(key+".text.some") {
			state = ".text.some"
		}
		return b.H(key + ".title"), b.T(key + state)
	}
	for _, f := range s.Forms {
		for _, button := range f.Buttons {
			return button.Label, ""
		}
	}
	return isolated(group), ""
}

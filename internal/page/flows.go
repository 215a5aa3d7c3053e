package page

import (
	"html/template"
	"net/http"
	"slices"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/ui"
)

// flowBody is what the pages of flows show, besides what all pages do.
type flowBody struct {
	// Shared are fields that stand before the forms, see apart.
	Shared []item
	// Forms are offered at once, the best first; with Others somebody goes on who has lost
	// what those need.
	Forms, Others []*form
	// Asides are what else can be done here: have a code sent again, go back.
	Asides []*form
	// Who is whose form it is, as they or the flow say; empty where nobody has said.
	Who string
	// NotYou leads to a form for somebody else. Where Who is signed in, they are signed
	// out first.
	NotYou string
	// Token is for the form that signs them out; empty where nobody is signed in.
	Token string
	// OnlyScripted says that nothing here works without JavaScript.
	OnlyScripted bool
	// Sent says that something is on its way to Who.
	Sent bool
	// Links lead to what else somebody may have come for.
	Links []link
}

// link leads elsewhere, with some words before it; Before may be empty.
type link struct {
	ID           string
	To           template.URL
	Before, Text string
}

// showFlow shows a login, a registration, a recovery or a verification.
func (p *Pages) showFlow(w http.ResponseWriter, r *http.Request, s *flow.Shown) error {
	c, f := p.now.Load(), s.Flow
	at := stageOf(f)
	v, err := p.view(w, r, at.title, s.Wishes, s.Owner)
	if err != nil {
		return err
	}
	v.Narrow = true
	p.link(v, f.ReturnTo())
	b := p.builder(c, v.speaker, s)
	b.read(&s.UI)
	b.rank(ranks, true)
	body := &flowBody{Who: f.Identifier, Sent: at.sent}
	if body.Sent && f.State == auth.SentEmail && !f.Unbound {
		body.Who = f.Address
	}
	var all []*form
	for _, g := range b.groups {
		all = append(all, b.forms(g)...)
	}
	body.Shared = apart(all)
	body.arrange(all, f.RequestedAAL.AtLeast(auth.AAL2))
	if at.link {
		v.sendAgain(body.Forms)
	} else {
		emphasise(body.Forms)
	}
	v.Problems = b.tie(s.UI.Messages, itemsOf(body.Shared, all))
	told := slices.DeleteFunc(slices.Clone(s.UI.Messages), func(m ui.Message) bool { return slices.Contains(saidByTitle, m.ID) })
	v.Lead, v.Success, v.Scripts = b.said(told, ui.Info), b.said(told, ui.Success), b.scripts
	focus(f, v, body)
	switch {
	case s.Owner != "":
		body.Who, body.NotYou, body.Token = c.nameOf(s.Owner), p.engine.LinkTo(auth.Login, f.ReturnTo()), p.engine.Token(w, r)
	case body.Who != "" && f.Kind == auth.Login:
		body.NotYou = p.engine.LinkTo(auth.Login, f.ReturnTo())
	}
	body.Links = v.below(s, body, slices.ContainsFunc(all, func(one *form) bool { return one.Group == ui.GroupPassword }))
	v.Body = body
	return p.render(w, http.StatusOK, "flow.html", v)
}

// arrange puts each form where it is shown. Where a second factor is asked for, one way of
// each sort is shown at once: with a script, and without.
func (b *flowBody) arrange(all []*form, second bool) {
	for _, one := range all {
		switch {
		case one.Aside:
			b.Asides = append(b.Asides, one)
		case second && (lastResorts[one.Group] || slices.ContainsFunc(b.Forms, func(o *form) bool { return o.Scripted == one.Scripted })):
			b.Others = append(b.Others, one)
		default:
			b.Forms = append(b.Forms, one)
		}
	}
	if len(b.Forms) == 0 {
		b.Forms, b.Others = b.Others, nil
	}
	b.OnlyScripted = len(all) > 0 && !slices.ContainsFunc(all, func(one *form) bool { return !one.Scripted && !one.Aside && !one.Invisible() })
}

// below are the links below the forms of a flow; password says that one of those asks for a
// password, which somebody may have forgotten.
func (v *view) below(s *flow.Shown, body *flowBody, password bool) []link {
	login := link{ID: "link-login", To: linkTo(v.Links.Login), Text: v.T("link.back")}
	switch s.Flow.Kind {
	case auth.Login:
		var all []link
		if password && v.Links.Recovery != "" {
			all = append(all, link{ID: "link-recovery", To: linkTo(v.Links.Recovery), Text: v.T("link.recovery")})
		}
		switch {
		case body.Token != "":
		case body.Sent:
			all = append(all, login)
		case v.Links.Registration != "":
			all = append(all, link{ID: "link-registration", To: linkTo(v.Links.Registration), Before: v.T("link.registration.text"), Text: v.T("link.registration")})
		}
		return all
	case auth.Registration:
		login.Before, login.Text = v.T("link.login.text"), v.T("link.login")
		return []link{login}
	case auth.Recovery:
		return []link{login}
	}
	if later := linkTo(s.To); body.Sent && later != "" { // whoever does not prove an address now
		return []link{{ID: "link-later", To: later, Text: v.T("later")}}
	}
	return nil
}

// builder begins the forms of a flow.
func (p *Pages) builder(c *current, sp *speaker, s *flow.Shown) *builder {
	of := c.schemas.Default()
	if named, ok := c.schemas.Get(s.Flow.SchemaID); ok {
		of = named
	}
	b := &builder{speaker: sp, alone: alone[s.Flow.Kind], minimum: c.config.SelfService.Methods.Password.Config.MinPasswordLength, sent: p.clock().Sub(s.Flow.UpdatedAt),
		owned: s.Flow.Kind == auth.Settings}
	if slices.ContainsFunc(s.UI.Messages, func(m ui.Message) bool { return m.Type == ui.Error }) {
		b.sent = resendAfter // the flow has changed since
	}
	if owner, err := s.Owner.Identity(); s.Owner != "" && err == nil {
		if theirs, ok := c.schemas.Get(owner.SchemaID); ok {
			of = theirs
		}
		b.username = c.nameOf(s.Owner)
	}
	b.usernames = usernamesOf(of)
	return b
}

// stage is how far a flow has come, as its page shows it.
type stage struct {
	title string // its key
	// sent says that something is on its way; then link says that it is a link, so that
	// there is nothing to type here.
	sent, link bool
}

// Stages in which something was sent.
var (
	codeSent = stage{title: "title.code", sent: true}
	linkSent = stage{title: "title.mail", sent: true, link: true}
)

// stageOf is the stage of a flow.
func stageOf(f *auth.Flow) stage {
	switch sent := f.State == auth.SentEmail || f.State == auth.RecoveryAwaitingCode; f.Kind {
	case auth.Login:
		switch {
		case sent:
			return codeSent
		case f.RequestedAAL.AtLeast(auth.AAL2):
			return stage{title: "title.second"}
		case f.Refresh:
			return stage{title: "title.refresh"}
		}
		return stage{title: "title.login"}
	case auth.Registration:
		switch {
		case sent:
			return codeSent
		case f.Step == auth.SecondStep:
			return stage{title: "title.choose"}
		}
		return stage{title: "title.registration"}
	case auth.Recovery:
		switch {
		case f.Undo:
			return stage{title: "title.undo"}
		case sent && f.Active == "link":
			return linkSent
		case sent:
			return codeSent
		case f.State == auth.RecoveryAwaitingAddressChoice, f.State == auth.RecoveryConfirmingAddress:
			return stage{title: "title.address"}
		}
		return stage{title: "title.recovery"}
	}
	switch {
	case f.State == auth.PassedChallenge:
		return stage{title: "title.verified"}
	case f.State == auth.SentEmail && f.Active == "link" && !f.Opened:
		return linkSent
	case f.State == auth.SentEmail && !f.Opened:
		return codeSent
	}
	return stage{title: "title.verification"}
}

// sendAgain calls buttons by what they do while the mail that they have sent is on its
// way. None is what the page is for: that is the link in the mail.
func (s *speaker) sendAgain(forms []*form) {
	for _, f := range forms {
		for i := range f.Buttons {
			f.Buttons[i].Label = s.H("send_again")
		}
	}
}

// emphasise gives a page its one primary action: the first one, and for browsers without
// JavaScript the first that works there.
func emphasise(forms []*form) {
	scripted := false
	for _, f := range forms {
		if f.Invisible() || f.Aside {
			continue
		}
		for i := range f.Buttons {
			f.Buttons[i].Primary = i == 0 && len(f.Buttons) == 1
			f.Buttons[i].Fallback = f.Buttons[i].Primary && scripted
		}
		if !f.Scripted {
			return
		}
		scripted = true
	}
}

// focus puts the cursor where there is one thing to type, unless something went wrong:
// then the list of that comes first.
func focus(f *auth.Flow, v *view, body *flowBody) {
	if len(v.Problems) > 0 || f.Kind == auth.Registration && f.State != auth.SentEmail {
		return
	}
	plain := slices.DeleteFunc(slices.Clone(body.Forms), func(one *form) bool { return one.Scripted })
	for _, it := range itemsOf(body.Shared, plain) {
		if it.Type != "" && it.Value == "" && !it.Mirrored {
			it.Autofocus = true
			return
		}
	}
}

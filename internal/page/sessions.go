package page

import (
	"net/http"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/flow"
	"zelus/internal/language"
	"zelus/internal/session"
	"zelus/internal/store"
	"zelus/internal/web"
)

// sessionsBody are somebody's sessions, and the devices that they trust.
type sessionsBody struct {
	Here    device
	Others  []device
	More    int // sessions that are not listed
	Trusted []device
	// Trusts says that devices can be trusted at all, MayTrust that this one can, which is
	// not trusted yet.
	Trusts, MayTrust bool
	Token            string
}

// device is one session, or one trusted device.
type device struct {
	ID      uuid.UUID
	Name    string // the program and the system that it runs on
	Place   string // its address and where that is
	Since   string
	Until   string
	Current bool
}

// mostSessions is how many a page lists.
const mostSessions = 100

func (p *Pages) showSessions(o *flow.Own) error {
	w, r, row := o.Writer(), o.Request(), o.Session
	others, total, err := p.sessions.Others(r.Context(), row.Session.IdentityID, row.Session.ID, 0, mostSessions)
	if err != nil {
		return err
	}
	v, err := p.own(w, r, "sessions", "title.sessions", language.Asked(r), row.Identity)
	if err != nil {
		return err
	}
	body := &sessionsBody{Here: p.device(v, row), More: total - len(others), Trusts: p.sessions.Trusts(), Token: v.Account.Token}
	for i := range others {
		body.Others = append(body.Others, p.device(v, &others[i]))
	}
	if body.Trusts {
		all, err := p.sessions.TrustedDevices(r.Context(), row.Session.IdentityID, r)
		if err != nil {
			return err
		}
		body.MayTrust = row.Session.AAL.AtLeast(auth.AAL2)
		for _, d := range all {
			body.Trusted = append(body.Trusted, trusted(v, d))
			body.MayTrust = body.MayTrust && !d.Current
		}
	}
	v.Body = body
	return p.render(w, http.StatusOK, "sessions.html", v)
}

// device is a session as its owner sees it: by where it began.
func (p *Pages) device(v *view, row *store.SessionRow) device {
	d := device{Name: v.T("sessions.unknown")}
	if all := row.Session.Devices.All(); len(all) > 0 {
		d = v.device(all[0].UserAgent, all[0].IPAddress, all[0].Location)
	}
	d.ID, d.Since = row.Session.ID, v.T("sessions.since", "date", v.Moment(row.Session.AuthenticatedAt))
	return d
}

// device is what is known of one from which somebody has signed in.
func (s *speaker) device(agent, address *string, location string) device {
	d := device{Name: s.T("sessions.unknown"), Place: location}
	if agent != nil {
		d.Name = s.agent(*agent)
	}
	if address != nil {
		if d.Place = *address; location != "" {
			d.Place += " (" + location + ")"
		}
	}
	return d
}

func trusted(v *view, d session.TrustedDevice) device {
	return device{ID: d.ID, Name: v.agent(d.UserAgent), Current: d.Current, Since: v.T("sessions.used", "date", v.Day(d.LastUsedAt)),
		Until: v.T("sessions.until", "date", v.Day(d.ExpiresAt))}
}

// changeSessions ends sessions, and trusts devices or ends that.
func (p *Pages) changeSessions(w http.ResponseWriter, r *http.Request) error {
	values, err := p.engine.Posted(r)
	if err != nil {
		return err
	}
	row, err := p.sessions.Find(r)
	if err != nil {
		return p.nobody(w, err, "sessions")
	}
	ctx, owner := r.Context(), row.Session.IdentityID
	id, _ := web.ID(values.String("id"))
	var done flow.Word
	switch values.String("action") {
	case "revoke":
		if id == row.Session.ID {
			return auth.ErrOwnSession
		}
		_, err = p.sessions.Revoke(ctx, owner, id)
		done = flow.WordRevoked
	case "revoke_others":
		_, err = p.sessions.RevokeOthers(ctx, owner, row.Session.ID)
		done = flow.WordRevokedOthers
	case "trust":
		if err = p.sessions.MayTrust(row, r, p.now.Load().config.SelfService.Flows.Settings.PrivilegedSessionMaxAge); err == nil {
			_, err = p.sessions.Trust(w, r, row)
		}
		done = flow.WordTrusted
	case "distrust":
		err = p.sessions.Distrust(ctx, owner, id)
		done = flow.WordDistrusted
	case "distrust_all":
		_, err = p.sessions.DistrustAll(ctx, owner)
		done = flow.WordDistrustedAll
	default:
		return auth.ErrParameter.Saying("This page has no such action.")
	}
	if err != nil {
		return p.nobody(w, err, "sessions")
	}
	p.engine.LeaveWord(w, done)
	return lead(w, p.now.Load().config.BuiltInPage("sessions"))
}

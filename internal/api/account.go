package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/ceremony"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/session"
	"zelus/internal/store"
	"zelus/internal/web"
)

// settingsHome is where somebody who has proven more goes on with their account.
const settingsHome = "self-service/settings/browser"

// Bounds of a page of somebody's history.
const (
	historyPageSize    = 50
	maxHistoryPageSize = 250
)

// ownHistory lists when, how and from where whoever asks has signed in.
func (a *API) ownHistory(w http.ResponseWriter, r *http.Request) error {
	row, err := a.reading(r)
	if err != nil {
		return err
	}
	return a.writeHistory(w, r, r.URL.Query(), row.Session.IdentityID, row.Session.ID)
}

// historyOf is ownHistory of an identity, for an administrator.
func (a *API) historyOf(w http.ResponseWriter, r *http.Request) error {
	id, query, err := idAndQuery(r)
	if err != nil {
		return err
	}
	return a.writeHistory(w, r, query, id, uuid.Nil)
}

func (a *API) writeHistory(w http.ResponseWriter, r *http.Request, query url.Values, of, current uuid.UUID) error {
	now := a.now.Load()
	size, err := web.ReadPageSize(query, historyPageSize, maxHistoryPageSize)
	if err != nil {
		return err
	}
	after, err := now.readPageToken(historyTokens, query)
	if err != nil {
		return err
	}
	page, err := a.Sessions.History(r.Context(), of, current, after, size+1) // one more tells whether there is a next page
	if err != nil {
		return err
	}
	next := ""
	if len(page) > size {
		page = page[:size]
		next = now.pageToken(historyTokens, store.PageKey{CreatedAt: page[size-1].CreatedAt, ID: page[size-1].ID})
	}
	web.WriteKeyLinks(w, r, size, now.pageToken(historyTokens, store.PageKey{}), next)
	return web.WriteJSON(w, http.StatusOK, page)
}

// credential is something that somebody proves who they are with, as they see it:
// without its secrets. Of keys and of accounts elsewhere each is one.
type credential struct {
	Type auth.CredentialType `json:"type"`
	// ID names a key, as forms do; Name is what its owner calls it, or what the other
	// service is called.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Passwordless and BackedUp are of keys.
	Passwordless *bool `json:"passwordless,omitempty"`
	BackedUp     *bool `json:"backed_up,omitempty"`
	// AddedAt is when it was set up, UpdatedAt when it was last changed.
	AddedAt   time.Time  `json:"added_at"`
	UpdatedAt *time.Time `json:"updated_at,omitempty"`
	// LastUsedAt is of keys. It is missing where the key was not used yet.
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// credentialsOf lists what somebody has.
func (a *API) credentialsOf(ctx context.Context, id uuid.UUID) ([]credential, error) {
	i, err := a.Identities.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	all := []credential{}
	for _, t := range auth.CredentialTypes {
		c, has := i.Credentials[t]
		if !has || a.Identities.Held(i, t) == 0 {
			continue
		}
		switch t {
		case auth.WebAuthn, auth.Passkey:
			for _, k := range ceremony.Read(c).Keys {
				one := credential{Type: t, ID: k.HexID(), Name: k.Name(), AddedAt: k.AddedAt, LastUsedAt: k.LastUsedAt}
				alone := t == auth.Passkey || k.Passwordless
				one.Passwordless = &alone
				if k.Flags != nil {
					one.BackedUp = &k.Flags.BackupState
				}
				all = append(all, one)
			}
		case auth.OIDC, auth.SAML:
			for _, p := range identity.Providers(c) {
				all = append(all, credential{Type: t, Name: p.Provider, AddedAt: c.CreatedAt, UpdatedAt: &c.UpdatedAt})
			}
		default:
			all = append(all, credential{Type: t, AddedAt: c.CreatedAt, UpdatedAt: &c.UpdatedAt})
		}
	}
	return all, nil
}

// ownCredentials lists what whoever asks proves who they are with.
func (a *API) ownCredentials(w http.ResponseWriter, r *http.Request) error {
	row, err := a.reading(r)
	if err != nil {
		return err
	}
	all, err := a.credentialsOf(r.Context(), row.Session.IdentityID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, all)
}

// longestName bounds the name of a key, in characters.
const longestName = 100

// renameKey gives a security key or a passkey of whoever asks another name. It has to be
// proven like a change of keys: who has several removes them by their names.
func (a *API) renameKey(o *flow.Own) error {
	if err := o.Fresh(); err != nil {
		return err
	}
	name := strings.TrimSpace(o.Values.String("name"))
	if n := utf8.RuneCountInString(name); n == 0 || n > longestName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return auth.ErrCredentialName
	}
	r := o.Request()
	t := auth.CredentialType(r.PathValue("type"))
	key, err := hex.DecodeString(r.PathValue("key"))
	missing := auth.ErrCredentialMissing.Saying("This account has no such key.")
	if err != nil || !slices.Contains([]auth.CredentialType{auth.WebAuthn, auth.Passkey}, t) {
		return missing
	}
	if err := a.Identities.Rename(r.Context(), o.Session.Session.IdentityID, t, func(c auth.Credential) (json.RawMessage, error) {
		renamed, found := ceremony.Read(c).Renamed(key, name)
		if !found {
			return nil, missing
		}
		return renamed.JSON(), nil
	}); err != nil {
		return err
	}
	return o.Done(flow.WordSaved, http.StatusNoContent, nil, "")
}

// export is what is kept about somebody, for them.
type export struct {
	ExportedAt time.Time `json:"exported_at"`
	// DeleteAt is when the account is deleted, if it is.
	DeleteAt *time.Time `json:"delete_at,omitempty"`
	// Identity is as its owner sees it. What administrators note of somebody for
	// themselves (metadata_admin) is for them to tell.
	Identity       json.RawMessage         `json:"identity"`
	Credentials    []credential            `json:"credentials"`
	Sessions       []json.RawMessage       `json:"sessions"`
	TrustedDevices []session.TrustedDevice `json:"trusted_devices"`
	History        []session.HistoryEntry  `json:"history"`
	Messages       []sentMessage           `json:"messages"`
}

// sentMessage is a message that was written to somebody. What it said is not kept.
type sentMessage struct {
	Type      string    `json:"type"`
	Recipient string    `json:"recipient"`
	Template  string    `json:"template_type"`
	Status    string    `json:"status"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// exported bounds each list of an export, so that none takes all memory: of what is
// more the newest is told.
const exported = 10_000

// exportPath is where a browser comes back to that had to prove more first.
const exportPath = flow.AccountPath + "export"

// export gives somebody all that is kept about them, as a file.
func (a *API) export(o *flow.Own) error {
	if err := o.Fresh(); err != nil {
		return err
	}
	ctx, c, now, me := o.Request().Context(), a.now.Load(), auth.Now(a.Sessions.Clock()), &o.Session.Session
	i, err := o.Session.Identity.Identity()
	if err != nil {
		return err
	}
	out := export{ExportedAt: now, DeleteAt: i.DeleteAt, Identity: o.Session.Identity.Render(auth.Reader{BaseURL: c.public, Addresses: true})}
	if out.Credentials, err = a.credentialsOf(ctx, me.IdentityID); err != nil {
		return err
	}
	sessions, _, err := a.Sessions.Of(ctx, me.IdentityID, store.AllSessions, 0, exported)
	if err != nil {
		return err
	}
	for n := range sessions {
		out.Sessions = append(out.Sessions, sessions[n].Session.AppendJSON(nil, sessions[n].Live(now), nil))
	}
	if out.TrustedDevices, err = a.Sessions.TrustedDevices(ctx, me.IdentityID, o.Request()); err != nil {
		return err
	}
	if out.History, err = a.Sessions.History(ctx, me.IdentityID, me.ID, store.PageKey{}, exported); err != nil {
		return err
	}
	if out.Messages, err = a.messagesTo(ctx, i.Verifiable); err != nil {
		return err
	}
	body, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	o.Writer().Header().Set("Content-Disposition", `attachment; filename="account.json"`)
	web.WriteRawJSON(o.Writer(), http.StatusOK, append(body, '\n'))
	return nil
}

// messagesTo lists the messages to the addresses that somebody has proven to be theirs.
// What was sent to others was perhaps for somebody else.
func (a *API) messagesTo(ctx context.Context, addresses []auth.VerifiableAddress) ([]sentMessage, error) {
	all := []sentMessage{}
	for _, address := range addresses {
		if !address.Verified {
			continue
		}
		sent, err := a.Store.Messages(ctx, auth.DefaultProject, store.MessageFilter{Recipient: address.Value}, store.PageKey{}, exported)
		if err != nil {
			return nil, err
		}
		for n := range sent {
			m := &sent[n]
			all = append(all, sentMessage{Type: m.Type, Recipient: m.Recipient, Template: m.Template, Status: m.Status, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt})
		}
	}
	return all, nil
}

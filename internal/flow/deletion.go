package flow

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/language"
	"zelus/internal/store"
	"zelus/internal/web"
)

// Somebody deletes their account. That takes effect after a grace period: until then the
// account is as it was, with a time at which it goes. All its sessions end, and a message
// has a link by which it stays; whoever signs in is asked whether it shall. What is due
// goes in the background, by DeleteDue.
//
// The link carries whose account it is and until when it can be kept, sealed. Nothing is
// stored for it: an account that is kept, or has another time, makes it void.

// deletionPath is where all of this is, below the public base URL.
const deletionPath = AccountPath + "deletion"

// deletionRoutes are those of the deletion of one's own account.
func (e *Engine) deletionRoutes(mount func(pattern string, h web.Handler)) {
	mount("GET /"+deletionPath, e.Looking(deletionPath, showDeletion))
	mount("POST /"+deletionPath, e.Changing(deletionPath, deleteAccount))
	mount("DELETE /"+deletionPath, e.Changing(deletionPath, keepAccount))
	mount("GET /"+deletionPath+"/undo", e.bind(settings, (*visit).openUndo))
	mount("POST /"+deletionPath+"/undo", e.undo)
}

// deletion is what is told of a deletion. DeleteAt is nil where there is none.
type deletion struct {
	DeleteAt *time.Time `json:"delete_at"`
}

// showDeletion tells somebody whether they can delete their account, and when it is
// deleted, if it is. A plain page is led to the one that asks.
func showDeletion(o *Own) error {
	v := o.visit
	i, err := o.Session.Identity.Identity()
	if err != nil {
		return err
	}
	set := &v.config.SelfService.Flows.Deletion
	return o.Done("", http.StatusOK, struct {
		Enabled bool `json:"enabled"`
		Grace   int  `json:"grace_period_seconds"`
		deletion
	}{set.Enabled, int(set.GracePeriod.Seconds()), deletion{i.DeleteAt}}, v.deletionPage(""))
}

// deletionPage is the page that asks whether somebody keeps their account, and leads on
// to an address that a form was asked to lead to; empty is nowhere in particular.
func (v *visit) deletionPage(to string) string {
	page := cmp.Or(v.config.SelfService.Flows.Deletion.UIURL, v.config.BuiltInPage("data"))
	if to != "" {
		page = withQuery(page, "return_to", to)
	}
	return page
}

// asks is the page to which somebody is led who has signed in to an account that is to
// be deleted, or is back in it; empty for everybody else. It leads on to the form that
// follows, if one does.
func (v *visit) asks(done *result) string {
	f := done.flow
	if done.entry == nil || f.Refresh || done.identity.DeleteAt == nil || !v.satisfied(done) {
		return ""
	}
	if done.next != nil {
		// Through the engine, which leads on to it: its page may be one that no return_to may name.
		return v.deletionPage(v.action(done.next))
	}
	return v.deletionPage(f.ReturnTo())
}

// deleteAccount begins the deletion of somebody's account, or deletes it where there is
// no grace period.
func deleteAccount(o *Own) error {
	v, me := o.visit, &o.Session.Session
	set := &v.config.SelfService.Flows.Deletion
	if !set.Enabled {
		return auth.ErrDeletionDisabled
	}
	if err := o.Fresh(); err != nil {
		return err
	}
	ctx, now := v.r.Context(), auth.Now(v.engine.Clock())
	at := now.Add(set.GracePeriod)
	i, err := o.Session.Identity.Identity()
	if err != nil {
		return err
	}
	i.Project = me.Project
	n := Notice{Identity: i, Template: "account_deleted", Wishes: language.Asked(v.r), At: now, RequestURL: web.RequestURL(v.r, v.public)}
	if set.GracePeriod > 0 {
		n.Template, n.Undo, n.Lifespan = "account_deletion", v.base+deletionPath+"/undo?"+url.Values{"token": {v.undoToken(i.ID, at)}}.Encode(), set.GracePeriod
	}
	tell, err := v.engine.notice(v.current, n)
	if err != nil {
		return err
	}
	err = v.engine.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		fresh, err := v.lockOwn(ctx, tx, me)
		if err != nil {
			return err
		}
		if set.GracePeriod <= 0 {
			_, err = tx.DeleteIdentity(ctx, fresh.Project, fresh.ID)
		} else {
			err = v.leave(ctx, tx, fresh, at)
		}
		if err != nil {
			return err
		}
		return tell(ctx, tx)
	})
	if err != nil {
		return err
	}
	if v.proof.Cookie {
		v.engine.Sessions.ClearCookie(v.w)
		v.csrf.Rotate(v.w)
	}
	flows := &v.config.SelfService.Flows
	return o.Done(WordDeleted, http.StatusOK, deletion{&at}, cmp.Or(flows.Logout.After.DefaultBrowserReturnURL, v.config.SelfService.DefaultBrowserReturnURL))
}

// lockOwn reads the identity of a session again, which must still live, and keeps others
// from changing either.
func (v *visit) lockOwn(ctx context.Context, tx *store.Tx, me *auth.Session) (*auth.Identity, error) {
	i, err := tx.StillProven(ctx, me.Project, me.IdentityID, auth.Credential{})
	if errors.Is(err, store.ErrNotFound) {
		return nil, auth.ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	live, err := tx.SessionLives(ctx, me, v.engine.Clock())
	if err == nil && (!live || i.Gone(v.engine.Clock())) {
		err = auth.ErrNoSession
	}
	return i, err
}

// leave notes when an account goes, and ends everything by which somebody is in it.
func (v *visit) leave(ctx context.Context, tx *store.Tx, i *auth.Identity, at time.Time) error {
	if err := v.engine.Identities.SetDeletion(ctx, tx, i, &at); err != nil {
		return err
	}
	if _, err := tx.RevokeSessions(ctx, i.Project, i.ID, uuid.Nil); err != nil {
		return err
	}
	return tx.Distrust(ctx, i.Project, i.ID)
}

// keepAccount takes a deletion back. To keep an account that is kept is no error.
func keepAccount(o *Own) error {
	v := o.visit
	ctx := v.r.Context()
	err := v.engine.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		i, err := v.lockOwn(ctx, tx, &o.Session.Session)
		if err != nil || i.DeleteAt == nil {
			return err
		}
		return v.engine.Identities.SetDeletion(ctx, tx, i, nil)
	})
	if err != nil {
		return err
	}
	return o.Done(WordKept, http.StatusOK, deletion{}, v.config.SelfService.DefaultBrowserReturnURL)
}

// undoToken is what the link carries by which an account is kept.
func (v *visit) undoToken(id uuid.UUID, at time.Time) string {
	return v.deletions.SealString(binary.BigEndian.AppendUint64(slices.Clone(id[:]), uint64(at.UnixMicro())), nil)
}

// openUndo answers whoever opens the link by which an account is kept: it asks first,
// because mail servers open links to see what is behind them.
func (v *visit) openUndo() error {
	token := v.r.URL.Query().Get("token")
	at, err := v.undoes(token)
	if err != nil {
		return v.fault(err)
	}
	if !v.asJSON() {
		v.redirect(http.StatusSeeOther, withQuery(v.deletionPage(""), "token", token))
		return nil
	}
	return web.WriteJSON(v.w, http.StatusOK, deletion{at})
}

// undoes is when the account is deleted which the link with this token keeps; nil where
// it is kept already. The error is auth.ErrDeletionLink where the link keeps none.
func (v *visit) undoes(token string) (*time.Time, error) {
	id, at, err := v.readUndo(token)
	if err != nil {
		return nil, err
	}
	found, err := v.engine.Store.Identity(v.r.Context(), auth.DefaultProject, id)
	if err := stillAbout(found, at, err); err != nil {
		return nil, err
	}
	return found.DeleteAt, nil
}

// undo takes a deletion back: by the token of the link, which nobody else knows, or in
// a session of the account's owner.
func (e *Engine) undo(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("token") == "" {
		return e.Changing(deletionPath, keepAccount)(w, r)
	}
	return e.bind(settings, (*visit).undoByToken)(w, r)
}

func (v *visit) undoByToken() error {
	ctx := v.r.Context()
	values, err := web.ReadValues(v.r)
	if err != nil {
		return v.fault(err)
	}
	to, err := v.returnTo.Resolve(values.String("return_to"))
	if err != nil {
		return v.fault(err)
	}
	id, at, err := v.readUndo(v.r.URL.Query().Get("token"))
	if err != nil {
		return v.fault(err)
	}
	err = v.engine.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		i, err := tx.StillProven(ctx, auth.DefaultProject, id, auth.Credential{})
		if err := stillAbout(i, at, err); err != nil || i.DeleteAt == nil {
			return err
		}
		return v.engine.Identities.SetDeletion(ctx, tx, i, nil)
	})
	switch {
	case err != nil:
		return v.fault(err)
	case v.asJSON():
		return web.WriteJSON(v.w, http.StatusOK, deletion{})
	}
	v.redirect(http.StatusSeeOther, cmp.Or(to, v.begin(auth.Login)))
	return nil
}

// readUndo reads the token of a link: whose account it keeps, and which deletion it takes
// back. The error is auth.ErrDeletionLink.
func (v *visit) readUndo(token string) (id uuid.UUID, at time.Time, err error) {
	plain, err := v.deletions.OpenString(token, nil)
	if err != nil || len(plain) != len(id)+8 {
		return id, at, auth.ErrDeletionLink
	}
	copy(id[:], plain)
	if at = time.UnixMicro(int64(binary.BigEndian.Uint64(plain[len(id):]))).UTC(); !v.engine.Clock().Before(at) {
		return id, at, auth.ErrDeletionLink
	}
	return id, at, nil
}

// stillAbout sees that the link of a deletion is about an account as it was read, with
// this error: the account is to be deleted then, or was kept already.
func stillAbout(i *auth.Identity, at time.Time, err error) error {
	if errors.Is(err, store.ErrNotFound) || err == nil && i.DeleteAt != nil && !i.DeleteAt.Equal(at) {
		return auth.ErrDeletionLink
	}
	return err
}

// DeleteDue deletes accounts whose time is over, up to limit, with all that belongs to
// them, and says how many there were. One that is kept at the last moment stays.
func (e *Engine) DeleteDue(ctx context.Context, limit int) (int, error) {
	rows, err := e.Store.IdentitiesDue(ctx, e.Clock(), limit)
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, row := range rows {
		if err := e.deleteDue(ctx, row); err != nil {
			faults = append(faults, err)
		}
	}
	return len(rows), errors.Join(faults...)
}

func (e *Engine) deleteDue(ctx context.Context, row store.Row) error {
	c := e.now.Load()
	i, err := row.Packed.Identity()
	if err != nil {
		return err
	}
	i.Project = auth.DefaultProject
	tell, err := e.notice(c, Notice{Identity: i, Template: "account_deleted", At: auth.Now(e.Clock()), RequestURL: c.base})
	if err != nil {
		return err
	}
	return e.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		fresh, err := tx.StillProven(ctx, i.Project, i.ID, auth.Credential{})
		if errors.Is(err, store.ErrNotFound) || err == nil && !fresh.Gone(e.Clock()) {
			return nil
		}
		if err == nil {
			_, err = tx.DeleteIdentity(ctx, i.Project, i.ID)
		}
		if err != nil {
			return err
		}
		return tell(ctx, tx)
	})
}

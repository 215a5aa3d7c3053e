package flow

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/store"
	"zelus/internal/web"
)

// Handout is a recovery that an administrator begins for somebody: they hand
// over the secret themselves.
type Handout struct {
	Identity uuid.UUID
	// Method is code or link.
	Method string
	Type   auth.FlowType
	// Lifespan of the secret and of its form; 0 is as configured.
	Lifespan time.Duration
	// RequestURL is the address of the administrator's request.
	RequestURL string
}

// Handed is what the administrator gets.
type Handed struct {
	Flow   *auth.Flow
	Secret string
	// Link leads a browser to the form, or, with the secret in it, back into the
	// account.
	Link      string
	ExpiresAt time.Time
}

// HandOut begins a recovery for somebody whom an administrator vouches for, also
// where nobody can begin one themselves.
func (e *Engine) HandOut(w http.ResponseWriter, r *http.Request, h Handout) (*Handed, error) {
	v := &visit{current: e.now.Load(), engine: e, kind: recovery, w: w, r: r}
	to, err := web.AskedReturnTo(r.URL.RawQuery)
	if err == nil {
		_, err = v.returnTo.Check(to)
	}
	if err != nil {
		return nil, err
	}
	i, err := e.Identities.Get(r.Context(), h.Identity)
	if err != nil {
		return nil, err
	}
	f := v.newFlow(recovery, h.Type)
	f.RequestURL, f.Unbound, f.HandedOut = h.RequestURL, h.Type == auth.Browser, true
	begun, sent, err := v.onBehalf(f, h.Method, Errand{Identity: i, Lifespan: h.Lifespan})
	if err != nil {
		return nil, err
	}
	if begun == nil {
		return nil, auth.ErrMethodDisabled.Saying("The method %s is switched off. Set selfservice.methods.%s.enabled to true.", h.Method, h.Method)
	}
	f.ExpiresAt = sent.ExpiresAt
	if err := e.Store.Write(r.Context(), store.Durable, func(tx *store.Tx) error { return begun.store(r.Context(), tx) }); err != nil {
		return nil, err
	}
	out := &Handed{Flow: f, Secret: sent.Secret, Link: sent.Link, ExpiresAt: sent.ExpiresAt}
	if v.sender(auth.Recovery, h.Method).Link == "" {
		out.Link = v.page(f) // the secret is typed there
	}
	return out, nil
}

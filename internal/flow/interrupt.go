package flow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/store"
)

// A submission that needs a fresh proof is set aside while a browser leads its
// person through a sign-in, and goes on when they come back. It may hold a new
// password, so the database has it sealed under a key that follows from a random
// token, and only the browser has the token, in a cookie. It is found by a keyed
// hash of the form and the person it belongs to, under the same token: another
// browser, another form and another person find nothing. Taking it removes it.

const (
	// waiting is how long a submission is kept.
	waiting = 15 * time.Minute
	// maxAside is how large a submission that waits may be, in bytes.
	maxAside = 32 << 10
	// tokenLength is the length of the browser's token, in letters and digits:
	// 256 bits.
	tokenLength = 43
)

// interrupt sends somebody to prove again who they are, and then back.
func (v *visit) interrupt(s *Submission, row *store.SessionRow, level auth.AAL) error {
	if s.Flow.Type == auth.Browser {
		if err := v.setAside(s, row); err != nil {
			return v.fault(err)
		}
	}
	return v.fault(v.tooOld(s.Flow, level))
}

// tooOld is the error of a session in which somebody has to prove again who
// they are before they go on with a form.
func (v *visit) tooOld(f *auth.Flow, level auth.AAL) error { return v.proveAgain(level, v.action(f)) }

// proveAgain sends somebody to prove again who they are, and then back.
func (v *visit) proveAgain(level auth.AAL, back string) error {
	return refreshAt(v.refreshTo(level, back))
}

// refreshTo is where somebody proves again who they are, and then goes back.
func (v *visit) refreshTo(level auth.AAL, back string) string {
	to := v.base + "self-service/login/browser?refresh=true"
	if level.AtLeast(auth.AAL2) {
		to = withQuery(to, "aal", string(level))
	}
	return withQuery(to, "return_to", back)
}

// refreshAt sends somebody there.
func refreshAt(to string) error {
	return &refusal{err: auth.ErrRefreshRequired.RedirectTo(to), to: to, status: http.StatusSeeOther}
}

// setAside keeps a submission for when its browser comes back: one of each
// session, the last one.
func (v *visit) setAside(s *Submission, row *store.SessionRow) error {
	token := secret.Token("", tokenLength)
	ring, err := asideRing(token)
	if err != nil {
		return err
	}
	contentType, body := s.Values.Source()
	of := asideOf(s.Flow)
	now := v.engine.Clock()
	if len(body) > maxAside {
		return auth.ErrBodyTooLarge.Saying("This change is too large to wait until you have proven again who you are (%d KB). Sign in again first.", maxAside>>10)
	}
	kept := &store.Interruption{ID: ring.Hash(string(of)), Project: s.Flow.Project, SessionID: row.Session.ID, ExpiresAt: auth.Now(now.Add(waiting)),
		Sealed: ring.Seal(append([]byte(contentType+"\n"), body...), of)}
	if err := v.write(func(ctx context.Context, tx *store.Tx) error { return tx.InsertInterruption(ctx, kept) }); err != nil {
		return err
	}
	v.aside.Set(v.w, token, now, kept.ExpiresAt)
	return nil
}

// forgetAside gives up what waits when somebody signs in for another reason. They
// do not know of it: whoever sat at their browser before may have left it there.
func (v *visit) forgetAside(f *auth.Flow) {
	if f.Kind != auth.Login || v.aside.Value(v.r) == "" {
		return
	}
	if asked := v.base + "self-service/" + string(auth.Settings) + "?"; !strings.HasPrefix(f.ReturnTo(), asked) {
		v.aside.Clear(v.w)
	}
}

// resume goes on with a submission of this form that was set aside, and says
// whether there was one.
func (v *visit) resume(f *auth.Flow, row *store.SessionRow) (bool, error) {
	token := v.aside.Value(v.r)
	if token == "" {
		return false, nil
	}
	if !v.privileged(row, auth.AAL1) {
		return false, v.tooOld(f, auth.AAL1)
	}
	ring, err := asideRing(token)
	if err != nil {
		return false, err
	}
	of := asideOf(f)
	var sealed []byte
	err = v.write(func(ctx context.Context, tx *store.Tx) (err error) {
		sealed, err = tx.TakeInterruption(ctx, f.Project, ring.Hash(string(of)), v.engine.Clock())
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v.aside.Clear(v.w)
	kept, err := ring.Open(sealed, of)
	if err != nil {
		return false, err
	}
	contentType, body, _ := bytes.Cut(kept, []byte("\n"))
	v.resumed = v.r.Clone(v.r.Context())
	v.resumed.Body, v.resumed.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	v.resumed.Header.Set("Content-Type", string(contentType))
	return true, nil
}

// asideRing are the keys that follow from a browser's token.
func asideRing(token string) (*secret.Ring, error) {
	return secret.NewRing("interrupted submission", []string{token})
}

// asideOf is what a submission that is set aside belongs to.
func asideOf(f *auth.Flow) []byte { return slices.Concat(f.ID[:], f.IdentityID[:]) }

package totp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"zelus/internal/auth"
	"zelus/internal/config"
	"zelus/internal/flow"
	"zelus/internal/identity"
	"zelus/internal/onetime"
	"zelus/internal/secret"
	"zelus/internal/store"
	"zelus/internal/ui"
)

const (
	name   = "totp"
	field  = "totp_code"
	unlink = "totp_unlink"
	// What a form remembers in which an app is being set up. Drawing the picture
	// takes a millisecond or more, so it is done once a form.
	secretKept  = "totp secret"
	pictureKept = "totp picture"

	secretSize = 20 // bytes: the length of an HMAC-SHA-1 (RFC 4226 section 4)
	period     = 30 // seconds
	drift      = 1  // steps that a clock may be off, either way
	imageSide  = 256
)

// TOTP is what the method uses.
type TOTP struct {
	Secrets *onetime.Secrets
	Clock   func() time.Time
}

// Method is the method for the engine.
func (t *TOTP) Method() flow.Method {
	return flow.Method{
		Name:     name,
		Enabled:  func(c *config.Config) bool { return c.SelfService.Methods.TOTP.Enabled },
		Login:    &flow.Part{Offered: (*flow.Form).SecondFactor, Prepare: prepareLogin, Submit: t.login},
		Settings: &flow.Part{Prepare: t.prepareSettings, Submit: t.change, Claims: claims, Privileged: true},
		Factor:   identity.Factor{Type: auth.TOTP, Holds: holds},
		Counts:   func(*config.Config) auth.Policy { return auth.Policy{Second: auth.FactorTOTP} },
	}
}

func holds(c auth.Credential) []auth.Factors {
	if _, ok := keyOf(c); ok {
		return []auth.Factors{auth.FactorTOTP}
	}
	return nil
}

// stored is the config of a credential.
type stored struct {
	URL string `json:"totp_url"`
}

// keyOf is the secret of a credential.
func keyOf(c auth.Credential) (key string, ok bool) {
	var config stored
	if len(c.Config) == 0 || json.Unmarshal(c.Config, &config) != nil || config.URL == "" {
		return "", false
	}
	u, err := otp.NewKeyFromURL(config.URL)
	if err != nil || u.Secret() == "" {
		return "", false
	}
	return u.Secret(), true
}

// enrolled is the secret of the app that somebody has set up.
func enrolled(form *flow.Form) (key string, c auth.Credential, ok bool) {
	c, ok = form.Credential(auth.TOTP)
	if ok {
		key, ok = keyOf(c)
	}
	return key, c, ok
}

func prepareLogin(_ context.Context, form *flow.Form) error {
	if _, _, ok := enrolled(form); !ok {
		return nil
	}
	form.Protect()
	form.UI.Put(ui.Input(ui.GroupTOTP, field, ui.InputText, "").Required().Labelled(ui.Say(ui.LabelSignInTOTP)))
	form.UI.Put(ui.Button(ui.GroupTOTP, "method", name, ui.Say(ui.LabelSignInTOTPSubmit)))
	return nil
}

// login checks a code as a second factor.
func (t *TOTP) login(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	given := flow.PlainCode(s.Values.String(field))
	if given == "" {
		return flow.Again(flow.Missing(field)), nil
	}
	key, c, ok := enrolled(&s.Form)
	if !ok {
		return flow.Again(flow.Problem{Message: ui.Say(ui.ErrorNoTOTP)}), nil
	}
	wrong := flow.Problem{Message: ui.Say(ui.ErrorVerifierWrong)}
	step, ok, err := t.check(ctx, s.Identity, key, given)
	if err != nil || !ok {
		return flow.Again(wrong), err
	}
	return flow.Proven(s.Identity, c, auth.AMR{Method: name, AAL: auth.AAL2}, wrong).Then(use(s.Identity.ID, step)), nil
}

// check says whether a code is right, and of which step it is.
func (t *TOTP) check(ctx context.Context, i *auth.Identity, key, given string) (step int64, ok bool, err error) {
	ok, err = t.Secrets.Guess(ctx, name, i, func() bool {
		now := t.Clock().Unix() / period
		for at := now - drift; at <= now+drift; at++ {
			want, err := hotp.GenerateCode(key, uint64(at))
			if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(given)) == 1 {
				step, ok = at, true
			}
		}
		return ok
	})
	return step, ok, err
}

// use uses up a step: of two who send the same code, one wins.
func use(i uuid.UUID, step int64) func(context.Context, *store.Tx) error {
	return func(ctx context.Context, tx *store.Tx) error {
		first, err := tx.UseStep(ctx, i, step)
		if err == nil && !first {
			return flow.ErrNotProven
		}
		return err
	}
}

// claims takes a button of its own, which says what is meant, too.
func claims(s *flow.Submission) bool {
	method := s.Values.String("method")
	return method == name || method == "" && s.Values.True(unlink)
}

func (t *TOTP) prepareSettings(_ context.Context, form *flow.Form) error {
	if _, _, ok := enrolled(form); ok {
		form.UI.Put(ui.Button(ui.GroupTOTP, unlink, "true", ui.Say(ui.LabelUnlinkTOTP)).Required())
		return nil
	}
	raw := form.Kept(secretKept)
	if raw == nil {
		raw = secret.Bytes(secretSize)
		form.Keep(secretKept, raw)
		form.Forget(pictureKept)
	}
	key, err := newKey(form, raw)
	if err != nil {
		return err
	}
	drawn := string(form.Kept(pictureKept))
	if drawn == "" {
		if drawn, err = picture(key); err != nil {
			return err
		}
		form.Keep(pictureKept, []byte(drawn))
	}
	scanned := ui.Image(ui.GroupTOTP, "totp_qr", drawn, imageSide).Labelled(ui.Say(ui.LabelTOTPImage))
	text := ui.Text(ui.GroupTOTP, "totp_secret_key", ui.Say(ui.InfoTOTPSecret, "secret", key.Secret())).Labelled(ui.Say(ui.LabelTOTPSecret))
	scanned.Secret, text.Secret = true, true
	form.UI.Put(scanned)
	form.UI.Put(text)
	form.UI.Put(ui.Input(ui.GroupTOTP, field, ui.InputText, nil).Required().Labelled(ui.Say(ui.LabelVerifyTOTP)))
	form.UI.Put(ui.Button(ui.GroupTOTP, "method", name, ui.Say(ui.LabelSave)))
	return nil
}

// longest bounds the issuer and the account in what an app scans, in characters: no
// image holds more than a few hundred.
const longest = 64

// newKey is what an app scans: the secret, and under which name the app shows it.
func newKey(form *flow.Form, raw []byte) (*otp.Key, error) {
	facts, _ := form.Schema.Extract(form.Identity.Traits)
	issuer := short(cmp.Or(form.Config.SelfService.Methods.TOTP.Config.Issuer, form.Config.PublicURL().Hostname()))
	account := short(cmp.Or(facts.TOTPAccount, form.Identity.ID.String()))
	query := url.Values{"secret": {base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)}, "issuer": {issuer},
		"period": {fmt.Sprint(period)}, "algorithm": {"SHA1"}, "digits": {"6"}}
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account, RawQuery: query.Encode()}
	return otp.NewKeyFromURL(u.String())
}

func short(name string) string {
	if all := []rune(name); len(all) > longest {
		return string(all[:longest])
	}
	return name
}

// picture is a key as a QR code, as the address of an image: two colours, and the
// margin of four modules that readers need (ISO/IEC 18004 section 9.1).
func picture(key *otp.Key) (string, error) {
	code, err := qr.Encode(key.URL(), qr.L, qr.Auto)
	if err != nil {
		return "", err
	}
	const margin = 4
	modules := code.Bounds().Dx()
	size := max(imageSide/(modules+2*margin), 1) // pixels of a module
	drawn := image.NewPaletted(image.Rect(0, 0, imageSide, imageSide), color.Palette{color.White, color.Black})
	begin := (imageSide - modules*size) / 2
	for y := range modules {
		for x := range modules {
			if code.At(x, y) != color.Black {
				continue
			}
			for row := range size {
				at := drawn.PixOffset(begin+x*size, begin+y*size+row)
				for n := range size {
					drawn.Pix[at+n] = 1
				}
			}
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, drawn); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes()), nil
}

// change sets an app up, or takes it away.
func (t *TOTP) change(ctx context.Context, s *flow.Submission) (flow.Outcome, error) {
	_, _, has := enrolled(&s.Form)
	if has && s.Values.True(unlink) {
		return flow.Changed(func(i *auth.Identity, _ time.Time) { delete(i.Credentials, auth.TOTP) }), nil
	}
	given, raw := flow.PlainCode(s.Values.String(field)), s.Kept(secretKept)
	if given == "" || has {
		return flow.Again(flow.Missing(field)), nil
	}
	wrong := flow.Problem{Field: field, Message: ui.Say(ui.ErrorVerifierWrong)}
	if raw == nil {
		return flow.Again(wrong), nil // the form is made anew, with another secret
	}
	key, err := newKey(&s.Form, raw)
	if err != nil {
		return flow.Outcome{}, err
	}
	step, ok, err := t.check(ctx, s.Identity, key.Secret(), given)
	if err != nil || !ok {
		return flow.Again(wrong), err
	}
	config, err := json.Marshal(stored{URL: key.URL()})
	if err != nil {
		return flow.Outcome{}, err
	}
	id := s.Identity.ID
	return flow.Changed(func(i *auth.Identity, now time.Time) {
		i.Credentials[auth.TOTP] = auth.Credential{Type: auth.TOTP, Identifiers: []string{id.String()}, Config: config, CreatedAt: now, UpdatedAt: now}
	}).Proving(auth.AMR{Method: name, AAL: auth.AAL2}).Then(use(id, step)), nil
}

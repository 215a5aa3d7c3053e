package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/hash"
)

// Creation is what an administrator gives to create an identity.
type Creation struct {
	SchemaID       string            `json:"schema_id"`
	Traits         json.RawMessage   `json:"traits"`
	Credentials    *Import           `json:"credentials"`
	Verifiable     []GivenVerifiable `json:"verifiable_addresses"`
	Recovery       []GivenRecovery   `json:"recovery_addresses"`
	MetadataPublic json.RawMessage   `json:"metadata_public"`
	MetadataAdmin  json.RawMessage   `json:"metadata_admin"`
	State          auth.State        `json:"state"`
	OrganizationID uuid.NullUUID     `json:"organization_id"`
	ExternalID     string            `json:"external_id"`
}

// GivenVerifiable is what is known of an address already. Addresses that the
// schema does not find in the traits are dropped.
type GivenVerifiable struct {
	ID         string     `json:"id"`
	Value      string     `json:"value"`
	Verified   bool       `json:"verified"`
	Via        string     `json:"via"`
	Status     string     `json:"status"`
	VerifiedAt *time.Time `json:"verified_at"`
	CreatedAt  *time.Time `json:"created_at"`
	UpdatedAt  *time.Time `json:"updated_at"`
}

// GivenRecovery is a recovery address; the schema decides about it.
type GivenRecovery struct {
	ID        string     `json:"id"`
	Value     string     `json:"value"`
	Via       string     `json:"via"`
	CreatedAt *time.Time `json:"created_at"`
	UpdatedAt *time.Time `json:"updated_at"`
}

// Import brings credentials from another system.
type Import struct {
	Password *struct {
		Config ImportPassword `json:"config"`
	} `json:"password"`
	OIDC *struct {
		Config ImportProviders `json:"config"`
	} `json:"oidc"`
	SAML *struct {
		Config ImportProviders `json:"config"`
	} `json:"saml"`
}

// ImportPassword is a password in clear, its hash, or a mark that another
// system is to be asked at the first sign-in. An administrator's password is
// not held to the policy.
type ImportPassword struct {
	HashedPassword           string  `json:"hashed_password"`
	Password                 *string `json:"password"`
	UsePasswordMigrationHook bool    `json:"use_password_migration_hook"`
}

// ImportProviders are social accounts.
type ImportProviders struct {
	Providers []ImportProvider `json:"providers"`
}

// ImportProvider is one social account.
type ImportProvider struct {
	Subject      string        `json:"subject"`
	Provider     string        `json:"provider"`
	UseAutoLink  bool          `json:"use_auto_link"`
	Organization uuid.NullUUID `json:"organization"`
}

// Replacement is what an administrator gives to replace an identity. Traits,
// metadata and external id are replaced even where they are absent; schema,
// state and credentials only where they are given.
type Replacement struct {
	SchemaID       string          `json:"schema_id"`
	Traits         json.RawMessage `json:"traits"`
	Credentials    *Import         `json:"credentials"`
	MetadataPublic json.RawMessage `json:"metadata_public"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin"`
	State          auth.State      `json:"state"`
	ExternalID     string          `json:"external_id"`
}

// Create makes and stores an identity from what an administrator gave.
func (m *Manager) Create(ctx context.Context, c Creation) (*auth.Identity, error) {
	d, err := m.Draft(ctx, c)
	if err != nil {
		return nil, err
	}
	return m.Insert(ctx, d)
}

// Draft is an identity on its way: what was given is understood, passwords
// are hashed, traits are not looked at yet.
type Draft struct {
	identity *auth.Identity
	given    []GivenVerifiable
}

// Draft begins an identity from what an administrator gave. A batch makes all
// its drafts first: an error here, unlike one of Insert, is a mistake of the
// whole request.
func (m *Manager) Draft(ctx context.Context, c Creation) (*Draft, error) {
	if c.SchemaID == "" {
		c.SchemaID = m.Schemas().Default().ID()
	}
	if c.State == "" {
		c.State = auth.Active
	}
	if !c.State.Valid() {
		return nil, auth.ErrState
	}
	i := m.New(c.SchemaID)
	i.State, i.Traits, i.ExternalID, i.OrganizationID = c.State, c.Traits, c.ExternalID, c.OrganizationID
	i.MetadataPublic, i.MetadataAdmin = given(c.MetadataPublic), given(c.MetadataAdmin)
	imported, err := m.prepare(ctx, c.Credentials)
	if err != nil {
		return nil, err
	}
	imported.apply(i, i.CreatedAt)
	return &Draft{identity: i, given: c.Verifiable}, nil
}

// Insert validates the traits of a draft, completes and stores it.
func (m *Manager) Insert(ctx context.Context, d *Draft) (*auth.Identity, error) {
	i := d.identity
	if err := m.settled(i); err != nil {
		return nil, err
	}
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		at := slices.IndexFunc(d.given, func(g GivenVerifiable) bool { return g.Via == a.Via && normalisedAddress(g.Value) == a.Value })
		if at < 0 {
			continue
		}
		g := d.given[at]
		a.Verified, a.Status, a.VerifiedAt = g.Verified, g.Status, g.VerifiedAt
		proven(a, i.CreatedAt)
	}
	return i, m.insert(ctx, i)
}

// proven completes what is known of an address: its status, and when it was verified.
func proven(a *auth.VerifiableAddress, now time.Time) {
	switch a.Status {
	case auth.AddressPending, auth.AddressSent, auth.AddressCompleted:
	default:
		a.Status = auth.AddressPending
		if a.Verified {
			a.Status = auth.AddressCompleted
		}
	}
	if a.Verified && a.VerifiedAt == nil {
		a.VerifiedAt = &now
	}
	if !a.Verified {
		a.VerifiedAt = nil
	}
}

// given turns the JSON null into nothing.
func given(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// Replace changes an identity to what an administrator gave.
func (m *Manager) Replace(ctx context.Context, id uuid.UUID, r Replacement) (*auth.Identity, error) {
	if r.State != "" && !r.State.Valid() {
		return nil, auth.ErrState
	}
	imported, err := m.prepare(ctx, r.Credentials)
	if err != nil {
		return nil, err
	}
	return m.change(ctx, id, func(i *auth.Identity) error {
		if r.SchemaID != "" {
			i.SchemaID = r.SchemaID
		}
		if r.State != "" {
			i.State = r.State
		}
		i.Traits, i.ExternalID = r.Traits, r.ExternalID
		i.MetadataPublic, i.MetadataAdmin = given(r.MetadataPublic), given(r.MetadataAdmin)
		imported.apply(i, auth.Now(m.Clock()))
		return nil
	})
}

// imported are credentials that are ready to be stored: hashing, which is
// slow, is done before the transaction.
type imported struct {
	password  json.RawMessage
	providers map[auth.CredentialType][]provider
}

// provider is a social account as it is stored.
type provider struct {
	Subject             string `json:"subject"`
	Provider            string `json:"provider"`
	InitialIDToken      string `json:"initial_id_token"`
	InitialAccessToken  string `json:"initial_access_token"`
	InitialRefreshToken string `json:"initial_refresh_token"`
	Organization        string `json:"organization,omitempty"`
	UseAutoLink         bool   `json:"use_auto_link,omitempty"`
}

func (m *Manager) prepare(ctx context.Context, in *Import) (*imported, error) {
	out := &imported{providers: map[auth.CredentialType][]provider{}}
	if in == nil {
		return out, nil
	}
	if in.Password != nil {
		config, err := m.importedPassword(ctx, in.Password.Config)
		if err != nil {
			return nil, err
		}
		out.password = config
	}
	if in.OIDC != nil {
		out.providers[auth.OIDC] = providersOf(in.OIDC.Config)
	}
	if in.SAML != nil {
		out.providers[auth.SAML] = providersOf(in.SAML.Config)
	}
	for t, all := range out.providers {
		for _, p := range all {
			if p.Provider == "" || p.Subject == "" {
				return nil, auth.ErrBadRequest.Saying("Each entry of credentials.%s.config.providers needs a provider and a subject.", t)
			}
		}
	}
	return out, nil
}

func providersOf(in ImportProviders) []provider {
	var out []provider
	for _, p := range in.Providers {
		one := provider{Subject: p.Subject, Provider: p.Provider, UseAutoLink: p.UseAutoLink}
		if p.Organization.Valid {
			one.Organization = p.Organization.UUID.String()
		}
		out = append(out, one)
	}
	return out
}

// PasswordConfig is what is stored of a password.
type PasswordConfig struct {
	HashedPassword           string `json:"hashed_password,omitempty"`
	UsePasswordMigrationHook bool   `json:"use_password_migration_hook,omitempty"`
}

// JSON is the config as it is stored.
func (c PasswordConfig) JSON() json.RawMessage {
	out, _ := json.Marshal(c) // strings always encode
	return out
}

func (m *Manager) importedPassword(ctx context.Context, in ImportPassword) (json.RawMessage, error) {
	switch {
	case in.UsePasswordMigrationHook:
		return PasswordConfig{UsePasswordMigrationHook: true}.JSON(), nil
	case in.Password != nil:
		if *in.Password == "" && in.HashedPassword == "" {
			return nil, auth.ErrPasswordEmpty
		}
		if *in.Password != "" {
			encoded, err := m.Hashes.Generate(ctx, *in.Password)
			if err != nil {
				return nil, hashingError(err)
			}
			return PasswordConfig{HashedPassword: encoded}.JSON(), nil
		}
	case in.HashedPassword == "":
		return nil, auth.ErrPasswordEmpty.Saying("credentials.password.config needs a password, a hashed_password or use_password_migration_hook.")
	}
	if err := hash.Check(in.HashedPassword); err != nil {
		return nil, auth.ErrPasswordHash.Because(err).Saying("The value of hashed_password cannot be used: %s.", strings.TrimPrefix(err.Error(), "hash: "))
	}
	return PasswordConfig{HashedPassword: in.HashedPassword}.JSON(), nil
}

// hashingError says to people what the hashing pool said.
func hashingError(err error) error {
	if errors.Is(err, hash.ErrBusy) {
		return auth.ErrTooBusy.Because(err)
	}
	if errors.Is(err, hash.ErrTooLong) {
		return auth.ErrBadRequest.Because(err).Saying("The password is longer than %d bytes.", hash.MaxPassword)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return auth.ErrTimeout.Because(err)
	}
	return err
}

func (in *imported) apply(i *auth.Identity, now time.Time) {
	if in.password != nil {
		c, existed := i.Credentials[auth.Password]
		if !existed {
			c = auth.Credential{Type: auth.Password, CreatedAt: now}
		}
		c.Config, c.UpdatedAt = in.password, now
		i.Credentials[auth.Password] = c
	}
	for t, fresh := range in.providers {
		c, existed := i.Credentials[t]
		if !existed {
			c = auth.Credential{Type: t, CreatedAt: now}
		}
		all := append(Providers(c), fresh...)
		setProviders(&c, all, now)
		i.Credentials[t] = c
	}
}

// Providers are the social accounts of a credential.
func Providers(c auth.Credential) []provider {
	var config struct {
		Providers []provider `json:"providers"`
	}
	if len(c.Config) == 0 || json.Unmarshal(c.Config, &config) != nil {
		return nil
	}
	return config.Providers
}

func setProviders(c *auth.Credential, all []provider, now time.Time) {
	c.Identifiers = nil
	for _, p := range all {
		if id := p.Provider + ":" + p.Subject; !slices.Contains(c.Identifiers, id) {
			c.Identifiers = append(c.Identifiers, id)
		}
	}
	c.Config, _ = json.Marshal(map[string]any{"providers": all}) // strings always encode
	c.UpdatedAt = now
}

// SocialFactor counts social accounts: each one of no organization is a way to sign in.
func SocialFactor(c auth.Credential) (n int) {
	for _, p := range Providers(c) {
		if p.Organization == "" && slices.Contains(c.Identifiers, p.Provider+":"+p.Subject) {
			n++
		}
	}
	return n
}

// deniedPaths of a JSON Patch. A prefix that ends in a slash denies all below it.
var deniedPaths = []string{"/id", "/statechangedat", "/state_changed_at", "/credentials", "/credentials/oidc", "/credentials/oidc/", "/credentials/saml", "/credentials/saml/"}

// Patch changes an identity by a JSON Patch (RFC 6902) with add, remove and
// replace. As with Kratos, replacing what is not there adds it, and missing
// parents are made.
func (m *Manager) Patch(ctx context.Context, id uuid.UUID, body []byte) (*auth.Identity, error) {
	patch, err := jsonpatch.DecodePatch(body)
	if err != nil {
		return nil, auth.ErrPatch.Because(err).Saying("The body is not a JSON Patch: it must be a list of operations as in RFC 6902.")
	}
	if err := allowed(patch); err != nil {
		return nil, err
	}
	return m.change(ctx, id, func(i *auth.Identity) error {
		before, err := patchable(i)
		if err != nil {
			return err
		}
		options := jsonpatch.NewApplyOptions()
		options.EnsurePathExistsOnAdd = true
		options.AccumulatedCopySizeLimit = 5 << 20
		after, err := patch.ApplyWithOptions(before, options)
		if err != nil {
			return auth.ErrPatch.Because(err).Saying("The patch cannot be applied: %s.", err)
		}
		return m.patched(i, after)
	})
}

func allowed(patch jsonpatch.Patch) error {
	for n, op := range patch {
		path, err := op.Path()
		if err != nil {
			return auth.ErrPatch.Because(err).Saying("Operation %d of the patch has no path.", n+1)
		}
		lower := strings.ToLower(path)
		for _, denied := range deniedPaths {
			if lower == denied || strings.HasSuffix(denied, "/") && strings.HasPrefix(lower, denied) {
				denied := auth.ErrPatchDenied.Saying("This part of an identity cannot be patched.")
				denied.Message = fmt.Sprintf("The patch includes the denied path %s.", path)
				return denied
			}
		}
		switch kind := op.Kind(); kind {
		case "add", "remove":
		case "replace":
			add := json.RawMessage(`"add"`)
			patch[n]["op"] = &add
		default:
			return auth.ErrPatch.Saying("Operation %d of the patch is %q; only add, remove and replace are possible here.", n+1, kind)
		}
	}
	return nil
}

// patchable is the document that a patch is applied to: an identity with the
// configs of its credentials.
func patchable(i *auth.Identity) ([]byte, error) {
	var show []auth.CredentialType
	for t := range i.Credentials {
		show = append(show, t)
	}
	return i.Pack().Render(auth.Reader{Addresses: true, Admin: true, Credentials: CredentialsJSON(i.Credentials, show...)}), nil
}

// patched reads the patched document back into the identity.
func (m *Manager) patched(i *auth.Identity, document []byte) error {
	var in struct {
		ExternalID     string                   `json:"external_id"`
		SchemaID       string                   `json:"schema_id"`
		State          auth.State               `json:"state"`
		Traits         json.RawMessage          `json:"traits"`
		MetadataPublic json.RawMessage          `json:"metadata_public"`
		MetadataAdmin  json.RawMessage          `json:"metadata_admin"`
		Verifiable     []auth.VerifiableAddress `json:"verifiable_addresses"`
		OrganizationID uuid.NullUUID            `json:"organization_id"`
		Credentials    map[auth.CredentialType]struct {
			Type   auth.CredentialType `json:"type"`
			Config json.RawMessage     `json:"config"`
		} `json:"credentials"`
	}
	if err := json.Unmarshal(document, &in); err != nil {
		return auth.ErrPatch.Because(err).Saying("What the patch makes is not an identity: %s.", err)
	}
	if !in.State.Valid() {
		return auth.ErrState
	}
	now := auth.Now(m.Clock())
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		for _, p := range in.Verifiable {
			if p.ID == a.ID && (p.Verified != a.Verified || p.Status != a.Status) {
				a.Verified, a.Status, a.UpdatedAt = p.Verified, p.Status, now
				proven(a, now)
			}
		}
	}
	for t, c := range i.Credentials {
		p, kept := in.Credentials[t]
		switch {
		case !kept:
			delete(i.Credentials, t)
		case p.Type != t:
			return auth.ErrPatch.Saying("The type of the credential %s cannot be changed.", t)
		case !sameJSON(p.Config, c.Config):
			if t == auth.Password {
				if err := patchedPassword(p.Config); err != nil {
					return err
				}
			}
			c.Config, c.UpdatedAt = p.Config, now
			i.Credentials[t] = c
		}
	}
	for t := range in.Credentials {
		if _, known := i.Credentials[t]; !known {
			return auth.ErrPatch.Saying("A credential of type %q cannot be added by a patch.", t)
		}
	}
	i.ExternalID, i.SchemaID, i.State, i.Traits, i.OrganizationID = in.ExternalID, in.SchemaID, in.State, in.Traits, in.OrganizationID
	i.MetadataPublic, i.MetadataAdmin = given(in.MetadataPublic), given(in.MetadataAdmin)
	return nil
}

// patchedPassword refuses a hash that could never be checked.
func patchedPassword(config json.RawMessage) error {
	var c PasswordConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return auth.ErrPatch.Because(err).Saying("The config of a password must be an object with hashed_password.")
	}
	if c.HashedPassword == "" {
		return nil
	}
	if err := hash.Check(c.HashedPassword); err != nil {
		return auth.ErrPasswordHash.Because(err).Saying("The value of hashed_password cannot be used: %s.", strings.TrimPrefix(err.Error(), "hash: "))
	}
	return nil
}

func sameJSON(a, b json.RawMessage) bool {
	return jsonpatch.Equal(a, b)
}

// DeleteCredential takes a credential away. identifier names one of several
// social accounts. The last way to sign in stays.
func (m *Manager) DeleteCredential(ctx context.Context, id uuid.UUID, t auth.CredentialType, identifier string) error {
	_, err := m.change(ctx, id, func(i *auth.Identity) error {
		c, ok := i.Credentials[t]
		if !ok {
			return auth.ErrCredentialMissing.Saying("This identity has no credential of type %q.", t)
		}
		now := auth.Now(m.Clock())
		switch t {
		case auth.TOTP, auth.LookupSecret:
			delete(i.Credentials, t)
			return nil
		case auth.WebAuthn:
			config, err := onlyPasswordless(c.Config)
			if err != nil {
				return fmt.Errorf("the security keys of identity %s cannot be read: %w", id, err)
			}
			c.Config, c.UpdatedAt = config, now
			i.Credentials[t] = c
			return nil
		case auth.Password:
			if m.FirstFactors(i) < 2 {
				return auth.ErrCredentialLast
			}
			c.Config, c.UpdatedAt = json.RawMessage("{}"), now
			i.Credentials[t] = c
			return nil
		case auth.OIDC, auth.SAML:
			if identifier == "" {
				return auth.ErrCredentialID
			}
			all := Providers(c)
			kept := slices.DeleteFunc(slices.Clone(all), func(p provider) bool { return p.Provider+":"+p.Subject == identifier })
			if len(kept) == len(all) {
				return auth.ErrCredentialMissing.Saying("The identifier %q is not among this identity's credentials of type %q.", identifier, t)
			}
			if m.FirstFactors(i) < 2 {
				return auth.ErrCredentialLast
			}
			if len(kept) == 0 {
				delete(i.Credentials, t)
				return nil
			}
			setProviders(&c, kept, now)
			i.Credentials[t] = c
			return nil
		}
		return auth.ErrCredentialKept.Saying("Credentials of type %q cannot be deleted.", t)
	})
	return err
}

// onlyPasswordless is a config of security keys without those that are second
// factors only.
func onlyPasswordless(config json.RawMessage) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(config, &all); err != nil {
		return nil, err
	}
	var keys []json.RawMessage
	if raw, ok := all["credentials"]; ok {
		if err := json.Unmarshal(raw, &keys); err != nil {
			return nil, err
		}
	}
	kept := slices.DeleteFunc(keys, func(key json.RawMessage) bool {
		var one struct {
			Passwordless bool `json:"is_passwordless"`
		}
		return json.Unmarshal(key, &one) != nil || !one.Passwordless
	})
	if len(kept) == 0 {
		return json.RawMessage("{}"), nil
	}
	all["credentials"], _ = json.Marshal(kept) // raw JSON always encodes
	return json.Marshal(all)
}

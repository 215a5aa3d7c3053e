package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"zelus/internal/auth"
)

// What an address is for. In the table of lookups they stand beside the types of
// credentials, none of which may be called that.
const (
	ForVerification = "verification"
	ForRecovery     = "recovery"
)

const (
	insertIdentity query = `INSERT INTO identities (id, project_id, external_id, schema_id, state, factors, organization_id, packed, delete_at, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateIdentity query = `UPDATE identities SET external_id = ?, schema_id = ?, state = ?, factors = ?, organization_id = ?, packed = ?, delete_at = ?, updated_at = ?
		WHERE project_id = ? AND id = ? AND updated_at = ?`
	deleteIdentity query = "DELETE FROM identities WHERE project_id = ? AND id = ?"

	selectIdentity         query = "SELECT packed, factors FROM identities WHERE project_id = ? AND id = ?"
	selectIdentityExternal query = "SELECT packed, factors FROM identities WHERE project_id = ? AND external_id = ?"
	selectIdentityAddress  query = `SELECT i.packed, i.factors FROM lookups l JOIN identities i ON i.id = l.identity_id
		WHERE l.project_id = ? AND l.value = ? AND l.purpose = ? AND l.via = ?`
	// An identifier, only of types in which people type it, comes before an address: it
	// has no via.
	selectIdentityNamed query = `SELECT i.packed, i.factors FROM lookups l JOIN identities i ON i.id = l.identity_id
		WHERE l.project_id = ? AND l.value = ? AND l.purpose IN ('password', 'webauthn', 'code', 'verification', 'recovery')
		ORDER BY l.via LIMIT 1`
	selectIdentityPage   query = "SELECT id, packed FROM identities WHERE project_id = ? AND id > ? ORDER BY id LIMIT ?"
	selectIdentityOffset query = "SELECT id, packed FROM identities WHERE project_id = ? ORDER BY id LIMIT ? OFFSET ?"
	selectIdentityIDs    query = "SELECT id, packed FROM identities WHERE project_id = ? AND id > ? AND id IN (?) ORDER BY id LIMIT ?"
	selectIdentityOrg    query = "SELECT id, packed FROM identities WHERE project_id = ? AND organization_id = ? AND id > ? ORDER BY id LIMIT ?"
	selectIdentitiesDue  query = "SELECT id, packed FROM identities WHERE delete_at <= ? ORDER BY delete_at LIMIT ?"
	countIdentities      query = "SELECT COUNT(*) FROM identities WHERE project_id = ?"

	// Look-ups by an identifier ask only the types in which people type one in. With
	// OR in the place of UNION no index is used, and every identifier is looked at.
	selectIdentityExact query = `SELECT id, packed FROM identities WHERE id IN (
		SELECT identity_id FROM lookups WHERE project_id = ? AND purpose IN ('password', 'webauthn', 'code') AND value = ?
		UNION SELECT identity_id FROM lookups WHERE project_id = ? AND purpose IN ('oidc', 'saml') AND value = ?
		) AND id > ? ORDER BY id LIMIT ?`
	selectIdentitySimilar query = `SELECT id, packed FROM identities WHERE id IN (
		SELECT identity_id FROM lookups WHERE project_id = ? AND purpose IN ('password', 'webauthn', 'code') AND value >= ? AND value < ?
		UNION SELECT identity_id FROM lookups WHERE project_id = ? AND purpose IN ('oidc', 'saml') AND value >= ? AND value < ?
		) AND id > ? ORDER BY id LIMIT ?`

	insertCredential    query = "INSERT INTO credentials (project_id, identity_id, type, identifiers, config, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	updateCredential    query = "UPDATE credentials SET identifiers = ?, config = ?, version = ?, updated_at = ? WHERE identity_id = ? AND type = ? AND config = ?"
	replaceConfig       query = "UPDATE credentials SET config = ?, updated_at = ? WHERE identity_id = ? AND type = ? AND config = ?"
	deleteCredential    query = "DELETE FROM credentials WHERE identity_id = ? AND type = ? AND config = ?"
	selectCredentials   query = "SELECT type, identifiers, config, version, created_at, updated_at FROM credentials WHERE identity_id = ? ORDER BY type"
	selectCredentialsOf query = "SELECT identity_id, type, identifiers, config, version, created_at, updated_at FROM credentials WHERE identity_id IN (?)"
	selectSignIn        query = `SELECT i.packed, i.factors, c.identifiers, c.config, c.version, c.created_at, c.updated_at
		FROM lookups l
		JOIN identities i ON i.id = l.identity_id
		JOIN credentials c ON c.identity_id = l.identity_id AND c.type = l.purpose
		WHERE l.project_id = ? AND l.value = ? AND l.purpose = ?`

	insertLookup query = "INSERT INTO lookups (project_id, value, purpose, via, identity_id) VALUES (?, ?, ?, ?, ?)"
	deleteLookup query = "DELETE FROM lookups WHERE project_id = ? AND value = ? AND purpose = ? AND via = ? AND identity_id = ?"
)

// ErrStale says that a row is no longer as it was when it was read.
var ErrStale = errors.New("store: the row has changed meanwhile")

// Row is an identity as a list has it.
type Row struct {
	ID     uuid.UUID
	Packed auth.Packed
}

// Identity reads an identity without its credentials; ErrNotFound where there is none.
func (q *queries) Identity(ctx context.Context, project, id uuid.UUID) (*auth.Identity, error) {
	return q.identity(ctx, selectIdentity, project, project, id)
}

// IdentityByExternalID is Identity by the id that another system gave.
func (q *queries) IdentityByExternalID(ctx context.Context, project uuid.UUID, external string) (*auth.Identity, error) {
	return q.identity(ctx, selectIdentityExternal, project, project, external)
}

// IdentityByAddress reads whose address this is, for this purpose, without
// credentials; ErrNotFound where it is nobody's. The address is normalised.
func (q *queries) IdentityByAddress(ctx context.Context, project uuid.UUID, purpose, via, value string) (*auth.Identity, error) {
	return q.identity(ctx, selectIdentityAddress, project, project, value, purpose, via)
}

// IdentityNamed reads who signs in with an identifier of any kind, or else whose
// address it is, without credentials; ErrNotFound where it is nobody's. The
// identifier is normalised.
func (q *queries) IdentityNamed(ctx context.Context, project uuid.UUID, identifier string) (*auth.Identity, error) {
	return q.identity(ctx, selectIdentityNamed, project, project, identifier)
}

func (q *queries) identity(ctx context.Context, s query, project uuid.UUID, args ...any) (*auth.Identity, error) {
	var packed string
	var factors auth.Factors
	err := q.one(ctx, s, args, &packed, &factors)
	if errors.Is(err, ErrNotFound) {
		readNobody()
	}
	if err != nil {
		return nil, err
	}
	i, err := auth.Packed(packed).Identity()
	if err != nil {
		return nil, err
	}
	i.Project, i.Factors = project, factors
	return i, nil
}

// readNobody does about the work of reading somebody where there is nobody, so that the
// time does not tell one from the other: packing stands for reading the row's columns.
func readNobody() {
	nobody := auth.Identity{Traits: json.RawMessage(`{}`), Verifiable: make([]auth.VerifiableAddress, 1), Recovery: make([]auth.RecoveryAddress, 1)}
	_, _ = nobody.Pack().Identity()
}

// Credentials reads all credentials of an identity.
func (q *queries) Credentials(ctx context.Context, identity uuid.UUID) (map[auth.CredentialType]auth.Credential, error) {
	all := map[auth.CredentialType]auth.Credential{}
	err := q.each(ctx, selectCredentials, func(r scanner) error {
		var c auth.Credential
		if err := scanCredential(r, &c, &c.Type); err != nil {
			return err
		}
		err := q.open(identity, &c)
		all[c.Type] = c
		return err
	}, identity)
	return all, err
}

// CredentialsOf reads all credentials of several identities.
func (q *queries) CredentialsOf(ctx context.Context, identities []uuid.UUID) (map[uuid.UUID]map[auth.CredentialType]auth.Credential, error) {
	all := make(map[uuid.UUID]map[auth.CredentialType]auth.Credential, len(identities))
	for ids := range slices.Chunk(identities, mostIDs) {
		in, args := selectCredentialsOf.among(ids)
		err := q.each(ctx, in, func(r scanner) error {
			var of uuid.UUID
			var c auth.Credential
			if err := scanCredential(r, &c, &of, &c.Type); err != nil {
				return err
			}
			if err := q.open(of, &c); err != nil {
				return err
			}
			if all[of] == nil {
				all[of] = map[auth.CredentialType]auth.Credential{}
			}
			all[of][c.Type] = c
			return nil
		}, args...)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// mostIDs is how many ids one statement takes: as many as the longest page of
// a list has, so that a page costs one statement.
const mostIDs = 512

// among makes a place for every id where the query has IN (?), and gives the
// arguments for them. There are three lengths, filled up by repeating the last
// id, so that there are few different statements to prepare. ids has 1 to
// mostIDs elements.
func (q query) among(ids []uuid.UUID) (query, []any) {
	length := mostIDs
	for _, n := range []int{8, 64} {
		if len(ids) <= n {
			length = n
			break
		}
	}
	args := make([]any, length)
	for n := range args {
		args[n] = ids[min(n, len(ids)-1)]
	}
	return q.places(length), args
}

// places is a query with n arguments where it has IN (?).
func (q query) places(n int) query {
	return query(strings.Replace(string(q), "IN (?)", "IN (?"+strings.Repeat(", ?", n-1)+")", 1))
}

// scanCredential reads the columns that follow those of before.
func scanCredential(r scanner, c *auth.Credential, before ...any) error {
	var identifiers, config string
	into := append(before, &identifiers, &config, &c.Version, instant{&c.CreatedAt}, instant{&c.UpdatedAt})
	if err := r.Scan(into...); err != nil {
		return err
	}
	c.Config = json.RawMessage(config)
	return json.Unmarshal([]byte(identifiers), &c.Identifiers)
}

// SignIn is who signs in with an identifier, and the credential that belongs to it.
type SignIn struct {
	Identity   *auth.Identity
	Credential auth.Credential
}

// SignInBy finds who signs in with an identifier of a type; ErrNotFound where nobody does.
func (q *queries) SignInBy(ctx context.Context, project uuid.UUID, t auth.CredentialType, identifier string) (*SignIn, error) {
	var found *SignIn
	err := q.each(ctx, selectSignIn, func(r scanner) error {
		var packed string
		var factors auth.Factors
		c := auth.Credential{Type: t}
		if err := scanCredential(r, &c, &packed, &factors); err != nil {
			return err
		}
		i, err := auth.Packed(packed).Identity()
		if err != nil {
			return err
		}
		i.Project, i.Factors = project, factors
		err = q.open(i.ID, &c)
		found = &SignIn{Identity: i, Credential: c}
		return err
	}, project, identifier, t)
	if err == nil && found == nil {
		readNobody()
		return nil, ErrNotFound
	}
	return found, err
}

// Filter says which identities a list has. At most one of its fields is set.
type Filter struct {
	IDs          []uuid.UUID
	Identifier   string // exact, normalised
	Verbatim     string // the same as it was given, for social accounts
	Similar      string // what an identifier begins with, normalised
	Organization uuid.NullUUID
}

// Identities lists up to limit identities behind after, by id.
func (q *queries) Identities(ctx context.Context, project uuid.UUID, f Filter, after uuid.UUID, limit int) ([]Row, error) {
	switch {
	case len(f.IDs) > 0:
		return q.identitiesByID(ctx, project, f.IDs, after, limit)
	case f.Identifier != "":
		return q.list(ctx, selectIdentityExact, project, f.Identifier, project, f.Verbatim, after, limit)
	case f.Similar != "":
		// A range instead of LIKE: it uses the index and has no wildcards.
		return q.list(ctx, selectIdentitySimilar, project, f.Similar, f.Similar+"\U0010FFFF", project, f.Verbatim, f.Verbatim+"\U0010FFFF", after, limit)
	case f.Organization.Valid:
		return q.list(ctx, selectIdentityOrg, project, f.Organization, after, limit)
	}
	return q.list(ctx, selectIdentityPage, project, after, limit)
}

// IdentitiesFrom lists identities by their number, for clients that page by number.
func (q *queries) IdentitiesFrom(ctx context.Context, project uuid.UUID, offset, limit int) ([]Row, error) {
	return q.list(ctx, selectIdentityOffset, project, limit, offset)
}

// IdentitiesDue lists up to limit identities that are to be deleted by now.
func (q *queries) IdentitiesDue(ctx context.Context, now time.Time, limit int) ([]Row, error) {
	return q.list(ctx, selectIdentitiesDue, now, limit)
}

// CountIdentities counts them all.
func (q *queries) CountIdentities(ctx context.Context, project uuid.UUID) (n int, err error) {
	return n, q.one(ctx, countIdentities, []any{project}, &n)
}

func (q *queries) identitiesByID(ctx context.Context, project uuid.UUID, ids []uuid.UUID, after uuid.UUID, limit int) ([]Row, error) {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	var all []Row
	for some := range slices.Chunk(slices.Compact(ids), mostIDs) {
		in, places := selectIdentityIDs.among(some)
		args := append([]any{project, after}, places...)
		rows, err := q.list(ctx, in, append(args, limit-len(all))...)
		if err != nil {
			return nil, err
		}
		if all = append(all, rows...); len(all) >= limit {
			break
		}
	}
	return all, nil
}

func (q *queries) list(ctx context.Context, s query, args ...any) ([]Row, error) {
	var all []Row
	err := q.each(ctx, s, func(r scanner) error {
		var row Row
		var packed string
		if err := r.Scan(&row.ID, &packed); err != nil {
			return err
		}
		row.Packed = auth.Packed(packed)
		all = append(all, row)
		return nil
	}, args...)
	return all, err
}

// InsertIdentity writes a new identity with all that belongs to it.
// ErrConflict where an identifier, address or external id is taken.
func (tx *Tx) InsertIdentity(ctx context.Context, i *auth.Identity) error {
	if _, err := tx.exec(ctx, insertIdentity, i.ID, i.Project, optional(i.ExternalID), i.SchemaID, i.State, i.Factors, i.OrganizationID,
		i.Pack(), i.DeleteAt, i.CreatedAt, i.UpdatedAt); err != nil {
		return err
	}
	if err := tx.insertCredentials(ctx, i, sorted(i.Credentials)); err != nil {
		return err
	}
	return tx.insertLookups(ctx, i, lookupsOf(i))
}

// UpdateIdentity writes what differs between an identity as it was read, with
// its credentials, and as it shall be. ErrStale where it has changed since, or
// is gone: then nothing may be committed. ErrConflict as with InsertIdentity.
//
// The time of its last update tells one version of an identity from another,
// so that of after must be later, by a microsecond at least. Some changes of a
// credential leave that time alone; therefore its config is compared as well.
//
// What stood in for a proof does so no longer where somebody signs in otherwise
// from now on.
func (tx *Tx) UpdateIdentity(ctx context.Context, before, after *auth.Identity) error {
	if after.UpdatedAt.UnixMicro() <= before.UpdatedAt.UnixMicro() {
		return fmt.Errorf("store: the identity %s is not later than what it replaces", after.ID)
	}
	tx.Changed(after.ID)
	if err := tx.only(ctx, updateIdentity, optional(after.ExternalID), after.SchemaID, after.State, after.Factors, after.OrganizationID,
		after.Pack(), after.DeleteAt, after.UpdatedAt, after.Project, after.ID, before.UpdatedAt); err != nil {
		return err
	}
	var fresh []auth.Credential
	for _, c := range sorted(after.Credentials) {
		was, existed := before.Credentials[c.Type]
		switch {
		case !existed:
			fresh = append(fresh, c)
		case !slices.Equal(was.Identifiers, c.Identifiers) || string(was.Config) != string(c.Config) || was.Version != c.Version:
			config, err := tx.seal(after.ID, c)
			if err != nil {
				return err
			}
			if err := tx.only(ctx, updateCredential, list(c.Identifiers), config, c.Version, c.UpdatedAt, after.ID, c.Type, inTable(was)); err != nil {
				return err
			}
		}
	}
	if err := tx.insertCredentials(ctx, after, fresh); err != nil {
		return err
	}
	for t, was := range before.Credentials {
		if _, kept := after.Credentials[t]; !kept {
			if err := tx.only(ctx, deleteCredential, after.ID, t, inTable(was)); err != nil {
				return err
			}
		}
	}
	if after.State != before.State || !auth.SignInAlike(before, after) {
		if err := tx.Distrust(ctx, after.Project, after.ID); err != nil {
			return err
		}
	}
	gone, come := difference(lookupsOf(before), lookupsOf(after))
	for _, l := range gone {
		if _, err := tx.exec(ctx, deleteLookup, after.Project, l.value, l.purpose, l.via, after.ID); err != nil {
			return err
		}
	}
	return tx.insertLookups(ctx, after, come)
}

// only runs a statement that must find its row; ErrStale where it does not.
func (tx *Tx) only(ctx context.Context, s query, args ...any) error {
	n, err := tx.exec(ctx, s, args...)
	if err == nil && n == 0 {
		return ErrStale
	}
	return err
}

// DeleteIdentity removes an identity and all that belongs to it, and says
// whether there was one.
func (tx *Tx) DeleteIdentity(ctx context.Context, project, id uuid.UUID) (bool, error) {
	tx.Changed(id)
	n, err := tx.exec(ctx, deleteIdentity, project, id)
	return n > 0, err
}

// ReplaceConfig changes a credential's config if it still is what it was.
// Rehashing a password must not undo a change of password made meanwhile.
func (tx *Tx) ReplaceConfig(ctx context.Context, identity uuid.UUID, before auth.Credential, config json.RawMessage) error {
	stored, err := tx.seal(identity, auth.Credential{Type: before.Type, Config: config})
	if err == nil {
		_, err = tx.exec(ctx, replaceConfig, stored, before.UpdatedAt, identity, before.Type, inTable(before))
	}
	return err
}

// lookup is a row of lookups, without its identity: an identifier, whose purpose is the
// type of its credential and which has no via, or an address.
type lookup struct{ value, purpose, via string }

// lookupsOf is all that somebody is found by.
func lookupsOf(i *auth.Identity) []lookup {
	var all []lookup
	for _, c := range sorted(i.Credentials) {
		for _, v := range c.Identifiers {
			all = append(all, lookup{value: v, purpose: string(c.Type)})
		}
	}
	for _, a := range i.Verifiable {
		all = append(all, lookup{a.Value, ForVerification, a.Via})
	}
	for _, a := range i.Recovery {
		all = append(all, lookup{a.Value, ForRecovery, a.Via})
	}
	return all
}

func sorted(credentials map[auth.CredentialType]auth.Credential) []auth.Credential {
	var all []auth.Credential
	for _, c := range credentials {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b auth.Credential) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return all
}

// difference tells what is only in a and what is only in b.
func difference(a, b []lookup) (onlyA, onlyB []lookup) {
	for _, k := range a {
		if !slices.Contains(b, k) {
			onlyA = append(onlyA, k)
		}
	}
	for _, k := range b {
		if !slices.Contains(a, k) {
			onlyB = append(onlyB, k)
		}
	}
	return onlyA, onlyB
}

func (tx *Tx) insertCredentials(ctx context.Context, i *auth.Identity, all []auth.Credential) error {
	var args []any
	for _, c := range all {
		config, err := tx.seal(i.ID, c)
		if err != nil {
			return err
		}
		args = append(args, i.Project, i.ID, c.Type, list(c.Identifiers), config, c.Version, c.CreatedAt, c.UpdatedAt)
	}
	return tx.insertRows(ctx, insertCredential, len(all), args)
}

func (tx *Tx) insertLookups(ctx context.Context, i *auth.Identity, all []lookup) error {
	var args []any
	for _, l := range all {
		args = append(args, i.Project, l.value, l.purpose, l.via, i.ID)
	}
	return tx.insertRows(ctx, insertLookup, len(all), args)
}

// insertRows inserts n rows, as many with one statement as the dialect likes.
func (tx *Tx) insertRows(ctx context.Context, q query, n int, args []any) error {
	for width := 0; n > 0; {
		width = len(args) / n
		take := min(n, tx.dialect.rows)
		if _, err := tx.exec(ctx, q.rows(take), args[:take*width]...); err != nil {
			return err
		}
		args, n = args[take*width:], n-take
	}
	return nil
}

// list is a JSON array of strings; nothing is an empty one.
func list(values []string) string {
	if len(values) == 0 {
		return "[]"
	}
	out, _ := json.Marshal(values) // strings always encode
	return string(out)
}

package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Packed is an identity's JSON answer in the pieces that differ between
// readers. It is kept in the identity's row and rewritten in the transaction
// that changes it, so that a session check or a page of a list reads one
// column and encodes nothing.
//
// The pieces are separated by U+001F, which JSON never holds unescaped:
//
//	0  {"id":…,"external_id":…
//	   (credentials go here)
//	1  ,"schema_id":…,"schema_url":"
//	   (the public base URL goes here)
//	2  schemas/…
//	3  ","state":…,"state_changed_at":…,"traits":…
//	4  ,"verifiable_addresses":…,"recovery_addresses":…
//	5  ,"metadata_public":…
//	6  ,"metadata_admin":…,"delete_at":…
//	7  ,"created_at":…,"updated_at":…,"organization_id":…}
type Packed string

const (
	packSeparator = "\x1f"
	packPieces    = 8
)

// Reader says for whom a packed identity is rendered.
type Reader struct {
	// BaseURL is the public base URL with its final slash. Empty leaves
	// schema_url empty, as lists of sessions do.
	BaseURL string
	// Addresses adds the verifiable and recovery addresses.
	Addresses bool
	// Admin adds metadata_admin, with OmitNullAdmin only where there is some, and when
	// the account is to be deleted.
	Admin         bool
	OmitNullAdmin bool
	// Credentials, where not nil, is the JSON object of the credentials.
	Credentials []byte
}

// Pack renders an identity once for all readers.
func (i *Identity) Pack() Packed {
	var b bytes.Buffer
	b.WriteString(`{"id":"` + i.ID.String() + `"`)
	if i.ExternalID != "" {
		b.WriteString(`,"external_id":`)
		b.Write(mustJSON(i.ExternalID))
	}
	b.WriteString(packSeparator + `,"schema_id":`)
	b.Write(mustJSON(i.SchemaID))
	b.WriteString(`,"schema_url":"` + packSeparator + SchemaPath(i.SchemaID) + packSeparator)
	b.WriteString(`","state":`)
	b.Write(mustJSON(i.State))
	if i.StateChangedAt != nil {
		b.WriteString(`,"state_changed_at":"` + Stamp(*i.StateChangedAt) + `"`)
	}
	b.WriteString(`,"traits":`)
	b.Write(compact(i.Traits, "{}"))
	b.WriteString(packSeparator)
	if len(i.Verifiable) > 0 {
		b.WriteString(`,"verifiable_addresses":`)
		b.Write(mustJSON(i.Verifiable))
	}
	if len(i.Recovery) > 0 {
		b.WriteString(`,"recovery_addresses":`)
		b.Write(mustJSON(i.Recovery))
	}
	b.WriteString(packSeparator + `,"metadata_public":`)
	b.Write(compact(i.MetadataPublic, "null"))
	b.WriteString(packSeparator + `,"metadata_admin":`)
	b.Write(compact(i.MetadataAdmin, "null"))
	if i.DeleteAt != nil {
		b.WriteString(`,"delete_at":"` + Stamp(*i.DeleteAt) + `"`)
	}
	b.WriteString(packSeparator + `,"created_at":"` + Stamp(i.CreatedAt) + `","updated_at":"` + Stamp(i.UpdatedAt) + `","organization_id":`)
	if i.OrganizationID.Valid {
		b.WriteString(`"` + i.OrganizationID.UUID.String() + `"}`)
	} else {
		b.WriteString(`null}`)
	}
	return Packed(b.String())
}

// SchemaPath is the path of a schema below the public base URL.
func SchemaPath(schemaID string) string {
	return "schemas/" + base64.RawURLEncoding.EncodeToString([]byte(schemaID))
}

// Append writes the identity's JSON for a reader to dst.
func (p Packed) Append(dst []byte, r Reader) []byte {
	rest := string(p)
	for n := range packPieces {
		piece := rest
		if at := strings.Index(rest, packSeparator); at >= 0 {
			piece, rest = rest[:at], rest[at+1:]
		}
		switch n {
		case 1:
			if r.Credentials != nil {
				dst = append(dst, `,"credentials":`...)
				dst = append(dst, r.Credentials...)
			}
		case 2:
			if r.BaseURL == "" {
				continue
			}
			dst = append(dst, jsonEscaped(r.BaseURL)...)
		case 4:
			if !r.Addresses {
				continue
			}
		case 6:
			if !r.Admin {
				continue
			}
			if r.OmitNullAdmin {
				piece = strings.TrimPrefix(piece, `,"metadata_admin":null`)
			}
		}
		dst = append(dst, piece...)
	}
	return dst
}

// Render is Append to a new slice.
func (p Packed) Render(r Reader) []byte {
	return p.Append(make([]byte, 0, len(p)+len(r.BaseURL)+len(r.Credentials)+32), r)
}

// Stamp formats a time as the wire has it: RFC 3339 in UTC, microseconds
// without trailing zeros.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Now cuts a time to what every database keeps: microseconds, in UTC.
func Now(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// compact returns raw without insignificant space, or what stands for nothing.
func compact(raw json.RawMessage, nothing string) []byte {
	if len(raw) == 0 {
		return []byte(nothing)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return []byte(nothing)
	}
	return b.Bytes()
}

// mustJSON encodes values that cannot fail: strings, times and plain structs.
func mustJSON(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

func jsonEscaped(s string) []byte {
	quoted := mustJSON(s)
	return quoted[1 : len(quoted)-1]
}

// Identity reads a packed answer back. Project, credentials and the available
// level are not part of it; whoever reads the row sets them.
func (p Packed) Identity() (*Identity, error) {
	var in struct {
		ID             uuid.UUID           `json:"id"`
		ExternalID     string              `json:"external_id"`
		SchemaID       string              `json:"schema_id"`
		State          State               `json:"state"`
		StateChangedAt *time.Time          `json:"state_changed_at"`
		Traits         json.RawMessage     `json:"traits"`
		Verifiable     []VerifiableAddress `json:"verifiable_addresses"`
		Recovery       []RecoveryAddress   `json:"recovery_addresses"`
		MetadataPublic json.RawMessage     `json:"metadata_public"`
		MetadataAdmin  json.RawMessage     `json:"metadata_admin"`
		CreatedAt      time.Time           `json:"created_at"`
		UpdatedAt      time.Time           `json:"updated_at"`
		OrganizationID uuid.NullUUID       `json:"organization_id"`
		DeleteAt       *time.Time          `json:"delete_at"`
	}
	if err := json.Unmarshal(p.Render(Reader{Addresses: true, Admin: true}), &in); err != nil {
		return nil, fmt.Errorf("the packed identity cannot be read: %w", err)
	}
	return &Identity{ID: in.ID, ExternalID: in.ExternalID, SchemaID: in.SchemaID, State: in.State, StateChangedAt: in.StateChangedAt,
		Traits: in.Traits, Verifiable: in.Verifiable, Recovery: in.Recovery, MetadataPublic: present(in.MetadataPublic),
		MetadataAdmin: present(in.MetadataAdmin), CreatedAt: in.CreatedAt, UpdatedAt: in.UpdatedAt, OrganizationID: in.OrganizationID, DeleteAt: in.DeleteAt}, nil
}

// present turns the JSON null into no value.
func present(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

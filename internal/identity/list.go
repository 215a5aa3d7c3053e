package identity

import (
	"context"

	"github.com/google/uuid"

	"zelus/internal/auth"
	"zelus/internal/schema"
	"zelus/internal/store"
)

// Bounds of a list.
const (
	maxIDs      = 500  // that can be asked for at once
	maxByNumber = 1000 // identities before a page that is asked for by its number
)

// List says which identities are asked for, and which page of them. Identities
// are in the order of their ids.
type List struct {
	// At most one of these four says which identities; without any it is all.
	IDs          []uuid.UUID
	Identifier   string // whose identifier this is, as people type it
	Similar      string // whose identifier begins like this
	Organization uuid.NullUUID

	// A page is what comes behind the id After, or, for clients of old, what
	// comes after the first Skip. Size is how many identities it has at most.
	ByNumber bool
	After    uuid.UUID
	Skip     int
	Size     int

	// Credentials says that they are to be read, too.
	Credentials bool
}

// Page is a part of a list.
type Page struct {
	Rows []store.Row
	// Credentials, where they were asked for, are those of each identity.
	Credentials map[uuid.UUID]map[auth.CredentialType]auth.Credential
	// More says that identities follow. Only known of a page by id.
	More bool
	// Total is how many there are on all pages. Only known of a page by number.
	Total int
}

// List reads a page of a list. One that cannot be is auth.ErrParameter.
func (m *Manager) List(ctx context.Context, l List) (*Page, error) {
	filter, err := l.filter()
	if err != nil {
		return nil, err
	}
	if l.Identifier+l.Similar != "" && filter.Identifier+filter.Similar == "" {
		return &Page{}, nil // nobody can have it
	}
	page, err := m.page(ctx, l, filter)
	if err != nil || !l.Credentials {
		return page, err
	}
	ids := make([]uuid.UUID, len(page.Rows))
	for n, row := range page.Rows {
		ids[n] = row.ID
	}
	page.Credentials, err = m.Store.CredentialsOf(ctx, ids)
	return page, err
}

// filter is what the store is asked for.
func (l *List) filter() (store.Filter, error) {
	f := store.Filter{IDs: l.IDs, Organization: l.Organization}
	kinds := 0
	for _, used := range []bool{len(l.IDs) > 0, l.Identifier != "", l.Similar != "", l.Organization.Valid} {
		if used {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return f, auth.ErrParameter.Saying("Only one kind of filter can be used at once: ids, credentials_identifier, preview_credentials_identifier_similar or organization_id.")
	case len(l.IDs) > maxIDs:
		return f, auth.ErrParameter.Saying("At most %d ids can be asked for at once.", maxIDs)
	case !storable(l.Identifier + l.Similar):
	case l.Identifier != "":
		f.Identifier, f.Verbatim = schema.LookupIdentifier(l.Identifier), l.Identifier
	case l.Similar != "":
		f.Similar, f.Verbatim = schema.LookupIdentifier(l.Similar), l.Similar
	}
	return f, nil
}

func (m *Manager) page(ctx context.Context, l List, f store.Filter) (*Page, error) {
	if !l.ByNumber {
		// One more than is shown tells whether there is a next page.
		rows, err := m.Store.Identities(ctx, auth.DefaultProject, f, l.After, l.Size+1)
		shown := min(len(rows), l.Size)
		return &Page{Rows: rows[:shown], More: len(rows) > shown}, err
	}
	if l.Skip > maxByNumber {
		return nil, auth.ErrParameter.Saying("Pages by number end after %d identities. Follow page_token in the Link header instead.", maxByNumber)
	}
	if len(f.IDs) > 0 || f.Identifier != "" || f.Similar != "" || f.Organization.Valid {
		// What a filter finds is counted by being read, so that the total
		// ends where pages by number do.
		all, err := m.Store.Identities(ctx, auth.DefaultProject, f, uuid.Nil, maxByNumber)
		return &Page{Rows: all[min(l.Skip, len(all)):min(l.Skip+l.Size, len(all))], Total: len(all)}, err
	}
	total, err := m.Store.CountIdentities(ctx, auth.DefaultProject)
	if err != nil {
		return nil, err
	}
	rows, err := m.Store.IdentitiesFrom(ctx, auth.DefaultProject, l.Skip, l.Size)
	return &Page{Rows: rows, Total: total}, err
}

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"zelus/internal/auth"
	"zelus/internal/secret"
	"zelus/internal/session"
	"zelus/internal/store"
)

// password is everybody's.
const password = "violet-kayak-sings-at-noon"

func email(n int) string { return fmt.Sprintf("person%08d@example.org", n) }
func token(n int) string { return fmt.Sprintf("ory_st_%032d", n) }

// openIn opens the database in dir, with a clock that is ahead by so much.
func openIn(dir string, ahead time.Duration) (*store.Store, error) {
	return store.Open(context.Background(), store.Options{Dialect: "sqlite", Path: filepath.Join(dir, "zelus.sqlite"),
		Clock: func() time.Time { return time.Now().Add(ahead) }, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

// seed fills the database in dir with so many people, each with a password
// and a session. It writes rows as the server does, without its work before.
func seed(dir string, people int) (err error) {
	ctx := context.Background()
	st, err := openIn(dir, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if _, err := st.Migrate(ctx); err != nil {
		return err
	}
	tokens, err := secret.NewRing("session token", []string{secretOfBench})
	if err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cheapest)
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]string{"hashed_password": string(hash)})
	if err != nil {
		return err
	}
	const batch = 500
	for first := 0; first < people; first += batch {
		now := auth.Now(time.Now())
		err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
			for n := first; n < min(first+batch, people); n++ {
				i := somebody(n, now, config)
				if err := tx.InsertIdentity(ctx, i); err != nil {
					return err
				}
				amr := auth.AMRsOf(auth.AMR{Method: "password", AAL: auth.AAL1, CompletedAt: now})
				agent, address := "bench/1.0", "127.0.0.1"
				if err := tx.InsertSession(ctx, &auth.Session{ID: uuid.Must(uuid.NewV7()), Project: i.Project, IdentityID: i.ID, TokenHash: tokens.Hash(token(n)), Active: true,
					AAL: auth.AAL1, AMR: amr, IssuedAt: now, AuthenticatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
					Devices: auth.DevicesOf(auth.Device{ID: uuid.New(), IPAddress: &address, UserAgent: &agent})}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ending is how long it takes until all leftovers are due.
const ending = 2 * time.Hour

// kept is how long the server keeps what leave adds.
var kept = store.Retention{Flows: 24 * time.Hour, Sessions: 7 * 24 * time.Hour, History: session.HistoryKept}

// leave adds what is to be removed to a seeded database: for the first fifth of the people
// a session and a form that have ended, and an entry of the history. They are due one
// after the other, from now on.
func leave(dir string, people int) (err error) {
	ctx := context.Background()
	st, err := openIn(dir, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	now, left := auth.Now(time.Now()), people/5
	const batch = 250
	var after uuid.UUID
	for first := 0; first < left; first += batch {
		owners, err := st.Identities(ctx, auth.DefaultProject, store.Filter{}, after, min(batch, left-first))
		if err != nil {
			return err
		}
		after = owners[len(owners)-1].ID
		err = st.Write(ctx, store.Durable, func(tx *store.Tx) error {
			for n, owner := range owners {
				due := now.Add(ending / time.Duration(left) * time.Duration(first+n))
				then := due.Add(-kept.Sessions)
				hash := make([]byte, 32)
				rand.Read(hash)
				ended := &auth.Session{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, IdentityID: owner.ID, TokenHash: hash, Active: true, AAL: auth.AAL1,
					AMR: auth.AMRsOf(auth.AMR{Method: "password", AAL: auth.AAL1, CompletedAt: then}), IssuedAt: then, AuthenticatedAt: then, ExpiresAt: then, Devices: auth.DevicesOf()}
				form := &auth.Flow{ID: uuid.New(), Project: auth.DefaultProject, Kind: auth.Login, Type: auth.API, ExpiresAt: due.Add(-kept.Flows)}
				entry := &store.HistoryEntry{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, IdentityID: owner.ID, SessionID: ended.ID, Event: auth.SignedIn,
					Method: "password", AAL: auth.AAL1, CreatedAt: due.Add(-kept.History)}
				if err := errors.Join(tx.InsertSession(ctx, ended), tx.InsertFlow(ctx, form), tx.InsertHistory(ctx, entry)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func somebody(n int, now time.Time, config json.RawMessage) *auth.Identity {
	i := &auth.Identity{ID: uuid.Must(uuid.NewV7()), Project: auth.DefaultProject, SchemaID: "default", State: auth.Active, StateChangedAt: &now,
		Traits: json.RawMessage(fmt.Sprintf(`{"email":%q,"name":"Person %d"}`, email(n), n)), Factors: auth.FactorPassword, CreatedAt: now, UpdatedAt: now}
	i.SetCredential(auth.Password, config, now)
	c := i.Credentials[auth.Password]
	c.Identifiers, c.Version = []string{email(n)}, 1
	i.Credentials[auth.Password] = c
	i.Verifiable = []auth.VerifiableAddress{{ID: uuid.Must(uuid.NewV7()), Value: email(n), Via: "email", Status: "pending", CreatedAt: now, UpdatedAt: now}}
	i.Recovery = []auth.RecoveryAddress{{ID: uuid.Must(uuid.NewV7()), Value: email(n), Via: "email", CreatedAt: now, UpdatedAt: now}}
	return i
}

package test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zelus/test/server"
)

// SQLite lets one writer in at a time. Clients must never notice: at worst
// they are asked to wait.
const lockedMessage = "database is locked"

// TestLoad lets 64 clients sign up and sign in at once on SQLite, for as many
// seconds as ZELUS_LOAD_SECONDS says.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("this test starts a server and keeps it busy: not in short mode")
	}
	const clients = 64
	seconds := 3
	if s := os.Getenv("ZELUS_LOAD_SECONDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("ZELUS_LOAD_SECONDS is %q: it must be a whole number of seconds", s)
		}
		seconds = n
	}

	s := server.Start(t, "testdata/basic.yml")
	l := &load{
		base: s.Public,
		http: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: clients},
			Timeout:   time.Minute,
		},
	}
	defer l.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := l.person(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()

	t.Logf("%d clients in %d s: %d signed up, %d signed in, %d were asked to wait",
		clients, seconds, l.signedUp.Load(), l.signedIn.Load(), l.waited.Load())
	if l.signedIn.Load() == 0 {
		t.Error("nobody could sign in")
	}
	if strings.Contains(s.Log(t), lockedMessage) {
		t.Errorf("the server's log says %q", lockedMessage)
	}
}

// load is what the clients share.
type load struct {
	base                       string
	http                       *http.Client
	signedUp, signedIn, waited atomic.Int64
}

// person signs up and signs in again. It ends early, without an error, when
// ctx is done.
func (l *load) person(ctx context.Context) error {
	email := strings.ToLower(rand.Text()) + "@example.org"
	password := rand.Text()
	done, err := l.flow(ctx, "registration", map[string]any{
		"method": "password", "password": password, "traits": map[string]any{"email": email},
	})
	if !done || err != nil {
		return err
	}
	l.signedUp.Add(1)
	done, err = l.flow(ctx, "login", map[string]any{
		"method": "password", "password": password, "identifier": email,
	})
	if !done || err != nil {
		return err
	}
	l.signedIn.Add(1)
	return nil
}

// flow starts a flow of the kind and submits it; it must end with a session.
// It says whether that happened before ctx was done.
func (l *load) flow(ctx context.Context, kind string, submission any) (bool, error) {
	var started struct {
		UI struct {
			Action string `json:"action"`
		} `json:"ui"`
	}
	done, err := l.do(ctx, http.MethodGet, l.base+"/self-service/"+kind+"/api", nil, &started)
	if !done || err != nil {
		return false, err
	}
	body, err := json.Marshal(submission)
	if err != nil {
		return false, err
	}
	var ended struct {
		SessionToken string `json:"session_token"`
	}
	done, err = l.do(ctx, http.MethodPost, started.UI.Action, body, &ended)
	if !done || err != nil {
		return false, err
	}
	if ended.SessionToken == "" {
		return false, fmt.Errorf("%s ended without a session token", kind)
	}
	return true, nil
}

// do sends a request until it is answered with something else than 429 and
// decodes the answer into out. Any status but 200 is an error. It says whether
// there was an answer before ctx was done; a request under way is not cut off.
func (l *load) do(ctx context.Context, method, url string, body []byte, out any) (bool, error) {
	for ctx.Err() == nil {
		req, err := http.NewRequest(method, url, bytes.NewReader(body))
		if err != nil {
			return false, err
		}
		req.Header.Set("Accept", "application/json")
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := l.http.Do(req)
		if err != nil {
			return false, err
		}
		answer, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return false, err
		}
		if bytes.Contains(answer, []byte(lockedMessage)) {
			return false, fmt.Errorf("%s %s: %d: the answer says %q", method, url, res.StatusCode, lockedMessage)
		}
		switch res.StatusCode {
		case http.StatusOK:
			return true, json.Unmarshal(answer, out)
		case http.StatusTooManyRequests:
			l.waited.Add(1)
			wait, err := strconv.Atoi(res.Header.Get("Retry-After"))
			if err != nil || wait < 0 {
				return false, fmt.Errorf("%s %s: 429 with Retry-After %q, want seconds", method, url, res.Header.Get("Retry-After"))
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(wait) * time.Second):
			}
		default:
			return false, fmt.Errorf("%s %s: %d: %s", method, url, res.StatusCode, answer)
		}
	}
	return false, nil
}

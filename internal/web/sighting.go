package web

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"zelus/internal/auth"
	"zelus/internal/secret"
)

// SightingHeader is the header in which `zelus doctor` asks a server what it sees
// of the very request, and in which the server answers.
const SightingHeader = "Zelus-Sighting"

// Sighting is what a server sees of a request: what is left of it behind the
// proxies. Texts that came with it are cut.
type Sighting struct {
	// Host is the header of that name, Scheme https where the connection to the
	// server itself has TLS, Peer the address of whoever opened it: mostly a proxy.
	Host, Scheme, Peer string
	// Trusted says that the peer is believed about where a client is, and Client
	// is where the server takes it to be.
	Trusted bool
	Client  string
	// Headers are those that proxies set, as far as they arrived.
	Headers map[string]string
	// BaseURL is the public base URL of the configuration in force, and Revision
	// the name of that.
	BaseURL, Revision string
	// Version is that of the program.
	Version string
	// Now is what the clock of the server says.
	Now time.Time
}

// Sight lets those who have the secrets of a server, and nobody else, learn what
// it sees. A question is a random number, sealed; the answer is sealed for that
// number. So only who could run the server learns anything, only the server can
// have answered, and only now. Build it with NewSight.
type Sight struct{ ring *secret.Ring }

// maxQuestion is more than a question has, in bytes.
const maxQuestion = 256

// errSighting says that what came back is no answer to the question.
var errSighting = errors.New("the answer is none to this question, or was made with other secrets")

// NewSight derives the keys from secrets.default.
func NewSight(secrets []string) (*Sight, error) {
	ring, err := secret.NewRing("sighting", secrets)
	return &Sight{ring}, err
}

// Ask makes a question, and the number that its answer is sealed for.
func (s *Sight) Ask() (question string, number []byte) {
	number = make([]byte, 16)
	_, _ = rand.Read(number) // never fails; it ends the program instead
	return s.ring.SealString(number, []byte("question")), number
}

// Answer answers the question that a request may have. seen is given what the
// server knows; what the request says is added.
func (s *Sight) Answer(w http.ResponseWriter, r *http.Request, proxies []netip.Prefix, seen func() Sighting) {
	question := r.Header.Get(SightingHeader)
	if question == "" || len(question) > maxQuestion {
		return
	}
	number, err := s.ring.OpenString(question, []byte("question"))
	if err != nil {
		return // whoever asks does not know the secrets
	}
	v := seen()
	v.Host, v.Scheme, v.Client, v.Headers = auth.Short(r.Host), "http", ClientOf(r, proxies).IP, map[string]string{}
	if r.TLS != nil {
		v.Scheme = "https"
	}
	if peer, known := address(r.RemoteAddr); known {
		v.Peer, v.Trusted = peer.String(), within(proxies, peer)
	} else {
		v.Trusted = len(proxies) > 0
	}
	for _, name := range forwardingHeaders() {
		if value := r.Header.Get(name); value != "" {
			v.Headers[name] = auth.Short(value)
		}
	}
	if answer, err := json.Marshal(v); err == nil {
		w.Header().Set(SightingHeader, s.ring.SealString(answer, number))
	}
}

// Read opens an answer to the question of that number.
func (s *Sight) Read(answer string, number []byte) (Sighting, error) {
	var v Sighting
	plain, err := s.ring.OpenString(answer, number)
	if err != nil || json.Unmarshal(plain, &v) != nil {
		return Sighting{}, errSighting
	}
	return v, nil
}

// forwardingHeaders are those by which proxies tell what they know.
func forwardingHeaders() []string {
	return []string{"Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-For", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip"}
}

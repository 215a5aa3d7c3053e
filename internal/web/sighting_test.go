package web

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSighting(t *testing.T) {
	sight := func(secrets ...string) *Sight {
		s, err := NewSight(secrets)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	at := time.Date(2026, 5, 4, 8, 30, 0, 0, time.UTC)
	ours := sight("the secret of this server alone", "a former one")
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	answer := func(by *Sight, question string) string {
		r := httptest.NewRequest("GET", "/health/alive?private=1", nil)
		r.Host, r.RemoteAddr, r.TLS = "id.example.org", "10.0.0.7:1234", &tls.ConnectionState{}
		r.Header.Set(SightingHeader, question)
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		r.Header.Set("X-Forwarded-Proto", strings.Repeat("x", 500))
		r.Header.Set("Cookie", "private=1")
		w := httptest.NewRecorder()
		by.Answer(w, r, proxies, func() Sighting {
			return Sighting{BaseURL: "https://id.example.org/", Revision: "r", Version: "v", Now: at}
		})
		return w.Header().Get(SightingHeader)
	}
	question, number := ours.Ask()
	said := answer(ours, question)
	got, err := ours.Read(said, number)
	if err != nil {
		t.Fatal(err)
	}
	want := Sighting{Host: "id.example.org", Scheme: "https", Peer: "10.0.0.7", Trusted: true, Client: "198.51.100.7", BaseURL: "https://id.example.org/", Revision: "r", Version: "v", Now: at,
		Headers: map[string]string{"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": strings.Repeat("x", 64) + "…"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// After a rotation the former secret is still understood.
	if former, number := sight("a former one").Ask(); answer(ours, former) == "" || len(number) == 0 {
		t.Error("a question under a former secret is not answered")
	}

	foreign, _ := sight("a secret of somebody else").Ask()
	for name, question := range map[string]string{"none": "", "of other secrets": foreign, "cut": question[:len(question)-2], "noise": "noise", "long": strings.Repeat("x", 1<<16), "an answer": said} {
		if got := answer(ours, question); got != "" {
			t.Errorf("a question that is %s is answered: %s", name, got)
		}
	}
	// An answer is for its question only.
	if _, other := ours.Ask(); !cmp.Equal(other, number) {
		if v, err := ours.Read(said, other); err == nil {
			t.Errorf("an answer to another question is read: %v", v)
		}
	}
	for _, bad := range []string{"", "noise", said[:len(said)-2], question} {
		if _, err := ours.Read(bad, number); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	if http.CanonicalHeaderKey(SightingHeader) != SightingHeader {
		t.Error("the header is not spelt as headers are")
	}
}

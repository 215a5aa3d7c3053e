package api

import (
	"context"
	"io"
	"net/http"
	"runtime/metrics"
	"time"

	"zelus/internal/auth"
	"zelus/internal/web"
)

type status struct {
	Status string `json:"status"`
}

// alive says that the process answers, and tells `zelus doctor`, which has the
// secrets of the server, what it sees of the request.
func (a *API) alive(w http.ResponseWriter, r *http.Request) error {
	c := a.now.Load()
	c.sight.Answer(w, r, c.config.TrustedProxies(), func() web.Sighting {
		return web.Sighting{BaseURL: c.public, Revision: c.config.Revision, Version: a.Version, Now: a.Clock().UTC()}
	})
	return web.WriteJSON(w, http.StatusOK, status{"ok"})
}

// readyWithin bounds how long a health check waits for the database.
const readyWithin = 5 * time.Second

// ready says that the server can do its work. Strangers are not told why not.
func (a *API) ready(w http.ResponseWriter, r *http.Request) error {
	if err := a.check(r); err != nil {
		return auth.ErrNotReady.Because(err)
	}
	return web.WriteJSON(w, http.StatusOK, status{"ok"})
}

// readyForOperators is ready, with the cause for those whom the admin server
// lets in. Everybody may ask: who checks a server's health has no key.
func (a *API) readyForOperators(w http.ResponseWriter, r *http.Request) error {
	if err := a.Keys.Admit(r); err != nil {
		return a.ready(w, r)
	}
	if err := a.check(r); err != nil {
		return auth.ErrNotReady.Because(err).Saying("%s", err)
	}
	return web.WriteJSON(w, http.StatusOK, status{"ok"})
}

func (a *API) check(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	return a.Store.Ready(ctx)
}

// revision names the configuration in force, so that a roll-out can tell
// whether it has arrived.
func (a *API) revision(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, a.now.Load().config.Revision)
	return err
}

func (a *API) version(w http.ResponseWriter, _ *http.Request) error {
	return web.WriteJSON(w, http.StatusOK, struct {
		Version string `json:"version"`
	}{a.Version})
}

// metrics answers what monitoring asks: how the mail goes, and what this process
// uses.
func (a *API) metrics(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Courier.Metrics(r.Context())
	if err != nil {
		return err
	}
	memory := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	metrics.Read(memory)
	web.WriteMetrics(w, append(all,
		web.Metric{Name: "zelus_sessions_cached", Kind: web.Gauge, Help: "Session checks that are answered from memory.", Value: uint64(a.Sessions.Cached())},
		web.Metric{Name: "zelus_memory_bytes", Kind: web.Gauge, Help: "Memory that this process holds.", Value: memory[0].Value.Uint64() - memory[1].Value.Uint64()},
		web.Metric{Name: "zelus_goroutines", Kind: web.Gauge, Help: "Goroutines of this process.", Value: memory[2].Value.Uint64()},
	))
	return nil
}

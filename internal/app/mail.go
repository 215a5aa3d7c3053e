package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"zelus/internal/config"
	"zelus/internal/courier"
	"zelus/internal/web"
)

// Mail is the process that does nothing but send what servers have put into the
// outbox.
type Mail struct{ *base }

// NewMail reads the configuration and connects to the database. It makes
// neither tables nor secrets; that is the server's affair.
func NewMail(ctx context.Context, o Options) (*Mail, error) {
	b, err := begin(ctx, o)
	if err != nil {
		return nil, err
	}
	m := &Mail{base: b}
	m.courier = m.newCourier(m.sender)
	dsn, err := config.ParseDSN(m.Config().DSN)
	switch {
	case err != nil: // begin has read it
	case dsn.Memory:
		err = errors.New("dsn: the database is in the memory of the server, which sends its mail itself; there is nothing to do for a process of its own")
	case m.Config().CatchesMail():
		err = errors.New("courier.smtp.connection_uri: no mail server is configured, and with dev the server shows mail itself, at /" + config.MailPath + "; there is nothing to do for a process of its own")
	default:
		return m, nil
	}
	return nil, errors.Join(err, m.close())
}

// Close lets go of everything.
func (m *Mail) Close() error { return m.close() }

func (m *Mail) sender(channel string) courier.Sender { return m.now.Load().sender(channel) }

// Run waits until the tables are there, and sends until the context ends. What
// is being sent then is finished first. ready is called once it sends.
func (m *Mail) Run(ctx context.Context, ready func()) error {
	c := m.Config()
	metrics, err := m.listenForMetrics(c)
	if err != nil {
		return c.Blame(err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	if metrics != nil {
		server := &http.Server{Handler: m.metrics(), ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
			MaxHeaderBytes: 64 << 10, ErrorLog: m.errorLog("metrics")}
		defer server.Close()
		go func() {
			if err := server.Serve(metrics); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("the server of the metrics stopped: %w", err)
				stop()
			}
		}()
	}
	if m.now.Load().mail == nil {
		m.logger.Warn("no mail can be sent: courier.smtp.connection_uri is not set")
	}
	var background sync.WaitGroup
	background.Go(func() {
		m.watch(ctx, func(p *prepared) error {
			m.replace(p)
			return nil
		})
	})
	if m.awaitTables(ctx) {
		m.logger.Info("sending what is in the outbox")
		if ready != nil {
			ready()
		}
		m.courier.Run(ctx)
	}
	stop()
	background.Wait()
	m.logger.Info("stopped")
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// awaitTables waits until somebody has brought the tables up to date; false says
// that the context ended first.
func (m *Mail) awaitTables(ctx context.Context) bool {
	for told := false; ; told = true {
		err := m.store.Ready(ctx)
		if err == nil {
			return true
		}
		if !told {
			m.logger.Warn("nothing is sent yet, because the database is not ready; waiting for it", "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
		}
	}
}

// listenForMetrics opens the port of the metrics; nil where there is none.
func (m *Mail) listenForMetrics(c *config.Config) (net.Listener, error) {
	if c.ExposeMetricsPort == 0 {
		return nil, nil
	}
	host := c.Serve.Admin.Host
	if strings.HasPrefix(host, "unix:") {
		return nil, errors.New("expose-metrics-port: serve.admin.host is a socket, on which there are no ports; leave this key out, or have the admin server listen at an address")
	}
	listen, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(c.ExposeMetricsPort)))
	if err != nil {
		return nil, fmt.Errorf("expose-metrics-port: %w", err)
	}
	m.logger.Info("listening", "server", "metrics", "address", listen.Addr().String())
	return listen, nil
}

// metrics answers GET /metrics/prometheus with what this process has done and
// how much there is to do.
func (m *Mail) metrics() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics/prometheus", func(w http.ResponseWriter, r *http.Request) {
		all, err := m.courier.Metrics(r.Context())
		if err != nil {
			m.logger.Warn("how many messages wait could not be found out", "error", err)
			http.Error(w, "The database does not answer.", http.StatusServiceUnavailable)
			return
		}
		web.WriteMetrics(w, all)
	})
	return mux
}

package courier

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"zelus/internal/auth"
	"zelus/internal/jsonnet"
	"zelus/internal/store"
	"zelus/internal/web"
)

const (
	// httpTimeout bounds a request and the program that makes its body.
	httpTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, so that the connection can be
	// used again. What it says does not matter.
	maxAnswer = 64 << 10
)

// HTTPOptions are the settings of a request_config.
type HTTPOptions struct {
	// Setting is the key of the request_config in the configuration, for errors.
	Setting string
	Request web.CallOptions
	// Body is Jsonnet that makes the body, a function of ctx; empty is the
	// built-in body. Jsonnet evaluates it.
	Body    string
	Jsonnet *jsonnet.Pool
	// Client sends; it says which addresses may be reached.
	Client *http.Client
}

// HTTP hands messages to a service over HTTP, which brings them to people.
type HTTP struct {
	call    *web.Call
	program jsonnet.Program // without a source, the built-in body is sent
	jsonnet *jsonnet.Pool
	client  *http.Client
	timeout time.Duration
}

// NewHTTP checks the settings; it does not connect. Errors name the setting and
// repeat no key or password.
func NewHTTP(ctx context.Context, o HTTPOptions) (*HTTP, error) {
	call, err := web.NewCall(o.Request)
	if err != nil {
		return nil, fmt.Errorf("%s.%w", o.Setting, err)
	}
	h := &HTTP{call: call, program: jsonnet.Program{Name: o.Setting + ".body", Source: o.Body}, jsonnet: o.Jsonnet, client: web.StayThere(o.Client), timeout: httpTimeout}
	if o.Body != "" {
		if err := o.Jsonnet.Check(ctx, "it", o.Body); err != nil {
			return nil, fmt.Errorf("%s: %w", h.program.Name, err)
		}
	}
	return h, nil
}

// Send hands a message over. An answer of 2xx says that the service has it.
func (h *HTTP) Send(ctx context.Context, m *store.Message) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	body, err := h.body(ctx, m)
	if err != nil {
		return err
	}
	request, err := h.call.Request(ctx, body)
	if err != nil {
		return fmt.Errorf("%s: %w", h.program.Name, err)
	}
	response, err := h.client.Do(request)
	if err != nil {
		return h.failed(ctx, err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the service at %s answered with the status %d", h.call.Host(), response.StatusCode)
	}
	return nil
}

// Try asks whether there is a service, and hands nothing over. Any answer will
// do: only with a message it could say more. The error begins with the key of the
// setting that is to blame.
func (h *HTTP) Try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	setting := strings.TrimSuffix(h.program.Name, ".body") + ".url"
	request, err := h.call.Knock(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	response, err := h.client.Do(request)
	if errors.Is(err, web.ErrRedirected) {
		return nil // of what was not sent
	}
	if err != nil {
		return fmt.Errorf("%s: %w", setting, h.failed(ctx, err))
	}
	response.Body.Close()
	return nil
}

// failed tells why there was no answer. The words of the client repeat the
// address, which may hold a key, and perhaps what the service said, which may
// repeat the message.
func (h *HTTP) failed(ctx context.Context, err error) error {
	why := "gave no valid answer"
	var system *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the service at %s took too long: %w", h.call.Host(), ctx.Err())
	case errors.Is(err, web.ErrRedirected):
		return fmt.Errorf("the service at %s: %w", h.call.Host(), web.ErrRedirected)
	case errors.Is(err, web.ErrPrivateAddress):
		return fmt.Errorf("the service at %s: %w", h.call.Host(), web.ErrPrivateAddress)
	case errors.As(err, &system):
		return fmt.Errorf("the service at %s cannot be reached: %w", h.call.Host(), system)
	case errors.As(err, &certificate):
		return fmt.Errorf("the service at %s has a certificate that is not trusted: %w", h.call.Host(), certificate.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		why = "closed the connection without an answer"
	}
	return fmt.Errorf("the service at %s %s", h.call.Host(), why)
}

// httpContext is what a program is told of a message.
type httpContext struct {
	Recipient      string              `json:"recipient"`
	Subject        string              `json:"subject"`
	Body           string              `json:"body"`
	HTMLBody       string              `json:"html_body,omitempty"`
	TemplateType   string              `json:"template_type"`
	TemplateData   json.RawMessage     `json:"template_data"`
	MessageType    string              `json:"message_type"`
	RequestHeaders map[string][]string `json:"request_headers"`
}

// body makes the body of the request, in JSON.
func (h *HTTP) body(ctx context.Context, m *store.Message) (json.RawMessage, error) {
	data := m.TemplateData
	if len(data) == 0 {
		data = json.RawMessage("{}")
	}
	if h.program.Source == "" {
		return builtInBody(m, data, h.call.Form())
	}
	about := httpContext{Recipient: m.Recipient, Subject: m.Subject, Body: m.Body, TemplateType: m.Template, TemplateData: data,
		MessageType: m.Type, RequestHeaders: m.RequestHeaders}
	if m.Type == auth.ViaEmail {
		about.HTMLBody = m.HTML
	}
	if about.RequestHeaders == nil {
		about.RequestHeaders = map[string][]string{}
	}
	given, err := json.Marshal(about)
	if err != nil {
		return nil, errors.New("the message cannot be written as JSON")
	}
	program := h.program
	program.TLA = map[string]json.RawMessage{"ctx": given}
	body, err := h.jsonnet.Evaluate(ctx, program)
	if err != nil && jsonnet.OfProgram(err) {
		if failed, ok := errors.AsType[*jsonnet.ProgramError](err); ok {
			return nil, failed // it has the name
		}
		return nil, fmt.Errorf("%s: %w", program.Name, err)
	}
	return body, err
}

// builtInBody is the body where none is configured. A form has no null, so it
// leaves out what there is not.
func builtInBody(m *store.Message, data json.RawMessage, form bool) (json.RawMessage, error) {
	var given map[string]any
	if err := json.Unmarshal(data, &given); err != nil {
		return nil, errors.New("what the message was made from is not a JSON object")
	}
	body := map[string]any{"recipient": m.Recipient, "template_type": m.Template, "subject": m.Subject, "body": m.Body}
	for _, name := range []string{"to", "recovery_code", "recovery_url", "verification_url", "verification_code"} {
		if value := given[name]; value != nil || !form {
			body[name] = value
		}
	}
	return json.Marshal(body)
}

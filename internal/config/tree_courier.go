package config

import "time"

// Courier says how mail and text messages are sent.
type Courier struct {
	DeliveryStrategy     string           `key:"delivery_strategy" default:"smtp" enum:"smtp http" doc:"How mail is delivered."`
	MessageRetries       int              `key:"message_retries" default:"5" doc:"How often a message is tried again after it failed."`
	RecipientLimit       int              `key:"recipient_limit" default:"12" min:"0" doc:"How many messages one recipient gets at once, mail and text messages each, and codes apart from each kind of notice. Then one at a time leaves, each an hour divided by this number after the one before (12: five minutes), until the hour is over; the others wait, and of codes the newest. 0 is any number. Ours; Kratos has no such key."`
	Worker               Worker           `key:"worker" doc:"The process that sends."`
	TemplateOverridePath string           `key:"template_override_path" doc:"Folder with templates that replace the built-in ones; it is read at the start, and again when something in it or the configuration changes."`
	Templates            Templates        `key:"templates" doc:"Templates that replace the built-in ones."`
	SMTP                 SMTP             `key:"smtp" doc:"The mail server."`
	HTTP                 CourierHTTP      `key:"http" doc:"The service that takes mail over HTTP."`
	Channels             []CourierChannel `key:"channels" doc:"Further channels: text messages."`
}

// Worker is the process that sends.
type Worker struct {
	PullCount int           `key:"pull_count" default:"10" min:"1" doc:"Messages taken at once."`
	PullWait  time.Duration `key:"pull_wait" default:"1s" doc:"Pause between two looks for messages."`
}

// SMTP is the mail server (RFC 5321).
type SMTP struct {
	ConnectionURI  string            `key:"connection_uri" format:"smtp" doc:"smtp:// or smtps://, with user, password, host and port. Parameters: disable_starttls, skip_ssl_verify, server_name."`
	FromAddress    string            `key:"from_address" default:"no-reply@ory.kratos.sh" format:"email" doc:"Address of the sender."`
	FromName       string            `key:"from_name" doc:"Name of the sender."`
	Headers        map[string]string `key:"headers" doc:"Further headers of each mail."`
	LocalName      string            `key:"local_name" default:"localhost" doc:"Name with which the server greets (HELO)."`
	ClientCertPath string            `key:"client_cert_path" default:"" doc:"File with a client certificate in PEM."`
	ClientKeyPath  string            `key:"client_key_path" default:"" doc:"File with its key in PEM."`
}

// CourierHTTP is the service that takes mail over HTTP.
type CourierHTTP struct {
	RequestConfig RequestConfig `key:"request_config" doc:"The request."`
}

// RequestConfig is the request that hands over one message.
type RequestConfig struct {
	URL     string            `key:"url" format:"http" doc:"Where to send it."`
	Method  string            `key:"method" default:"POST" doc:"HTTP method."`
	Headers map[string]string `key:"headers" secret:"all" doc:"Headers to send along."`
	Body    string            `key:"body" format:"source" doc:"Jsonnet that makes the body. Not set: the built-in one."`
	Auth    *Auth             `key:"auth" doc:"How to sign in there."`
}

// CourierChannel is one further channel.
type CourierChannel struct {
	ID            string        `key:"id" required:"yes" enum:"sms" doc:"Name of the channel."`
	Type          string        `key:"type" default:"http" enum:"http" inert:"yes" doc:"How it is reached: there is no other way."`
	RequestConfig RequestConfig `key:"request_config" required:"yes" doc:"The request."`
}

// Templates replace the built-in ones. All leaves are file://, http(s):// or
// base64:// URIs of Go templates; empty ones leave the built-in text.
type Templates struct {
	Recovery                 Outcomes         `key:"recovery" doc:"A link to regain access."`
	RecoveryCode             Outcomes         `key:"recovery_code" doc:"A code to regain access."`
	Verification             Outcomes         `key:"verification" doc:"A link to verify an address."`
	VerificationCode         Outcomes         `key:"verification_code" doc:"A code to verify an address."`
	RegistrationCode         ValidOnly        `key:"registration_code" doc:"A code to sign up."`
	LoginCode                ValidOnly        `key:"login_code" doc:"A code to sign in."`
	VerifiableAddressChanged MessageTemplates `key:"verifiable_address_changed" doc:"Notice that an address was changed."`
}

// Outcomes has a template for people with and one for people without an account.
type Outcomes struct {
	Invalid *MailOnly     `key:"invalid" doc:"To an address that has no account."`
	Valid   *RequiredMail `key:"valid" doc:"To an address that has one."`
}

// ValidOnly has a template for people with an account.
type ValidOnly struct {
	Valid *RequiredMail `key:"valid" doc:"To the address."`
}

// MailOnly is a message that goes by mail only.
type MailOnly struct {
	Email EmailTemplate `key:"email" required:"yes" doc:"The mail."`
}

// RequiredMail is a message that goes by mail, and perhaps as a text message.
type RequiredMail struct {
	Email EmailTemplate `key:"email" required:"yes" doc:"The mail."`
	SMS   SMSTemplate   `key:"sms" doc:"The text message."`
}

// MessageTemplates is a message that goes by mail or as a text message.
type MessageTemplates struct {
	Email EmailTemplate `key:"email" doc:"The mail."`
	SMS   SMSTemplate   `key:"sms" doc:"The text message."`
}

// EmailTemplate is the template of a mail.
type EmailTemplate struct {
	Subject string    `key:"subject" format:"source" doc:"The subject."`
	Body    EmailBody `key:"body" doc:"The text."`
}

// EmailBody is the text of a mail in its two forms.
type EmailBody struct {
	Plaintext string `key:"plaintext" format:"source" doc:"As plain text."`
	HTML      string `key:"html" format:"source" doc:"As HTML."`
}

// SMSTemplate is the template of a text message.
type SMSTemplate struct {
	Body SMSBody `key:"body" doc:"The text."`
}

// SMSBody is the text of a text message.
type SMSBody struct {
	Plaintext string `key:"plaintext" format:"source" doc:"As plain text."`
}

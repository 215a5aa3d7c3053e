package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"zelus/internal/courier"
	"zelus/internal/web"
)

// defaultSender is the sender of mail where none is configured. It is Kratos'.
const defaultSender = "no-reply@ory.kratos.sh"

// trial is a way by which messages leave, which can be tried without sending one.
type trial interface {
	Try(context.Context) error
}

// mail looks whether mail can leave.
func mail(ctx context.Context, x *exam, f *findings) {
	if x.checked == nil {
		return
	}
	c := &x.config.Courier
	if x.checked.Mail == nil {
		flows, methods := &x.config.SelfService.Flows, &x.config.SelfService.Methods
		switch needed := flows.Recovery.Enabled || flows.Verification.Enabled || methods.Code.Enabled && (methods.Code.PasswordlessEnabled || methods.Code.MFAEnabled); {
		case x.config.CatchesMail():
			f.ok("No mail server: in development mail is shown at %s.", x.config.CaughtMailURL())
		case needed:
			f.problem("courier.smtp.connection_uri", "No mail server is configured, and recovery, verification or codes are on: nobody gets their mail.", "smtp:// or smtps://, with user, password, host and port.", "Set it, or courier.delivery_strategy: http with courier.http.request_config.")
		default:
			f.note("courier.smtp.connection_uri", "No mail server is configured. Nothing that is on needs one but notices to owners.", "Set it.")
		}
		return
	}
	if c.DeliveryStrategy != "http" {
		smtpSettings(x, f)
	}
	try(ctx, x.checked.Mail, f)
	if f.clean() {
		f.ok("%s takes mail from this server.", where(x))
	}
}

// smtpSettings looks at what can be read off the settings of the mail server.
func smtpSettings(x *exam, f *findings) {
	const setting = "courier.smtp.connection_uri"
	c := &x.config.Courier.SMTP
	u, err := url.Parse(c.ConnectionURI)
	if err != nil {
		return // the courier says what is wrong with it
	}
	local, query := web.Loopback(u.Hostname()), u.Query()
	if query.Get("disable_starttls") == "true" && u.Scheme == "smtp" && !local {
		f.warn(setting, "Mail goes to the mail server unencrypted (disable_starttls), codes and links with it.", "Encryption.", "Remove disable_starttls, or use smtps://.")
	}
	if query.Get("skip_ssl_verify") == "true" && !local {
		f.warn(setting, "Whatever certificate the mail server has is taken (skip_ssl_verify): who stands between can read all mail.", "A certificate that is checked.", "Remove skip_ssl_verify; server_name says another name, if it is that.")
	}
	if strings.EqualFold(c.FromAddress, defaultSender) {
		f.warn("courier.smtp.from_address", fmt.Sprintf("No sender is set, so that mail comes from %s, which is not yours: mailboxes will refuse it.", defaultSender), "An address of your own domain.", "Set it.")
	}
}

// where is the name of what takes mail.
func where(x *exam) string {
	c := &x.config.Courier
	address := c.SMTP.ConnectionURI
	if c.DeliveryStrategy == "http" {
		address = c.HTTP.RequestConfig.URL
	}
	if u, err := url.Parse(address); err == nil {
		return u.Host // without the user
	}
	return "The service"
}

// try tries a way out.
func try(ctx context.Context, s courier.Sender, f *findings) {
	way, ok := s.(trial)
	if !ok {
		return
	}
	if err := way.Try(ctx); err != nil {
		before := len(f.list)
		f.blame(err)
		for i := range f.list[before:] {
			f.list[before+i].Expected = "A service that takes messages from this server."
			f.list[before+i].Do = "Correct the setting, or see why the service answers so. If only this machine cannot reach it, run the doctor where the server runs."
		}
	}
}

// textMessages looks whether text messages can leave.
func textMessages(ctx context.Context, x *exam, f *findings) {
	if x.checked == nil {
		return
	}
	channels := x.config.Courier.Channels
	if len(channels) == 0 {
		f.ok("Off.")
		return
	}
	var hosts []string
	for i := range channels {
		before := len(f.list)
		try(ctx, x.checked.Channels[channels[i].ID], f)
		if u, err := url.Parse(channels[i].RequestConfig.URL); err == nil && len(f.list) == before && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
		if u, err := url.Parse(channels[i].RequestConfig.URL); err == nil && u.Scheme == "http" && !web.Loopback(u.Hostname()) {
			f.warn(fmt.Sprintf("courier.channels.%d.request_config.url", i), "Text messages go to the service unencrypted, codes with them.", "https://", "Change the scheme.")
		}
	}
	if f.clean() {
		f.ok("%s answers.", strings.Join(hosts, ", "))
	}
}

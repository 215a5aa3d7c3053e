package ceremony

import (
	"net/url"
	"slices"
	"strings"

	"zelus/internal/config"
	"zelus/internal/web"
)

// Party is this service as authenticators know it: the relying party (section 4).
type Party struct {
	ID, Name string
	// Setting is the key of the configuration that says so, for operators.
	Setting string
	// Origins of pages that may ask for a key.
	Origins []string
	// Apps are those of native apps that may, as they call themselves.
	Apps []string
}

// SecurityKeys is the party for security keys.
func SecurityKeys(c *config.Config) *Party {
	rp := &c.SelfService.Methods.WebAuthn.Config.RP
	origins := rp.Origins
	if rp.Origin != "" {
		origins = []string{rp.Origin}
	}
	return newParty(c, "selfservice.methods.webauthn.config.rp", rp.ID, rp.DisplayName, origins)
}

// Passkeys is the party for passkeys.
func Passkeys(c *config.Config) *Party {
	rp := &c.SelfService.Methods.Passkey.Config.RP
	return newParty(c, "selfservice.methods.passkey.config.rp", rp.ID, rp.DisplayName, rp.Origins)
}

func newParty(c *config.Config, setting, id, name string, origins []string) *Party {
	p := &Party{ID: id, Name: name, Setting: setting}
	if len(origins) == 0 {
		origins = derived(c.PublicURL(), id)
	}
	for _, o := range origins {
		if strings.HasPrefix(o, "https://") || strings.HasPrefix(o, "http://") {
			p.Origins = append(p.Origins, strings.TrimRight(o, "/"))
		} else {
			p.Apps = append(p.Apps, o)
		}
	}
	return p
}

// derived are the origins where none are configured: that of the domain itself and,
// where the server is there or below, its own, which may have a port.
func derived(public *url.URL, id string) []string {
	all := []string{public.Scheme + "://" + id}
	if own := web.Origin(public); own != all[0] && web.DomainCovers(id, public.Hostname()) {
		all = append(all, own)
	}
	return all
}

// RelatedOrigins are the origins that browsers are told to let use the keys of
// another domain (section 5.11): those of all that is switched on.
func RelatedOrigins(c *config.Config) []string {
	all := []string{}
	add := func(on bool, p *Party) {
		for _, o := range p.Origins {
			// Browsers follow https:// only, but those that are developed with.
			if u, err := url.Parse(o); on && err == nil && u.Host != "" && !slices.Contains(all, o) {
				all = append(all, o)
			}
		}
	}
	add(c.SelfService.Methods.WebAuthn.Enabled, SecurityKeys(c))
	add(c.SelfService.Methods.Passkey.Enabled, Passkeys(c))
	return all
}

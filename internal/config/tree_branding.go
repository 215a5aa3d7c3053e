package config

import (
	"slices"

	"zelus/internal/language"
)

// Branding is how pages and messages look like those of one's own service. It is
// ours; Kratos has no such keys.
type Branding struct {
	Name                 string         `key:"name" doc:"Name of the service, in pages and messages. Not set: courier.smtp.from_name, else the host of the public base URL."`
	LogoURL              string         `key:"logo_url" format:"source" doc:"The logo above each page: SVG, PNG, JPEG or WebP, read at the start and served by this server. Without one the name stands there."`
	LogoDarkURL          string         `key:"logo_dark_url" format:"source" doc:"The logo on a dark background. Not set: the same one."`
	Colors               BrandingColors `key:"colors" doc:"Colours of the pages. All others follow from them. A colour with too little contrast (WCAG 2.2, level AA) is refused."`
	Links                BrandingLinks  `key:"links" doc:"Links below each page: https://, http://, mailto: or tel:, or a path on this server."`
	TemplateOverridePath string         `key:"template_override_path" doc:"Folder with templates that replace those of pages; it is read at the start, and again when something in it or the configuration changes."`
	CSSURL               string         `key:"css_url" format:"source" doc:"A style sheet of your own, after the built-in one and part of it. It can load nothing from elsewhere; its contrasts are not checked."`
}

// BrandingColors are the colours of both schemes; browsers say which one a person
// wants.
type BrandingColors struct {
	Light LightColors `key:"light" doc:"For people who want light pages, or have not said."`
	Dark  DarkColors  `key:"dark" doc:"For people who want dark pages."`
}

// LightColors are the colours of light pages.
type LightColors struct {
	Accent     string `key:"accent" default:"#1d5fc4" format:"color" doc:"Fills buttons and draws the focus ring. At least 3:1 with background."`
	OnAccent   string `key:"on_accent" format:"color" doc:"Text on buttons. At least 4.5:1 with accent. Not set: black or white."`
	Background string `key:"background" default:"#ffffff" format:"color" doc:"Behind everything."`
	Text       string `key:"text" default:"#1c2026" format:"color" doc:"Text. At least 4.5:1 with background."`
}

// DarkColors are the colours of dark pages.
type DarkColors struct {
	Accent     string `key:"accent" format:"color" doc:"Fills buttons and draws the focus ring. At least 3:1 with background. Not set: that of light pages, as much lighter or darker as this background needs."`
	OnAccent   string `key:"on_accent" format:"color" doc:"Text on buttons. At least 4.5:1 with accent. Not set: black or white."`
	Background string `key:"background" default:"#15181d" format:"color" doc:"Behind everything."`
	Text       string `key:"text" default:"#e7e9ed" format:"color" doc:"Text. At least 4.5:1 with background."`
}

// BrandingLinks are addresses that pages link to.
type BrandingLinks struct {
	TermsURL   string `key:"terms_url" format:"uri-reference" doc:"Terms of service."`
	PrivacyURL string `key:"privacy_url" format:"uri-reference" doc:"Privacy policy."`
	SupportURL string `key:"support_url" format:"uri-reference" doc:"Help from people."`
}

// Languages are those in which pages and messages speak to people. The API speaks
// English.
type Languages struct {
	Default          string   `key:"default" enum:"en de fr es pt it nl pl ja zh ar" doc:"For people who read none of those that are offered. Not set: English, else the first that is offered."`
	Offered          []string `key:"offered" min:"1" unique:"yes" enum:"en de fr es pt it nl pl ja zh ar" doc:"Languages to choose from. Not set: all."`
	TranslationsPath string   `key:"translations_path" doc:"Folder with texts of your own, in one file for each language (de.json): an object of texts by the id of a message, or by an English text such as the title of a field. It is read at the start, and again when something in it or the configuration changes."`
}

// Offer is the languages that are offered.
func (l Languages) Offer() language.Offer { return language.Offer{Tags: l.Offered, Default: l.Default} }

func (l Languages) check(at place) {
	if l.Default != "" && len(l.Offered) > 0 && !slices.Contains(l.Offered, l.Default) {
		at.wrong("default", "must be one of those in languages.offered")
	}
}

package templates

import "embed"

//go:embed languages
var languageFiles embed.FS

// texts are the built-in texts of one language. In curly brackets stand the
// names of what is put in.
type texts struct {
	Common struct {
		ValidCode string `json:"valid_code"`
		ValidLink string `json:"valid_link"`
		ValidBoth string `json:"valid_both"`
		ValidSMS  string `json:"valid_sms"`
		OrLink    string `json:"or_link"`
		LinkHelp  string `json:"link_help"`
		Method    string `json:"method"`
		Time      string `json:"time"`
		Footer    string `json:"footer"`
	} `json:"common"`
	Templates map[string]words `json:"templates"`
}

// words are the texts of one template.
type words struct {
	Subject string `json:"subject"`
	Heading string `json:"heading"`
	Text    string `json:"text"`
	Button  string `json:"button"`
	Notice  string `json:"notice"`
	SMS     string `json:"sms"`
}

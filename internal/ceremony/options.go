package ceremony

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// How much it matters that an authenticator checks who uses it: user
// verification (section 5.8.6).
const (
	Required    = "required"
	Preferred   = "preferred"
	Discouraged = "discouraged"
)

// algorithms of signatures that keys may have, the best known first (IANA, COSE
// Algorithms).
var algorithms = []webauthncose.COSEAlgorithmIdentifier{
	webauthncose.AlgES256, webauthncose.AlgES384, webauthncose.AlgES512,
	webauthncose.AlgRS256, webauthncose.AlgRS384, webauthncose.AlgRS512,
	webauthncose.AlgPS256, webauthncose.AlgPS384, webauthncose.AlgPS512, webauthncose.AlgEdDSA,
}

func parameters() []protocol.CredentialParameter {
	all := make([]protocol.CredentialParameter, len(algorithms))
	for i, a := range algorithms {
		all[i] = protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: a}
	}
	return all
}

// base64URL is binary data as browsers want it in JSON.
type base64URL []byte

func (b base64URL) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.RawURLEncoding.EncodeToString(b))
}

// Creation are the options for a new key (section 5.4).
type Creation struct {
	RP struct {
		Name string `json:"name"`
		ID   string `json:"id"`
	} `json:"rp"`
	User struct {
		Name        string    `json:"name"`
		DisplayName string    `json:"displayName"`
		ID          base64URL `json:"id"`
	} `json:"user"`
	Challenge  base64URL                      `json:"challenge"`
	Parameters []protocol.CredentialParameter `json:"pubKeyCredParams"`
	Timeout    int64                          `json:"timeout"` // ms
	Selection  Selection                      `json:"authenticatorSelection"`
	// Excluded are the keys that the person has: an authenticator that holds one of
	// them makes no second.
	Excluded    []descriptor `json:"excludeCredentials,omitempty"`
	Attestation string       `json:"attestation,omitempty"`
}

// Selection says which authenticators are welcome (section 5.4.4).
type Selection struct {
	Attachment         string `json:"authenticatorAttachment,omitempty"`
	RequireResidentKey bool   `json:"requireResidentKey,omitempty"`
	ResidentKey        string `json:"residentKey,omitempty"`
	UserVerification   string `json:"userVerification"`
}

// Create makes the options for a new key of the person with this handle, who has
// these keys of the same type. name is what the authenticator shows of them.
func (p *Party) Create(challenge, handle []byte, have []Key, name string, s Selection) *Creation {
	o := &Creation{Challenge: challenge, Parameters: parameters(), Timeout: timeout(s.UserVerification), Excluded: descriptors(have), Selection: s}
	o.RP.Name, o.RP.ID = p.Name, p.ID
	o.User.Name, o.User.DisplayName, o.User.ID = name, name, handle
	return o
}

// Request are the options for using a key (section 5.5).
type Request struct {
	Challenge        base64URL    `json:"challenge"`
	Timeout          int64        `json:"timeout"` // ms
	RPID             string       `json:"rpId"`
	Allowed          []descriptor `json:"allowCredentials,omitempty"`
	UserVerification string       `json:"userVerification"`
}

// descriptor names a key (section 5.8.3).
type descriptor struct {
	Type       string    `json:"type"`
	ID         base64URL `json:"id"`
	Transports []string  `json:"transports,omitempty"`
}

func descriptors(keys []Key) (all []descriptor) {
	for _, k := range keys {
		all = append(all, descriptor{string(protocol.PublicKeyCredentialType), k.ID, k.Transports})
	}
	return all
}

// Ask makes the options for using one of these keys, or, without any, whichever
// the authenticator has for this service.
func (p *Party) Ask(challenge []byte, keys []Key, verification string) *Request {
	return &Request{Challenge: challenge, Timeout: timeout(verification), RPID: p.ID, Allowed: descriptors(keys), UserVerification: verification}
}

// timeout is how long people have, in milliseconds, as section 15.1 recommends it.
func timeout(verification string) int64 {
	if verification == Discouraged {
		return (2 * time.Minute).Milliseconds()
	}
	return (5 * time.Minute).Milliseconds()
}

// Within gives people another time than is recommended; 0 leaves it.
func Within(d time.Duration, timeout *int64) {
	if d > 0 {
		*timeout = d.Milliseconds()
	}
}

// Options are options as pages hand them to the browser, as JSON.
func Options(o any) string {
	return encode(struct {
		PublicKey any `json:"publicKey"`
	}{o})
}

// OptionsFor are options together with the names of the fields that the page takes
// the name of the person from.
func OptionsFor(o *Creation, fields []string) string {
	type options struct {
		PublicKey any `json:"publicKey"`
	}
	return encode(struct {
		Options options `json:"credentialOptions"`
		Field   string  `json:"displayNameFieldName"`
	}{options{o}, fields[0]})
}

func encode(v any) string {
	out, _ := json.Marshal(v) // strings and numbers always encode
	return string(out)
}

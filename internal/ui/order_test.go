package ui

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// node reads "group:name", "group:name=value" and "group:name=" (an empty
// value); a name in angle brackets is a script.
func node(text string) Node {
	group, name, _ := strings.Cut(text, ":")
	name, value, has := strings.Cut(name, "=")
	if id, ok := strings.CutPrefix(name, "<"); ok {
		return Node{Type: NodeScript, Group: group, Attributes: Attributes{NodeType: NodeScript, ID: strings.TrimSuffix(id, ">")}}
	}
	n := Input(group, name, InputText, nil)
	if has {
		n.Attributes.Value = value
	}
	return n
}

func TestSort(t *testing.T) {
	traits := []string{"traits.email", "traits.name.first", "traits.name.last", "traits.newsletter", "traits.age"}
	tests := []struct {
		name  string
		order Order
		want  string
	}{
		{"login with a password", LoginOrder(),
			"default:csrf_token default:identifier password:password password:method=password"},
		{"login with a code and a password", LoginOrder(),
			"default:csrf_token default:identifier code:method=code password:password password:method=password"},
		{"login with a security key", LoginOrder(),
			"default:csrf_token default:identifier webauthn:webauthn_login= webauthn:<webauthn_script> webauthn:webauthn_login_trigger={}"},
		{"login with a passkey", LoginOrder(),
			"default:csrf_token default:identifier webauthn:<webauthn_script> passkey:passkey_login_trigger= passkey:passkey_login passkey:passkey_challenge={} password:password password:method=password"},
		{"login, identifier first", LoginOrder(),
			"identifier_first:identifier= identifier_first:method=identifier_first default:csrf_token= webauthn:<webauthn_script> passkey:passkey_login passkey:passkey_challenge={}"},
		{"login with providers", LoginOrder(),
			"oidc:provider=generic oidc:provider=google default:csrf_token default:identifier password:password password:method=password"},
		{"login, second factor", LoginOrder(),
			"default:csrf_token code:address=a@example.org totp:totp_code= totp:method=totp lookup_secret:lookup_secret= lookup_secret:method=lookup_secret"},
		{"login, code sent", LoginOrder(),
			"default:csrf_token default:identifier code:code code:resend=code code:method=code"},
		{"registration with a password", RegistrationOrder(traits),
			"default:csrf_token default:traits.email password:password default:traits.name.first default:traits.name.last default:traits.newsletter default:traits.age password:method=password"},
		{"registration with values", RegistrationOrder(traits),
			"default:csrf_token=x default:traits.email=z password:password default:traits.name.first=y default:traits.name.last=a default:traits.newsletter=true default:traits.age=1 password:method=password"},
		{"registration with an unknown trait", RegistrationOrder(traits),
			"default:csrf_token default:traits.email password:password default:traits.name.first default:traits.name.last default:traits.newsletter default:traits.age default:traits password:method=password"},
		{"registration with providers", RegistrationOrder(traits),
			"oidc:provider=generic oidc:provider=second default:csrf_token default:traits.email password:password default:traits.name.first default:traits.name.last default:traits.newsletter default:traits.age password:method=password"},
		{"registration with a code", RegistrationOrder(traits),
			"default:csrf_token default:traits.email default:traits.name.first default:traits.name.last default:traits.newsletter default:traits.age code:method=code password:password password:method=password"},
		{"registration with a security key", RegistrationOrder(traits),
			"default:csrf_token default:traits.email default:traits.name.first default:traits.name.last default:traits.newsletter default:traits.age webauthn:webauthn_register_displayname= webauthn:webauthn_register= webauthn:webauthn_register_trigger={} webauthn:<webauthn_script> password:password password:method=password"},
		{"registration, first step", RegistrationOrder(traits),
			"default:csrf_token default:traits.email default:traits.name.first default:traits.name.last default:traits.newsletter default:traits.age profile:method=profile"},
		{"registration, second step", RegistrationOrder(traits),
			"default:csrf_token default:traits.email default:traits.name.first default:traits.name.last default:traits.newsletter default:traits.age webauthn:<webauthn_script> passkey:passkey_register passkey:passkey_create_data={} code:method=code password:password password:method=password profile:screen=previous"},
		{"registration, no traits", RegistrationOrder(nil),
			"default:csrf_token password:password password:method=password"},
		{"settings", SettingsOrder(traits),
			"default:csrf_token profile:traits.email profile:traits.name.first profile:traits.name.last profile:traits.newsletter profile:traits.age profile:method=profile password:password password:method=password lookup_secret:lookup_secret_regenerate=true totp:totp_qr totp:totp_secret_key totp:totp_code totp:method=totp"},
		{"settings with errors", SettingsOrder(traits),
			"default:csrf_token=Zm9v default:traits profile:traits.email profile:traits.name.first profile:traits.name.last profile:traits.newsletter profile:traits.age profile:traits.name profile:method=profile password:password password:method=password"},
		{"settings with providers", SettingsOrder(traits),
			"default:csrf_token profile:traits.email profile:method=profile password:password password:method=password oidc:unlink=generic oidc:link=second lookup_secret:lookup_secret_reveal=true lookup_secret:lookup_secret_disable=true"},
		{"settings with security keys", SettingsOrder(traits),
			"default:csrf_token webauthn:webauthn_remove=aa webauthn:webauthn_remove=bb webauthn:webauthn_register_displayname= webauthn:webauthn_register= webauthn:webauthn_register_trigger={} webauthn:<webauthn_script> totp:totp_unlink=true"},
		{"settings with passkeys", SettingsOrder(traits),
			"default:csrf_token webauthn:<webauthn_script> passkey:passkey_remove=aa passkey:passkey_register_trigger= passkey:passkey_settings_register passkey:passkey_create_data={} totp:totp_qr"},
		{"a name that begins with another", SettingsOrder([]string{"traits.name", "traits.name_kana"}),
			"profile:traits.name=z profile:traits.name_kana=a profile:method=profile"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := strings.Fields(test.want)
			for _, from := range [][]string{want, reversed(want), halved(want)} {
				var c Container
				for _, text := range from {
					c.Nodes = append(c.Nodes, node(text))
				}
				c.Sort(test.order)
				var got []string
				for _, n := range c.Nodes {
					got = append(got, n.Group+":"+n.Name())
				}
				var names []string
				for _, text := range want {
					name, _, _ := strings.Cut(text, "=")
					names = append(names, strings.Trim(strings.NewReplacer("<", "", ">", "").Replace(name), " "))
				}
				if diff := cmp.Diff(names, got); diff != "" {
					t.Errorf("from %v (-want +got):\n%s", from, diff)
				}
			}
		})
	}
}

// TestSortIsStable: nodes that nothing tells apart stay as they were added.
func TestSortIsStable(t *testing.T) {
	for _, want := range []string{
		"passkey:passkey_register_trigger passkey:passkey_register",
		"passkey:passkey_register passkey:passkey_register_trigger",
	} {
		var c Container
		for _, text := range strings.Fields(want) {
			c.Nodes = append(c.Nodes, node(text))
		}
		c.Sort(RegistrationOrder([]string{"traits.email"}))
		got := c.Nodes[0].Group + ":" + c.Nodes[0].Name() + " " + c.Nodes[1].Group + ":" + c.Nodes[1].Name()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	// A hidden and a visible "method" of one group.
	c := Container{Nodes: []Node{
		Input(GroupCode, "method", InputHidden, "code"),
		node("code:code"),
		Input(GroupCode, "method", InputSubmit, "a"),
	}}
	c.Sort(LoginOrder())
	if c.Nodes[0].Name() != "code" || c.Nodes[1].Attributes.Type != InputHidden || c.Nodes[2].Attributes.Type != InputSubmit {
		t.Errorf("got %v", c.Nodes)
	}
}

// reversed gives a list back to front.
func reversed(list []string) []string {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

// halved swaps the two halves of a list.
func halved(list []string) []string {
	return slices.Concat(list[len(list)/2:], list[:len(list)/2])
}
